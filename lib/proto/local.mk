noinst_LIBRARIES += libproto.a
libproto_a_SOURCES = \
	lib/proto/compress.c lib/proto/compress.h \
	lib/proto/field.c \
	lib/proto/frame.c lib/proto/frame.h \
	lib/proto/hello.c lib/proto/hello.h \
	lib/proto/message.c lib/proto/message.h lib/proto/message.tbl.h lib/proto/message-check.h \
	lib/proto/payload.c \
	lib/proto/peer.c lib/proto/peer.h \
	lib/proto/sums.c lib/proto/sums.h
# What a program that links it needs behind it.
PROTO_LIBS = $(LIBLZ4_LIBS) $(LIBZSTD_LIBS) $(LIBXXHASH_LIBS)
