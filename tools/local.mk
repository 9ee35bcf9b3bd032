sbin_PROGRAMS += doppel
doppel_SOURCES = tools/doppel.c tools/doppel.h tools/completion.c tools/emergency.c tools/journal.c \
	tools/journal-print.c tools/journal-print.h tools/procedure.c tools/procedure_ask.c tools/remote.c tools/status.c tools/verify.c tools/watch.c
doppel_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
doppel_LDADD = libclient.a libctl.a libconfig.a libcapstat.a libjournal.a libwire.a libbase.a $(GLIB_LIBS) $(LIBQB_LIBS)

# Kept as `doppel completion` prints it; a test compares.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = tools/bash-completion/doppel
