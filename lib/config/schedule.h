/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A weekly schedule of bandwidth, as people write it:
 *
 *     Mon-Fri 08:00-18:00=2M; Sat,Sun 22:00-06:00=500K; 12:00-13:00=unlimited
 *
 * Entries divided by semicolons: days (all, if there are none: names of three letters, ranges,
 * commas), times of the day in local time, bytes per second (units of lib/base/units.h) or
 * "unlimited". 24:00 is the end of a day; a time that ends at or before its beginning goes on into
 * the next day, which need not be one of the days. The first entry that matches counts; where none
 * does, the connection's own bandwidth. Pure: the caller says what time it is.
 */
#ifndef DPL_CONFIG_SCHEDULE_H
#define DPL_CONFIG_SCHEDULE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DPL_SCHEDULE_MAX = 32,
    DPL_SCHEDULE_TEXT = 4096, /* room for the text of any schedule */
    DPL_DAY_MINUTES = 24 * 60,
};

struct dpl_schedule {
    size_t count;
    struct {
        uint8_t days;      /* bit 0: Monday */
        uint16_t from, to; /* minutes of the day; to is above from, and above a day's if it goes on
                              into the next */
        uint64_t rate;     /* bytes per second; 0: unlimited */
    } entries[DPL_SCHEDULE_MAX];
};

/* An empty text is an empty schedule. PARAM, with what was expected and where. */
int dpl_schedule_parse(struct dpl_schedule *schedule, const char *text, struct dpl_err *err);
/* The same in its shortest form, which parses to an equal one. */
void dpl_schedule_format(const struct dpl_schedule *schedule, char text[DPL_SCHEDULE_TEXT]);
/* Bytes per second (0: unlimited) on that day (0: Monday) at that minute. */
uint64_t dpl_schedule_rate(const struct dpl_schedule *schedule, uint64_t otherwise, unsigned day,
                           unsigned minute);

#endif
