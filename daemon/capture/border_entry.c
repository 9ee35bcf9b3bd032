/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Objects that cross the set's border, see border_entry.h.
 */
#include "daemon/capture/border_entry.h"

void border_lock_rename(struct op *op, int from_fd, const char *from, uint32_t to_dir,
                        const char *to)
{
    (void)op;
    (void)from_fd;
    (void)from;
    (void)to_dir;
    (void)to;
}

void border_before_rename(struct op *op, int from_fd, const char *from, bool from_inside, int to_fd,
                          const char *to, bool to_inside, uint32_t flags)
{
    (void)op;
    (void)from_fd;
    (void)from;
    (void)from_inside;
    (void)to_fd;
    (void)to;
    (void)to_inside;
    (void)flags;
}

void border_after_rename(struct op *op, bool from_inside, bool to_inside, uint32_t flags)
{
    (void)op;
    (void)from_inside;
    (void)to_inside;
    (void)flags;
}

void border_enter_object(struct op *op, uint32_t index, int fd)
{
    (void)op;
    (void)index;
    (void)fd;
}
