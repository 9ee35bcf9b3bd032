/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/bucket.h"
#include "lib/config/schedule.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

static uint64_t rate(const char *text, unsigned day, unsigned hour, unsigned minute)
{
    struct dpl_schedule s;
    CU_ASSERT_EQUAL_FATAL(dpl_schedule_parse(&s, text, NULL), 0);
    return dpl_schedule_rate(&s, 7777, day, hour * 60 + minute);
}

static void examples(void)
{
    const char *text = "Mon-Fri 08:00-18:00=2M;Sat,Sun 22:00-06:00=500K; 12:00-13:00=unlimited;";
    CU_ASSERT_EQUAL(rate(text, 0, 8, 0), 2 << 20);
    CU_ASSERT_EQUAL(rate(text, 0, 7, 59), 7777);
    CU_ASSERT_EQUAL(rate(text, 4, 17, 59), 2 << 20);
    CU_ASSERT_EQUAL(rate(text, 4, 18, 0), 7777);
    CU_ASSERT_EQUAL(rate(text, 5, 12, 30), 0);
    CU_ASSERT_EQUAL(rate(text, 0, 12, 30), 2 << 20); /* the first that matches */
    CU_ASSERT_EQUAL(rate(text, 5, 22, 0), 500 << 10);
    CU_ASSERT_EQUAL(rate(text, 6, 5, 59), 500 << 10);
    CU_ASSERT_EQUAL(rate(text, 0, 5, 59), 500 << 10); /* Sunday's night */
    CU_ASSERT_EQUAL(rate(text, 0, 6, 0), 7777);
    CU_ASSERT_EQUAL(rate(text, 5, 5, 0), 7777); /* Friday has none */
    CU_ASSERT_EQUAL(rate("", 5, 5, 0), 7777);
    CU_ASSERT_EQUAL(rate("fri-mon 00:00-24:00=1K", 5, 5, 0), 1024);
    CU_ASSERT_EQUAL(rate("Fri-Mon 00:00-24:00=1K", 0, 23, 59), 1024);
    CU_ASSERT_EQUAL(rate("Fri-Mon 00:00-24:00=1K", 1, 0, 0), 7777);
    CU_ASSERT_EQUAL(rate("08:00-08:00=1K", 3, 7, 59), 1024); /* around the clock */
}

static void wrong(void)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"Mon 8:00-10:00=2M", "schedule, entry 1: a time is 00:00 to 24:00, not \"8:00-10:00=2\""},
        {"Mom 08:00-10:00=2M",
         "schedule, entry 1: a day is Mon, Tue, Wed, Thu, Fri, Sat or Sun, not \"Mom 08:00-10\""},
        {"08:00-10:00=2M;Mon 24:00-01:00=1M", "schedule, entry 2: nothing begins at 24:00"},
        {"08:00-10:00", "schedule, entry 1: expected '=' at \"\""},
        {"08:00 10:00=1M", "schedule, entry 1: expected '-' at \" 10:00=1M\""},
        {"08:00-24:01=1M", "schedule, entry 1: a time is 00:00 to 24:00, not \"24:01=1M\""},
        {"08:00-10:00=1M x", "schedule, entry 2: expected ';' at \"x\""},
        {"08:00-10:00=12",
         "schedule, entry 1: a bandwidth is from 1K to 1T, or unlimited, not \"12\""},
        {"Mon-", NULL},
        {"Mon,", NULL},
        {"08:00-10:00=", NULL},
        {"08:00-10:00=fast", NULL},
        {"08:0", NULL},
        {"0", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dpl_schedule s;
        struct dpl_err err = {0};
        CU_ASSERT_EQUAL(dpl_schedule_parse(&s, cases[i].text, &err), DPL_E_PARAM);
        if (cases[i].said)
            CU_ASSERT_STRING_EQUAL(err.text, cases[i].said);
    }
    char many[33 * 16] = "";
    for (int i = 0; i < 33; i++)
        strcat(many, "08:00-10:00=1M;");
    struct dpl_schedule s;
    CU_ASSERT_EQUAL(dpl_schedule_parse(&s, many, NULL), DPL_E_PARAM);
}

static void identity(void)
{
    struct rng r = rng_start(41);
    for (unsigned i = 0, n = rounds(3000); i < n; i++) {
        struct dpl_schedule in = {.count = rng_below(&r, DPL_SCHEDULE_MAX + 1)}, out;
        char text[DPL_SCHEDULE_TEXT], again[DPL_SCHEDULE_TEXT];
        for (size_t k = 0; k < in.count; k++) {
            in.entries[k].days = (uint8_t)(1 + rng_below(&r, 127));
            in.entries[k].from = (uint16_t)rng_below(&r, DPL_DAY_MINUTES);
            in.entries[k].to = (uint16_t)(in.entries[k].from + 1 + rng_below(&r, DPL_DAY_MINUTES));
            in.entries[k].rate = rng_one_in(&r, 4) ? 0 : 1024 + rng_next(&r) % (UINT64_C(1) << 39);
        }
        dpl_schedule_format(&in, text);
        struct dpl_err err = {0};
        CU_ASSERT_EQUAL_FATAL(dpl_schedule_parse(&out, text, &err), 0);
        CU_ASSERT_EQUAL_FATAL(out.count, in.count);
        for (size_t k = 0; k < in.count; k++) {
            CU_ASSERT_EQUAL(out.entries[k].days, in.entries[k].days);
            CU_ASSERT_EQUAL(out.entries[k].from, in.entries[k].from);
            CU_ASSERT_EQUAL(out.entries[k].to, in.entries[k].to);
            CU_ASSERT_EQUAL(out.entries[k].rate, in.entries[k].rate);
        }
        dpl_schedule_format(&out, again);
        CU_ASSERT_STRING_EQUAL(text, again);
        /* The meaning, minute for minute, by a slower way. */
        for (unsigned probe = 0; probe < 20; probe++) {
            unsigned at = rng_below(&r, 7 * DPL_DAY_MINUTES);
            uint64_t want = 5;
            for (size_t k = 0; k < in.count && want == 5; k++)
                for (unsigned d = 0; d < 7 && want == 5; d++) {
                    unsigned from = d * DPL_DAY_MINUTES + in.entries[k].from;
                    unsigned length = (unsigned)in.entries[k].to - in.entries[k].from;
                    unsigned since = (at + 7 * DPL_DAY_MINUTES - from) % (7 * DPL_DAY_MINUTES);
                    if ((in.entries[k].days & 1U << d) && since < length)
                        want = in.entries[k].rate;
                }
            CU_ASSERT_EQUAL(dpl_schedule_rate(&in, 5, at / DPL_DAY_MINUTES, at % DPL_DAY_MINUTES),
                            want);
        }
    }
}

static void junk(void)
{
    static const char letters[] = "MonFri-,;: =0123456789MKuTt\t";
    struct rng r = rng_start(42);
    for (unsigned i = 0, n = rounds(20000); i < n; i++) {
        char text[40];
        size_t size = rng_below(&r, sizeof text);
        struct dpl_schedule s;
        struct dpl_err err = {0};
        for (size_t k = 0; k < size; k++)
            text[k] = letters[rng_below(&r, sizeof letters - 1)];
        text[size] = '\0';
        int rc = dpl_schedule_parse(&s, text, &err);
        CU_ASSERT_TRUE(rc == 0 || (rc == DPL_E_PARAM && err.text[0]));
    }
}

/* Whatever is taken whenever it may be: never more than the rate, the depth and one piece; and the
 * wait that is said is enough. */
static void bound(void)
{
    struct rng r = rng_start(43);
    for (unsigned i = 0, n = rounds(200); i < n; i++) {
        struct dpl_bucket b = {0};
        uint64_t rate = 1024 + rng_next(&r) % (UINT64_C(1) << (11 + rng_below(&r, 28)));
        uint64_t sum = 0;
        int64_t now = (int64_t)rng_below(&r, 1000000), start = now;
        dpl_bucket_set(&b, rate, now);
        for (unsigned k = 0; k < 500; k++) {
            int64_t wait = dpl_bucket_wait_ns(&b, now);
            now += wait;
            CU_ASSERT_EQUAL_FATAL(dpl_bucket_wait_ns(&b, now), 0);
            uint64_t piece = dpl_bucket_piece(&b, 1 << 20);
            dpl_bucket_take(&b, piece, now);
            sum += piece;
            now += rng_below(&r, 3) * (int64_t)rng_below(&r, 1000000);
            double allowed = (double)rate * (double)(now - start) / 1e9;
            double depth = rate / 10 > 16384 ? (double)rate / 10 : 16384;
            CU_ASSERT_TRUE((double)sum <= allowed + depth + (double)piece + 1);
        }
        /* Nor much less: 500 pieces as fast as may be. */
        int64_t begun = now;
        for (unsigned k = 0; k < 500; k++) {
            now += dpl_bucket_wait_ns(&b, now);
            dpl_bucket_take(&b, dpl_bucket_piece(&b, 1 << 20), now);
        }
        double took = 500.0 * (double)dpl_bucket_piece(&b, 1 << 20) / (double)rate;
        CU_ASSERT_TRUE((double)(now - begun) / 1e9 <= took * 1.01 + 0.5);
    }
}

static void unlimited(void)
{
    struct dpl_bucket b = {0};
    dpl_bucket_take(&b, UINT64_C(1) << 40, 5);
    CU_ASSERT_EQUAL(dpl_bucket_wait_ns(&b, 5), 0);
    CU_ASSERT_EQUAL(dpl_bucket_piece(&b, 1 << 20), 1 << 20);
    dpl_bucket_set(&b, 1 << 20, 6);
    dpl_bucket_take(&b, 2 << 20, 6);
    int64_t wait = dpl_bucket_wait_ns(&b, 6);
    CU_ASSERT_TRUE(wait > SECOND && wait <= 2 * SECOND + 1);
    dpl_bucket_set(&b, 0, 7);
    CU_ASSERT_EQUAL(dpl_bucket_wait_ns(&b, 7), 0);
}

static const struct unit_test tests[] = {
    {"a schedule means what people mean by it", examples},
    {"what is none is refused, with the place", wrong},
    {"parse of format is the identity, and each minute has its rate", identity},
    {"junk is refused with a reason, or is a schedule", junk},
    {"what a bucket lets through is the rate, no more and no less", bound},
    {"without a rate nothing waits", unlimited},
};
UNIT_MAIN(tests)
