/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The right to use a replication set's files on this node: this site serves the set, as this node's
 * own copy says, and no replica writes it here.
 */
#ifndef DPL_AGENTS_MAIL_SERVER_ROLE_H
#define DPL_AGENTS_MAIL_SERVER_ROLE_H

#include "lib/base/err.h"

/* 0, and a claim is held; else the one reason why a start is refused. who is the resource's name.
 */
int ms_role_take(const char *set, const char *who, struct dpl_err *err);
/* Gives the claim up; one that is not held is no error. */
int ms_role_drop(const char *set, const char *who, struct dpl_err *err);

#endif
