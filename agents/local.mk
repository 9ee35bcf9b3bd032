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
