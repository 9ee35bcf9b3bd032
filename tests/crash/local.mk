# Deaths and faults. A line for each, so that two changes do not meet in one.
crash_capture =
crash_capture += tests/crash/capture-call
crash_capture += tests/crash/capture-cases
crash_capture += tests/crash/capture-damage
crash_capture += tests/crash/capture-kill
crash_capture += tests/crash/capture-remote
crash_capture += tests/crash/capture-replay
check_PROGRAMS += $(crash_capture)
tests_crash_capture_kill_SOURCES = tests/crash/capture-kill.c daemon/capture/request.c
tests_crash_capture_damage_LDADD = libcapture.a libjournal.a libwire.a libbase.a $(GLIB_LIBS)
tests_crash_capture_remote_LDADD = libcapstat.a libjournal.a libwire.a libbase.a $(GLIB_LIBS) -lpthread
tests_crash_capture_replay_LDADD = libapply.a libjournal.a libwire.a libbase.a $(GLIB_LIBS) -lpthread
tests_capture =
tests_capture += tests/crash/capture-bypass.sh
tests_capture += tests/crash/capture-cases.sh
tests_capture += tests/crash/capture-control.sh
tests_capture += tests/crash/capture-damage.sh
tests_capture += tests/crash/capture-refused.sh
tests_capture += tests/crash/capture-renew.sh
tests_capture += tests/crash/capture-remote.sh
tests_capture += tests/crash/capture-failed.sh
tests_capture += tests/crash/capture-threads.sh
tests_capture += tests/crash/capture-full.sh
tests_capture += tests/crash/capture-faults.sh
tests_capture += tests/crash/capture-life.sh
tests_capture += tests/crash/capture-manual.sh
tests_capture += tests/crash/capture.sh
tests_capture += tests/prop/capture-border.sh
tests_capture += tests/prop/capture-ops.sh
dist_noinst_SCRIPTS += $(tests_capture)
EXTRA_DIST += tests/crash/capture-lib.sh
TESTS += $(tests_capture)
# A disk that fails when told to; tests that need it say SKIP where libfuse 3 was not there.
if HAVE_FUSE3
check_PROGRAMS += tests/crash/faultdisk
tests_crash_faultdisk_SOURCES = tests/crash/faultdisk.c
tests_crash_faultdisk_CFLAGS = $(AM_CFLAGS) $(FUSE3_CFLAGS)
tests_crash_faultdisk_LDADD = $(FUSE3_LIBS)
endif

check_PROGRAMS += tests/crash/compare
tests_crash_compare_LDADD = libtests.a libbase.a $(GLIB_LIBS)
dist_noinst_SCRIPTS += tests/crash/compare-selftest.sh tests/crash/conformance.sh
TESTS += tests/crash/compare-selftest.sh

check_PROGRAMS += tests/crash/load
tests_crash_load_SOURCES = tests/crash/load.c tests/crash/load.h tests/crash/load_data.c \
	tests/crash/load_names.c tests/crash/load_odds.c tests/crash/load_victim.c
check_PROGRAMS += tests/crash/store-kill
tests_crash_store_kill_LDADD = $(STORE_LIBS) $(GLIB_LIBS)
TESTS += tests/crash/store-kill.sh
dist_noinst_SCRIPTS += tests/crash/store-kill.sh

check_PROGRAMS += tests/crash/dirty-check
tests_crash_dirty_check_LDADD = libdirty.a libjournal.a libwire.a libbase.a
check_PROGRAMS += tests/crash/set-edit
tests_crash_set_edit_LDADD = $(STORE_LIBS) $(GLIB_LIBS)
check_PROGRAMS += tests/crash/fake-engine
tests_crash_fake_engine_LDADD = libctl.a libwire.a libbase.a $(GLIB_LIBS)
check_PROGRAMS += tests/crash/old-keys
tests_crash_old_keys_LDADD = libtls.a libctl.a libwire.a libbase.a $(TLS_LIBS) $(GLIB_LIBS)
TESTS += tests/crash/parent.sh tests/crash/parent-rights.sh
dist_noinst_SCRIPTS += tests/crash/parent.sh tests/crash/parent-rights.sh

# Preloaded into a capture: not with sanitizers, which want to come first.
check_DATA += tests/crash/failing.so
tests/crash/failing.so: tests/crash/failing.c
	$(AM_V_CC)$(MKDIR_P) tests/crash && $(CC) -O1 -Wall -shared -fPIC -o $@ $(top_srcdir)/tests/crash/failing.c
EXTRA_DIST += tests/crash/failing.c
CLEANFILES += tests/crash/failing.so

# Another wall clock, likewise.
check_DATA += tests/crash/clock.so
tests/crash/clock.so: tests/crash/clock.c
	$(AM_V_CC)$(MKDIR_P) tests/crash && $(CC) -O1 -Wall -shared -fPIC -o $@ $(top_srcdir)/tests/crash/clock.c
EXTRA_DIST += tests/crash/clock.c
CLEANFILES += tests/crash/clock.so

# The replica, killed under load; with its disk's power cut; and with the link of its source.
check_PROGRAMS += tests/crash/replica-kill tests/crash/replica-pair
replica_sources = tests/crash/replica-source.c tests/crash/replica-source.h tests/prop/feed.c tests/prop/feed.h \
	tests/prop/model.c tests/prop/model.h tests/prop/model-compare.c
REPLICA_LIBS = libproto.a libjournal.a libctl.a libwire.a libbase.a $(PROTO_LIBS) $(GLIB_LIBS)
tests_crash_replica_kill_SOURCES = tests/crash/replica-kill.c $(replica_sources)
tests_crash_replica_kill_LDADD = $(REPLICA_LIBS)
tests_crash_replica_pair_SOURCES = tests/crash/replica-pair.c $(replica_sources)
tests_crash_replica_pair_LDADD = $(REPLICA_LIBS)
tests_replica = tests/crash/replica-kill.sh tests/crash/replica-pair.sh tests/crash/replica-power.sh
dist_noinst_SCRIPTS += $(tests_replica)
TESTS += $(tests_replica)
TESTS += tests/crash/parent-capture.sh
dist_noinst_SCRIPTS += tests/crash/parent-capture.sh
dist_noinst_SCRIPTS += tests/crash/capture-dirty.sh tests/crash/capture-synced.sh
TESTS += tests/crash/capture-dirty.sh tests/crash/capture-synced.sh
# Both engines, over a captured root.
check_PROGRAMS += tests/crash/pair
tests_crash_pair_LDADD = libctl.a libwire.a libbase.a $(GLIB_LIBS)
TESTS += tests/crash/replicate.sh
dist_noinst_SCRIPTS += tests/crash/replicate.sh
dist_noinst_SCRIPTS += tests/crash/mirror.sh
dist_noinst_SCRIPTS += tests/crash/mirror-resume.sh
dist_noinst_SCRIPTS += tests/crash/mirror-object.sh
dist_noinst_SCRIPTS += tests/crash/mirror-faults.sh
dist_noinst_SCRIPTS += tests/crash/mirror-guards.sh
dist_noinst_SCRIPTS += tests/crash/verify.sh
dist_noinst_SCRIPTS += tests/crash/two-sites.sh tests/crash/services.sh
dist_noinst_SCRIPTS += tests/crash/sites-talk.sh
dist_noinst_SCRIPTS += tests/crash/failover.sh

# A Maildir and a database under load, and what a copy of them must look like.
if HAVE_SQLITE
check_PROGRAMS += tests/crash/mailer
tests_crash_mailer_SOURCES = tests/crash/mailer.c tests/crash/mailer.h tests/crash/mailer_check.c \
	tests/crash/mailer_record.c tests/crash/mailer_write.c
tests_crash_mailer_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
tests_crash_mailer_LDADD = $(SQLITE_LIBS) -lpthread
endif

# Two stand-alone sites, in sites-lib.sh.
check_PROGRAMS += tests/crash/cut-power
EXTRA_DIST += tests/crash/chaos-lib.sh tests/crash/sites-lib.sh
dist_noinst_SCRIPTS += tests/crash/chaos.sh tests/crash/memory.sh tests/crash/power-remote.sh
dist_noinst_SCRIPTS += tests/crash/sites-faults.sh tests/crash/upgrade.sh
dist_noinst_SCRIPTS += tests/crash/overflow.sh tests/crash/target-full.sh
dist_noinst_SCRIPTS += tests/crash/many-sources.sh tests/crash/two-sources.sh
dist_noinst_SCRIPTS += tests/crash/remote-restart.sh
dist_noinst_SCRIPTS += tests/crash/clock.sh
check_PROGRAMS += tests/crash/set-side
tests_crash_set_side_LDADD = libparent.a $(STORE_LIBS) libcore.a libctl.a libwire.a libbase.a $(GLIB_LIBS)
EXTRA_DIST += tests/crash/sides.sh tests/crash/restore.sh
