noinst_LIBRARIES += libdirty.a
libdirty_a_SOURCES = \
	lib/dirty/attach.c \
	lib/dirty/coarsen.c \
	lib/dirty/file.c lib/dirty/file.h \
	lib/dirty/format.c lib/dirty/format.h \
	lib/dirty/hot.c \
	lib/dirty/list.c lib/dirty/list.h \
	lib/dirty/log.c lib/dirty/log.h lib/dirty/log-private.h \
	lib/dirty/mark.c
