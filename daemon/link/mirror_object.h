/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One object of the source as a mirror reads it: id, state, content.
 *
 * All is read from the file system below the capture, by descriptors: the object that was opened is
 * the object that is sent, whatever becomes of its name meanwhile.
 */
#ifndef DPL_LINK_MIRROR_OBJECT_H
#define DPL_LINK_MIRROR_OBJECT_H

#include "lib/journal/record.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

enum { DPL_MIRROR_HANDLE_MAX = 128, DPL_MIRROR_ALIGN = 4096 };

/* What is needed to open it again. */
struct dpl_mirror_handle {
    int type;
    unsigned bytes;
    uint8_t data[DPL_MIRROR_HANDLE_MAX];
};

/* The handle and id of name in dir_fd (name "": of dir_fd itself). NOT_FOUND if it is gone. */
int dpl_mirror_handle_get(int dir_fd, const char *name, struct dpl_mirror_handle *handle,
                          struct dpl_oid *oid, struct dpl_err *err);
/* The handle of an id that we made. CORRUPT if it cannot be one. */
int dpl_mirror_handle_of(struct dpl_view oid, struct dpl_mirror_handle *handle,
                         struct dpl_err *err);
/* Opens it; root_fd is any directory of that file system. NOT_FOUND if it is gone. */
int dpl_mirror_handle_open(int root_fd, const struct dpl_mirror_handle *handle, int flags,
                           struct dpl_err *err);

/* Whether the descriptor can be read, and is not a path alone. */
bool dpl_mirror_can_read(int fd);
/* The body of an ENTER record with the whole state of what fd (a path alone, or open) is of:
 * attributes, extended attributes, target. parent and name of no bytes: it is given none. Returns
 * its size. */
ssize_t dpl_mirror_state(int fd, struct dpl_view oid, struct dpl_view parent, struct dpl_view name,
                         void *body, size_t room, struct stat *st, struct dpl_err *err);
enum { DPL_MIRROR_STATE_ROOM = 320 * 1024 };
/* The same of a root, as the body of a ROOT record. */
ssize_t dpl_mirror_root_state(int fd, struct dpl_view oid, uint32_t number, const char *path,
                              void *body, size_t room, struct stat *st, struct dpl_err *err);

/* What of the range [offset, end) comes first: a hole, or data. Returns its length, at most the
 * range, 0 where the file ends before. */
uint64_t dpl_mirror_stretch(int fd, uint64_t offset, uint64_t end, bool *hole_r);

#endif
