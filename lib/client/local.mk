noinst_LIBRARIES += libclient.a
libclient_a_CFLAGS = $(AM_CFLAGS) $(LIBQB_CFLAGS)
libclient_a_SOURCES = lib/client/client.c lib/client/client.h
