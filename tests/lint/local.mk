# Each lint is a test of `make check`, and a target of its own: make lint-format, lint-tidy, ...
LINTS = format layers layers-selftest shape shell cppcheck tidy
lint_scripts = tests/lint/format.sh tests/lint/layers.sh tests/lint/layers-selftest.sh \
	tests/lint/shape.sh tests/lint/shell.sh tests/lint/cppcheck.sh tests/lint/tidy.sh
dist_noinst_SCRIPTS += $(lint_scripts)
EXTRA_DIST += tests/lint/layers.tbl tests/lint/cppcheck.supp .clang-format .clang-tidy
TESTS += $(lint_scripts)
TEST_EXTENSIONS = .sh
AM_TESTS_ENVIRONMENT = TIDY_CFLAGS='$(GLIB_CFLAGS) $(LIBMNL_CFLAGS) $(CUNIT_CFLAGS)'; \
	export TIDY_CFLAGS; top_builddir='$(abs_top_builddir)'; export top_builddir;

lint_targets = $(LINTS:%=lint-%)
.PHONY: lint $(lint_targets)
lint: $(lint_targets)
$(lint_targets): $(BUILT_SOURCES)
	$(AM_TESTS_ENVIRONMENT) srcdir='$(srcdir)' sh $(srcdir)/tests/lint/$(@:lint-%=%).sh
