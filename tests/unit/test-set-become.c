/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/set_become.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct dpl_doc *standby(void)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "side", "target");
    dpl_doc_set_text(doc, "role", "standby");
    dpl_doc_set_int(doc, "generation", 1);
    dpl_doc_set_text(doc, "from", "site-a");
    struct dpl_doc *pair = dpl_doc_add_tree(dpl_doc_set_list(doc, "map"));
    dpl_doc_set_text(pair, "source", "/srv/mail");
    dpl_doc_set_text(pair, "target", "/replica/mail");
    return doc;
}

static void there_and_back(void)
{
    g_autoptr(dpl_doc_auto) doc = standby();
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_ANNOUNCE, 2, &err), 1);
    CU_ASSERT_EQUAL(dpl_doc_int(dpl_doc_tree(doc, "failing_over"), "generation", 0), 2);
    dpl_doc_set_text(dpl_doc_get_mutable(doc, "failing_over"), "procedure", "mail-1");
    g_autoptr(dpl_doc_auto) before = dpl_doc_copy(doc);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_RAISE, 2, &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "never connected"));
    CU_ASSERT_TRUE(dpl_doc_equal(doc, before)); /* refused: nothing has changed */

    dpl_doc_set_text(doc, "peer_rules",
                     "include recursive /srv/mail\nexclude recursive /srv/mail/tmp\n");
    dpl_doc_set_bool(doc, "off", true);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_RAISE, 2, &err), 1);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "role"), "serving");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "side"), "source");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "peer"), "site-a");
    CU_ASSERT_STRING_EQUAL(
        dpl_doc_text(doc, "rules"),
        "include recursive /replica/mail\nexclude recursive /replica/mail/tmp\n");
    CU_ASSERT_TRUE(dpl_doc_bool(doc, "restore_required", false));
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "failing_over"));
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "from"));
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "off"));

    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_RELEASE, 3, &err), 1);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_CEDE, 3, &err), 1);
    CU_ASSERT_EQUAL(dpl_doc_int(doc, "ceded", 0), 3);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "side"), "source");
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_STAND_BY, 3, &err), 1);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "side"), "target");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "from"), "site-a");
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "rules"));
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "peer_rules"),
                           "include recursive /srv/mail\nexclude recursive /srv/mail/tmp\n");
    CU_ASSERT_EQUAL(dpl_doc_int(doc, "life", 0), 3);
    CU_ASSERT_TRUE(dpl_doc_bool(doc, "set_aside", false));
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "restore_required"));
    CU_ASSERT_PTR_NULL(dpl_doc_get(doc, "ceded"));
}

static void made_here(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err = {0};
    dpl_doc_set_text(doc, "role", "superseded");
    dpl_doc_set_int(doc, "generation", 2);
    dpl_doc_set_text(doc, "rules", "include recursive /srv/mail\n");
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_STAND_BY, 2, &err), DPL_E_REFUSED);
    dpl_doc_set_text(doc, "peer", "site-b");
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_STAND_BY, 2, &err), 1);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "from"), "site-b");
}

static void maps(void)
{
    g_autoptr(dpl_doc_auto) doc = standby();
    struct dpl_doc *map = dpl_doc_get_mutable(doc, "map");
    struct dpl_doc *pair = dpl_doc_add_tree(map);
    g_autofree char *here = NULL, *same = NULL, *none = NULL, *left = NULL, *mapped = NULL;
    struct dpl_err err = {0};
    dpl_doc_set_text(pair, "source", "/srv/mail/archive");
    dpl_doc_set_text(pair, "target", "/big");
    CU_ASSERT_EQUAL(dpl_set_rules_here("include recursive /srv/mail\nexclude flat "
                                       "/srv/mail/archive/x y\ninclude flat /srv/mailer",
                                       map, &none, &err),
                    DPL_E_REFUSED); /* a name that begins alike is another */
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/srv/mailer"));
    CU_ASSERT_EQUAL(dpl_set_rules_here("include recursive /srv/mail\nexclude flat "
                                       "/srv/mail/archive/x y\n",
                                       map, &here, &err),
                    DPL_OK);
    CU_ASSERT_STRING_EQUAL(here, "include recursive /replica/mail\nexclude flat /big/x y\n");
    CU_ASSERT_EQUAL(dpl_set_rules_here("include recursive /srv/mail\n", NULL, &same, &err), DPL_OK);
    CU_ASSERT_STRING_EQUAL(same, "include recursive /srv/mail\n");
    static const char outside[] = "include recursive /srv/mail\nexclude recursive /srv\n"
                                  "exclude flat /srv/mailer\nexclude flat /srv/mail/x\n";
    CU_ASSERT_EQUAL(dpl_set_rules_here(outside, map, &left, &err), DPL_OK);
    CU_ASSERT_STRING_EQUAL(left, "include recursive /replica/mail\nexclude flat /replica/mail/x\n");
    mapped = dpl_set_rules_mapped(outside, map);
    CU_ASSERT_STRING_EQUAL(mapped, "include recursive /srv/mail\nexclude flat /srv/mail/x\n");
    dpl_doc_set_text(pair, "target", "/replica/mail"); /* two paths there are one here */
    CU_ASSERT_EQUAL(dpl_set_rules_here("include recursive /srv/mail\n"
                                       "include recursive /srv/mail/archive\n",
                                       map, &none, &err),
                    DPL_E_REFUSED);
    dpl_doc_set_text(pair, "target", "/big");
    g_autoptr(dpl_doc_auto) turned = dpl_set_map_there(map);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(dpl_doc_at(turned, 1), "source"), "/big");
    g_autoptr(dpl_doc_auto) again = dpl_set_map_there(turned);
    CU_ASSERT_TRUE(dpl_doc_equal(again, map));
}

static const struct unit_test tests[] = {
    {"a set that stood by serves with the rules of its source, and stands by again",
     there_and_back},
    {"a set that was made here stands by once it is known for whom", made_here},
    {"rules move as the map says, are left out where nothing needs them, or are refused", maps},
};
UNIT_MAIN(tests)
