/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Small files, whole: read with a bound, replaced so that a crash leaves the old one or the new
 * one.
 */
#ifndef DPL_BASE_FILE_H
#define DPL_BASE_FILE_H

#include "lib/base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* Replaces name in dir_fd by these bytes: written beside it, synced, renamed over it, and the
 * directory synced. When it returns 0 the new content is durable. When it fails nothing is left
 * beside it and the old content stands, unless only the last step failed (sync of the directory):
 * then the new content stands and a crash may still bring back the old one. */
int dpl_file_replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
                     struct dpl_err *err);

/* Reads the whole of name in dir_fd (or of an absolute name), of at most max bytes, into memory
 * that the caller takes (g_free), with a zero byte behind it. Sets *size, if not NULL. */
int dpl_file_read(int dir_fd, const char *name, size_t max, char **data_r, size_t *size_r,
                  struct dpl_err *err);

#endif
