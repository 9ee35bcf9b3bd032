# Benchmarks: make bench, or tests/bench/run NAME...
EXTRA_PROGRAMS = tests/bench/interleave
bench_scripts = tests/bench/run tests/bench/agents.sh
dist_noinst_SCRIPTS += $(bench_scripts)
CLEANFILES += $(EXTRA_PROGRAMS)
BENCHES = agents
.PHONY: bench
bench:
	DOPPEL_BUILD='$(abs_top_builddir)' $(srcdir)/tests/bench/run $(BENCHES)
# Measurements. Each prints "RESULT key value" lines.
check_PROGRAMS += tests/bench/capture
dist_noinst_SCRIPTS += tests/bench/capture.sh
tests_bench_capture_SOURCES = tests/bench/capture.c
# The link and mirrors: programs of their own.
check_PROGRAMS += tests/bench/deliver tests/bench/pipe tests/bench/until
check_PROGRAMS += tests/bench/files
dist_noinst_SCRIPTS += tests/bench/link.sh tests/bench/mirror.sh tests/bench/failover.sh
EXTRA_DIST += tests/bench/sites.bash
tests_bench_deliver_LDADD = -lpthread
tests_bench_pipe_LDADD = $(DOOR_RIG)
tests_bench_until_LDADD = libclient.a libctl.a libwire.a libbase.a $(GLIB_LIBS) $(LIBQB_LIBS)
