/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/pacemaker/run.h"
#include "lib/pacemaker/xml.h"
#include "tests/unit/unit.h"

#include <string.h>

static void fences(void)
{
    static const char xml[] =
        "<pacemaker-result><list name='fencing history' count='5'>"
        "<fence_event action='reboot' target='a2' status='success' "
        "completed='2026-11-21 18:47:10Z'/>"
        "<fence_event action='off' target='a3' status='success' "
        "completed='2026-11-21 19:47:10.123456 +01:00'/>"
        "<fence_event action='reboot' target='a4' status='failed' completed='2026-11-21 "
        "18:47:10Z'/>"
        "<fence_event action='on' target='a5' status='success' completed='2026-11-21 18:47:10Z'/>"
        "<fence_event action='off' target='a6' status='pending'/>"
        "</list></pacemaker-result>";
    GArray *found;
    CU_ASSERT_EQUAL_FATAL(dpl_pcmk_fences_read(xml, strlen(xml), &found, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(found->len, 2);
    const struct dpl_pcmk_fence *f = &g_array_index(found, struct dpl_pcmk_fence, 0);
    CU_ASSERT_STRING_EQUAL(f[0].node, "a2");
    CU_ASSERT_STRING_EQUAL(f[1].node, "a3");
    CU_ASSERT_TRUE(f[0].completed_s > 1700000000);
    CU_ASSERT_EQUAL(f[0].completed_s, f[1].completed_s);
    g_array_unref(found);
    CU_ASSERT_EQUAL(dpl_pcmk_fences_read("<x/>", 4, &found, NULL), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_pcmk_fences_read("", 0, &found, NULL), DPL_E_CORRUPT);
}

static void status(void)
{
    static const char xml[] =
        "<pacemaker-result><nodes><node name='a1' online='true' unclean='false'/>"
        "<node name='a2' online='false' unclean='true'/></nodes>"
        "<resources><group id='g'><resource id='r' resource_agent='ocf:doppel:source-connection' "
        "failed='true'><node name='a1' id='1'/></resource></group>"
        "<resource id='s' resource_agent='x'/></resources>"
        "<node_attributes><node name='a1'><attribute name='doppel-mail' value='serving'/></node>"
        "</node_attributes><failures>"
        "<failure op_key='mail-conn_monitor_10000' node='a1' exitreason='x'/>"
        "<failure op_key='mail-conn_start_0' node='a2' exitreason='set &quot;mail&quot; is'/>"
        "</failures></pacemaker-result>";
    struct dpl_pcmk_status s;
    CU_ASSERT_EQUAL_FATAL(dpl_pcmk_status_read(xml, strlen(xml), &s, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(s.nodes->len, 2);
    const struct dpl_pcmk_node *n = &g_array_index(s.nodes, struct dpl_pcmk_node, 0);
    CU_ASSERT_TRUE(n[0].online && !n[0].unclean && !n[1].online && n[1].unclean);
    CU_ASSERT_EQUAL_FATAL(s.resources->len, 1);
    const struct dpl_pcmk_resource *r = &g_array_index(s.resources, struct dpl_pcmk_resource, 0);
    CU_ASSERT_STRING_EQUAL(r->id, "r");
    CU_ASSERT_STRING_EQUAL(r->node, "a1");
    CU_ASSERT_STRING_EQUAL(r->group, "g");
    CU_ASSERT_TRUE(r->failed);
    CU_ASSERT_EQUAL_FATAL(s.attributes->len, 1);
    const struct dpl_pcmk_attribute *a = &g_array_index(s.attributes, struct dpl_pcmk_attribute, 0);
    CU_ASSERT_STRING_EQUAL(a->node, "a1");
    CU_ASSERT_STRING_EQUAL(a->value, "serving");
    CU_ASSERT_EQUAL_FATAL(s.failures->len, 1);
    const struct dpl_pcmk_failure *f = &g_array_index(s.failures, struct dpl_pcmk_failure, 0);
    CU_ASSERT_STRING_EQUAL(f->id, "mail-conn");
    CU_ASSERT_STRING_EQUAL(f->node, "a2");
    CU_ASSERT_STRING_EQUAL(f->reason, "set \"mail\" is");
    CU_ASSERT_FALSE(s.no_quorum);
    dpl_pcmk_status_clear(&s);
    static const char lost[] = "<pacemaker-result><summary><current_dc present='true' "
                               "with_quorum='false'/></summary></pacemaker-result>";
    CU_ASSERT_EQUAL_FATAL(dpl_pcmk_status_read(lost, strlen(lost), &s, NULL), 0);
    CU_ASSERT_TRUE(s.no_quorum);
    dpl_pcmk_status_clear(&s);
    static const char none[] = "<pacemaker-result><summary><current_dc present='false'/></summary>"
                               "</pacemaker-result>"; /* while one is elected */
    CU_ASSERT_EQUAL_FATAL(dpl_pcmk_status_read(none, strlen(none), &s, NULL), 0);
    CU_ASSERT_FALSE(s.no_quorum);
    dpl_pcmk_status_clear(&s);
}

static void primitives(void)
{
    static const char xml[] =
        "<resources><group id='g'><primitive id='c' class='ocf' provider='doppel' "
        "type='source-connection'><instance_attributes id='i'><nvpair id='1' "
        "name='replication_set' value='mail'/><nvpair id='2' name='cold_start' value='go'/>"
        "<nvpair id='4' name='target' value='site-b'/><nvpair id='5' name='on_superseded' "
        "value='alert'/>"
        "</instance_attributes><meta_attributes id='m'><nvpair id='3' name='replication_set' "
        "value='other'/></meta_attributes></primitive></group><primitive id='fs' "
        "type='Filesystem'/><primitive id='r' type='replica'><instance_attributes id='j'><nvpair "
        "id='6' name='replication_set' value='mail'/></instance_attributes></primitive>"
        "</resources>";
    GArray *found;
    CU_ASSERT_EQUAL_FATAL(dpl_pcmk_primitives_read(xml, strlen(xml), &found, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(found->len, 2);
    CU_ASSERT_STRING_EQUAL(g_array_index(found, struct dpl_pcmk_primitive, 1).group, "");
    const struct dpl_pcmk_primitive *p = &g_array_index(found, struct dpl_pcmk_primitive, 0);
    CU_ASSERT_STRING_EQUAL(p->id, "c");
    CU_ASSERT_STRING_EQUAL(p->agent, "source-connection");
    CU_ASSERT_STRING_EQUAL(p->set, "mail");
    CU_ASSERT_STRING_EQUAL(p->cold_start, "go");
    CU_ASSERT_STRING_EQUAL(p->target, "site-b");
    CU_ASSERT_STRING_EQUAL(p->on_superseded, "alert");
    CU_ASSERT_STRING_EQUAL(p->group, "g");
    g_array_unref(found);
}

static void programs(void)
{
    static const char *const says[] = {"sh", "-c", "echo text; echo why >&2", NULL};
    static const char *const fails[] = {"sh", "-c", "echo why >&2; exit 3", NULL};
    static const char *const hangs[] = {"sh", "-c", "exec sleep 1000", NULL};
    static const char *const none[] = {"there-is-no-such-program", NULL};
    g_autofree char *text = NULL;
    struct dpl_err err = {0};
    size_t size;
    CU_ASSERT_EQUAL_FATAL(dpl_pcmk_run(says, 60000, &text, &size, &err), 0);
    CU_ASSERT_STRING_EQUAL(text, "text\n");
    CU_ASSERT_EQUAL(size, 5);
    CU_ASSERT_EQUAL(dpl_pcmk_run(fails, 60000, NULL, NULL, &err), DPL_E_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "why"));
    CU_ASSERT_EQUAL(dpl_pcmk_run(hangs, 50, NULL, NULL, &err), DPL_E_TIMEOUT);
    CU_ASSERT_EQUAL(dpl_pcmk_run(none, 60000, NULL, NULL, &err), DPL_E_NOT_INSTALLED);
}

static const struct unit_test tests[] = {
    {"successful fencings are read, with their times", fences},
    {"nodes, resources and attributes are read", status},
    {"agents are read with their sets", primitives},
    {"a program's output, failure and silence are told apart", programs},
};
UNIT_MAIN(tests)
