/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/config/schedule.h"

#include "lib/base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char day_names[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* Takes a name of three letters off *at. -1 if none stands there. */
static int day_take(const char **at)
{
    for (int i = 0; i < 7; i++)
        if (strncasecmp(*at, day_names[i], 3) == 0) {
            *at += 3;
            return i;
        }
    return -1;
}

static void blanks_take(const char **at)
{
    *at += strspn(*at, " \t");
}

/* Days, if there are any; else all. */
static int days_take(const char **at, uint8_t *days, struct dpl_err *err)
{
    *days = 0;
    if (**at >= '0' && **at <= '9') {
        *days = 0x7f;
        return 0;
    }
    for (;;) {
        int from = day_take(at), to = from;
        if (from >= 0 && **at == '-') {
            (*at)++;
            to = day_take(at);
        }
        if (from < 0 || to < 0)
            return dpl_err_set(err, DPL_E_PARAM,
                               "a day is Mon, Tue, Wed, Thu, Fri, Sat or Sun, not \"%.12s\"", *at);
        for (int i = from;; i = (i + 1) % 7) {
            *days |= (uint8_t)(1U << i);
            if (i == to)
                break;
        }
        if (**at != ',')
            return 0;
        (*at)++;
    }
}

static int digits_take(const char **at, int *value)
{
    if ((*at)[0] < '0' || (*at)[0] > '9' || (*at)[1] < '0' || (*at)[1] > '9')
        return -1;
    *value = ((*at)[0] - '0') * 10 + (*at)[1] - '0';
    *at += 2;
    return 0;
}

static int time_take(const char **at, uint16_t *minute, struct dpl_err *err)
{
    const char *start = *at;
    int hours = 0, minutes = 0;
    int rc = digits_take(at, &hours);
    if (rc == 0)
        rc = *(*at)++ == ':' ? digits_take(at, &minutes) : -1;
    if (rc < 0 || minutes > 59 || hours * 60 + minutes > DPL_DAY_MINUTES)
        return dpl_err_set(err, DPL_E_PARAM, "a time is 00:00 to 24:00, not \"%.12s\"", start);
    *minute = (uint16_t)(hours * 60 + minutes);
    return 0;
}

static int expect(const char **at, char c, struct dpl_err *err)
{
    if (**at != c)
        return dpl_err_set(err, DPL_E_PARAM, "expected '%c' at \"%.12s\"", c, *at);
    (*at)++;
    return 0;
}

static int rate_take(const char **at, uint64_t *rate, struct dpl_err *err)
{
    char text[32];
    int64_t value = 0;
    size_t size = strcspn(*at, "; \t");
    if (size >= sizeof text)
        return dpl_err_set(err, DPL_E_PARAM, "a bandwidth is as 500K or 2M, not \"%.12s\"", *at);
    memcpy(text, *at, size);
    text[size] = '\0';
    *at += size;
    *rate = 0;
    if (strcmp(text, "unlimited") == 0)
        return 0;
    int rc = dpl_units_size_bytes(text, &value, err);
    if (rc == 0 && (value < 1024 || value > INT64_C(1) << 40))
        rc = dpl_err_set(err, DPL_E_PARAM, "a bandwidth is from 1K to 1T, or unlimited, not \"%s\"",
                         text);
    *rate = (uint64_t)value;
    return rc;
}

static int entry_take(const char **at, struct dpl_schedule *s, struct dpl_err *err)
{
    if (s->count == DPL_SCHEDULE_MAX)
        return dpl_err_set(err, DPL_E_PARAM, "more than %d entries", DPL_SCHEDULE_MAX);
    uint8_t *days = &s->entries[s->count].days;
    uint16_t *from = &s->entries[s->count].from, *to = &s->entries[s->count].to;
    int rc = days_take(at, days, err);
    blanks_take(at);
    rc = rc < 0 ? rc : time_take(at, from, err);
    rc = rc < 0 ? rc : expect(at, '-', err);
    rc = rc < 0 ? rc : time_take(at, to, err);
    rc = rc < 0 ? rc : expect(at, '=', err);
    rc = rc < 0 ? rc : rate_take(at, &s->entries[s->count].rate, err);
    if (rc < 0)
        return rc;
    if (*from == DPL_DAY_MINUTES)
        return dpl_err_set(err, DPL_E_PARAM, "nothing begins at 24:00");
    if (*to <= *from)
        *to = (uint16_t)(*to + DPL_DAY_MINUTES);
    s->count++;
    return 0;
}

int dpl_schedule_parse(struct dpl_schedule *s, const char *text, struct dpl_err *err)
{
    *s = (struct dpl_schedule){0};
    for (const char *at = text;;) {
        blanks_take(&at);
        if (*at == '\0')
            return 0;
        if (*at == ';') {
            at++;
            continue;
        }
        int rc = entry_take(&at, s, err);
        blanks_take(&at);
        if (rc == 0 && *at != ';' && *at != '\0')
            rc = dpl_err_set(err, DPL_E_PARAM, "expected ';' at \"%.12s\"", at);
        if (rc < 0) {
            dpl_err_context(err, "schedule, entry %zu", s->count + 1);
            return rc;
        }
    }
}

static void append(char text[DPL_SCHEDULE_TEXT], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void append(char text[DPL_SCHEDULE_TEXT], const char *format, ...)
{
    va_list args;
    size_t used = strlen(text);
    va_start(args, format);
    vsnprintf(text + used, DPL_SCHEDULE_TEXT - used, format, args);
    va_end(args);
}

static void days_format(uint8_t days, char text[DPL_SCHEDULE_TEXT])
{
    const char *comma = "";
    if (days == 0x7f)
        return;
    for (int i = 0; i < 7; i++) {
        int to = i;
        if (!(days & 1U << i))
            continue;
        while (to < 6 && (days & 1U << (to + 1)))
            to++;
        append(text, to > i ? "%s%s-%s" : "%s%s", comma, day_names[i], day_names[to]);
        comma = ",";
        i = to;
    }
    append(text, " ");
}

void dpl_schedule_format(const struct dpl_schedule *s, char text[DPL_SCHEDULE_TEXT])
{
    text[0] = '\0';
    for (size_t i = 0; i < s->count; i++) {
        unsigned from = s->entries[i].from, to = s->entries[i].to;
        if (to > DPL_DAY_MINUTES)
            to -= DPL_DAY_MINUTES;
        append(text, "%s", i > 0 ? ";" : "");
        days_format(s->entries[i].days, text);
        append(text, "%02u:%02u-%02u:%02u=", from / 60, from % 60, to / 60, to % 60);
        if (s->entries[i].rate == 0)
            append(text, "unlimited");
        else
            append(text, "%llu", (unsigned long long)s->entries[i].rate);
    }
}

uint64_t dpl_schedule_rate(const struct dpl_schedule *s, uint64_t otherwise, unsigned day,
                           unsigned minute)
{
    unsigned before = (day + 6) % 7;
    for (size_t i = 0; i < s->count; i++) {
        unsigned from = s->entries[i].from, to = s->entries[i].to, days = s->entries[i].days;
        if ((days & 1U << day) && minute >= from && minute < to)
            return s->entries[i].rate;
        if ((days & 1U << before) && minute + DPL_DAY_MINUTES < to)
            return s->entries[i].rate;
    }
    return otherwise;
}
