noinst_LIBRARIES += libpacemaker.a
libpacemaker_a_SOURCES = \
	lib/pacemaker/run.c lib/pacemaker/run.h \
	lib/pacemaker/xml.c lib/pacemaker/xml.h
libpacemaker_a_CFLAGS = $(AM_CFLAGS) $(LIBXML_CFLAGS)
PACEMAKER_LIBS = libpacemaker.a libbase.a $(LIBXML_LIBS) $(GLIB_LIBS)
