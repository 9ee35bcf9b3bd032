# The source's side of a mirror.
noinst_LIBRARIES += libmirrorsource.a
libmirrorsource_a_SOURCES = \
	daemon/link/mirror_batch.c daemon/link/mirror_batch.h \
	daemon/link/mirror_content.c daemon/link/mirror_content.h \
	daemon/link/mirror_object.c daemon/link/mirror_object.h \
	daemon/link/mirror_source.c daemon/link/mirror_source.h \
	daemon/link/mirror_walk.c daemon/link/mirror_walk.h
