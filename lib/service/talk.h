/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A conversation with a server, by lines or bytes, until a deadline. The server is not believed:
 * lines and what is kept of them are bounded.
 */
#ifndef DPL_SERVICE_TALK_H
#define DPL_SERVICE_TALK_H

#include "lib/base/clock.h"
#include "lib/service/address.h"

#include <stddef.h>

enum { DPL_TALK_BUFFER = 4096, DPL_TALK_LINE = 1024 };

struct dpl_talk {
    int fd;
    const struct dpl_clock *clock;
    int64_t deadline_ns;
    size_t start, end; /* of what was received and not yet read */
    char buffer[DPL_TALK_BUFFER];
};

/* UNREACHABLE: nobody listens there. BUSY: somebody does, and takes no more connections now. */
int dpl_talk_open(struct dpl_talk *talk, const struct dpl_address *address,
                  const struct dpl_clock *clock, int64_t deadline_ns, struct dpl_err *err);
/* Over a socket that is connected already, which the talk takes. */
void dpl_talk_use(struct dpl_talk *talk, int fd, const struct dpl_clock *clock,
                  int64_t deadline_ns);
void dpl_talk_close(struct dpl_talk *talk);

/* Writes all of the format's text. */
int dpl_talk_say(struct dpl_talk *talk, struct dpl_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int dpl_talk_send(struct dpl_talk *talk, const void *bytes, size_t size, struct dpl_err *err);
/* The next line without its end, cut to what the room holds; control characters become '?'. TIMEOUT
 * when none came, TRUNCATED when the other end closed. */
int dpl_talk_line(struct dpl_talk *talk, char line[DPL_TALK_LINE], struct dpl_err *err);
/* Just so many bytes. */
int dpl_talk_bytes(struct dpl_talk *talk, void *bytes, size_t size, struct dpl_err *err);
/* Whether more has been received already, or is there within so long. */
bool dpl_talk_has_more(struct dpl_talk *talk, int within_ms);

#endif
