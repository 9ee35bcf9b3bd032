sbin_PROGRAMS += doppel
doppel_SOURCES = tools/doppel.c tools/doppel.h tools/journal.c tools/journal-print.c tools/journal-print.h
doppel_LDADD = libjournal.a libwire.a libbase.a $(GLIB_LIBS)
