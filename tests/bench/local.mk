# Measurements. Each prints "RESULT key value" lines.
check_PROGRAMS += tests/bench/capture
dist_noinst_SCRIPTS += tests/bench/capture.sh
tests_bench_capture_SOURCES = tests/bench/capture.c
