sbin_PROGRAMS += doppel
doppel_SOURCES = tools/doppel.c tools/doppel.h tools/journal.c tools/journal-print.c tools/journal-print.h
doppel_CPPFLAGS = $(AM_CPPFLAGS) -DDPL_STATE_DIR=\"$(localstatedir)/lib/doppel\"
doppel_LDADD = libjournal.a libwire.a libbase.a $(GLIB_LIBS)
