noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	daemon/store/store.c daemon/store/store.h \
	daemon/store/store-file.c daemon/store/store-file.h
