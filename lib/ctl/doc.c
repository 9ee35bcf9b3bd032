/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ctl/doc.h"

#include "lib/ctl/doc-private.h"

#include <stdarg.h>
#include <string.h>

static bool holds(const struct dpl_doc *doc)
{
    return doc && (doc->kind == DPL_DOC_TREE || doc->kind == DPL_DOC_LIST);
}

struct dpl_doc *dpl_doc_make(enum dpl_doc_kind kind)
{
    struct dpl_doc *doc = g_new0(struct dpl_doc, 1);
    doc->kind = kind;
    return doc;
}

struct dpl_doc *dpl_doc_new(void)
{
    return dpl_doc_make(DPL_DOC_TREE);
}

struct dpl_doc *dpl_doc_new_list(void)
{
    return dpl_doc_make(DPL_DOC_LIST);
}

struct dpl_doc *dpl_doc_new_text(const char *text)
{
    struct dpl_doc *doc = dpl_doc_make(DPL_DOC_TEXT);
    doc->size = strlen(text);
    doc->text = g_strdup(text);
    return doc;
}

struct dpl_doc *dpl_doc_new_int(int64_t value)
{
    struct dpl_doc *doc = dpl_doc_make(DPL_DOC_INTEGER);
    doc->integer = value;
    return doc;
}

struct dpl_doc *dpl_doc_new_bool(bool value)
{
    struct dpl_doc *doc = dpl_doc_make(DPL_DOC_BOOLEAN);
    doc->boolean = value;
    return doc;
}

struct dpl_doc *dpl_doc_copy(const struct dpl_doc *doc)
{
    struct dpl_doc *copy = dpl_doc_make(doc->kind);
    copy->boolean = doc->boolean;
    if (doc->kind == DPL_DOC_INTEGER)
        copy->integer = doc->integer;
    if (doc->kind == DPL_DOC_TEXT) {
        copy->size = doc->size;
        copy->text = g_strdup(doc->text);
    }
    for (size_t i = 0; i < dpl_doc_count(doc); i++) {
        struct dpl_doc *value = dpl_doc_copy(doc->items[i]);
        value->key = g_strdup(doc->items[i]->key);
        dpl_doc_append(copy, value);
    }
    return copy;
}

void dpl_doc_free(struct dpl_doc *doc)
{
    if (!doc)
        return;
    for (size_t i = 0; i < dpl_doc_count(doc); i++)
        dpl_doc_free(doc->items[i]);
    if (holds(doc))
        g_free(doc->items);
    if (doc->kind == DPL_DOC_TEXT)
        g_free(doc->text);
    g_free(doc->key);
    g_free(doc);
}

bool dpl_doc_key_ok(const char *key, size_t size)
{
    return size > 0 && size <= DPL_DOC_KEY_MAX && !memchr(key, '\0', size) &&
           g_utf8_validate_len(key, size, NULL);
}

void dpl_doc_append(struct dpl_doc *parent, struct dpl_doc *value)
{
    if (parent->count == parent->room) {
        parent->room = parent->room ? parent->room * 2 : 8;
        parent->items = g_renew(struct dpl_doc *, parent->items, parent->room);
    }
    parent->items[parent->count++] = value;
}

/* The index of the key; that of the end if it is not there. */
static size_t find(const struct dpl_doc *tree, const char *key)
{
    size_t i = 0;
    while (i < tree->count && strcmp(tree->items[i]->key, key) != 0)
        i++;
    return i;
}

struct dpl_doc *dpl_doc_set(struct dpl_doc *tree, const char *key, struct dpl_doc *value)
{
    g_assert(tree->kind == DPL_DOC_TREE && !value->key && dpl_doc_key_ok(key, strlen(key)));
    size_t at = find(tree, key);
    value->key = g_strdup(key);
    if (at < tree->count) {
        dpl_doc_free(tree->items[at]);
        tree->items[at] = value;
    } else {
        dpl_doc_append(tree, value);
    }
    return value;
}

void dpl_doc_set_text(struct dpl_doc *tree, const char *key, const char *text)
{
    dpl_doc_set(tree, key, dpl_doc_new_text(text));
}

void dpl_doc_set_format(struct dpl_doc *tree, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    dpl_doc_set_text(tree, key, text);
}

void dpl_doc_set_int(struct dpl_doc *tree, const char *key, int64_t value)
{
    dpl_doc_set(tree, key, dpl_doc_new_int(value));
}

void dpl_doc_set_bool(struct dpl_doc *tree, const char *key, bool value)
{
    dpl_doc_set(tree, key, dpl_doc_new_bool(value));
}

struct dpl_doc *dpl_doc_set_tree(struct dpl_doc *tree, const char *key)
{
    return dpl_doc_set(tree, key, dpl_doc_new());
}

struct dpl_doc *dpl_doc_set_list(struct dpl_doc *tree, const char *key)
{
    return dpl_doc_set(tree, key, dpl_doc_new_list());
}

bool dpl_doc_unset(struct dpl_doc *tree, const char *key)
{
    g_assert(tree->kind == DPL_DOC_TREE);
    size_t at = find(tree, key);
    if (at == tree->count)
        return false;
    dpl_doc_free(tree->items[at]);
    tree->count--;
    for (; at < tree->count; at++)
        tree->items[at] = tree->items[at + 1];
    return true;
}

struct dpl_doc *dpl_doc_add(struct dpl_doc *list, struct dpl_doc *value)
{
    g_assert(list->kind == DPL_DOC_LIST && !value->key);
    dpl_doc_append(list, value);
    return value;
}

void dpl_doc_add_text(struct dpl_doc *list, const char *text)
{
    dpl_doc_add(list, dpl_doc_new_text(text));
}

void dpl_doc_add_int(struct dpl_doc *list, int64_t value)
{
    dpl_doc_add(list, dpl_doc_new_int(value));
}

struct dpl_doc *dpl_doc_add_tree(struct dpl_doc *list)
{
    return dpl_doc_add(list, dpl_doc_new());
}

struct dpl_doc *dpl_doc_get_mutable(struct dpl_doc *tree, const char *key)
{
    if (!tree || tree->kind != DPL_DOC_TREE)
        return NULL;
    size_t at = find(tree, key);
    return at < tree->count ? tree->items[at] : NULL;
}

const struct dpl_doc *dpl_doc_get(const struct dpl_doc *tree, const char *key)
{
    if (!tree || tree->kind != DPL_DOC_TREE)
        return NULL;
    size_t at = find(tree, key);
    return at < tree->count ? tree->items[at] : NULL;
}

static const struct dpl_doc *of_kind(const struct dpl_doc *doc, enum dpl_doc_kind kind)
{
    return doc && doc->kind == kind ? doc : NULL;
}

const struct dpl_doc *dpl_doc_tree(const struct dpl_doc *tree, const char *key)
{
    return of_kind(dpl_doc_get(tree, key), DPL_DOC_TREE);
}

const struct dpl_doc *dpl_doc_list(const struct dpl_doc *tree, const char *key)
{
    return of_kind(dpl_doc_get(tree, key), DPL_DOC_LIST);
}

const char *dpl_doc_text(const struct dpl_doc *tree, const char *key)
{
    return dpl_doc_as_text(dpl_doc_get(tree, key));
}

int64_t dpl_doc_int(const struct dpl_doc *tree, const char *key, int64_t fallback)
{
    return dpl_doc_as_int(dpl_doc_get(tree, key), fallback);
}

bool dpl_doc_bool(const struct dpl_doc *tree, const char *key, bool fallback)
{
    return dpl_doc_as_bool(dpl_doc_get(tree, key), fallback);
}

enum dpl_doc_kind dpl_doc_kind(const struct dpl_doc *doc)
{
    return doc->kind;
}

size_t dpl_doc_count(const struct dpl_doc *doc)
{
    return holds(doc) ? doc->count : 0;
}

const struct dpl_doc *dpl_doc_at(const struct dpl_doc *doc, size_t index)
{
    return index < dpl_doc_count(doc) ? doc->items[index] : NULL;
}

const char *dpl_doc_key(const struct dpl_doc *value)
{
    return value->key;
}

const char *dpl_doc_as_text(const struct dpl_doc *doc)
{
    return of_kind(doc, DPL_DOC_TEXT) ? doc->text : NULL;
}

int64_t dpl_doc_as_int(const struct dpl_doc *doc, int64_t fallback)
{
    return of_kind(doc, DPL_DOC_INTEGER) ? doc->integer : fallback;
}

bool dpl_doc_as_bool(const struct dpl_doc *doc, bool fallback)
{
    return of_kind(doc, DPL_DOC_BOOLEAN) ? doc->boolean : fallback;
}

bool dpl_doc_equal(const struct dpl_doc *a, const struct dpl_doc *b)
{
    if (a->kind != b->kind || dpl_doc_count(a) != dpl_doc_count(b))
        return false;
    if (a->kind == DPL_DOC_TEXT)
        return strcmp(a->text, b->text) == 0;
    if (a->kind == DPL_DOC_INTEGER)
        return a->integer == b->integer;
    if (a->kind == DPL_DOC_BOOLEAN)
        return a->boolean == b->boolean;
    for (size_t i = 0; i < a->count; i++)
        if (g_strcmp0(a->items[i]->key, b->items[i]->key) != 0 ||
            !dpl_doc_equal(a->items[i], b->items[i]))
            return false;
    return true;
}
