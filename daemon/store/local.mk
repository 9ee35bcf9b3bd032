noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	daemon/store/book.c daemon/store/book.h \
	daemon/store/group.c daemon/store/group.h \
	daemon/store/group-decide.c \
	daemon/store/group-meet.c \
	daemon/store/group-private.h \
	daemon/store/group-save.c \
	daemon/store/published.c daemon/store/published.h \
	daemon/store/store.c daemon/store/store.h \
	daemon/store/store-old.c daemon/store/store-old.h \
	daemon/store/table.c daemon/store/table.h
STORE_LIBS = libstore.a libctl.a libjournal.a libwire.a libbase.a
