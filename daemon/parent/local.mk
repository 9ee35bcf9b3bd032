# The parent: starts and watches all others. What can be tested alone is in the library.
noinst_LIBRARIES += libparent.a
libparent_a_CFLAGS = $(AM_CFLAGS) $(LIBQB_CFLAGS)
libparent_a_SOURCES = \
	daemon/parent/advice.c daemon/parent/advice.h \
	daemon/parent/alert.c \
	daemon/parent/asked.c daemon/parent/asked.h \
	daemon/parent/attribute.c daemon/parent/attribute.h \
	daemon/parent/boot_mark.c daemon/parent/boot_mark.h \
	daemon/parent/capture.c \
	daemon/parent/change.c daemon/parent/change.h \
	daemon/parent/child.c daemon/parent/child.h \
	daemon/parent/cluster.c daemon/parent/cluster.h \
	daemon/parent/cold.c daemon/parent/cold.h \
	daemon/parent/cold_alone.c \
	daemon/parent/commands.c \
	daemon/parent/confirm.c \
	daemon/parent/lend.c \
	daemon/parent/daemon.h \
	daemon/parent/door.c daemon/parent/door.h \
	daemon/parent/engine.c \
	daemon/parent/failover.c daemon/parent/failover.h \
	daemon/parent/failover_here.c \
	daemon/parent/failover_prove.c \
	daemon/parent/failover_source.c \
	daemon/parent/figures.c \
	daemon/parent/group_look.c daemon/parent/group_look.h \
	daemon/parent/hook.c daemon/parent/hook.h \
	daemon/parent/instance.c daemon/parent/instance.h \
	daemon/parent/learn.c daemon/parent/learn.h \
	daemon/parent/lines.c daemon/parent/lines.h \
	daemon/parent/limit.c \
	daemon/parent/listen.c daemon/parent/listen.h \
	daemon/parent/log.c daemon/parent/log.h \
	daemon/parent/loop.c daemon/parent/loop.h \
	daemon/parent/metrics.c \
	daemon/parent/online.c daemon/parent/online.h \
	daemon/parent/option.c \
	daemon/parent/other.c daemon/parent/other.h \
	daemon/parent/node.c daemon/parent/node.h \
	daemon/parent/notify.c daemon/parent/notify.h \
	daemon/parent/probe.c daemon/parent/probe.h \
	daemon/parent/procedure_command.c daemon/parent/procedure_command.h \
	daemon/parent/procedure_doc.c daemon/parent/procedure_doc.h \
	daemon/parent/procedure_kinds.c \
	daemon/parent/release.c daemon/parent/release.h \
	daemon/parent/reload.c \
	daemon/parent/role_attribute.c daemon/parent/role_attribute.h \
	daemon/parent/roles.c daemon/parent/roles.h \
	daemon/parent/run.c daemon/parent/run.h \
	daemon/parent/run_call.c daemon/parent/run_call.h \
	daemon/parent/run_log.c \
	daemon/parent/scope.c daemon/parent/scope.h \
	daemon/parent/sender.c daemon/parent/sender.h \
	daemon/parent/service.c daemon/parent/service.h \
	daemon/parent/set.c \
	daemon/parent/set_become.c daemon/parent/set_become.h \
	daemon/parent/set_doc.c daemon/parent/set_doc.h \
	daemon/parent/set_edit.c daemon/parent/set_edit.h \
	daemon/parent/settings.c daemon/parent/settings.h \
	daemon/parent/settle.c daemon/parent/settle.h \
	daemon/parent/site.c daemon/parent/site.h \
	daemon/parent/spawn.c daemon/parent/spawn.h \
	daemon/parent/start.c \
	daemon/parent/status.c \
	daemon/parent/failback.c daemon/parent/failback_here.c daemon/parent/failback_there.c \
	daemon/parent/discard.c daemon/parent/failover_account.c daemon/parent/failover_heard.c \
	daemon/parent/restore.c daemon/parent/restore.h daemon/parent/restore_ask.c \
	daemon/parent/kept.c daemon/parent/kept.h daemon/parent/restore_kept.c \
	daemon/parent/side_asked.c daemon/parent/side_asked.h \
	daemon/parent/turn.c daemon/parent/turn.h \
	daemon/parent/superseded.c daemon/parent/superseded.h \
	daemon/parent/store_command.c daemon/parent/store_command.h \
	daemon/parent/talk.c daemon/parent/talk.h \
	daemon/parent/talk_ask.c \
	daemon/parent/talk_state.c daemon/parent/talk_state.h \
	daemon/parent/talk_table.c \
	daemon/parent/wait.c

sbin_PROGRAMS += doppeld
doppeld_SOURCES = daemon/parent/main.c
doppeld_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
doppeld_LDADD = libparent.a libpriv.a libdctl.a libstore.a libclient.a libcore.a libctl.a libcapstat.a libjournal.a \
	libconfig.a libtls.a libwire.a libbase.a $(GLIB_LIBS) $(LIBQB_LIBS) $(TLS_LIBS)
