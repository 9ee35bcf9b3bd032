/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether a service's data was last used where it lies now, or came from elsewhere: replicated from
 * another site, restored, copied.
 *
 * A file .doppel-origin beside the data holds the site's name and that file's own inode number,
 * which no copy keeps: "site NAME\ninode NUMBER\n". A copy of it, like none, says "from elsewhere".
 */
#ifndef DPL_SERVICE_ORIGIN_H
#define DPL_SERVICE_ORIGIN_H

#include "lib/base/err.h"

#include <stdbool.h>

/* site may be empty: not known. */
bool dpl_origin_moved(const char *dir, const char *site);
/* It belongs here from now on. */
int dpl_origin_stamp(const char *dir, const char *site, struct dpl_err *err);

#endif
