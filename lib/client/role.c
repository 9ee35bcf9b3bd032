/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/client/role.h"

#include "lib/base/file.h"
#include "lib/ctl/doc.h"

#include <fcntl.h>
#include <string.h>

static const char *const texts[] = {
    [DPL_ROLE_UNKNOWN] = "unknown",       [DPL_ROLE_STANDBY] = "standby",
    [DPL_ROLE_SERVING] = "serving",       [DPL_ROLE_RELEASED] = "released",
    [DPL_ROLE_SUPERSEDED] = "superseded",
};

const char *dpl_role_text(enum dpl_role role)
{
    return (size_t)role < G_N_ELEMENTS(texts) ? texts[role] : texts[DPL_ROLE_UNKNOWN];
}

static enum dpl_role role_of(const char *text)
{
    for (size_t i = DPL_ROLE_STANDBY; i < G_N_ELEMENTS(texts); i++)
        if (g_strcmp0(text, texts[i]) == 0)
            return (enum dpl_role)i;
    return DPL_ROLE_UNKNOWN;
}

static int no_set(const char *set, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_PARAM_HERE,
                       "this node's store has no set \"%s\": see doppel set list", set);
}

/* The file is replaced whole, so what is read is one version; a digest tells what a disk spoiled.
 */
static int check(const struct dpl_doc *file, const char *set, struct dpl_err *err)
{
    const struct dpl_doc *doc = dpl_doc_tree(file, "document");
    const char *digest = dpl_doc_text(file, "digest");
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (g_strcmp0(dpl_doc_text(file, "name"), set) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "it is not the document of set \"%s\"", set);
    if (!doc)
        return no_set(set, err);
    int rc = dpl_doc_encode(doc, &data, &size, err);
    if (rc < 0)
        return rc;
    g_autofree char *found = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
    if (g_strcmp0(digest, found) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "its content does not fit its digest");
    return DPL_OK;
}

/* The first line "include DEPTH PATH" of its rules. */
static void root_of(const char *rules, struct dpl_role_now *now)
{
    const char *line = rules && g_str_has_prefix(rules, "include ") ? rules : NULL;
    if (!line && rules && (line = strstr(rules, "\ninclude ")) != NULL)
        line++;
    const char *path = line ? strchr(line, '/') : NULL;
    if (path && strcspn(path, "\n") < sizeof now->root)
        g_strlcpy(now->root, path, strcspn(path, "\n") + 1);
}

int dpl_role_read(const char *state_dir, const char *set, struct dpl_role_now *now_r,
                  struct dpl_err *err)
{
    g_autofree char *path = g_build_filename(state_dir, "set", set, NULL);
    g_autoptr(dpl_doc_auto) file = NULL;
    g_autofree char *data = NULL;
    struct dpl_err why = {0};
    size_t size;
    *now_r = (struct dpl_role_now){0};
    int rc = dpl_file_read(AT_FDCWD, path, DPL_DOC_SIZE_MAX, &data, &size, &why);
    if (rc == DPL_E_NOT_FOUND)
        return no_set(set, err);
    if (rc == DPL_OK)
        rc = dpl_doc_decode(data, size, &file, &why);
    if (rc == DPL_OK)
        rc = check(file, set, &why);
    if (rc == DPL_E_PARAM_HERE)
        return no_set(set, err);
    if (rc < 0)
        return dpl_err_set(err, rc, "the role of set \"%s\" cannot be read: \"%s\": %s", set, path,
                           why.text);
    const struct dpl_doc *doc = dpl_doc_tree(file, "document");
    const char *text = dpl_doc_text(doc, "role");
    now_r->role = role_of(text);
    g_strlcpy(now_r->text, text ? text : "none", sizeof now_r->text);
    now_r->source = g_strcmp0(dpl_doc_text(doc, "side"), "target") != 0;
    root_of(dpl_doc_text(doc, "rules"), now_r);
    now_r->generation = dpl_doc_int(doc, "generation", 0);
    return DPL_OK;
}

int dpl_role_want(const char *state_dir, const char *set, enum dpl_role wanted,
                  struct dpl_role_now *now_r, struct dpl_err *err)
{
    struct dpl_role_now now;
    int rc = dpl_role_read(state_dir, set, &now, err);
    if (now_r)
        *now_r = now;
    if (rc == DPL_OK && now.role != wanted)
        rc = dpl_err_set(err, DPL_E_REFUSED,
                         "set \"%s\" is %s at this site (generation %lld), not %s", set, now.text,
                         (long long)now.generation, dpl_role_text(wanted));
    return rc;
}

bool dpl_role_is_refusal(const char *text, const char *set)
{
    g_autofree char *head = g_strdup_printf("set \"%s\" is ", set);
    return text && g_str_has_prefix(text, head) && strstr(text, "), not ");
}
