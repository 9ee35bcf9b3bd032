/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Documents for people and programs.
 */
#include "lib/ctl/doc-private.h"
#include "lib/ctl/quote.h"

#include <inttypes.h>
#include <string.h>

static void json_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_c(out, (char)c);
    }
    g_string_append_c(out, '"');
}

static void json_text(GString *out, const char *text, size_t size)
{
    if (g_utf8_validate_len(text, size, NULL)) {
        json_string(out, text);
        return;
    }
    g_string_append(out, "{\"hex\":\"");
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(out, "%02x", (unsigned char)text[i]);
    g_string_append(out, "\"}");
}

static void line(GString *out, unsigned depth)
{
    g_string_append_printf(out, "\n%*s", (int)(2 * depth), "");
}

static void json(GString *out, const struct dpl_doc *doc, bool indent, unsigned depth)
{
    bool tree = doc->kind == DPL_DOC_TREE;
    switch (doc->kind) {
    case DPL_DOC_TEXT:
        json_text(out, doc->text, doc->size);
        return;
    case DPL_DOC_INTEGER:
        g_string_append_printf(out, "%" PRId64, doc->integer);
        return;
    case DPL_DOC_BOOLEAN:
        g_string_append(out, doc->boolean ? "true" : "false");
        return;
    case DPL_DOC_TREE:
    case DPL_DOC_LIST:
        break;
    }
    g_string_append_c(out, tree ? '{' : '[');
    for (size_t i = 0; i < doc->count; i++) {
        if (i > 0)
            g_string_append_c(out, ',');
        if (indent)
            line(out, depth + 1);
        if (tree) {
            json_string(out, doc->items[i]->key);
            g_string_append(out, indent ? ": " : ":");
        }
        json(out, doc->items[i], indent, depth + 1);
    }
    if (indent && doc->count > 0)
        line(out, depth);
    g_string_append_c(out, tree ? '}' : ']');
}

char *dpl_doc_to_json(const struct dpl_doc *doc, bool indent)
{
    GString *out = g_string_new(NULL);
    json(out, doc, indent, 0);
    if (indent)
        g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}

static void text(GString *out, const struct dpl_doc *doc, unsigned depth);

/* What stands behind "key:" or "-". */
static void text_value(GString *out, const struct dpl_doc *doc, unsigned depth)
{
    switch (doc->kind) {
    case DPL_DOC_TEXT:
        g_string_append_c(out, ' ');
        dpl_quote_into(out, doc->text, doc->size);
        break;
    case DPL_DOC_INTEGER:
        g_string_append_printf(out, " %" PRId64, doc->integer);
        break;
    case DPL_DOC_BOOLEAN:
        g_string_append(out, doc->boolean ? " yes" : " no");
        break;
    case DPL_DOC_TREE:
    case DPL_DOC_LIST:
        if (doc->count == 0) {
            g_string_append(out, " none");
            break;
        }
        g_string_append_c(out, '\n');
        text(out, doc, depth + 1);
        return;
    }
    g_string_append_c(out, '\n');
}

static void text(GString *out, const struct dpl_doc *doc, unsigned depth)
{
    for (size_t i = 0; i < doc->count; i++) {
        const struct dpl_doc *value = doc->items[i];
        g_string_append_printf(out, "%*s", (int)(2 * depth), "");
        if (value->key) {
            dpl_quote_into(out, value->key, strlen(value->key));
            g_string_append_c(out, ':');
        } else {
            g_string_append_c(out, '-');
        }
        text_value(out, value, depth);
    }
}

char *dpl_doc_to_text(const struct dpl_doc *doc)
{
    GString *out = g_string_new(NULL);
    if (doc->kind == DPL_DOC_TREE || doc->kind == DPL_DOC_LIST)
        text(out, doc, 0);
    else
        text_value(out, doc, 0);
    return g_string_free(out, FALSE);
}
