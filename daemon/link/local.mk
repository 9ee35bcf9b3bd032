# The engine of an outgoing set. What can be tested alone is in the library.
noinst_LIBRARIES += liblink.a
liblink_a_SOURCES = \
	daemon/link/ledger.c daemon/link/ledger.h \
	daemon/link/link.c daemon/link/link.h \
	daemon/link/mirror_choose.c daemon/link/mirror_choose.h \
	daemon/link/mirror_lend.c daemon/link/mirror_lend.h \
	daemon/link/mirror_over.c daemon/link/mirror_over.h \
	daemon/link/mirror_report.c \
	daemon/link/mirror_run.c daemon/link/mirror_run.h \
	daemon/link/mirror_take.c \
	daemon/link/order.c \
	daemon/link/remote.c daemon/link/remote.h \
	daemon/link/status.c
libexecdoppel_PROGRAMS += daemon/link/doppel-link
daemon_link_doppel_link_SOURCES = daemon/link/main.c
LINK_LIBS = liblink.a libmirrorsource.a libconfine.a libcore.a libproto.a libjournal.a libcapstat.a libctl.a libconfig.a libwire.a libbase.a
daemon_link_doppel_link_LDADD = $(LINK_LIBS) $(PROTO_LIBS) $(LIBSECCOMP_LIBS) $(GLIB_LIBS)
