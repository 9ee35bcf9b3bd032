/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Objects that cross the set's border by a rename or a link.
 */
#ifndef DPL_CAPTURE_BORDER_ENTRY_H
#define DPL_CAPTURE_BORDER_ENTRY_H

#include "daemon/capture/op.h"

/* Before a rename takes its locks: alone, if a directory may cross. */
void border_lock_rename(struct op *op, int from_fd, const char *from, uint32_t to_dir,
                        const char *to);
void border_before_rename(struct op *op, int from_fd, const char *from, bool from_inside, int to_fd,
                          const char *to, bool to_inside, uint32_t flags);
void border_after_rename(struct op *op, bool from_inside, bool to_inside, uint32_t flags);
/* Journals the whole state of an object that is about to get its first name inside. */
void border_enter_object(struct op *op, uint32_t index, int fd);

#endif
