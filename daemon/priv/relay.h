/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The relay between a peer, over TLS, and an engine, until one of them ends. It looks at doppeld's
 * channel as well: the door ends with it.
 */
#ifndef DPL_PRIV_RELAY_H
#define DPL_PRIV_RELAY_H

#include "daemon/priv/greet.h"

/* Takes the greeting's frames and data descriptor. DPL_OK when a side has ended in order: what was
 * whole has been handed over. */
int dpl_relay_run(struct dpl_greet *greet, struct dpl_err *err);
/* Says the end to the peer, and waits for its own at most so long: what was sent before arrives. */
void dpl_relay_linger(struct dpl_stream *stream, int64_t most_ms);

#endif
