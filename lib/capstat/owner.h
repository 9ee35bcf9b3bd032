/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The owner's stamp of a set, on the shared disk beside the roots (.doppel/SET/owner): which
 * ownership was the last, and how it ended.
 *
 * A capture writes it, open, before it mounts: that uses up the one before it. When everything is
 * unmounted, journalled to its end and on the disk below, it writes it again, closed: the next
 * ownership may then say that it follows this one, and the target, which knows whether it has all
 * of it, decides whether anything is to be compared. An owner that died leaves it open.
 *
 * The file is text, a word and its value in each line:
 *
 *     doppel-owner 1            the format
 *     set NAME
 *     epoch N                   of the journal of that ownership
 *     id HEX                    32 digits: the epoch's
 *     role WORD
 *     generation N
 *     node NAME                 who it was
 *     state open|closed
 *     unsent BYTES              of the journal, when the connection was stopped; absent: not known
 */
#ifndef DPL_CAPSTAT_OWNER_H
#define DPL_CAPSTAT_OWNER_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define DPL_OWNER_NAME "owner"

struct dpl_owner {
    char set[256], node[256], role[32];
    uint64_t epoch;
    uint8_t id[16];
    int64_t generation;
    bool closed;
    int64_t unsent_bytes; /* -1: not known */
};

/* Opens .doppel/SET beside a root, made if `make` and it is missing, mode 0700. Returns its
 * descriptor. */
int dpl_owner_open_dir(const char *root, const char *set, bool make, struct dpl_err *err);
/* NOT_FOUND: there is none yet; CORRUPT: it is none, or of another set. */
int dpl_owner_read(int dir_fd, const char *set, struct dpl_owner *owner_r, struct dpl_err *err);
/* Durable when it returns 0. */
int dpl_owner_write(int dir_fd, const struct dpl_owner *owner, struct dpl_err *err);

#endif
