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
