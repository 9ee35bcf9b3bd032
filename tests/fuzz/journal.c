/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal's reader. The first byte chooses: a file of any content; records of any content
 * behind a true header, their CRCs put right, so that what comes behind the CRC is reached; one
 * body alone.
 */
#include "lib/journal/crc32c.h"
#include "lib/journal/reader.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 64 * 1024 };

static char dir_name[] = "/tmp/doppel-fuzz-XXXXXX";
static const char file_name[] = "0000000000000001-0000000000000000.seg";
static int dir_fd = -1;

static void leave(void)
{
    unlinkat(dir_fd, file_name, 0);
    rmdir(dir_name);
}

static void enter(void)
{
    if (dir_fd >= 0)
        return;
    g_assert(mkdtemp(dir_name));
    dir_fd = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    atexit(leave);
}

static void read_all(void)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err;
    for (int raw = 0; raw < 2; raw++) {
        if (dpl_journal_open(&journal, dir_fd, 0, 0, &err) < 0)
            return;
        uint64_t last = 0;
        int rc;
        while ((rc = raw ? dpl_journal_next_raw(journal, &record, &err)
                         : dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
            g_assert(dpl_journal_lsn(journal) > last);
            last = dpl_journal_lsn(journal);
        }
        g_assert(rc < 0 || *dpl_journal_next_text((enum dpl_journal_next)rc) != '?');
        dpl_journal_close(journal);
    }
}

static void write_file(const uint8_t *bytes, size_t size, off_t full)
{
    int fd = openat(dir_fd, file_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    g_assert(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    g_assert(full <= (off_t)size || ftruncate(fd, full) == 0);
    close(fd);
}

/* Each record of the input: type, outcome, length of its body in two bytes, the body. */
static size_t compose(uint8_t *out, const struct dpl_epoch *epoch, const uint8_t *data, size_t size)
{
    uint32_t chain = dpl_epoch_chain(epoch);
    size_t used = 0;
    while (size >= 4) {
        size_t body = (size_t)(data[2] << 8 | data[3]);
        if (body > size - 4)
            body = size - 4;
        struct dpl_record_header h = {
            .size = (uint32_t)dpl_record_align(DPL_RECORD_HEADER + body),
            .lsn = used,
            .epoch_tag = dpl_epoch_tag(epoch),
            .body_bytes = (uint32_t)body,
            .body_crc = dpl_crc32c(0, data + 4, body),
            .chain = chain,
            .type = data[0],
            .outcome = data[1],
        };
        if (used + h.size > ROOM)
            break;
        dpl_record_header_encode(&h, out + used);
        memcpy(out + used + DPL_RECORD_HEADER, data + 4, body);
        memset(out + used + DPL_RECORD_HEADER + body, 0, h.size - DPL_RECORD_HEADER - body);
        chain = h.crc;
        used += h.size;
        data += 4 + body;
        size -= 4 + body;
    }
    return used;
}

static void composed(const uint8_t *data, size_t size)
{
    static uint8_t bytes[DPL_SEGMENT_HEADER + ROOM];
    struct dpl_segment_head head = {.epoch = {.number = 1, .id = {1}, .set = "mail"},
                                    .bytes = ROOM};
    head.chain = dpl_epoch_chain(&head.epoch);
    g_assert(dpl_segment_head_encode(&head, bytes, NULL) == 0);
    size_t used = compose(bytes + DPL_SEGMENT_HEADER, &head.epoch, data, size);
    write_file(bytes, DPL_SEGMENT_HEADER + used, sizeof bytes);
    read_all();
}

static void one_body(const uint8_t *data, size_t size)
{
    static uint8_t again[1 << 20];
    struct dpl_record record = {0};
    if (size < 2 || dpl_record_decode(&record, data[0], data[1], data + 2, size - 2, NULL) < 0)
        return;
    ssize_t n = dpl_record_encode(&record, again, sizeof again, NULL);
    g_assert(n >= 0 && (size_t)n <= size - 2 && (size_t)n == dpl_record_body_bytes(&record));
    dpl_record_resolve(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enter();
    if (size == 0)
        return 0;
    if (data[0] % 3 == 0) {
        write_file(data + 1, size - 1, DPL_SEGMENT_HEADER + ROOM);
        read_all();
    } else if (data[0] % 3 == 1) {
        composed(data + 1, size - 1);
    } else {
        one_body(data + 1, size - 1);
    }
    return 0;
}
