noinst_LIBRARIES += libapply.a
libapply_a_SOURCES = \
	daemon/apply/apply.c daemon/apply/apply.h daemon/apply/apply-private.h \
	daemon/apply/apply-enter.c \
	daemon/apply/apply-name.c \
	daemon/apply/apply-object.c \
	daemon/apply/checkpoint.c \
	daemon/apply/flags.c \
	daemon/apply/map.c daemon/apply/map.h \
	daemon/apply/map-entry.c \
	daemon/apply/mirror.c daemon/apply/mirror.h daemon/apply/mirror-private.h \
	daemon/apply/mirror-content.c daemon/apply/mirror-names.c daemon/apply/mirror-object.c \
	daemon/apply/mirror-aside.c daemon/apply/mirror-kept.c daemon/apply/mirror-kept.h \
	daemon/apply/mirror-orphans.c \
	daemon/apply/kept-list.c daemon/apply/kept-list.h \
	daemon/apply/mirror-compare.c daemon/apply/mirror-compare.h \
	daemon/apply/message-id.c daemon/apply/message-id.h \
	daemon/apply/names.c daemon/apply/names.h \
	daemon/apply/objects.c daemon/apply/objects.h \
	daemon/apply/queue.c daemon/apply/queue.h \
	daemon/apply/recover.c \
	daemon/apply/replica.c daemon/apply/replica.h daemon/apply/replica-private.h \
	daemon/apply/replica-apply.c \
	daemon/apply/replica-life.c \
	daemon/apply/replica-mirror.c \
	daemon/apply/replica-open.c \
	daemon/apply/replica-state.c daemon/apply/replica-state.h \
	daemon/apply/state.c daemon/apply/state.h \
	daemon/apply/wants.c daemon/apply/wants.h
libapply_a_SOURCES += \
	daemon/apply/engine.c daemon/apply/engine.h \
	daemon/apply/engine-mirror.c \
	daemon/apply/engine-mirror-begin.c \
	daemon/apply/engine-open.c \
	daemon/apply/engine-order.c \
	daemon/apply/engine-session.c \
	daemon/apply/engine-status.c \
	daemon/apply/engine-want.c \
	daemon/apply/mirror-result.c daemon/apply/mirror-result.h \
	daemon/apply/guard.c daemon/apply/guard.h \
	daemon/apply/helper.c daemon/apply/helper.h
libexecdoppel_PROGRAMS += daemon/apply/doppel-replica
daemon_apply_doppel_replica_SOURCES = daemon/apply/main.c
APPLY_LIBS = libapply.a libconfine.a libcore.a libproto.a libjournal.a libctl.a libwire.a libbase.a
daemon_apply_doppel_replica_LDADD = $(APPLY_LIBS) $(PROTO_LIBS) $(LIBSECCOMP_LIBS) $(GLIB_LIBS)
# What a mirror has kept of a site that served before.
libexecdoppel_PROGRAMS += daemon/apply/doppel-kept
daemon_apply_doppel_kept_SOURCES = daemon/apply/kept-main.c
daemon_apply_doppel_kept_LDADD = libcapstat.a $(APPLY_LIBS) $(PROTO_LIBS) $(LIBSECCOMP_LIBS) $(GLIB_LIBS)
