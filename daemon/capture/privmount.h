/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A mount that is nowhere: made by fsopen(2), seen by nobody else, gone when its descriptor closes.
 */
#ifndef DPL_CAPTURE_PRIVMOUNT_H
#define DPL_CAPTURE_PRIVMOUNT_H

#include "lib/base/err.h"

struct dpl_privmount_option {
    const char *name;
    const char *value; /* NULL: a flag */
};

/* Mounts a file system of this type. options ends with a row without name, and may be NULL. Returns
 * a descriptor of its root directory. */
int dpl_privmount_open(const char *type, const struct dpl_privmount_option *options,
                       struct dpl_err *err);

#endif
