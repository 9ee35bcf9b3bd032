/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/bypass.h"
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/fanotify.h>

/* One read's worth of events, built as the kernel builds them. */
struct box {
    uint8_t bytes[1024];
    size_t size;
    size_t event; /* where the last one begins */
};

static void put(struct box *box, const void *data, size_t size)
{
    memcpy(box->bytes + box->size, data, size);
    box->size += size;
    uint32_t length = (uint32_t)(box->size - box->event);
    memcpy(box->bytes + box->event, &length, sizeof length);
}

static void put_event(struct box *box, uint64_t mask, pid_t pid)
{
    struct fanotify_event_metadata event = {.vers = FANOTIFY_METADATA_VERSION,
                                            .metadata_len = sizeof event,
                                            .mask = mask,
                                            .fd = FAN_NOFD,
                                            .pid = pid};
    box->event = box->size;
    put(box, &event, sizeof event);
}

/* header, fsid, handle size, handle type, handle, name; padded to 4. */
static void put_info(struct box *box, uint8_t type, const char *handle, const char *name)
{
    uint8_t info[256] = {type};
    uint32_t bytes = (uint32_t)strlen(handle);
    int32_t handle_type = 7;
    size_t at = 12;
    memcpy(info + at, &bytes, 4);
    memcpy(info + at + 4, &handle_type, 4);
    memcpy(info + at + 8, handle, bytes + 1); /* a name, or nothing, goes over the end */
    at += 8 + bytes;
    if (name) {
        memcpy(info + at, name, strlen(name) + 1);
        at += strlen(name) + 1;
    }
    uint16_t length = (uint16_t)((at + 3) / 4 * 4);
    memcpy(info + 2, &length, sizeof length);
    put(box, info, length);
}

struct seen {
    int count;
    struct dpl_bypass_change last;
};

static void note(void *self, const struct dpl_bypass_change *change)
{
    struct seen *seen = self;
    seen->count++;
    seen->last = *change;
}

static int parse(const struct box *box, struct seen *seen)
{
    *seen = (struct seen){0};
    return dpl_bypass_parse(box->bytes, box->size, note, seen, NULL);
}

static void name_in_its_directory_is_read(void)
{
    struct box box = {0};
    struct seen seen;
    put_event(&box, FAN_CREATE | FAN_ONDIR, 12);
    put_info(&box, FAN_EVENT_INFO_TYPE_DFID_NAME, "parent", "new");
    put_info(&box, FAN_EVENT_INFO_TYPE_FID, "child12", NULL);
    CU_ASSERT_EQUAL(parse(&box, &seen), 1);
    CU_ASSERT_EQUAL(seen.last.what, DPL_BYPASS_CREATED | DPL_BYPASS_DIR);
    CU_ASSERT_EQUAL(seen.last.pid, 12);
    CU_ASSERT(seen.last.parent.size == 6 && memcmp(seen.last.parent.bytes, "parent", 6) == 0);
    CU_ASSERT(seen.last.object.size == 7 && memcmp(seen.last.object.bytes, "child12", 7) == 0);
    CU_ASSERT_EQUAL(seen.last.object.type, 7);
    CU_ASSERT_STRING_EQUAL(seen.last.name, "new");
}

static void events_follow_each_other(void)
{
    struct box box = {0};
    struct seen seen;
    put_event(&box, FAN_MODIFY, 1);
    put_info(&box, FAN_EVENT_INFO_TYPE_FID, "a", NULL);
    put_event(&box, FAN_ATTRIB, 2);
    put_info(&box, FAN_EVENT_INFO_TYPE_DFID, "b", NULL);
    CU_ASSERT_EQUAL(parse(&box, &seen), 2);
    CU_ASSERT_EQUAL(seen.last.what, DPL_BYPASS_ATTR);
    CU_ASSERT_PTR_NULL(seen.last.name);
    CU_ASSERT_EQUAL(seen.last.object.size, 0);
}

static void overflow_is_a_change_of_everything(void)
{
    struct box box = {0};
    struct seen seen;
    put_event(&box, FAN_Q_OVERFLOW, 0);
    CU_ASSERT_EQUAL(parse(&box, &seen), 1);
    CU_ASSERT_EQUAL(seen.last.what, DPL_BYPASS_UNKNOWN);
}

static void every_cut_is_refused(void)
{
    struct box box = {0};
    struct seen seen;
    put_event(&box, FAN_MOVED_TO, 3);
    put_info(&box, FAN_EVENT_INFO_TYPE_DFID_NAME, "parent", "to");
    for (size_t n = 1; n < box.size; n++) {
        struct box cut = box;
        cut.size = n;
        CU_ASSERT_EQUAL(parse(&cut, &seen), DPL_E_CORRUPT);
        CU_ASSERT_EQUAL(seen.count, 0);
    }
    box.size = 0;
    CU_ASSERT_EQUAL(parse(&box, &seen), 0);
}

static void lengths_that_lie_are_refused(void)
{
    struct box good = {0};
    struct seen seen;
    put_event(&good, FAN_MODIFY, 3);
    size_t info = good.size;
    put_info(&good, FAN_EVENT_INFO_TYPE_DFID_NAME, "parent12", "x");
    CU_ASSERT_EQUAL(parse(&good, &seen), 1);
    static const struct {
        size_t at; /* beyond 100: in the info */
        uint8_t value;
    } lies[] = {
        {0, 3},          /* event shorter than its fixed part */
        {0, 255},        /* longer than what was read */
        {4, 9},          /* another version */
        {6, 200},        /* fixed part longer than the event */
        {6, 4},          /* or too short */
        {100 + 2, 2},    /* info shorter than its header */
        {100 + 2, 250},  /* longer than the event */
        {100 + 2, 20},   /* ends within the handle */
        {100 + 12, 200}, /* handle longer than the info */
        {100 + 13, 1},   /* than any handle */
        {100 + 12, 12},  /* no room for a name */
    };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct box bad = good;
        bad.bytes[lies[i].at >= 100 ? info + lies[i].at - 100 : lies[i].at] = lies[i].value;
        CU_ASSERT_EQUAL(parse(&bad, &seen), DPL_E_CORRUPT);
    }
}

static void name_without_an_end_is_refused(void)
{
    struct box box = {0};
    struct seen seen;
    put_event(&box, FAN_MODIFY, 3);
    put_info(&box, FAN_EVENT_INFO_TYPE_DFID_NAME, "parent12", "abc");
    CU_ASSERT_EQUAL(parse(&box, &seen), 1);
    box.bytes[box.size - 1] = 'd';
    CU_ASSERT_EQUAL(parse(&box, &seen), DPL_E_CORRUPT);
}

static void infos_of_newer_kernels_are_skipped(void)
{
    struct box box = {0};
    struct seen seen;
    put_event(&box, FAN_MODIFY, 3);
    put_info(&box, 99, "whatever", "it is");
    put_info(&box, FAN_EVENT_INFO_TYPE_FID, "a", NULL);
    CU_ASSERT_EQUAL(parse(&box, &seen), 1);
    CU_ASSERT_EQUAL(seen.last.object.size, 1);
    CU_ASSERT_EQUAL(seen.last.parent.size, 0);
}

static const struct unit_test tests[] = {
    {"a name in its directory is read", name_in_its_directory_is_read},
    {"events follow each other", events_follow_each_other},
    {"an overflow is a change of everything", overflow_is_a_change_of_everything},
    {"every cut is refused", every_cut_is_refused},
    {"lengths that lie are refused", lengths_that_lie_are_refused},
    {"a name without an end is refused", name_without_an_end_is_refused},
    {"infos of newer kernels are skipped", infos_of_newer_kernels_are_skipped},
};
UNIT_MAIN(tests)
