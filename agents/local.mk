# An agent: one program here, its metadata in ocf/, its headers made from that.
# One that needs no NSS, iconv, dlopen, GLib or other library takes _LDFLAGS = $(DPL_STATIC_LDFLAGS): it
# starts faster, and it links static where configure found that to work. All others leave it out. A new
# configure may have changed that, so it is linked anew.
ocfagent_PROGRAMS += agents/virtual-ip
agents_virtual_ip_SOURCES = \
	agents/virtual_ip.c \
	agents/virtual_ip_place.c agents/virtual_ip_place.h \
	agents/virtual_ip_set.c agents/virtual_ip_set.h \
	agents/virtual_ip_source.c agents/virtual_ip_source.h \
	agents/virtual_ip_state.c agents/virtual_ip_state.h \
	agents/virtual_ip_want.c agents/virtual_ip_want.h
nodist_agents_virtual_ip_SOURCES = ocf/virtual-ip.params.h ocf/virtual-ip.metadata.h
agents_virtual_ip_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
agents_virtual_ip_LDADD = libocf.a libnet.a libbase.a
agents_virtual_ip_LDFLAGS = $(DPL_STATIC_LDFLAGS)
EXTRA_agents_virtual_ip_DEPENDENCIES = config.status
$(agents_virtual_ip_OBJECTS): $(nodist_agents_virtual_ip_SOURCES)

ocfagent_PROGRAMS += agents/network-name
network_name_sources = \
	agents/network_name_dns.c agents/network_name_dns.h \
	agents/network_name_host.c agents/network_name_host.h \
	agents/network_name_plan.c agents/network_name_plan.h \
	agents/network_name_state.c agents/network_name_state.h \
	agents/network_name_want.c agents/network_name_want.h
agents_network_name_SOURCES = agents/network_name.c $(network_name_sources)
nodist_agents_network_name_SOURCES = ocf/network-name.params.h ocf/network-name.metadata.h
agents_network_name_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
agents_network_name_LDADD = libocf.a libdns.a libconfig.a libbase.a $(DNS_LIBS) $(GLIB_LIBS)
$(agents_network_name_OBJECTS): $(nodist_agents_network_name_SOURCES)

# What speaks to doppeld.
agent_ask = agents/ask.c agents/ask.h agents/host.c agents/host.h
AGENT_ASK_LIBS = libocf.a libclient.a libctl.a libcapstat.a libconfig.a libwire.a libbase.a $(GLIB_LIBS) $(LIBQB_LIBS)

ocfagent_PROGRAMS += agents/source-connection
agents_source_connection_SOURCES = $(agent_ask) \
	agents/program.c agents/program.h \
	agents/source_connection.c agents/source_connection.h \
	agents/source_connection_look.c \
	agents/source_connection_stop.c
nodist_agents_source_connection_SOURCES = ocf/source-connection.params.h ocf/source-connection.metadata.h
agents_source_connection_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
agents_source_connection_LDADD = $(AGENT_ASK_LIBS)
$(agents_source_connection_OBJECTS): $(nodist_agents_source_connection_SOURCES)

ocfagent_PROGRAMS += agents/replica
agents_replica_SOURCES = $(agent_ask) \
	agents/replica.c agents/replica.h \
	agents/replica_writer.c
nodist_agents_replica_SOURCES = ocf/replica.params.h ocf/replica.metadata.h
agents_replica_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
agents_replica_LDADD = $(AGENT_ASK_LIBS)
$(agents_replica_OBJECTS): $(nodist_agents_replica_SOURCES)

ocfagent_PROGRAMS += agents/mail-server
agents_mail_server_SOURCES = agents/host.c agents/host.h \
	agents/mail_server.c \
	agents/mail_server_check.c agents/mail_server_check.h \
	agents/mail_server_role.c agents/mail_server_role.h \
	agents/mail_server_start.c agents/mail_server_start.h \
	agents/mail_server_state.c agents/mail_server_state.h \
	agents/mail_server_unit.c agents/mail_server_unit.h \
	agents/mail_server_want.c agents/mail_server_want.h
nodist_agents_mail_server_SOURCES = ocf/mail-server.params.h ocf/mail-server.metadata.h
agents_mail_server_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
agents_mail_server_LDADD = libocf.a libservice.a libclient.a libctl.a libconfig.a libwire.a libbase.a $(GLIB_LIBS)
$(agents_mail_server_OBJECTS): $(nodist_agents_mail_server_SOURCES)
