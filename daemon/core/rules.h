/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules of a replication set: which paths belong to it.
 *
 * Text, one rule a line, the path being the rest of the line; empty lines and lines that begin with
 * '#' are skipped:
 *
 *     include recursive /srv/mail
 *     exclude recursive /srv/mail/tmp
 *     include flat /srv/web
 *
 * A recursive rule is for the path and all beneath it; a flat one for the path and what stands
 * directly in it (of a directory there, only itself). The matching rule with the longest path
 * decides; exclude wins over include at the same path; what no rule matches is outside. The roots
 * of a set are the included paths that lie in no other root of it, whether excluded there or not.
 *
 * Pure. Parsing allocates; the questions do not, and may be asked by any number of threads.
 */
#ifndef DPL_CORE_RULES_H
#define DPL_CORE_RULES_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DPL_RULES_MAX = 1000, DPL_RULES_TEXT_MAX = 1024 * 1024, DPL_RULES_PATH_MAX = 4095 };

struct dpl_rules;

/* PARAM with the line and what is wrong. At least one path must be included. The caller frees. */
int dpl_rules_parse(struct dpl_rules **rules_r, const char *text, size_t size, struct dpl_err *err);
void dpl_rules_free(struct dpl_rules *rules);
/* The canonical text, terminated. Returns its length, or TOO_LARGE. */
int dpl_rules_format(const struct dpl_rules *rules, char *text, size_t room);

size_t dpl_rules_root_count(const struct dpl_rules *rules);
/* Borrowed. */
const char *dpl_rules_root(const struct dpl_rules *rules, size_t index);

/* What the rules say of one path, enough to go on to what is beneath it. A plain value: the capture
 * keeps one with each directory that it knows. */
struct dpl_rules_at {
    int32_t node;      /* private */
    int8_t recursive;  /* private */
    int8_t direct;     /* private */
    bool inside;       /* the path belongs to the set */
    bool some_beneath; /* something beneath it can belong to it */
    bool all_beneath;  /* everything beneath it does */
};
/* Of "/". */
struct dpl_rules_at dpl_rules_top(const struct dpl_rules *rules);
/* Of a name in it. */
struct dpl_rules_at dpl_rules_descend(const struct dpl_rules *rules, struct dpl_rules_at at,
                                      const char *name, size_t size);
/* Of an absolute normal path. */
struct dpl_rules_at dpl_rules_find(const struct dpl_rules *rules, const char *path);

/* REFUSED unless every root lies beneath this mount point and is not that itself. */
int dpl_rules_check_mount(const struct dpl_rules *rules, const char *mount, struct dpl_err *err);
/* REFUSED if a root of one set is, holds, or lies in a root of the other. */
int dpl_rules_check_apart(const struct dpl_rules *a, const char *a_name, const struct dpl_rules *b,
                          const char *b_name, struct dpl_err *err);

#endif
