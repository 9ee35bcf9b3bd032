noinst_LIBRARIES += libtls.a
libtls_a_SOURCES = \
	lib/tls/cert.c lib/tls/cert.h lib/tls/cert-private.h \
	lib/tls/context.c lib/tls/context.h \
	lib/tls/fingerprint.c lib/tls/fingerprint.h \
	lib/tls/make.c \
	lib/tls/keys.c lib/tls/keys.h \
	lib/tls/site.c lib/tls/site.h lib/tls/site-offer.c
# What a program that links it needs behind it.
TLS_LIBS = $(OPENSSL_LIBS)
