/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which object has which name, made true: each call leaves alone what is so already.
 *
 * A name that an object must have is taken from whoever holds it; who loses its last name goes to
 * the reserved directory. Names are views of records: single components, as the decoder has
 * checked.
 */
#ifndef DPL_APPLY_NAMES_H
#define DPL_APPLY_NAMES_H

#include "daemon/apply/objects.h"

#include <stdbool.h>

/* Makes a new file of this mode (type and permissions 0600) in the reserved directory, tagged.
 * target is for symbolic links, rdev for devices. */
int dpl_names_make(struct dpl_objects *objects, struct dpl_view id, mode_t mode, dev_t rdev,
                   struct dpl_view target, struct dpl_object **object_r, struct dpl_err *err);
/* Makes a file, a directory or a symbolic link where its name is, tagged and open. *object_r is
 * NULL if something stands there. A file is as open to others as its mode says from the begin on.
 */
int dpl_names_make_at(struct dpl_objects *objects, struct dpl_view id, mode_t mode,
                      struct dpl_view target, int dir_fd, struct dpl_view name,
                      struct dpl_object **object_r, struct dpl_err *err);
/* Whether the object has this name already. */
bool dpl_names_has(const struct dpl_objects *objects, const struct dpl_object *object, int dir_fd,
                   struct dpl_view name);
/* The object has this name; a directory has it as its only one. */
int dpl_names_ensure(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                     struct dpl_view name, struct dpl_err *err);
/* The object does not have this name. */
int dpl_names_lose(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                   struct dpl_view name, struct dpl_err *err);
/* From one name to another, in one step where both are as the source had them. */
int dpl_names_move(struct dpl_objects *objects, struct dpl_object *object, int from_fd,
                   struct dpl_view from, int to_fd, struct dpl_view to, struct dpl_err *err);
/* `a` has the one name and `b` the other; in one step where each has the other's. */
int dpl_names_exchange(struct dpl_objects *objects, struct dpl_object *a, int a_fd,
                       struct dpl_view a_name, struct dpl_object *b, int b_fd,
                       struct dpl_view b_name, struct dpl_err *err);
/* Removes what has this name, a directory with all beneath it; forgets who was known. */
int dpl_names_remove(struct dpl_objects *objects, int dir_fd, const char *name,
                     struct dpl_err *err);
/* Ends an object without a name, a directory with all beneath it; forgets it, whatever it was. */
int dpl_names_drop(struct dpl_objects *objects, struct dpl_object *object, struct dpl_err *err);

#endif
