# Doors: the process that speaks TLS, as it is run, in a network of its own.
noinst_LIBRARIES += libdoorrig.a
libdoorrig_a_SOURCES = tests/door/client.c tests/door/client.h tests/door/rig.c tests/door/rig.h
libdoorrig_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
DOOR_RIG = libdoorrig.a libmsggen.a libprop.a libunit.a $(PRIV_LIBS) $(UNIT_LIBS)
door_tests = tests/door/test-relay tests/door/test-hostile tests/door/test-talk
check_PROGRAMS += $(door_tests)
TESTS += $(door_tests)
tests_door_test_relay_LDADD = $(DOOR_RIG)
tests_door_test_hostile_LDADD = $(DOOR_RIG)
tests_door_test_talk_LDADD = $(DOOR_RIG)
check_PROGRAMS += tests/door/asker
tests_door_asker_LDADD = libdoorrig.a libunit.a libstore.a $(PRIV_LIBS) libjournal.a libwire.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/door/bench-relay
tests_door_bench_relay_LDADD = $(DOOR_RIG)
