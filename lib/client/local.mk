noinst_LIBRARIES += libclient.a
libclient_a_CFLAGS = $(AM_CFLAGS) $(LIBQB_CFLAGS)
libclient_a_SOURCES = \
	lib/client/claim.c lib/client/claim.h \
	lib/client/client.c lib/client/client.h \
	lib/client/role.c lib/client/role.h
