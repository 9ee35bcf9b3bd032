/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A thread's work: read a request into the slot, serve it, answer.
 */
#ifndef DPL_CAPTURE_SERVE_H
#define DPL_CAPTURE_SERVE_H

#include "daemon/capture/worker.h"

/* Requests that killed so many workers are answered EIO. */
#define SERVE_ATTEMPTS 8

/* Serves the root until it ends. */
void serve_loop(struct thread *thread);
/* Serves the request that is in the slot, in state GOT, STARTED or DONE. */
void serve_request(struct thread *thread, bool in_takeover);
/* Sets the marks of a buffer before a read; request_was_torn() says whether one survived. */
void serve_mark_buffer(struct worker *worker, int buffer);
bool serve_request_torn(const struct worker *worker, int buffer);

#endif
