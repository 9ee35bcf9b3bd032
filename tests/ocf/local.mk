# Agents, run for real in network namespaces of their own: each is skipped, visibly, without the right
# to make them.
check_PROGRAMS += tests/ocf/sniff
check_PROGRAMS += tests/ocf/set-role
tests_ocf_set_role_LDADD = $(STORE_LIBS) $(GLIB_LIBS)
tests_ocf = \
	tests/ocf/announce.sh \
	tests/ocf/connection-detached.sh \
	tests/ocf/connection-life.sh \
	tests/ocf/connection-metadata.sh \
	tests/ocf/connection-params.sh \
	tests/ocf/examples.sh \
	tests/ocf/faults.sh \
	tests/ocf/foreign.sh \
	tests/ocf/mail-dovecot.sh \
	tests/ocf/mail-kinds.sh \
	tests/ocf/mail-load.sh \
	tests/ocf/mail-metadata.sh \
	tests/ocf/mail-params.sh \
	tests/ocf/mail-postfix.sh \
	tests/ocf/mail-set.sh \
	tests/ocf/mail-unit.sh \
	tests/ocf/metadata.sh \
	tests/ocf/monitor.sh \
	tests/ocf/name-away.sh \
	tests/ocf/name-foreign.sh \
	tests/ocf/name-host.sh \
	tests/ocf/name-metadata.sh \
	tests/ocf/name-params.sh \
	tests/ocf/name-register.sh \
	tests/ocf/params.sh \
	tests/ocf/replica-life.sh \
	tests/ocf/replica-metadata.sh \
	tests/ocf/source.sh \
	tests/ocf/start-stop.sh \
	tests/ocf/stop.sh
TESTS += $(tests_ocf)
dist_noinst_SCRIPTS += $(tests_ocf)
EXTRA_DIST += tests/ocf/lib.sh tests/ocf/mail-lib.sh tests/ocf/metadata-lib.sh tests/ocf/name-lib.sh tests/ocf/sites-agent-lib.sh
EXTRA_DIST += tests/ocf/transitions examples/crmsh/site-a.crm examples/crmsh/site-b.crm examples/pcs
# Where crmsh looks for scripts.
crmscriptdir = $(datadir)/crmsh/scripts/doppel-mail
dist_crmscript_DATA = examples/crmsh/scripts/doppel-mail/main.yml
