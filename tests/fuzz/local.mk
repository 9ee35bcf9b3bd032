# Fuzz targets. One is: its name here, its sources and libraries below, and a directory corpus/NAME.
# Without a fuzzer each gets the main of driver.c, and `make check` runs its corpus.
fuzz_targets =
fuzz_targets += tests/fuzz/neighbour
fuzz_targets += tests/fuzz/netlink
fuzz_targets += tests/fuzz/virtual-ip
fuzz_targets += tests/fuzz/dns-reply
fuzz_targets += tests/fuzz/dns-key
fuzz_targets += tests/fuzz/network-name
fuzz_targets += tests/fuzz/journal
fuzz_targets += tests/fuzz/rules
fuzz_targets += tests/fuzz/dirty
fuzz_targets += tests/fuzz/mountinfo
fuzz_targets += tests/fuzz/fanotify
fuzz_targets += tests/fuzz/fuse-request
fuzz_targets += tests/fuzz/doc
fuzz_targets += tests/fuzz/group
fuzz_targets += tests/fuzz/book
fuzz_targets += tests/fuzz/proto
fuzz_targets += tests/fuzz/mirror-compare
fuzz_targets += tests/fuzz/relay
fuzz_targets += tests/fuzz/replica-map
fuzz_targets += tests/fuzz/replica-state
fuzz_targets += tests/fuzz/message-id
fuzz_targets += tests/fuzz/service-probe
fuzz_targets += tests/fuzz/service-text

noinst_LIBRARIES += libfuzz.a
libfuzz_a_SOURCES = tests/fuzz/driver.c
if FUZZING
FUZZ_LIBS = $(DPL_FUZZ_ENGINE) $(GLIB_LIBS)
else
FUZZ_LIBS = libfuzz.a $(GLIB_LIBS)
endif
check_PROGRAMS += $(fuzz_targets)
TESTS += tests/fuzz/replay.sh
dist_noinst_SCRIPTS += tests/fuzz/replay.sh tests/fuzz/night.sh
EXTRA_DIST += tests/fuzz/corpus

tests_fuzz_neighbour_SOURCES = tests/fuzz/neighbour.c
tests_fuzz_neighbour_LDADD = libnet.a libbase.a $(FUZZ_LIBS)
tests_fuzz_netlink_SOURCES = tests/fuzz/netlink.c
tests_fuzz_netlink_LDADD = libnet.a libbase.a $(FUZZ_LIBS)
tests_fuzz_virtual_ip_SOURCES = tests/fuzz/virtual_ip.c agents/virtual_ip_want.c
tests_fuzz_virtual_ip_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
tests_fuzz_virtual_ip_LDADD = libocf.a libnet.a libbase.a $(FUZZ_LIBS)
$(tests_fuzz_virtual_ip_OBJECTS): ocf/virtual-ip.params.h
tests_fuzz_dns_reply_SOURCES = tests/fuzz/dns_reply.c
tests_fuzz_dns_reply_LDADD = libdns.a libbase.a $(DNS_LIBS) $(FUZZ_LIBS)
tests_fuzz_dns_key_SOURCES = tests/fuzz/dns_key.c
tests_fuzz_dns_key_LDADD = libdns.a libbase.a $(DNS_LIBS) $(FUZZ_LIBS)
tests_fuzz_network_name_SOURCES = tests/fuzz/network_name.c agents/network_name_want.c \
	agents/network_name_plan.c
tests_fuzz_network_name_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_builddir)/ocf
tests_fuzz_network_name_LDADD = libocf.a libdns.a libbase.a $(DNS_LIBS) $(FUZZ_LIBS)
$(tests_fuzz_network_name_OBJECTS): ocf/network-name.params.h
tests_fuzz_mountinfo_SOURCES = tests/fuzz/mountinfo.c
tests_fuzz_mountinfo_LDADD = libcapsafe.a libbase.a $(FUZZ_LIBS)
tests_fuzz_fanotify_SOURCES = tests/fuzz/fanotify.c
tests_fuzz_fanotify_LDADD = libcapsafe.a libbase.a $(FUZZ_LIBS)
tests_fuzz_journal_SOURCES = tests/fuzz/journal.c
tests_fuzz_journal_LDADD = libjournal.a libwire.a libbase.a $(FUZZ_LIBS)
tests_fuzz_dirty_SOURCES = tests/fuzz/dirty.c
tests_fuzz_dirty_LDADD = libdirty.a libjournal.a libwire.a libbase.a $(FUZZ_LIBS)
tests_fuzz_rules_SOURCES = tests/fuzz/rules.c
tests_fuzz_rules_LDADD = libcore.a libbase.a $(FUZZ_LIBS)
tests_fuzz_fuse_request_SOURCES = tests/fuzz/fuse_request.c daemon/capture/request.c
tests_fuzz_fuse_request_LDADD = libbase.a $(FUZZ_LIBS)
tests_fuzz_doc_SOURCES = tests/fuzz/doc.c
tests_fuzz_doc_LDADD = libctl.a libwire.a libbase.a $(FUZZ_LIBS)
tests_fuzz_group_SOURCES = tests/fuzz/group.c
tests_fuzz_group_LDADD = $(STORE_LIBS) $(FUZZ_LIBS)
tests_fuzz_book_SOURCES = tests/fuzz/book.c
tests_fuzz_book_LDADD = $(STORE_LIBS) $(FUZZ_LIBS)
tests_fuzz_proto_SOURCES = tests/fuzz/proto.c
tests_fuzz_proto_LDADD = libproto.a libwire.a libbase.a $(PROTO_LIBS) $(FUZZ_LIBS)
tests_fuzz_replica_map_SOURCES = tests/fuzz/replica_map.c
tests_fuzz_replica_map_LDADD = libapply.a libjournal.a libwire.a libbase.a $(FUZZ_LIBS)
tests_fuzz_message_id_SOURCES = tests/fuzz/message_id.c
tests_fuzz_message_id_LDADD = libapply.a libbase.a $(FUZZ_LIBS)
tests_fuzz_replica_state_SOURCES = tests/fuzz/replica_state.c
tests_fuzz_replica_state_LDADD = libapply.a libjournal.a libwire.a libbase.a $(FUZZ_LIBS)
tests_fuzz_mirror_compare_SOURCES = tests/fuzz/mirror_compare.c
tests_fuzz_mirror_compare_LDADD = libapply.a libcore.a libproto.a libjournal.a libwire.a libbase.a $(PROTO_LIBS) $(FUZZ_LIBS)
tests_fuzz_relay_SOURCES = tests/fuzz/relay.c
tests_fuzz_relay_LDADD = libpriv.a libproto.a libwire.a libbase.a $(PROTO_LIBS) $(FUZZ_LIBS)
tests_fuzz_service_probe_SOURCES = tests/fuzz/service_probe.c
tests_fuzz_service_probe_LDADD = libservice.a libbase.a $(FUZZ_LIBS)
tests_fuzz_service_text_SOURCES = tests/fuzz/service_text.c
tests_fuzz_service_text_LDADD = libservice.a libbase.a $(FUZZ_LIBS)
