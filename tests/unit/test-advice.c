/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/advice.h"
#include "daemon/parent/failover.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/restore.h"
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

static struct dpl_daemon here;
static struct dpl_set set;

static void begin(const char *role, enum dpl_set_state state)
{
    static unsigned tests;
    g_autofree char *path = g_build_filename(unit_tempdir(), "doppel.conf", NULL);
    g_autofree char *dir = g_strdup_printf("%s/%u", unit_tempdir(), ++tests);
    static const char text[] = "[site]\nname=site-b\n[daemon]\ncluster=no\n";
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL_FATAL(dpl_fd_write_all(fd, text, strlen(text), NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_settings_load(&here.settings, NULL, path, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_store_open(dir, here.settings.node, &here.store, NULL), 0);
    dpl_store_start_alone(here.store);
    here.sets = g_ptr_array_new();
    here.runs = g_ptr_array_new();
    set = (struct dpl_set){.daemon = &here, .name = g_strdup("mail"), .state = state};
    set.doc = dpl_doc_new();
    dpl_doc_set_text(set.doc, "role", role);
    dpl_doc_set_text(set.doc, "from", "site-a");
    dpl_doc_set_text(set.doc, "procedure", "p");
    dpl_store_put(here.store, "set", "mail", NULL, set.doc, NULL, NULL);
    g_ptr_array_add(here.sets, &set);
}

static void end(void)
{
    dpl_store_close(here.store);
    g_ptr_array_unref(here.sets);
    g_ptr_array_unref(here.runs);
    dpl_settings_clear(&here.settings);
    g_free(set.name);
    dpl_doc_free(set.doc);
    memset(&here, 0, sizeof here);
}

/* The set's open procedure, of which so many steps are done. */
static void procedure(const struct dpl_run_kind *kind, size_t done, enum dpl_procedure_state state)
{
    g_autoptr(dpl_doc_auto) doc = dpl_procedure_doc(kind, "mail", 2, NULL);
    struct dpl_procedure machine;
    CU_ASSERT_EQUAL_FATAL(dpl_procedure_read(doc, kind, &machine, NULL), 0);
    machine.state = state;
    for (size_t i = 0; i < done; i++)
        machine.steps[i] = DPL_STEP_DONE;
    dpl_procedure_write(&machine, doc);
    dpl_doc_set_text(doc, "node", here.settings.node);
    dpl_store_put(here.store, "procedure", "p", NULL, doc, NULL, NULL);
}

/* This node runs it. */
static void runs(struct dpl_run *run)
{
    *run = (struct dpl_run){.id = (char *)(uintptr_t) "p"};
    g_ptr_array_add(here.runs, run);
}

static size_t step_of(const struct dpl_run_kind *kind, const char *name)
{
    size_t i = 0;
    while (strcmp(kind->steps[i].name, name) != 0)
        i++;
    return i;
}

static void running(void)
{
    struct dpl_run run;
    begin("standby", DPL_SET_FAILING_OVER);
    procedure(&dpl_failover_kind, 2, DPL_PROCEDURE_RUNNING);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_CRITICAL); /* nobody runs it */
    runs(&run);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_WARNING);
    end();
    begin("released", DPL_SET_FAILING_BACK);
    procedure(&dpl_failback_kind, 4, DPL_PROCEDURE_RUNNING);
    runs(&run);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_WARNING);
    end();
}

static void link_down(void)
{
    struct dpl_run run;
    begin("standby", DPL_SET_DISCONNECTED);
    procedure(&dpl_failback_kind, step_of(&dpl_failback_kind, "protect"), DPL_PROCEDURE_RUNNING);
    runs(&run);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_CRITICAL);
    set.state = DPL_SET_MIRRORING;
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_WARNING);
    end();
}

static void no_service(void)
{
    begin("serving", DPL_SET_FAILED_OVER);
    procedure(&dpl_failover_kind, step_of(&dpl_failover_kind, "online"), DPL_PROCEDURE_WAITING);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_CRITICAL);
    procedure(&dpl_failover_kind, step_of(&dpl_failover_kind, "prove"), DPL_PROCEDURE_FAILED);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_WARNING);
    end();
    begin("serving", DPL_SET_PROTECTED);
    procedure(&dpl_failback_kind, 1, DPL_PROCEDURE_FAILED);
    CU_ASSERT_EQUAL(dpl_advice_level(&set), DPL_LEVEL_WARNING);
    end();
}

static bool says_next(const char *text)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_advice_put_next(doc, &set);
    const char *next = dpl_doc_text(doc, "next");
    return next && strstr(next, text);
}

static void never_connected(void)
{
    begin("standby", DPL_SET_DISCONNECTED);
    CU_ASSERT_TRUE(says_next("at site site-a: doppel connect mail"));
    dpl_doc_set_text(set.doc, "peer_rules", "include recursive /srv/mail\n");
    CU_ASSERT_TRUE(says_next("doppel failover mail --immediate --source-is-down"));
    end();
}

/* A set that is here already is not accepted again. */
static void no_place(void)
{
    begin("standby", DPL_SET_PROTECTED);
    struct dpl_doc *pair = dpl_doc_add_tree(dpl_doc_set_list(set.doc, "map"));
    dpl_doc_set_text(pair, "source", "/srv/mail");
    dpl_doc_set_text(pair, "target", "/data/mail");
    dpl_doc_set_text(set.doc, "peer_rules",
                     "include recursive /srv/mail\ninclude recursive /new\n");
    CU_ASSERT_TRUE(says_next("at site site-a: doppel set remove mail PATH"));
    CU_ASSERT_TRUE(says_next("there doppel disconnect mail, here doppel set delete mail"));
    end();
}

static const struct unit_test tests[] = {
    {"a procedure that runs is a warning, where the set is on its way", running},
    {"a link that is down is as bad as without a procedure", link_down},
    {"a failover that rests where no service was seen to run is critical", no_service},
    {"a set that was never connected is connected, not failed over", never_connected},
    {"rules without a place here are told with all that it takes", no_place},
};
UNIT_MAIN(tests)
