EXTRA_DIST += README.md README CHANGES HACKING COPYING COPYING.LIB doc/architecture.md doc/performance.md \
	doc/adr/0001-one-makefile.md doc/adr/0002-errors-in-one-table.md
EXTRA_DIST += README.md README CHANGES HACKING COPYING COPYING.LIB doc/architecture.md \
	doc/adr/0001-one-makefile.md doc/adr/0002-errors-in-one-table.md \
	doc/adr/0003-duplicate-addresses-without-seconds.md
dist_man_MANS += doc/doppel-journal.5
dist_man_MANS += doc/doppel-journal.5 doc/doppel.8
