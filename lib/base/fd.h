/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * File descriptors that close themselves, and whole reads and writes.
 *
 *     dpl_autofd int fd = open(...);     closed at the end of the scope, errno kept
 *     return dpl_fd_steal(&fd);          given to the caller instead
 */
#ifndef DPL_BASE_FD_H
#define DPL_BASE_FD_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define dpl_autofd __attribute__((cleanup(dpl_fd_clear)))

/* Closes *fd if it is open and leaves -1; errno is kept. */
void dpl_fd_clear(int *fd);
/* Gives the descriptor away: returns it and leaves -1. */
int dpl_fd_steal(int *fd);

/* Writes all of it, through short writes and EINTR. */
int dpl_fd_write_all(int fd, const void *data, size_t size, struct dpl_err *err);
/* Reads up to size bytes, through short reads and EINTR. Returns the count; less means end of file.
 */
ssize_t dpl_fd_read_full(int fd, void *data, size_t size, struct dpl_err *err);
/* The same from an offset on. */
ssize_t dpl_fd_pread_full(int fd, uint64_t offset, void *data, size_t size, struct dpl_err *err);

#endif
