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
	tests/crash/load_names.c tests/crash/load_victim.c
