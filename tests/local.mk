include tests/unit/local.mk
include tests/prop/local.mk
include tests/crash/local.mk
include tests/lint/local.mk
EXTRA_DIST += tests/list tests/packages tests/setup.sh
