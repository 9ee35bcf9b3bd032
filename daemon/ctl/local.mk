noinst_LIBRARIES += libdctl.a
libdctl_a_CFLAGS = $(AM_CFLAGS) $(LIBQB_CFLAGS)
libdctl_a_SOURCES = \
	daemon/ctl/rights.c daemon/ctl/rights.h \
	daemon/ctl/server.c daemon/ctl/server.h
