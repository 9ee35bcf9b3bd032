/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What must hold before a replica is written: its directories are real, beneath what the
 * configuration allows, on the file system that is expected, writable, and nobody else's.
 *
 * Descriptors that are answered belong to the caller. Each refusal is one line that names the
 * directory and what was expected.
 */
#ifndef DPL_APPLY_GUARD_H
#define DPL_APPLY_GUARD_H

#include "lib/base/err.h"

#include <stddef.h>

/* Opens the directory that stands for a root: absolute, beneath one of `allowed` (or one of them),
 * through no symbolic link, not a mount point, on a file system that can be written; with `uuid`
 * (as text, or NULL) that one. */
int dpl_guard_root(const char *path, const char *const *allowed, size_t allowed_count,
                   const char *uuid, struct dpl_err *err);
/* Opens (makes) .doppel/SET beside that root. Both are on one file system, which has attributes. */
int dpl_guard_reserve(const char *root_path, int root_fd, const char *set, struct dpl_err *err);
/* Takes the writer's lock there and says who has it. BUSY, with that text, if it is taken. The lock
 * lasts as long as the descriptor. */
int dpl_guard_lock(int reserve_fd, const char *node, const char *instance, struct dpl_err *err);

#endif
