/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the mirrors of a link: their ends, and what is told of them.
 */
#ifndef DPL_LINK_MIRROR_OVER_H
#define DPL_LINK_MIRROR_OVER_H

#include "daemon/link/mirror_run.h"

/* So long after one that failed the next begins. */
#define DPL_LINK_MIRROR_AGAIN_NS (30 * INT64_C(1000000000))

/* why: NULL for none. */
void dpl_link_mirror_set_state(struct dpl_link_mirror *mirror, const char *state, const char *why);
/* Nothing of it is left but what it was. */
void dpl_link_mirror_over(struct dpl_link *link);
/* One object could not be sent alone: a mirror of the set follows. */
void dpl_link_mirror_object_failed(struct dpl_link *link, const char *why);
/* It is not begun again by itself. */
void dpl_link_mirror_refused(struct dpl_link *link, const char *why);
/* It is begun again later. */
void dpl_link_mirror_failed(struct dpl_link *link, const char *why);
/* An event of a mirror that a person wished, by its number under this key. */
void dpl_link_mirror_tell(struct dpl_link *link, const char *what, const char *text,
                          const char *key);
/* The same of its end: the daemon forgets a person's wish. */
void dpl_link_mirror_tell_over(struct dpl_link *link, const char *what, const char *text);
/* The target hears that the one that runs is given up. */
void dpl_link_mirror_send_stop(struct dpl_link *link, enum dpl_mirror_stop reason);

#endif
