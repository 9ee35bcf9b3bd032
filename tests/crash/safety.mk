# Mounts, bypasses and capabilities for real, in namespaces of the tests' own.
check_PROGRAMS += tests/crash/tinyfuse
tests_crash_tinyfuse_SOURCES = tests/crash/tinyfuse.c

safety_tests = tests/crash/test-mounts tests/crash/test-bypass tests/crash/test-capability
safety_support = tests/crash/safety.c tests/crash/safety.h
check_PROGRAMS += $(safety_tests)
TESTS += $(safety_tests)
SAFETY_LIBS = libcapsafe.a libunit.a libbase.a $(UNIT_LIBS)

tests_crash_test_mounts_SOURCES = tests/crash/test-mounts.c $(safety_support)
tests_crash_test_mounts_LDADD = $(SAFETY_LIBS)
tests_crash_test_bypass_SOURCES = tests/crash/test-bypass.c $(safety_support)
tests_crash_test_bypass_LDADD = $(SAFETY_LIBS)
tests_crash_test_capability_SOURCES = tests/crash/test-capability.c $(safety_support)
tests_crash_test_capability_LDADD = $(SAFETY_LIBS)
