noinst_LIBRARIES += libservice.a
libservice_a_SOURCES = \
	lib/service/address.c lib/service/address.h \
	lib/service/command.c lib/service/command.h \
	lib/service/dovecot.c lib/service/settle.c \
	lib/service/facts.c lib/service/facts.h \
	lib/service/holder.c lib/service/holder.h \
	lib/service/kind.c lib/service/kind.h \
	lib/service/origin.c lib/service/origin.h \
	lib/service/own.c lib/service/own.h \
	lib/service/postfix.c lib/service/postfix_direct.c \
	lib/service/probe.c lib/service/probe.h \
	lib/service/probe_imap.c \
	lib/service/probe_other.c \
	lib/service/probe_smtp.c \
	lib/service/proc.c lib/service/proc.h \
	lib/service/stop.c lib/service/stop.h \
	lib/service/talk.c lib/service/talk.h \
	lib/service/unit.c lib/service/unit.h
