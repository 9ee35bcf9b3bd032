/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The Message-ID of a mail, by the first bytes of its file. What stands there anybody may have
 * written: nothing of it is believed, and what is answered is printable ASCII and bounded.
 */
#ifndef DPL_APPLY_MESSAGE_ID_H
#define DPL_APPLY_MESSAGE_ID_H

#include <stdbool.h>
#include <stddef.h>

enum { DPL_MESSAGE_ID_MAX = 250, DPL_MESSAGE_HEAD = 64 * 1024 };

/* The first Message-ID of the header, with its angle brackets, into text of DPL_MESSAGE_ID_MAX + 1
 * bytes; header lines may be folded and may end in CR. False: there is none that is whole, or it
 * has other bytes. */
bool dpl_message_id(const char *head, size_t size, char *text);
/* Whether a path is one of a mail in a Maildir: its directory is named cur or new. */
bool dpl_message_is_at(const char *path);

#endif
