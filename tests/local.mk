include tests/lib/local.mk
include tests/unit/local.mk
include tests/prop/local.mk
include tests/crash/local.mk
include tests/door/local.mk
include tests/ocf/local.mk
include tests/bench/local.mk
include tests/fuzz/local.mk
include tests/crash/safety.mk
include tests/lint/local.mk
EXTRA_DIST += tests/list tests/packages tests/setup.sh
TESTS += tests/setup-selftest.sh tests/run-selftest.sh
dist_noinst_SCRIPTS += tests/setup-selftest.sh tests/run-selftest.sh tests/hardening.sh
include tests/lab/local.mk
