# Properties: what must hold for every sequence, every cut and every fault. They print their seed; with
# DPL_SEED=N in the environment they run that one again.
noinst_LIBRARIES += libprop.a
libprop_a_SOURCES = tests/prop/rng.h tests/prop/gen.c tests/prop/gen.h tests/prop/rig.c tests/prop/rig.h
libprop_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
PROP_JOURNAL = libprop.a libunit.a libjournal.a libwire.a libbase.a $(UNIT_LIBS) -lpthread

prop_journal = tests/prop/prop-record tests/prop/prop-arena tests/prop/prop-arena-step \
	tests/prop/prop-segment tests/prop/prop-reader
check_PROGRAMS += $(prop_journal)
TESTS += $(prop_journal)
tests_prop_prop_record_LDADD = $(PROP_JOURNAL)
tests_prop_prop_arena_LDADD = $(PROP_JOURNAL)
tests_prop_prop_arena_step_LDADD = $(PROP_JOURNAL)
tests_prop_prop_segment_LDADD = $(PROP_JOURNAL)
tests_prop_prop_reader_LDADD = $(PROP_JOURNAL)

prop_apply = tests/prop/prop-apply
check_PROGRAMS += $(prop_apply)
TESTS += $(prop_apply)
tests_prop_prop_apply_SOURCES = tests/prop/prop-apply.c tests/prop/model.c tests/prop/model.h \
	tests/prop/model-compare.c
tests_prop_prop_apply_LDADD = libapply.a $(PROP_JOURNAL)
# Properties that hold for any sequence of operations on a mount.
check_PROGRAMS += tests/prop/fsops
tests_prop_fsops_SOURCES = tests/prop/fsops.c tests/prop/fsops.h tests/prop/fsops_data.c \
	tests/prop/fsops_full.c tests/prop/fsops_lock.c tests/prop/fsops_meta.c tests/prop/fsops_name.c \
	tests/prop/fsops_play.c tests/prop/fsops_table.c tests/prop/fsops_tree.c
tests_prop_fsops_LDADD = libtests.a libbase.a $(GLIB_LIBS)

check_PROGRAMS += tests/prop/chains
tests_prop_chains_SOURCES = tests/prop/chains.c tests/prop/chains.h tests/prop/chains_check.c \
	tests/prop/chains_place.c tests/prop/chains_write.c
dist_noinst_SCRIPTS += tests/prop/chains-selftest.sh
TESTS += tests/prop/chains-selftest.sh
dist_noinst_SCRIPTS += tests/prop/capture.sh

check_PROGRAMS += tests/prop/prop-doc
TESTS += tests/prop/prop-doc
tests_prop_prop_doc_LDADD = libunit.a libctl.a libwire.a libbase.a $(UNIT_LIBS)
# The target queue, and the replica behind it.
noinst_LIBRARIES += libpowercut.a
libpowercut_a_SOURCES = tests/prop/powercut.c tests/prop/powercut.h
prop_replica = tests/prop/prop-map tests/prop/prop-queue tests/prop/prop-replica
check_PROGRAMS += $(prop_replica)
TESTS += $(prop_replica)
tests_prop_prop_queue_LDADD = libapply.a libpowercut.a $(PROP_JOURNAL)
check_PROGRAMS += tests/prop/prefixes
tests_prop_prefixes_SOURCES = tests/prop/prefixes.c tests/prop/chains.h tests/prop/chains_check.c \
	tests/prop/chains_place.c
tests_prop_prefixes_LDADD = libapply.a libjournal.a libwire.a libbase.a $(GLIB_LIBS) -lpthread
dist_noinst_SCRIPTS += tests/prop/capture-chains.sh
TESTS += tests/prop/capture-chains.sh
noinst_LIBRARIES += libmsggen.a
libmsggen_a_SOURCES = tests/prop/msggen.c tests/prop/msggen.h
check_PROGRAMS += tests/prop/prop-proto
TESTS += tests/prop/prop-proto
tests_prop_prop_proto_LDADD = libmsggen.a libunit.a libproto.a libwire.a libbase.a $(PROTO_LIBS) $(UNIT_LIBS)
prop_dirty = tests/prop/prop-dirty tests/unit/test-dirty
check_PROGRAMS += $(prop_dirty)
TESTS += $(prop_dirty)
noinst_LIBRARIES += libdirtydisk.a
libdirtydisk_a_SOURCES = tests/prop/dirtydisk.c tests/prop/dirtydisk.h
PROP_DIRTY = libdirtydisk.a libunit.a libdirty.a libjournal.a libwire.a libbase.a $(UNIT_LIBS) -lpthread
tests_prop_prop_dirty_LDADD = $(PROP_DIRTY)
tests_unit_test_dirty_LDADD = $(PROP_DIRTY)

check_PROGRAMS += tests/prop/prop-range
TESTS += tests/prop/prop-range
tests_prop_prop_range_LDADD = $(PROP_JOURNAL)
tests_prop_prop_map_LDADD = libapply.a libpowercut.a $(PROP_JOURNAL)
tests_prop_prop_replica_SOURCES = tests/prop/prop-replica.c tests/prop/feed.c tests/prop/feed.h \
	tests/prop/model.c tests/prop/model.h tests/prop/model-compare.c
tests_prop_prop_replica_LDADD = libapply.a libpowercut.a $(PROP_JOURNAL)

noinst_LIBRARIES += libtmodel.a
libtmodel_a_SOURCES = tests/prop/target_model.c tests/prop/target_model.h
check_PROGRAMS += tests/prop/prop-mirror
TESTS += tests/prop/prop-mirror
tests_prop_prop_mirror_SOURCES = tests/prop/prop-mirror.c tests/prop/mirrorrig.c tests/prop/mirrorrig.h \
	tests/prop/randomtree.c
tests_prop_prop_mirror_LDADD = libtests.a libmirrorsource.a libapply.a libcore.a libproto.a \
	$(PROTO_LIBS) $(PROP_JOURNAL)

check_PROGRAMS += tests/prop/prop-sim
TESTS += tests/prop/prop-sim
tests_prop_prop_sim_SOURCES = tests/prop/prop-sim.c tests/prop/sim.c tests/prop/sim.h \
	tests/prop/sim-source.c tests/prop/sim-target.c tests/prop/sim-wire.c
tests_prop_prop_sim_LDADD = libunit.a libcore.a libproto.a libjournal.a libwire.a libbase.a \
	$(PROTO_LIBS) $(UNIT_LIBS)

# Both engines in one process.
check_PROGRAMS += tests/prop/prop-compare
TESTS += tests/prop/prop-compare
tests_prop_prop_compare_SOURCES = tests/prop/prop-compare.c tests/prop/mirrorrig.c tests/prop/mirrorrig.h \
	tests/prop/randomtree.c
tests_prop_prop_compare_LDADD = $(tests_prop_prop_mirror_LDADD)

check_PROGRAMS += tests/prop/prop-mirrorsim
TESTS += tests/prop/prop-mirrorsim
tests_prop_prop_mirrorsim_SOURCES = tests/prop/prop-mirrorsim.c tests/prop/mirrorsim.c tests/prop/mirrorsim.h \
	tests/prop/mirrorsim-app.c tests/prop/mirrorsim-nodes.c
tests_prop_prop_mirrorsim_LDADD = libtests.a liblink.a libmirrorsource.a libapply.a libcore.a libproto.a \
	libunit.a libjournal.a libcapstat.a libctl.a libconfig.a libwire.a libbase.a $(PROTO_LIBS) $(UNIT_LIBS) -lpthread
check_PROGRAMS += tests/prop/prop-group
TESTS += tests/prop/prop-group
tests_prop_prop_group_LDADD = libunit.a $(STORE_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/prop/prop-procedure
TESTS += tests/prop/prop-procedure
tests_prop_prop_procedure_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/prop/prop-set-role
TESTS += tests/prop/prop-set-role
tests_prop_prop_set_role_LDADD = libcore.a libbase.a $(UNIT_LIBS)
