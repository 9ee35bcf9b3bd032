# SPDX-License-Identifier: GPL-2.0-or-later
# The capture process. What can be tested alone is in the library.
libexecdoppeldir = $(libexecdir)/doppel
libexecdoppel_PROGRAMS += daemon/capture/doppel-capture
noinst_LIBRARIES += libcapture.a
libcapture_a_SOURCES = \
	daemon/capture/border.c daemon/capture/border.h \
	daemon/capture/border_entry.c daemon/capture/border_entry.h \
	daemon/capture/check.c daemon/capture/check.h \
	daemon/capture/cred.c daemon/capture/cred.h \
	daemon/capture/dirty.c daemon/capture/dirty.h daemon/capture/dirty_setup.c \
	daemon/capture/fdcache.c daemon/capture/fdcache.h \
	daemon/capture/inject.c daemon/capture/inject.h \
	daemon/capture/keeper.c daemon/capture/keeper.h \
	daemon/capture/lock.c daemon/capture/lock.h \
	daemon/capture/mount.c daemon/capture/mount.h \
	daemon/capture/node.c daemon/capture/node.h \
	daemon/capture/op.c daemon/capture/op.h \
	daemon/capture/op_attr.c \
	daemon/capture/op_create.c \
	daemon/capture/op_data.c \
	daemon/capture/op_dir.c \
	daemon/capture/op_failed.c \
	daemon/capture/op_init.c \
	daemon/capture/op_ioctl.c \
	daemon/capture/op_name.c \
	daemon/capture/op_node.c \
	daemon/capture/op_read.c \
	daemon/capture/op_rename.c \
	daemon/capture/op_table.c \
	daemon/capture/op_xattr.c \
	daemon/capture/options.c daemon/capture/options.h \
	daemon/capture/ownership.c daemon/capture/ownership.h \
	daemon/capture/pool.c daemon/capture/pool.h \
	daemon/capture/proto.h \
	daemon/capture/recorder.c daemon/capture/recorder.h \
	daemon/capture/recorder_acl.c \
	daemon/capture/remote.c daemon/capture/remote.h \
	daemon/capture/renew.c daemon/capture/renew.h \
	daemon/capture/report.c daemon/capture/report.h \
	daemon/capture/runstate.c daemon/capture/runstate.h \
	daemon/capture/status.c daemon/capture/status.h \
	daemon/capture/stop.c daemon/capture/stop.h \
	daemon/capture/request.c daemon/capture/request.h \
	daemon/capture/serve.c daemon/capture/serve.h \
	daemon/capture/setup.c daemon/capture/setup.h \
	daemon/capture/shared.c daemon/capture/shared.h \
	daemon/capture/spiller.c daemon/capture/spiller.h \
	daemon/capture/stat.c daemon/capture/stat.h \
	daemon/capture/sweep.c daemon/capture/sweep.h \
	daemon/capture/synced.c daemon/capture/synced.h \
	daemon/capture/takeover.c daemon/capture/takeover.h \
	daemon/capture/teller.c daemon/capture/teller.h \
	daemon/capture/watch.c daemon/capture/watch.h \
	daemon/capture/watch_begin.c \
	daemon/capture/worker.c daemon/capture/worker.h
daemon_capture_doppel_capture_SOURCES = daemon/capture/main.c
daemon_capture_doppel_capture_LDADD = libcapture.a libcapsafe.a libcore.a libdirty.a libjournal.a libcapstat.a libwire.a libbase.a $(GLIB_LIBS)
