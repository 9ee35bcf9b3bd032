/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/service/command.h"
#include "lib/service/holder.h"
#include "lib/service/kind.h"
#include "lib/service/probe.h"
#include "lib/service/unit.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char postfix_settings[] = "postconf: warning: x\nqueue_directory = /srv/spool\n"
                                       "inet_interfaces = %s\ninet_protocols = %s\n"
                                       "maillog_file = /srv/log\n";

/* The first point of Postfix for these. */
static const char *point(const char *interfaces, const char *protocols, const char *services)
{
    static char found[DPL_FACTS_POINT];
    struct dpl_service_learnt learnt;
    g_autofree char *settings = g_strdup_printf(postfix_settings, interfaces, protocols);
    dpl_service_learnt_init(&learnt);
    dpl_service_postfix_parse(settings, services, &learnt);
    CU_ASSERT_STRING_EQUAL(learnt.facts.data, "/srv/spool");
    CU_ASSERT_STRING_EQUAL(learnt.facts.pid_file, "/srv/spool/pid/master.pid");
    CU_ASSERT_EQUAL(learnt.warnings->len, 0);
    g_strlcpy(found, learnt.facts.point_count ? learnt.facts.points[0] : "", sizeof found);
    dpl_service_learnt_done(&learnt);
    return found;
}

static void postfix_is_probed_at_its_first_smtpd_without_implicit_tls(void)
{
    static const char smtp[] = "smtp inet n - n - - smtpd\n";
    static const char several[] =
        "465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
        "pickup unix n - n 60 1 pickup\n"
        "192.0.2.9:submission inet n - n - - smtpd\nsmtp inet n - n - - smtpd\n";
    CU_ASSERT_STRING_EQUAL(point("all", "all", smtp), "smtp:127.0.0.1:25");
    CU_ASSERT_STRING_EQUAL(point("all", "ipv6", smtp), "smtp:[::1]:25");
    CU_ASSERT_STRING_EQUAL(point("loopback-only", "ipv4", smtp), "smtp:127.0.0.1:25");
    CU_ASSERT_STRING_EQUAL(point("mail.example.org, 192.0.2.5", "all", smtp), "smtp:192.0.2.5:25");
    CU_ASSERT_STRING_EQUAL(point("all", "all", several), "smtp:192.0.2.9:587");
    CU_ASSERT_STRING_EQUAL(point("all", "all", "[::1]:26 inet n - n - - smtpd\n"), "smtp:[::1]:26");
    CU_ASSERT_STRING_EQUAL(point("all", "all", "smtp inet n - n - 1 postscreen\n"),
                           "postscreen:127.0.0.1:25");
    CU_ASSERT_STRING_EQUAL(point("all", "all", "pickup unix n - n 60 1 pickup\n"), "");
}

static void make_dir(const char *base, const char *name)
{
    g_autofree char *path = g_build_filename(base, name, NULL);
    CU_ASSERT_EQUAL(g_mkdir_with_parents(path, 0755), 0);
}

static bool is_direct(const char *base, const char *services)
{
    g_autofree char *settings = g_strdup_printf(
        "queue_directory = %s/queue\ndata_directory = %s/data\ncommand_directory = %s\n"
        "daemon_directory = %s\nmeta_directory = %s\nshlib_directory = no\nmaillog_file = /l\n",
        base, base, base, base, base);
    g_autofree char *program = dpl_service_postfix_direct(settings, services);
    return program != NULL;
}

static void postfix_starts_at_once_where_nothing_is_missing(void)
{
    static const char files[] =
        "# comment:d:c\n$data_directory:d:$mail_owner:-:700:uc\n"
        "$queue_directory/active:d:$mail_owner:-:700:ucr\n"
        "$config_directory:d:root:-:755:u\n$command_directory/x:f:a:b:c:u\n";
    static const char postlog[] =
        "smtp inet n - n - - smtpd\npostlog   unix-dgram n - n - 1 postlogd\n";
    const char *base = unit_tempdir();
    g_autofree char *list = g_build_filename(base, "postfix-files", NULL);
    g_autofree char *more = g_build_filename(base, "postfix-files.d", "more", NULL);
    g_autofree char *master = g_build_filename(base, "master", NULL);
    g_autofree char *active = g_build_filename(base, "queue/active", NULL);
    make_dir(base, "data");
    make_dir(base, "postfix-files.d");
    make_dir(base, "queue/active");
    CU_ASSERT(g_file_set_contents(master, "", -1, NULL) && chmod(master, 0755) == 0);
    CU_ASSERT_FALSE(is_direct(base, postlog)); /* no list: another Postfix than is known */
    CU_ASSERT(g_file_set_contents(list, files, -1, NULL));
    CU_ASSERT_TRUE(is_direct(base, postlog));
    CU_ASSERT_FALSE(is_direct(base, "postlog unix n - n - 1 postlogd\n"));
    CU_ASSERT_EQUAL(rmdir(active), 0);
    CU_ASSERT_FALSE(is_direct(base, postlog));
    make_dir(base, "queue/active");
    CU_ASSERT(g_file_set_contents(more, "$queue_directory/own:d:$mail_owner:-:700:uc\n", -1, NULL));
    CU_ASSERT_FALSE(is_direct(base, postlog));
    CU_ASSERT(g_file_set_contents(more, "$other_directory/own:d:$mail_owner:-:700:uc\n", -1, NULL));
    CU_ASSERT_FALSE(is_direct(base, postlog));
    CU_ASSERT_EQUAL(unlink(more) + unlink(master), 0);
    CU_ASSERT_FALSE(is_direct(base, postlog));
}

static void dovecot_is_probed_where_it_listens_without_tls(void)
{
    struct dpl_service_learnt learnt;
    dpl_service_learnt_init(&learnt);
    dpl_service_dovecot_parse(
        "base_dir=/run/d\nstate_dir=/srv/d\nprotocols= imap lmtp\nlisten=192.0.2.1, ::\nssl=yes\n"
        "service/imap-login/protocol=imap\n"
        "service/imap-login/inet_listener/imap/port=143\n"
        "service/imap-login/inet_listener/imaps/port=993\n"
        "service/imap-login/inet_listener/imaps/ssl=yes\n"
        "service/lmtp/protocol=lmtp\n"
        "service/lmtp/unix_listener/lmtp/path=lmtp\n"
        "service/lmtp/unix_listener/\\ssrv\\sp\\sx/path=/srv/p/private/x\n"
        "service/pop3-login/protocol=pop3\n"
        "service/pop3-login/inet_listener/pop3/port=110\n",
        &learnt);
    CU_ASSERT_EQUAL(learnt.facts.point_count, 2);
    CU_ASSERT_STRING_EQUAL(learnt.facts.points[0], "imap:192.0.2.1:143");
    CU_ASSERT(g_str_has_prefix(learnt.facts.points[1], "lmtp:/"));
    CU_ASSERT_STRING_EQUAL(learnt.facts.pid_file, "/run/d/master.pid");
    CU_ASSERT_STRING_EQUAL(learnt.facts.data, "/srv/d");
    CU_ASSERT_EQUAL(learnt.listens->len, 4); /* 143 and 993 on both; 110 is switched off */
    CU_ASSERT_EQUAL(learnt.socket_dirs->len, 1);
    CU_ASSERT_STRING_EQUAL(learnt.socket_dirs->pdata[0], "/srv/p/private");
    CU_ASSERT_EQUAL(learnt.warnings->len, 0);
    dpl_service_learnt_done(&learnt);
}

static void a_dovecot_whose_locks_name_the_node_is_warned_of(void)
{
    static const struct {
        const char *imported;
        unsigned warnings;
    } rows[] = {{"", 0},
                {"import_environment=TZ CORE_ERROR\n", 1},
                {"import_environment=TZ XDOVECOT_HOSTNAME=m\n", 1},
                {"import_environment=TZ DOVECOT_HOSTNAME=m\n", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct dpl_service_learnt learnt;
        dpl_service_learnt_init(&learnt);
        dpl_service_dovecot_parse(rows[i].imported, &learnt);
        CU_ASSERT_EQUAL(learnt.warnings->len, rows[i].warnings);
        dpl_service_learnt_done(&learnt);
    }
}

static void addresses_are_numbers_with_a_port_or_paths(void)
{
    static const char *const bad[] = {
        "",         "mail.example.org:25", "192.0.2.1", "192.0.2.1:0", "[::1]",          "[::1]25",
        "1.2.3:25", "192.0.2.1:x",         "[::1:25",   "/",           "192.0.2.1:65536"};
    static const char *const good[][2] = {
        {"192.0.2.1:25", "192.0.2.1:25"}, {"[2001:db8::1]:smtp", "[2001:db8::1]:25"},
        {"*:imap", "127.0.0.1:143"},      {"localhost:lmtp", "127.0.0.1:24"},
        {"[::]:25", "[::1]:25"},          {"/run/x", "/run/x"}};
    struct dpl_address address;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        CU_ASSERT_FALSE(dpl_address_parse(bad[i], 0, &address));
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        CU_ASSERT_TRUE(dpl_address_parse(good[i][0], 0, &address));
        CU_ASSERT_STRING_EQUAL(address.text, good[i][1]);
    }
    CU_ASSERT_TRUE(dpl_address_parse("::1", 143, &address));
    CU_ASSERT_STRING_EQUAL(address.text, "[::1]:143");
    CU_ASSERT_PTR_EQUAL(dpl_probe_parse("lmtp:/run/x", "imap", &address),
                        dpl_probe_find("lmtp", 4));
    CU_ASSERT_PTR_EQUAL(dpl_probe_parse("/run/x", "imap", &address), dpl_probe_find("imap", 4));
    CU_ASSERT_PTR_NULL(dpl_probe_parse("nonsense:192.0.2.1", NULL, &address));
    CU_ASSERT_PTR_NULL(dpl_probe_parse("/run/x", NULL, &address));
}

static void the_page_of_the_probe_has_its_protocols(void)
{
    const char *srcdir = getenv("srcdir");
    g_autofree char *path = g_build_filename(srcdir ? srcdir : ".", "doc/doppel-probe.8", NULL);
    g_autofree char *page = NULL;
    const struct dpl_probe_row *row;
    CU_ASSERT_TRUE_FATAL(g_file_get_contents(path, &page, NULL, NULL));
    for (size_t i = 0; (row = dpl_probe_at(i)) != NULL; i++) {
        g_autofree char *port = row->port ? g_strdup_printf("%u", row->port) : g_strdup("none");
        g_autofree char *line = g_strdup_printf("\n.It %s Ta %s Ta ", row->protocol, port);
        CU_ASSERT_PTR_NOT_NULL(strstr(page, line));
    }
}

static void a_process_is_read_by_its_last_parenthesis(void)
{
    struct dpl_proc proc;
    CU_ASSERT_TRUE(
        dpl_proc_parse("12 (a ) b) S 7 12 11 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1", &proc));
    CU_ASSERT_EQUAL(proc.pid, 12);
    CU_ASSERT_EQUAL(proc.parent, 7);
    CU_ASSERT_EQUAL(proc.session, 11);
    CU_ASSERT_EQUAL(proc.start, 4711);
    CU_ASSERT_STRING_EQUAL(proc.name, "a ) b");
    CU_ASSERT_FALSE(dpl_proc_parse("12 (a) S 7 12", &proc));
    CU_ASSERT_FALSE(dpl_proc_parse("", &proc));
    CU_ASSERT_TRUE(dpl_proc_read(getpid(), &proc));
    CU_ASSERT_TRUE(dpl_proc_runs(getpid(), proc.start));
    CU_ASSERT_FALSE(dpl_proc_runs(getpid(), proc.start + 1));
    CU_ASSERT_TRUE(dpl_proc_is_near(getpid()));
}

static void a_pid_file_holds_one_number(void)
{
    CU_ASSERT_EQUAL(dpl_proc_parse_pid_file(" 123\n"), 123);
    CU_ASSERT_EQUAL(dpl_proc_parse_pid_file("123"), 123);
    CU_ASSERT_EQUAL(dpl_proc_parse_pid_file("123x"), 0);
    CU_ASSERT_EQUAL(dpl_proc_parse_pid_file("-1"), 0);
    CU_ASSERT_EQUAL(dpl_proc_parse_pid_file(""), 0);
    CU_ASSERT_EQUAL(dpl_proc_parse_pid_file("99999999999999999999"), 0);
}

static bool argument(const char *bytes, size_t size)
{
    return dpl_proc_argument_in(bytes, size, "/etc/x");
}

static void a_configuration_is_found_in_arguments_and_not_in_parts_of_them(void)
{
#define HAS(text) argument(text, sizeof text)
    CU_ASSERT_TRUE(HAS("dovecot\0-c\0/etc/x"));
    CU_ASSERT_TRUE(HAS("dovecot\0-c/etc/x"));
    CU_ASSERT_TRUE(HAS("mariadbd\0--defaults-file=/etc/x"));
    CU_ASSERT_TRUE(HAS("nginx: master process nginx -c /etc/x -g a"));
    CU_ASSERT_FALSE(HAS("dovecot\0-c\0/etc/xy"));
    CU_ASSERT_FALSE(HAS("dovecot\0-c\0/srv/etc/x"));
    CU_ASSERT_FALSE(HAS("dovecot\0-c\0/etc/x/y"));
    CU_ASSERT_FALSE(HAS(""));
}

static void a_listening_socket_is_found_by_its_port(void)
{
    static const char line[] = "   0: 0A0200C0:0019 00000000:0000 0A 00000000:00000003 00:00000000 "
                               "00000000     0        0 4711 1 0000000000000000 100 0 0 10 0\n";
    unsigned backlog = 0;
    CU_ASSERT_EQUAL(dpl_holder_parse(line, 25, &backlog), 4711);
    CU_ASSERT_EQUAL(backlog, 3);
    CU_ASSERT_EQUAL(dpl_holder_parse(line, 26, &backlog), 0);
    CU_ASSERT_EQUAL(dpl_holder_parse("  sl  local_address rem_address", 25, &backlog), 0);
}

static void of_an_output_the_first_fatal_line_is_told(void)
{
    char line[32];
    dpl_command_telling_line("a warning\nx: Fatal: this\x01\nfatal: failed\n\n", line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "x: Fatal: this?");
    dpl_command_telling_line("one\ntwo\n", line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "two");
    dpl_command_telling_line("", line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "");
}

static void a_unit_is_down_when_inactive_or_failed_without_a_process(void)
{
    struct dpl_unit unit;
    dpl_unit_parse("LoadState=loaded\nActiveState=active\nMainPID=12\n", &unit);
    CU_ASSERT_STRING_EQUAL(unit.loaded, "loaded");
    CU_ASSERT_EQUAL(unit.pid, 12);
    CU_ASSERT_FALSE(dpl_unit_is_down(&unit));
    dpl_unit_parse("ActiveState=failed\nMainPID=12\n", &unit);
    CU_ASSERT_FALSE(dpl_unit_is_down(&unit));
    dpl_unit_parse("ActiveState=failed\nMainPID=0\n", &unit);
    CU_ASSERT_TRUE(dpl_unit_is_down(&unit));
    dpl_unit_parse("ActiveState=deactivating\nMainPID=0\n", &unit);
    CU_ASSERT_FALSE(dpl_unit_is_down(&unit));
}

static void every_kind_is_whole(void)
{
    for (size_t i = 0; i < dpl_service_kind_count; i++) {
        const struct dpl_service_kind *kind = &dpl_service_kinds[i];
        CU_ASSERT_PTR_EQUAL(dpl_service_kind_find(kind->name), kind);
        CU_ASSERT_EQUAL(kind->binary[0], '/');
        CU_ASSERT_PTR_NOT_NULL(dpl_probe_find(kind->protocol, strlen(kind->protocol)));
        struct dpl_address address;
        CU_ASSERT(!kind->point || dpl_probe_parse(kind->point, "", &address));
        if (kind->config == DPL_SERVICE_CONFIG_NONE)
            continue;
        CU_ASSERT(kind->stop_signal > 0);
        g_auto(GStrv) argv = NULL;
        const struct dpl_service service = {
            .kind = kind, .config = "/etc/x", .binary = kind->binary};
        CU_ASSERT_EQUAL(
            dpl_service_argv(&service, kind->binary, kind->arguments, "-v 'a b'", &argv, NULL), 0);
        CU_ASSERT_TRUE(g_strv_contains((const char *const *)(void *)argv, "a b"));
        g_autofree char *line = g_strjoinv(" ", argv);
        CU_ASSERT_PTR_NOT_NULL(strstr(line, "/etc/x"));
        CU_ASSERT_PTR_NULL(strstr(line, "%c"));
    }
}

static const struct unit_test tests[] = {
    {"Postfix is probed at its first smtpd without implicit TLS",
     postfix_is_probed_at_its_first_smtpd_without_implicit_tls},
    {"Postfix starts at once where nothing is missing",
     postfix_starts_at_once_where_nothing_is_missing},
    {"Dovecot is probed where it listens without TLS",
     dovecot_is_probed_where_it_listens_without_tls},
    {"a Dovecot whose locks name the node is warned of",
     a_dovecot_whose_locks_name_the_node_is_warned_of},
    {"addresses are numbers with a port, or paths", addresses_are_numbers_with_a_port_or_paths},
    {"the page of the probe has its protocols", the_page_of_the_probe_has_its_protocols},
    {"a process is read by its last parenthesis", a_process_is_read_by_its_last_parenthesis},
    {"a pid file holds one number", a_pid_file_holds_one_number},
    {"a configuration is found in arguments, and not in parts of them",
     a_configuration_is_found_in_arguments_and_not_in_parts_of_them},
    {"a listening socket is found by its port", a_listening_socket_is_found_by_its_port},
    {"of an output the first fatal line is told", of_an_output_the_first_fatal_line_is_told},
    {"a unit is down when it is inactive or failed, and without a process",
     a_unit_is_down_when_inactive_or_failed_without_a_process},
    {"every kind is whole", every_kind_is_whole},
};
UNIT_MAIN(tests)
