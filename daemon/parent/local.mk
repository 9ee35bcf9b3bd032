# The parent: starts and watches all others. What can be tested alone is in the library.
noinst_LIBRARIES += libparent.a
libparent_a_CFLAGS = $(AM_CFLAGS) $(LIBQB_CFLAGS)
libparent_a_SOURCES = \
	daemon/parent/child.c daemon/parent/child.h \
	daemon/parent/log.c daemon/parent/log.h \
	daemon/parent/loop.c daemon/parent/loop.h \
	daemon/parent/notify.c daemon/parent/notify.h \
	daemon/parent/spawn.c daemon/parent/spawn.h
