/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Documents: what the daemon, its engines and its clients say to each other, and what is stored.
 *
 * A document is an ordered tree: keys, each with a text, an integer, a boolean, a list or a tree.
 * A key is UTF-8, 1 to 255 bytes, and stands once in its tree. A text is bytes without a zero byte:
 * names of files may be any. The whole is owned by its top; what a get or an add answers is
 * borrowed and lives until that part is replaced or the top is freed.
 *
 * Encoded it begins with a byte of version (1); integers are big-endian:
 *
 *     value   = kind u8, then
 *       0 tree     u32 count, so many of: key (u32 length, bytes), value
 *       1 list     u32 count, so many values
 *       2 text     u32 length, bytes
 *       3 integer  u64, two's complement
 *       4 boolean  u8, 0 or 1
 *
 * There is one encoding of a document, and all else is refused. Decoding is bounded in size, depth
 * and number of values.
 */
#ifndef DPL_CTL_DOC_H
#define DPL_CTL_DOC_H

#include "lib/base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DPL_DOC_SIZE_MAX = 2 << 20, /* bytes of an encoded document */
    DPL_DOC_DEPTH_MAX = 16,     /* the top alone is 1 */
    DPL_DOC_VALUES_MAX = 100000,
    DPL_DOC_KEY_MAX = 255,
};

enum dpl_doc_kind {
    DPL_DOC_TREE = 0,
    DPL_DOC_LIST = 1,
    DPL_DOC_TEXT = 2,
    DPL_DOC_INTEGER = 3,
    DPL_DOC_BOOLEAN = 4,
};

struct dpl_doc;

/* An empty tree, and other values that stand alone. The caller owns each. */
struct dpl_doc *dpl_doc_new(void);
struct dpl_doc *dpl_doc_new_list(void);
struct dpl_doc *dpl_doc_new_text(const char *text);
struct dpl_doc *dpl_doc_new_int(int64_t value);
struct dpl_doc *dpl_doc_new_bool(bool value);
struct dpl_doc *dpl_doc_copy(const struct dpl_doc *doc);
void dpl_doc_free(struct dpl_doc *doc);
typedef struct dpl_doc dpl_doc_auto; /* g_autoptr(dpl_doc_auto) frees it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_doc_auto, dpl_doc_free)

/* Put a value under a key of a tree, in place of the one that is there, or at its end. A key that
 * is none (see above) is a programming error. dpl_doc_set takes the value; tree and list answer the
 * new part. */
struct dpl_doc *dpl_doc_set(struct dpl_doc *tree, const char *key, struct dpl_doc *value);
void dpl_doc_set_text(struct dpl_doc *tree, const char *key, const char *text);
void dpl_doc_set_format(struct dpl_doc *tree, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void dpl_doc_set_int(struct dpl_doc *tree, const char *key, int64_t value);
void dpl_doc_set_bool(struct dpl_doc *tree, const char *key, bool value);
struct dpl_doc *dpl_doc_set_tree(struct dpl_doc *tree, const char *key);
struct dpl_doc *dpl_doc_set_list(struct dpl_doc *tree, const char *key);
/* Whether the key was there. */
bool dpl_doc_unset(struct dpl_doc *tree, const char *key);

/* The same at the end of a list. */
struct dpl_doc *dpl_doc_add(struct dpl_doc *list, struct dpl_doc *value);
void dpl_doc_add_text(struct dpl_doc *list, const char *text);
void dpl_doc_add_int(struct dpl_doc *list, int64_t value);
struct dpl_doc *dpl_doc_add_tree(struct dpl_doc *list);

/* Whether these bytes may be a key. */
bool dpl_doc_key_ok(const char *key, size_t size);

/* Reading takes what came from elsewhere: a document that is NULL or of another kind holds nothing.
 * The value under a key, or NULL. */
const struct dpl_doc *dpl_doc_get(const struct dpl_doc *tree, const char *key);
struct dpl_doc *dpl_doc_get_mutable(struct dpl_doc *tree, const char *key);
/* The same of that kind, else NULL. */
const struct dpl_doc *dpl_doc_tree(const struct dpl_doc *tree, const char *key);
const struct dpl_doc *dpl_doc_list(const struct dpl_doc *tree, const char *key);
/* Its text, or NULL; its integer or boolean, or the fallback. */
const char *dpl_doc_text(const struct dpl_doc *tree, const char *key);
int64_t dpl_doc_int(const struct dpl_doc *tree, const char *key, int64_t fallback);
bool dpl_doc_bool(const struct dpl_doc *tree, const char *key, bool fallback);

enum dpl_doc_kind dpl_doc_kind(const struct dpl_doc *doc);
/* Values in a tree or a list, and the one at an index (NULL past the end), with its key in a tree.
 */
size_t dpl_doc_count(const struct dpl_doc *doc);
const struct dpl_doc *dpl_doc_at(const struct dpl_doc *doc, size_t index);
const char *dpl_doc_key(const struct dpl_doc *value);
/* The value itself, when it is of that kind, else NULL or the fallback. */
const char *dpl_doc_as_text(const struct dpl_doc *doc);
int64_t dpl_doc_as_int(const struct dpl_doc *doc, int64_t fallback);
bool dpl_doc_as_bool(const struct dpl_doc *doc, bool fallback);

/* Same kinds, values, keys and order. */
bool dpl_doc_equal(const struct dpl_doc *a, const struct dpl_doc *b);

/* Bytes that the caller frees (g_free). TOO_LARGE past the bounds above. */
int dpl_doc_encode(const struct dpl_doc *doc, uint8_t **data_r, size_t *size_r,
                   struct dpl_err *err);
/* A document that the caller owns. TRUNCATED, TOO_LARGE, CORRUPT, VERSION. */
int dpl_doc_decode(const void *data, size_t size, struct dpl_doc **doc_r, struct dpl_err *err);

/* For programs: JSON (RFC 8259), on one line, or indented and with a newline at its end. A text
 * that is not UTF-8 is {"hex": "..."}. The caller frees (g_free). */
char *dpl_doc_to_json(const struct dpl_doc *doc, bool indent);
/* For people: a line for each value, "key: value", deeper ones indented. What a terminal could take
 * for a command is escaped as dpl_quote does. */
char *dpl_doc_to_text(const struct dpl_doc *doc);

#endif
