# What several tests share.
noinst_LIBRARIES += libtests.a
libtests_a_SOURCES = \
	tests/lib/treecmp.c tests/lib/treecmp.h tests/lib/treecmp_int.h \
	tests/lib/treecmp_data.c tests/lib/treecmp_meta.c
