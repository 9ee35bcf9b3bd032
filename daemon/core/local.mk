noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = daemon/core/rules.c daemon/core/rules.h
