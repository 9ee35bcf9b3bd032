noinst_LIBRARIES += libjournal.a
libjournal_a_SOURCES = \
	lib/journal/arena.c lib/journal/arena.h lib/journal/arena-layout.h \
	lib/journal/arena-attach.c \
	lib/journal/buffer.c \
	lib/journal/crc32c.c lib/journal/crc32c.h \
	lib/journal/cursor.c lib/journal/cursor.h \
	lib/journal/field.c lib/journal/field.h \
	lib/journal/object.c \
	lib/journal/range.c lib/journal/range.h \
	lib/journal/reader.c lib/journal/reader.h \
	lib/journal/record.c lib/journal/record.h lib/journal/record.tbl.h \
	lib/journal/segment.c lib/journal/segment.h \
	lib/journal/segment-head.c lib/journal/segment-list.c lib/journal/segment-private.h \
	lib/journal/spill.c lib/journal/spill.h
