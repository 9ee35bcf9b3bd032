# Each lint is a target of its own: make lint-format, lint-tidy, ... All are tests of `make check`, but
# clang-tidy, which takes longer than all the rest, has its own row in tests/list.
LINTS = alerts format layers layers-selftest shape shell cppcheck tidy
lint_scripts = tests/lint/alerts.sh tests/lint/format.sh tests/lint/layers.sh tests/lint/layers-selftest.sh \
	tests/lint/shape.sh tests/lint/shell.sh tests/lint/cppcheck.sh
dist_noinst_SCRIPTS += $(lint_scripts) tests/lint/tidy.sh
EXTRA_DIST += tests/lint/layers.tbl tests/lint/cppcheck.supp .clang-format .clang-tidy tests/.clang-tidy
TESTS += $(lint_scripts)
TEST_EXTENSIONS = .sh
AM_TESTS_ENVIRONMENT = TIDY_CFLAGS='$(DPL_DEFS) $(GLIB_CFLAGS) $(CUNIT_CFLAGS) $(FUSE3_CFLAGS) $(LIBXML_CFLAGS)'; \
	export TIDY_CFLAGS; top_builddir='$(abs_top_builddir)'; export top_builddir;

lint_targets = $(LINTS:%=lint-%)
.PHONY: lint $(lint_targets)
lint: $(lint_targets)
$(lint_targets): $(BUILT_SOURCES)
	$(AM_TESTS_ENVIRONMENT) srcdir='$(srcdir)' sh $(srcdir)/tests/lint/$(@:lint-%=%).sh
