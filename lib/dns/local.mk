noinst_LIBRARIES += libdns.a
libdns_a_CFLAGS = $(AM_CFLAGS) $(LDNS_CFLAGS) $(OPENSSL_CFLAGS)
libdns_a_SOURCES = \
	lib/dns/dns.c lib/dns/dns.h \
	lib/dns/key.c lib/dns/key.h \
	lib/dns/message.c lib/dns/message.h \
	lib/dns/name.c lib/dns/name.h \
	lib/dns/rr.c lib/dns/rr.h \
	lib/dns/server.c lib/dns/server.h \
	lib/dns/tsig.c lib/dns/tsig.h
DNS_LIBS = $(LDNS_LIBS) $(OPENSSL_LIBS)
