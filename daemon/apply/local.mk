noinst_LIBRARIES += libapply.a
libapply_a_SOURCES = \
	daemon/apply/apply.c daemon/apply/apply.h \
	daemon/apply/names.c daemon/apply/names.h \
	daemon/apply/objects.c daemon/apply/objects.h \
	daemon/apply/queue.c daemon/apply/queue.h \
	daemon/apply/state.c daemon/apply/state.h
