# An agent's metadata is ocf/NAME.xml; from it are made the table and the text that are compiled in,
# and the manual page. A further agent is one more name here.
OCF_AGENTS = virtual-ip network-name source-connection replica mail-server

ocf_xml = ocf/virtual-ip.xml ocf/network-name.xml ocf/source-connection.xml ocf/replica.xml \
	ocf/mail-server.xml
ocf_made = ocf/virtual-ip.params.h ocf/virtual-ip.metadata.h ocf/virtual-ip.metadata.xml \
	ocf/network-name.params.h ocf/network-name.metadata.h ocf/network-name.metadata.xml \
	ocf/source-connection.params.h ocf/source-connection.metadata.h ocf/source-connection.metadata.xml \
	ocf/replica.params.h ocf/replica.metadata.h ocf/replica.metadata.xml \
	ocf/mail-server.params.h ocf/mail-server.metadata.h ocf/mail-server.metadata.xml
nodist_man_MANS += ocf/ocf_doppel_virtual-ip.7 ocf/ocf_doppel_network-name.7 \
	ocf/ocf_doppel_source-connection.7 ocf/ocf_doppel_replica.7 \
	ocf/ocf_doppel_mail-server.7

ocf_xsl = ocf/man.xsl ocf/metadata.xsl ocf/parameters.xsl
EXTRA_DIST += $(ocf_xml) $(ocf_xsl)
BUILT_SOURCES += $(ocf_made)
CLEANFILES += $(ocf_made) $(nodist_man_MANS)

ocf/%.params.h: ocf/%.xml ocf/parameters.xsl
	$(AM_V_GEN)$(MKDIR_P) ocf && \
	$(XSLTPROC) --nonet -o $@.tmp $(top_srcdir)/ocf/parameters.xsl $< && mv $@.tmp $@

ocf/%.metadata.xml: ocf/%.xml ocf/metadata.xsl
	$(AM_V_GEN)$(MKDIR_P) ocf && \
	$(XSLTPROC) --nonet --stringparam version $(PACKAGE_VERSION) -o $@.tmp \
		$(top_srcdir)/ocf/metadata.xsl $< && mv $@.tmp $@

# The text as a C string: one literal a line.
ocf/%.metadata.h: ocf/%.metadata.xml
	$(AM_V_GEN)name=`echo $* | tr - _` && { \
	echo "static const char $${name}_metadata[] ="; \
	$(SED) -e 's/[\\"]/\\&/g' -e 's/^/    "/' -e 's/$$/\\n"/' ocf/$*.metadata.xml; \
	echo "    ;"; } >$@.tmp && mv $@.tmp $@

ocf/ocf_doppel_%.7: ocf/%.xml ocf/man.xsl
	$(AM_V_GEN)$(MKDIR_P) ocf && \
	$(XSLTPROC) --nonet --stringparam version $(PACKAGE_VERSION) -o $@.tmp \
		$(top_srcdir)/ocf/man.xsl $< && mv $@.tmp $@
