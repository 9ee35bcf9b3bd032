/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the last mirror found: the file `mirror` of doppel-replica(5), for people. It decides
 * nothing: one that is damaged is as none.
 */
#ifndef DPL_APPLY_MIRROR_RESULT_H
#define DPL_APPLY_MIRROR_RESULT_H

#include "lib/ctl/doc.h"
#include "lib/proto/message.h"

#include <glib.h>

enum { DPL_MIRROR_RESULT_MAX = 16 * 1024 * 1024 }; /* bytes of paths that are kept */

struct dpl_mirror_result {
    uint64_t id, time_ns; /* 0: none */
    uint32_t kind, orphans, test;
    uint64_t objects, bytes, created, changed, found, removed;
    GByteArray *paths; /* as in a mirror-result; NULL: none */
};

void dpl_mirror_result_clear(struct dpl_mirror_result *result);
int dpl_mirror_result_save(const struct dpl_mirror_result *result, int dir_fd, struct dpl_err *err);
/* NOT_FOUND if there is none. The caller clears it. */
int dpl_mirror_result_load(struct dpl_mirror_result *result, int dir_fd, struct dpl_err *err);
/* As "orphans list" answers it. */
struct dpl_doc *dpl_mirror_result_doc(const struct dpl_mirror_result *result);

/* Of a test: the file `differences`, a line "WHAT PATH" for each that it lists, quoted. */
int dpl_mirror_result_list(const struct dpl_mirror_result *result, int dir_fd, struct dpl_err *err);

const char *dpl_mirror_kind_text(uint32_t kind);
const char *dpl_orphans_text(uint32_t orphans);

#endif
