noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	lib/net/addr.c lib/net/addr.h \
	lib/net/ifaddr.c lib/net/ifaddr.h \
	lib/net/link.c lib/net/link.h \
	lib/net/msg.c lib/net/msg.h \
	lib/net/neighbour.c lib/net/neighbour.h \
	lib/net/nl.c lib/net/nl.h \
	lib/net/packet.c lib/net/packet.h \
	lib/net/repeat.c lib/net/repeat.h \
	lib/net/route.c lib/net/route.h
