include tests/unit/local.mk
include tests/lint/local.mk
