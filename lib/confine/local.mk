noinst_LIBRARIES += libconfine.a
libconfine_a_CFLAGS = $(AM_CFLAGS) $(LIBSECCOMP_CFLAGS)
libconfine_a_SOURCES = \
	lib/confine/calls.c \
	lib/confine/caps.c \
	lib/confine/confine.h \
	lib/confine/writes.c
