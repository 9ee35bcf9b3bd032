# Properties that hold for any sequence of operations on a mount.
check_PROGRAMS += tests/prop/fsops
tests_prop_fsops_SOURCES = tests/prop/fsops.c tests/prop/fsops.h tests/prop/fsops_data.c \
	tests/prop/fsops_lock.c tests/prop/fsops_meta.c tests/prop/fsops_name.c \
	tests/prop/fsops_play.c tests/prop/fsops_table.c tests/prop/fsops_tree.c
tests_prop_fsops_LDADD = libtests.a libbase.a $(GLIB_LIBS)

check_PROGRAMS += tests/prop/chains
tests_prop_chains_SOURCES = tests/prop/chains.c tests/prop/chains.h tests/prop/chains_check.c \
	tests/prop/chains_write.c
dist_noinst_SCRIPTS += tests/prop/chains-selftest.sh
TESTS += tests/prop/chains-selftest.sh
