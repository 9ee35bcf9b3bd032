# What an init system needs to know.
systemdunitdir = $(prefix)/lib/systemd/system
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
nodist_systemdunit_DATA = units/doppeld.service units/doppeld@.service
EXTRA_DIST += units/doppeld.service.in units/doppeld@.service.in units/doppel.sysusers units/doppel.tmpfiles
CLEANFILES += $(nodist_systemdunit_DATA) units/doppel-sysusers.conf units/doppel-tmpfiles.conf
nodist_sysusers_DATA = units/doppel-sysusers.conf
nodist_tmpfiles_DATA = units/doppel-tmpfiles.conf
units/doppeld.service units/doppeld@.service: units/%: $(srcdir)/units/%.in
	$(AM_V_GEN)$(MKDIR_P) units && sed 's|@sbindir[@]|$(sbindir)|g' $< >$@
units/doppel-sysusers.conf: $(srcdir)/units/doppel.sysusers
	$(AM_V_GEN)$(MKDIR_P) units && cp $< $@
units/doppel-tmpfiles.conf: $(srcdir)/units/doppel.tmpfiles
	$(AM_V_GEN)$(MKDIR_P) units && cp $< $@
