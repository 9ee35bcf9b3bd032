/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/group_look.h"
#include "tests/unit/unit.h"

static struct dpl_doc *row(struct dpl_doc *list, const char *id)
{
    struct dpl_doc *doc = dpl_doc_add_tree(list);
    dpl_doc_set_text(doc, "id", id);
    return doc;
}

static void primitive(struct dpl_doc *list, const char *id, const char *agent, const char *set)
{
    struct dpl_doc *doc = row(list, id);
    dpl_doc_set_text(doc, "agent", agent);
    dpl_doc_set_text(doc, "set", set);
}

static void finds_the_replica(void)
{
    g_autoptr(dpl_doc_auto) status = dpl_doc_new();
    struct dpl_doc *primitives = dpl_doc_set_list(status, "primitives");
    struct dpl_doc *resources = dpl_doc_set_list(status, "resources");
    CU_ASSERT_PTR_NULL(dpl_group_look_replica(status, "mail"));
    primitive(primitives, "mail-conn", "source-connection", "mail");
    primitive(primitives, "mail-replica", "replica", "mail");
    primitive(primitives, "web-replica", "replica", "web");
    dpl_doc_set_text(row(resources, "mail-conn"), "node", "b1");
    dpl_doc_set_text(row(resources, "web-replica"), "node", "b1");
    struct dpl_doc *replica = row(resources, "mail-replica");
    CU_ASSERT_PTR_NULL(dpl_group_look_replica(status, "mail"));
    dpl_doc_set_text(replica, "node", "");
    CU_ASSERT_PTR_NULL(dpl_group_look_replica(status, "mail"));
    dpl_doc_set_text(replica, "node", "b2");
    CU_ASSERT_STRING_EQUAL(dpl_group_look_replica(status, "mail"), "b2");
    CU_ASSERT_STRING_EQUAL(dpl_group_look_replica(status, "web"), "b1");
}

static const struct unit_test tests[] = {
    {"the node of a set's replica is the one where Pacemaker runs it", finds_the_replica},
};
UNIT_MAIN(tests)
