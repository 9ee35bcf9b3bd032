noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	lib/base/clock.c lib/base/clock.h \
	lib/base/err.c lib/base/err.h lib/base/err.tbl.h \
	lib/base/fd.c lib/base/fd.h \
	lib/base/file.c lib/base/file.h \
	lib/base/path.c lib/base/path.h \
	lib/base/units.c lib/base/units.h \
	lib/base/uuid.c lib/base/uuid.h
