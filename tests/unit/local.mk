# A unit test links its layer and those below, nothing else: an upward call does not link.
noinst_LIBRARIES += libunit.a
libunit_a_SOURCES = tests/unit/unit.c tests/unit/unit.h tests/unit/set_side.h
libunit_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

UNIT_BASE = libunit.a libbase.a $(UNIT_LIBS)

unit_base = tests/unit/test-clock tests/unit/test-err tests/unit/test-fd tests/unit/test-file \
	tests/unit/test-path tests/unit/test-units tests/unit/test-uuid
unit_wire = tests/unit/test-wire
unit_config = tests/unit/test-conf
check_PROGRAMS += $(unit_base) $(unit_wire) $(unit_config)
TESTS += $(unit_base) $(unit_wire) $(unit_config)

tests_unit_test_clock_LDADD = $(UNIT_BASE)
tests_unit_test_err_LDADD = $(UNIT_BASE)
tests_unit_test_fd_LDADD = $(UNIT_BASE)
tests_unit_test_file_LDADD = $(UNIT_BASE)
tests_unit_test_path_LDADD = $(UNIT_BASE)
tests_unit_test_units_LDADD = $(UNIT_BASE)
tests_unit_test_uuid_LDADD = $(UNIT_BASE)
tests_unit_test_wire_LDADD = libunit.a libwire.a libbase.a $(UNIT_LIBS)
tests_unit_test_conf_LDADD = libunit.a libconfig.a libbase.a $(UNIT_LIBS)

unit_net = tests/unit/test-net-addr tests/unit/test-net-msg tests/unit/test-net-nl tests/unit/test-net-packet
unit_ocf = tests/unit/test-ocf-param tests/unit/test-ocf-steps
check_PROGRAMS += $(unit_net) $(unit_ocf)
TESTS += $(unit_net) $(unit_ocf)
UNIT_NET = libunit.a libnet.a libbase.a $(UNIT_LIBS)
UNIT_OCF = libunit.a libocf.a libbase.a $(UNIT_LIBS)
tests_unit_test_net_addr_LDADD = $(UNIT_NET)
tests_unit_test_net_msg_LDADD = $(UNIT_NET)
tests_unit_test_net_nl_LDADD = $(UNIT_NET)
tests_unit_test_net_packet_LDADD = $(UNIT_NET)
tests_unit_test_ocf_param_LDADD = $(UNIT_OCF)
tests_unit_test_ocf_steps_LDADD = $(UNIT_OCF)
unit_dns = tests/unit/test-dns-key tests/unit/test-dns-message tests/unit/test-dns-name
check_PROGRAMS += $(unit_dns)
TESTS += $(unit_dns)
UNIT_DNS = libunit.a libdns.a libbase.a $(DNS_LIBS) $(UNIT_LIBS)
tests_unit_test_dns_key_LDADD = $(UNIT_DNS)
tests_unit_test_dns_message_LDADD = $(UNIT_DNS)
tests_unit_test_dns_name_LDADD = $(UNIT_DNS)
unit_service = tests/unit/test-service tests/unit/test-service-run
check_PROGRAMS += $(unit_service)
TESTS += $(unit_service)
UNIT_SERVICE = libunit.a libservice.a libbase.a $(UNIT_LIBS)
tests_unit_test_service_LDADD = $(UNIT_SERVICE)
tests_unit_test_service_run_LDADD = $(UNIT_SERVICE)
unit_journal = tests/unit/test-record tests/unit/test-arena
check_PROGRAMS += $(unit_journal)
TESTS += $(unit_journal)
UNIT_JOURNAL = libunit.a libjournal.a libwire.a libbase.a $(UNIT_LIBS)
tests_unit_test_record_LDADD = $(UNIT_JOURNAL)
tests_unit_test_arena_LDADD = libprop.a $(UNIT_JOURNAL)

unit_capsafe = tests/unit/test-mountinfo tests/unit/test-fanotify tests/unit/test-capability
check_PROGRAMS += $(unit_capsafe)
TESTS += $(unit_capsafe)
UNIT_CAPSAFE = libunit.a libcapsafe.a libbase.a $(UNIT_LIBS)
tests_unit_test_mountinfo_LDADD = $(UNIT_CAPSAFE)
tests_unit_test_fanotify_LDADD = $(UNIT_CAPSAFE)
tests_unit_test_capability_LDADD = $(UNIT_CAPSAFE)

check_PROGRAMS += tests/unit/test-recorder
TESTS += tests/unit/test-recorder
tests_unit_test_recorder_LDADD = libunit.a libcapture.a libcapsafe.a libcore.a libdirty.a libjournal.a \
	libcapstat.a libwire.a libbase.a $(GLIB_LIBS) $(UNIT_LIBS) -lpthread
unit_core = tests/unit/test-rules
check_PROGRAMS += $(unit_core)
TESTS += $(unit_core)
tests_unit_test_rules_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)

# Runs ./doppel.
check_PROGRAMS += tests/unit/test-journal-show
TESTS += tests/unit/test-journal-show
tests_unit_test_journal_show_LDADD = libprop.a $(UNIT_JOURNAL)

check_PROGRAMS += tests/unit/test-apply
TESTS += tests/unit/test-apply
tests_unit_test_apply_LDADD = libapply.a $(UNIT_JOURNAL)

unit_ctl = tests/unit/test-doc tests/unit/test-quote tests/unit/test-channel
check_PROGRAMS += $(unit_ctl)
TESTS += $(unit_ctl)
UNIT_CTL = libunit.a libctl.a libwire.a libbase.a $(UNIT_LIBS)
tests_unit_test_doc_LDADD = $(UNIT_CTL)
tests_unit_test_quote_LDADD = $(UNIT_CTL)
tests_unit_test_channel_LDADD = $(UNIT_CTL)
check_PROGRAMS += tests/unit/test-capstat tests/unit/test-remote
TESTS += tests/unit/test-capstat tests/unit/test-remote
tests_unit_test_remote_LDADD = libunit.a libcapstat.a libbase.a $(UNIT_LIBS)
tests_unit_test_capstat_LDADD = libunit.a libcapstat.a libbase.a $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-store
TESTS += tests/unit/test-store
tests_unit_test_store_LDADD = libunit.a $(STORE_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-proto
TESTS += tests/unit/test-proto
tests_unit_test_proto_SOURCES = tests/unit/test-proto.c tests/unit/proto-golden.tbl.h
tests_unit_test_proto_LDADD = libmsggen.a libunit.a libproto.a libwire.a libbase.a $(PROTO_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-session-source
TESTS += tests/unit/test-session-source
tests_unit_test_session_source_LDADD = libunit.a libcore.a libproto.a libjournal.a libwire.a libbase.a $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-schedule
TESTS += tests/unit/test-schedule
tests_unit_test_schedule_LDADD = libunit.a libcore.a libconfig.a libbase.a $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-link tests/unit/test-link-remote
TESTS += tests/unit/test-link tests/unit/test-link-remote
tests_unit_test_link_remote_LDADD = libunit.a $(LINK_LIBS) $(PROTO_LIBS) $(UNIT_LIBS)
tests_unit_test_link_LDADD = libtmodel.a libprop.a libunit.a $(LINK_LIBS) $(PROTO_LIBS) $(UNIT_LIBS) -lpthread
check_PROGRAMS += tests/unit/test-set-state tests/unit/test-child
TESTS += tests/unit/test-set-state tests/unit/test-child
tests_unit_test_set_state_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
tests_unit_test_child_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
tests_unit_test_child_LDADD = libunit.a libparent.a libcore.a libctl.a libwire.a libbase.a \
	$(UNIT_LIBS) $(LIBQB_LIBS)

check_PROGRAMS += tests/unit/test-command tests/unit/test-server
TESTS += tests/unit/test-command tests/unit/test-server
tests_unit_test_command_LDADD = libunit.a libctl.a libwire.a libbase.a $(UNIT_LIBS)
tests_unit_test_server_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
tests_unit_test_server_LDADD = libunit.a libdctl.a libclient.a libctl.a libwire.a libbase.a \
	$(UNIT_LIBS) $(LIBQB_LIBS)

unit_capture = tests/unit/test-request tests/unit/test-border
check_PROGRAMS += $(unit_capture)
TESTS += $(unit_capture)
UNIT_CAPTURE = libunit.a libcapture.a libcapsafe.a libcore.a libjournal.a libwire.a libbase.a \
	$(GLIB_LIBS) $(UNIT_LIBS) -lpthread
tests_unit_test_request_LDADD = $(UNIT_CAPTURE)
tests_unit_test_border_LDADD = $(UNIT_CAPTURE)
check_PROGRAMS += tests/unit/test-session-target
TESTS += tests/unit/test-session-target
tests_unit_test_session_target_LDADD = libunit.a libcore.a libproto.a libjournal.a libwire.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-guard
TESTS += tests/unit/test-guard
tests_unit_test_guard_LDADD = libapply.a libcore.a libproto.a $(UNIT_JOURNAL)
check_PROGRAMS += tests/unit/test-tls
TESTS += tests/unit/test-tls
tests_unit_test_tls_LDADD = libunit.a libtls.a libctl.a libwire.a libbase.a $(TLS_LIBS) $(UNIT_LIBS)
# Runs ./doppel.
check_PROGRAMS += tests/unit/test-pages
TESTS += tests/unit/test-pages tests/unit/test-completion.sh
dist_noinst_SCRIPTS += tests/unit/test-completion.sh
tests_unit_test_pages_LDADD = libunit.a libcore.a libconfig.a libctl.a libwire.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-capture-dirty
TESTS += tests/unit/test-capture-dirty
tests_unit_test_capture_dirty_LDADD = libunit.a libcapture.a libcapsafe.a libcore.a libdirty.a libjournal.a libcapstat.a \
	libwire.a libbase.a $(GLIB_LIBS) $(UNIT_LIBS) -lpthread
check_PROGRAMS += tests/unit/test-capture-remote
TESTS += tests/unit/test-capture-remote
tests_unit_test_capture_remote_LDADD = libunit.a libcapture.a libcapsafe.a libcore.a libdirty.a libjournal.a libcapstat.a \
	libwire.a libbase.a $(GLIB_LIBS) $(UNIT_LIBS) -lpthread
check_PROGRAMS += tests/unit/test-renew
TESTS += tests/unit/test-renew
tests_unit_test_renew_LDADD = libunit.a libcapture.a libcapsafe.a libcore.a libdirty.a libjournal.a libcapstat.a \
	libwire.a libbase.a $(GLIB_LIBS) $(UNIT_LIBS) -lpthread
check_PROGRAMS += tests/unit/test-gate tests/unit/test-confine
TESTS += tests/unit/test-gate tests/unit/test-confine
tests_unit_test_gate_LDADD = libunit.a $(PRIV_LIBS) $(UNIT_LIBS)
tests_unit_test_confine_LDADD = libunit.a $(PRIV_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-expiry
TESTS += tests/unit/test-expiry
tests_unit_test_expiry_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-confine-engine
TESTS += tests/unit/test-confine-engine
tests_unit_test_confine_engine_LDADD = libunit.a libconfine.a libbase.a $(LIBSECCOMP_LIBS) $(UNIT_LIBS) -lpthread

check_PROGRAMS += tests/unit/test-role tests/unit/test-claim tests/unit/test-owner
TESTS += tests/unit/test-role tests/unit/test-claim tests/unit/test-owner
tests_unit_test_role_LDADD = libunit.a libclient.a libctl.a libwire.a libbase.a $(UNIT_LIBS) $(LIBQB_LIBS)
tests_unit_test_claim_LDADD = libunit.a libclient.a libctl.a libwire.a libbase.a $(UNIT_LIBS) $(LIBQB_LIBS)
check_PROGRAMS += tests/unit/test-detached
TESTS += tests/unit/test-detached
tests_unit_test_detached_LDADD = libunit.a libcapstat.a libbase.a $(UNIT_LIBS)
tests_unit_test_owner_LDADD = libunit.a libcapstat.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-settings
TESTS += tests/unit/test-settings
tests_unit_test_settings_LDADD = libunit.a libparent.a libcore.a libconfig.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-group
TESTS += tests/unit/test-group
tests_unit_test_group_LDADD = libunit.a $(STORE_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-book
TESTS += tests/unit/test-book
tests_unit_test_book_LDADD = libunit.a $(STORE_LIBS) $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-role-order
TESTS += tests/unit/test-role-order
tests_unit_test_role_order_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-service-order
TESTS += tests/unit/test-service-order
tests_unit_test_service_order_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-procedure
TESTS += tests/unit/test-procedure
tests_unit_test_procedure_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-pacemaker
TESTS += tests/unit/test-pacemaker
tests_unit_test_pacemaker_LDADD = libunit.a $(PACEMAKER_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/test-mirror-kept tests/unit/test-kept-list
TESTS += tests/unit/test-mirror-kept tests/unit/test-kept-list
tests_unit_test_kept_list_LDADD = libapply.a libcore.a libproto.a $(PROTO_LIBS) $(UNIT_JOURNAL)
tests_unit_test_mirror_kept_LDADD = libapply.a libcore.a libproto.a $(PROTO_LIBS) $(UNIT_JOURNAL)
check_PROGRAMS += tests/unit/test-meeting tests/unit/test-rival tests/unit/test-visits
TESTS += tests/unit/test-meeting tests/unit/test-rival tests/unit/test-visits
tests_unit_test_rival_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
tests_unit_test_visits_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
tests_unit_test_meeting_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-set-role tests/unit/test-set-become tests/unit/test-group-look
TESTS += tests/unit/test-set-role tests/unit/test-set-become tests/unit/test-group-look
tests_unit_test_set_role_LDADD = libunit.a libcore.a libbase.a $(UNIT_LIBS)
tests_unit_test_set_become_LDADD = libunit.a libparent.a libcore.a libctl.a libwire.a libbase.a $(UNIT_LIBS)
tests_unit_test_group_look_LDADD = libunit.a libparent.a libcore.a libctl.a libwire.a libbase.a $(UNIT_LIBS)
check_PROGRAMS += tests/unit/test-replica-life
TESTS += tests/unit/test-replica-life
tests_unit_test_replica_life_LDADD = libapply.a libcore.a libproto.a $(PROTO_LIBS) $(UNIT_JOURNAL)
check_PROGRAMS += tests/unit/test-procedure-record tests/unit/test-confirm
TESTS += tests/unit/test-procedure-record tests/unit/test-confirm
UNIT_TWO_NODES = -Wl,--wrap=dpl_request_alive -Wl,--wrap=dpl_request_done -Wl,--wrap=dpl_request_fail \
	-Wl,--wrap=dpl_talk_ask
tests_unit_test_procedure_record_SOURCES = tests/unit/test-procedure-record.c tests/unit/two-nodes.h
tests_unit_test_procedure_record_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
tests_unit_test_procedure_record_LDFLAGS = $(AM_LDFLAGS) $(UNIT_TWO_NODES)
tests_unit_test_confirm_SOURCES = tests/unit/test-confirm.c tests/unit/two-nodes.h
tests_unit_test_confirm_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
tests_unit_test_confirm_LDFLAGS = $(AM_LDFLAGS) $(UNIT_TWO_NODES)
UNIT_PARENT = libunit.a libparent.a libpriv.a libdctl.a $(STORE_LIBS) libclient.a libcore.a libctl.a libcapstat.a \
	libjournal.a libconfig.a libtls.a libwire.a libbase.a $(UNIT_LIBS) $(LIBQB_LIBS) $(TLS_LIBS)
tests_unit_test_procedure_record_LDADD = $(UNIT_PARENT)
tests_unit_test_confirm_LDADD = $(UNIT_PARENT)
check_PROGRAMS += tests/unit/test-advice
TESTS += tests/unit/test-advice
tests_unit_test_advice_CPPFLAGS = $(AM_CPPFLAGS) $(LIBQB_CFLAGS)
tests_unit_test_advice_LDADD = $(UNIT_PARENT)
