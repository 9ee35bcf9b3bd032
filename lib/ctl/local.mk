noinst_LIBRARIES += libctl.a
libctl_a_SOURCES = \
	lib/ctl/channel.c lib/ctl/channel.h \
	lib/ctl/command.c lib/ctl/command.h lib/ctl/command.tbl.h \
	lib/ctl/doc.c lib/ctl/doc.h lib/ctl/doc-private.h \
	lib/ctl/doc-print.c lib/ctl/doc-wire.c \
	lib/ctl/duty.c lib/ctl/duty.h \
	lib/ctl/quote.c lib/ctl/quote.h
