/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a mirror has kept of a site that served before: the files beneath the directory for orphans
 * that came there in one life of the replica, but for those whose content stands in the replica all
 * the same, under whatever name. When that was moved aside stands in an attribute
 * (DPL_APPLY_FROM), which is believed only as far as it makes sense.
 *
 * Reads, and follows no symbolic link. Bounded in files, in depth and in time; where the bound of
 * time is met `exact` is false, and more is listed than is missing; `more` counts what is not
 * listed because there is too much, and `unread` what could not be read or lies too deep: files
 * that were kept may be there and are not listed, or stand in the replica and are listed.
 */
#ifndef DPL_APPLY_KEPT_LIST_H
#define DPL_APPLY_KEPT_LIST_H

#include "daemon/core/rules.h"
#include "lib/base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* "LIFE CTIME_NS o|c PATH": in which life, its ctime before, an orphan or a former content. */
#define DPL_APPLY_FROM "trusted.doppel.from"

enum { DPL_KEPT_MAX = 100000 };

struct dpl_kept_file {
    char *path;       /* where it stood */
    char *as;         /* beneath the directory for orphans */
    char *message_id; /* NULL: it is no mail, or has none */
    int64_t size, mtime_ms, ctime_ms;
    bool otherwise; /* the former content of a file that is there with another one */
    bool here;      /* its content stands in the replica */
    bool unread;    /* its content cannot be read: it counts as missing */
};

struct dpl_kept_list {
    GPtrArray *files;      /* of struct dpl_kept_file */
    GHashTable *by_size;   /* of GPtrArray of them; what is empty is in none */
    uint64_t more, unread; /* directories and files */
    bool exact;
    int64_t deadline_ns; /* CLOCK_MONOTONIC */
};

/* Gathers them, and the ids of mails. */
int dpl_kept_list_read(struct dpl_kept_list *list, int orphans_fd, int64_t life, int64_t most_ms,
                       struct dpl_err *err);
/* Looks for their content beneath this root. */
int dpl_kept_list_compare(struct dpl_kept_list *list, int orphans_fd, int root_fd,
                          struct dpl_err *err);
/* The other use of a list: what stands beneath this root, is the set's by these rules (NULL: all of
 * it) and was changed later than that. The path is the root's here and in the rules. */
int dpl_kept_list_changed(struct dpl_kept_list *list, int root_fd, const char *root,
                          const struct dpl_rules *rules, int64_t since_ns, struct dpl_err *err);
void dpl_kept_list_init(struct dpl_kept_list *list, int64_t most_ms);
void dpl_kept_list_done(struct dpl_kept_list *list);

#endif
