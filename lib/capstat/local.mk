noinst_LIBRARIES += libcapstat.a
libcapstat_a_SOURCES = \
	lib/capstat/capstat.c lib/capstat/capstat.h lib/capstat/capstat.tbl.h \
	lib/capstat/detached.c lib/capstat/detached.h \
	lib/capstat/owner.c lib/capstat/owner.h \
	lib/capstat/remote.c lib/capstat/remote.h
