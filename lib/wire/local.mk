noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = \
	lib/wire/reader.c lib/wire/reader.h \
	lib/wire/writer.c lib/wire/writer.h
