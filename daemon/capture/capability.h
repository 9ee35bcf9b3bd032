/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What this host and a root offer, in words.
 *
 * Each finding is a line of a table: how bad, what, why. A refusal ends the start unless it is of
 * the kind that --force overrules. Nothing is mounted or changed by looking.
 */
#ifndef DPL_CAPTURE_CAPABILITY_H
#define DPL_CAPTURE_CAPABILITY_H

#include "daemon/capture/options.h"

enum capability_grade {
    CAPABILITY_GOOD,
    CAPABILITY_WARNING,
    CAPABILITY_DOUBT,   /* our crash could reach applications: refused unless forced */
    CAPABILITY_REFUSED, /* cannot work */
};

struct capability_finding {
    enum capability_grade grade;
    char text[320];
};

#define CAPABILITY_FINDINGS 64

struct capability_report {
    struct capability_finding findings[CAPABILITY_FINDINGS];
    size_t count;
};

/* Looks at the host, and at each root of the options. */
void capability_look(const struct options *options, struct capability_report *report);
/* 0, or REFUSED with the first finding that forbids the start. */
int capability_check(const struct capability_report *report, bool force, struct dpl_err *err);
/* One line per finding on this stream: "good: …", "warning: …", "doubt: …", "refused: …". */
void capability_print(const struct capability_report *report, int fd);

#endif
