/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/config/site_conf.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct dpl_conf *parse(const char *text, struct dpl_err *err)
{
    struct dpl_conf *conf = NULL;
    int rc = dpl_conf_parse("x.conf", text, strlen(text), &dpl_site_conf, &conf, err);
    CU_ASSERT((rc == 0) == (conf != NULL));
    return conf;
}

static void defaults_hold_where_nothing_is_said(void)
{
    g_autoptr(dpl_conf_auto) conf = parse("", NULL);
    CU_ASSERT_FATAL(conf != NULL);
    CU_ASSERT_PTR_NULL(dpl_conf_text(conf, "site", "name"));
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "daemon", "port"), 6650);
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "journal", "max_size"), 20LL << 30);
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "journal", "min_free"), 10);
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "monitor", "interval"), 5000);
    CU_ASSERT_STRING_EQUAL(dpl_conf_origin(conf, "daemon", "port"), "default");
    CU_ASSERT_PTR_NULL(dpl_conf_list(conf, "target", "root")[0]);
}

static void values_and_their_origin_are_read(void)
{
    g_autoptr(dpl_conf_auto) conf =
        parse("# a comment\n\n[site]\nname = site-a\n[daemon]\nport=7000\n"
              "listen=192.0.2.1\n[target]\nroot=/srv/a\nroot=/srv/b\n",
              NULL);
    CU_ASSERT_FATAL(conf != NULL);
    CU_ASSERT_STRING_EQUAL(dpl_conf_text(conf, "site", "name"), "site-a");
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "daemon", "port"), 7000);
    CU_ASSERT_STRING_EQUAL(dpl_conf_origin(conf, "daemon", "port"), "x.conf:6");
    const char *const *roots = dpl_conf_list(conf, "target", "root");
    CU_ASSERT_STRING_EQUAL(roots[0], "/srv/a");
    CU_ASSERT_STRING_EQUAL(roots[1], "/srv/b");
    CU_ASSERT_PTR_NULL(roots[2]);
}

static void keys_without_a_row_are_kept_where_a_group_has_them(void)
{
    g_autoptr(dpl_conf_auto) conf = parse("[service b]\nset=mail\nip = 192.0.2.1\n*=x\n"
                                          "[service a]\nmac=a=b\n",
                                          NULL);
    CU_ASSERT_FATAL(conf != NULL);
    g_autofree const char **groups = dpl_conf_groups(conf, "service *");
    CU_ASSERT_STRING_EQUAL(groups[0], "service b");
    CU_ASSERT_STRING_EQUAL(groups[1], "service a");
    CU_ASSERT_STRING_EQUAL(dpl_conf_text(conf, "service b", "set"), "mail");
    const char *const *others = dpl_conf_list(conf, "service b", DPL_CONF_ANY);
    CU_ASSERT_STRING_EQUAL(others[0], "ip=192.0.2.1");
    CU_ASSERT_STRING_EQUAL(others[1], "*=x");
    CU_ASSERT_PTR_NULL(others[2]);
    CU_ASSERT_STRING_EQUAL(dpl_conf_text(conf, "service a", DPL_CONF_ANY), "mac=a=b");
}

/* Each wrong line, and what the message must hold. */
static void errors_name_file_line_and_key(void)
{
    static const char *const rows[][2] = {
        {"[site]\nname=a b\n", "x.conf:2: name: \"a b\""},
        {"[site]\nname=\n", "x.conf:2: name: "},
        {"[site]\nnmae=a\n", "x.conf:2: no key \"nmae\" in [site] (there are: name)"},
        {"\n[sites]\n", "x.conf:2: no group \"sites\" (there are: site, daemon,"},
        {"[set a b]\n", "x.conf:1: no group \"set a b\""},
        {"[set ]\n", "x.conf:1: no group \"set \""},
        {"[set x]\ntargets=1\n", "x.conf:2: no key \"targets\" in [set x] (there are: target,"},
        {"port=1\n", "x.conf:1: \"port\" stands before the first [group]"},
        {"[daemon]\nport\n", "x.conf:2: \"port\" is neither"},
        {"[daemon\n", "x.conf:1: \"[daemon\" is not a [group]"},
        {"[daemon]\nport=0\n", "x.conf:2: port: 0 is not from 1 to 65535"},
        {"[daemon]\nport=http\n", "x.conf:2: port: \"http\" is not a whole number"},
        {"[daemon]\nstate_dir=var\n", "x.conf:2: state_dir: \"var\" is not an absolute path"},
        {"[daemon]\nstate_dir=/var/../x\n", "x.conf:2: state_dir: "},
        {"[daemon]\nlog_level=loud\n", "log_level: \"loud\" is none of error|warning|"},
        {"[daemon]\nlog_level=warn\n", "log_level: \"warn\" is none of"},
        {"[daemon]\nmetrics=::1:9650\n", "metrics: \"::1:9650\" is not ADDRESS:PORT"},
        {"[daemon]\nmetrics=[::1]:0\n", "metrics: "},
        {"[journal]\nmax_size=1K\n", "max_size: \"1K\" is not from "},
        {"[journal]\nmin_free=10\n", "min_free: \"10\" is not a share"},
        {"[monitor]\ninterval=5 minutes\n", "interval: \"5 minutes\" is not a duration"},
        {"[monitor]\ninterval=1ms\n", "interval: \"1ms\" is not from 100 ms"},
        {"[set x]\ndurability_timeout=61min\n",
         "x.conf:2: durability_timeout: \"61min\" is not from"},
        {"[site]\nname=\\q\n", "x.conf:2: name: "},
        {"[site]\nname=\xff\xfe\n", "x.conf:2: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dpl_err err = {0};
        CU_ASSERT_PTR_NULL(parse(rows[i][0], &err));
        CU_ASSERT_EQUAL(err.code, DPL_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i][1]));
        if (!strstr(err.text, rows[i][1]))
            printf("want: %s\n got: %s\n", rows[i][1], err.text);
    }
}

static void zero_bytes_are_refused(void)
{
    struct dpl_conf *conf = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_conf_parse("x.conf", "[site]\0", 7, &dpl_site_conf, &conf, &err),
                    DPL_E_CONFIG);
    CU_ASSERT_PTR_NULL(conf);
}

static void endpoints_are_read(void)
{
    static const char *const good[] = {"127.0.0.1:9650", "[::1]:9650", "off"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        g_autofree char *text = g_strdup_printf("[daemon]\nmetrics=%s\n", good[i]);
        g_autoptr(dpl_conf_auto) conf = parse(text, NULL);
        CU_ASSERT_FATAL(conf != NULL);
        CU_ASSERT_STRING_EQUAL(dpl_conf_text(conf, "daemon", "metrics"), good[i]);
    }
}

static void put(const char *path, const char *text)
{
    CU_ASSERT_FATAL(g_file_set_contents(path, text, -1, NULL));
}

static void dropins_replace_in_order(void)
{
    g_autofree char *main_file = g_build_filename(unit_tempdir(), "doppel.conf", NULL);
    g_autofree char *dir = g_strconcat(main_file, ".d", NULL);
    put(main_file, "[daemon]\nport=1\n[target]\nroot=/a\n");
    struct dpl_conf *conf = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_conf_load(main_file, &dpl_site_conf, &conf, &err), 0);
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "daemon", "port"), 1);
    dpl_conf_free(g_steal_pointer(&conf));

    CU_ASSERT_EQUAL(mkdir(dir, 0755), 0);
    static const char *const files[][2] = {
        {"20-b.conf", "[daemon]\nport=3\n"},
        {"10-a.conf", "[daemon]\nport=2\n[target]\nroot=/b\nroot=/c\n"},
        {"30-c.conf~", "[nonsense]\n"},
        {".hidden.conf", "[nonsense]\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        g_autofree char *path = g_build_filename(dir, files[i][0], NULL);
        put(path, files[i][1]);
    }
    CU_ASSERT_EQUAL_FATAL(dpl_conf_load(main_file, &dpl_site_conf, &conf, &err), 0);
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "daemon", "port"), 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(dpl_conf_origin(conf, "daemon", "port"), "20-b.conf:2"));
    CU_ASSERT_STRING_EQUAL(dpl_conf_list(conf, "target", "root")[0], "/b");
    CU_ASSERT_STRING_EQUAL(dpl_conf_list(conf, "target", "root")[1], "/c");
    dpl_conf_free(g_steal_pointer(&conf));

    g_autofree char *bad = g_build_filename(dir, "40-d.conf", NULL);
    put(bad, "[daemon]\n\nport=none\n");
    CU_ASSERT_EQUAL(dpl_conf_load(main_file, &dpl_site_conf, &conf, &err), DPL_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "40-d.conf:3: port: "));
}

static void missing_file_is_said_by_name(void)
{
    struct dpl_conf *conf = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_conf_load("/nowhere/doppel.conf", &dpl_site_conf, &conf, &err),
                    DPL_E_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere/doppel.conf"));
}

static void groups_of_sets(void)
{
    g_autoptr(dpl_conf_auto) conf =
        parse("[set mail]\ntarget=site-b\n[set News-2]\n[site]\nname=a\n[set mail]\n"
              "compression=3\n",
              NULL);
    CU_ASSERT_FATAL(conf != NULL);
    g_autofree const char **sets = dpl_conf_groups(conf, "set *");
    CU_ASSERT_STRING_EQUAL(sets[0], "set mail");
    CU_ASSERT_STRING_EQUAL(sets[1], "set News-2");
    CU_ASSERT_PTR_NULL(sets[2]);
    CU_ASSERT_STRING_EQUAL(dpl_conf_text(conf, "set mail", "target"), "site-b");
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "set mail", "compression"), 3);
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "set mail", "durability_timeout"), 5000);
    CU_ASSERT_PTR_NULL(dpl_conf_text(conf, "set News-2", "target"));
    CU_ASSERT_EQUAL(dpl_conf_value(conf, "set News-2", "compression"), 0);
    CU_ASSERT_STRING_EQUAL(dpl_conf_origin(conf, "set mail", "target"), "x.conf:2");
}

static const struct unit_test tests[] = {
    {"each set has a group of its own", groups_of_sets},
    {"defaults hold where nothing is said", defaults_hold_where_nothing_is_said},
    {"keys without a row are kept where a group has them",
     keys_without_a_row_are_kept_where_a_group_has_them},
    {"values and their origin are read", values_and_their_origin_are_read},
    {"errors name file, line and key", errors_name_file_line_and_key},
    {"zero bytes are refused", zero_bytes_are_refused},
    {"endpoints are read", endpoints_are_read},
    {"drop-ins replace, in order", dropins_replace_in_order},
    {"a missing file is said by name", missing_file_is_said_by_name},
};
UNIT_MAIN(tests)
