# A line for each, so that two changes do not meet in one.
EXTRA_DIST += README.md README CHANGES HACKING COPYING COPYING.LIB
EXTRA_DIST += doc/architecture.md doc/performance.md
EXTRA_DIST += doc/adr/0001-one-makefile.md
EXTRA_DIST += doc/adr/0002-errors-in-one-table.md
EXTRA_DIST += doc/adr/0003-duplicate-addresses-without-seconds.md
dist_man_MANS += doc/doppel-dirty.5
dist_man_MANS += doc/doppel-journal.5
dist_man_MANS += doc/doppel.8
EXTRA_DIST += doc/adr/0004-capture-survives-its-own-crash.md
dist_man_MANS += doc/doppel-replica.5
EXTRA_DIST += doc/adr/0005-agents-that-start-at-once.md
dist_man_MANS += doc/doppel-protocol.5
dist_man_MANS += doc/doppel-capture.8
dist_man_MANS += doc/doppeld.8
dist_man_MANS += doc/doppel.conf.5
