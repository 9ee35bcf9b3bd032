/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Behind a greeting with the direction "talk": one question of the connector, one answer, and the
 * end. The peer's document is decoded here, within its bounds, and encoded anew for doppeld.
 */
#ifndef DPL_PRIV_TALK_H
#define DPL_PRIV_TALK_H

#include "daemon/priv/greet.h"

/* DPL_OK when the answer was handed over: to the peer, or to doppeld. */
int dpl_talk_run(struct dpl_greet *greet, struct dpl_err *err);

#endif
