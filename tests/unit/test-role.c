/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/client/role.h"

#include "lib/base/file.h"
#include "lib/ctl/doc.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

/* Writes what the store would: NULL for a set that was deleted. */
static const char *put(const char *name, const char *inner, const char *role, const char *digest)
{
    static char dir[512];
    g_autofree char *sets = NULL;
    g_autofree uint8_t *data = NULL, *body = NULL;
    size_t size, body_size;
    g_autoptr(dpl_doc_auto) file = dpl_doc_new(), doc = dpl_doc_new();
    g_strlcpy(dir, unit_tempdir(), sizeof dir);
    sets = g_build_filename(dir, "set", NULL);
    g_mkdir_with_parents(sets, 0700);
    dpl_doc_set_text(doc, "side", "source");
    if (role)
        dpl_doc_set_text(doc, "role", role);
    dpl_doc_set_int(doc, "generation", 7);
    CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(doc, &body, &body_size, NULL), 0);
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, body, body_size);
    dpl_doc_set_int(file, "format", 1);
    dpl_doc_set_text(file, "kind", "set");
    dpl_doc_set_text(file, "name", inner);
    dpl_doc_set_text(file, "digest", digest ? digest : sum);
    if (role)
        dpl_doc_set(file, "document", dpl_doc_copy(doc));
    CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(file, &data, &size, NULL), 0);
    int fd = open(sets, O_RDONLY | O_DIRECTORY);
    CU_ASSERT_EQUAL_FATAL(dpl_file_replace(fd, name, data, size, 0600, NULL), 0);
    close(fd);
    return dir;
}

static void the_role_and_the_generation_are_what_the_store_holds(void)
{
    struct dpl_role_now now;
    const char *dir = put("mail", "mail", "standby", NULL);
    CU_ASSERT_EQUAL(dpl_role_read(dir, "mail", &now, NULL), 0);
    CU_ASSERT_EQUAL(now.role, DPL_ROLE_STANDBY);
    CU_ASSERT_STRING_EQUAL(now.text, "standby");
    CU_ASSERT_EQUAL(now.generation, 7);
    CU_ASSERT(now.source);
    CU_ASSERT_EQUAL(dpl_role_want(dir, "mail", DPL_ROLE_STANDBY, NULL, NULL), 0);
}

static void another_role_is_refused_by_both_names(void)
{
    struct dpl_err err = {0};
    const char *dir = put("mail", "mail", "released", NULL);
    CU_ASSERT_EQUAL(dpl_role_want(dir, "mail", DPL_ROLE_SERVING, NULL, &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "set \"mail\" is released at this site (generation 7), not "
                                     "serving");
    CU_ASSERT_TRUE(dpl_role_is_refusal(err.text, "mail"));
    CU_ASSERT_FALSE(dpl_role_is_refusal(err.text, "mail2"));
    CU_ASSERT_FALSE(dpl_role_is_refusal("", "mail"));
    CU_ASSERT_FALSE(dpl_role_is_refusal(NULL, "mail"));
    dir = put("mail", "mail", "dancing", NULL);
    CU_ASSERT_EQUAL(dpl_role_want(dir, "mail", DPL_ROLE_SERVING, NULL, &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "dancing"));
}

static void a_set_that_is_not_there_or_was_deleted_is_none(void)
{
    struct dpl_role_now now;
    struct dpl_err err = {0};
    const char *dir = put("gone", "gone", NULL, "");
    CU_ASSERT_EQUAL(dpl_role_read(dir, "other", &now, &err), DPL_E_PARAM_HERE);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no set \"other\""));
    CU_ASSERT_EQUAL(dpl_role_read(dir, "gone", &now, &err), DPL_E_PARAM_HERE);
    CU_ASSERT_EQUAL(dpl_role_read("/nowhere", "mail", &now, &err), DPL_E_PARAM_HERE);
}

static void damage_is_told_with_the_file(void)
{
    struct dpl_role_now now;
    struct dpl_err err = {0};
    const char *dir = put("mail", "mail", "serving", "0123");
    CU_ASSERT_EQUAL(dpl_role_read(dir, "mail", &now, &err), DPL_E_CORRUPT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "set/mail"));
    dir = put("mail", "another", "serving", NULL);
    CU_ASSERT_EQUAL(dpl_role_read(dir, "mail", &now, &err), DPL_E_CORRUPT);
}

static const struct unit_test tests[] = {
    {"the role and the generation are what the store holds",
     the_role_and_the_generation_are_what_the_store_holds},
    {"another role is refused by both names", another_role_is_refused_by_both_names},
    {"a set that is not there or was deleted is none",
     a_set_that_is_not_there_or_was_deleted_is_none},
    {"damage is told with the file", damage_is_told_with_the_file},
};
UNIT_MAIN(tests)
