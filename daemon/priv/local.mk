# The process between a peer's bytes and an engine.
noinst_LIBRARIES += libpriv.a
libpriv_a_SOURCES = \
	daemon/priv/confine.c daemon/priv/confine.h \
	daemon/priv/dial.c daemon/priv/dial.h \
	daemon/priv/door.c daemon/priv/door.h \
	daemon/priv/gate.c daemon/priv/gate.h \
	daemon/priv/greet.c daemon/priv/greet.h \
	daemon/priv/pump.c daemon/priv/pump.h \
	daemon/priv/relay.c daemon/priv/relay.h \
	daemon/priv/start.c daemon/priv/start.h \
	daemon/priv/stream.c daemon/priv/stream.h \
	daemon/priv/syscalls.c \
	daemon/priv/talk.c daemon/priv/talk.h
libpriv_a_CFLAGS = $(AM_CFLAGS) $(LIBSECCOMP_CFLAGS) $(OPENSSL_CFLAGS)
PRIV_LIBS = libpriv.a libtls.a libproto.a libctl.a libwire.a libbase.a $(PROTO_LIBS) $(TLS_LIBS) \
	$(LIBSECCOMP_LIBS) $(GLIB_LIBS)
libexecdoppel_PROGRAMS += daemon/priv/doppel-door
daemon_priv_doppel_door_SOURCES = daemon/priv/main.c
daemon_priv_doppel_door_LDADD = $(PRIV_LIBS)
