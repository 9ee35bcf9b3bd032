/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Replays a journal onto replicas of its roots.
 *
 *     capture-replay JOURNAL RESERVE REPLICA...
 *
 * REPLICAs stand for the set's roots, in their order, and are empty; RESERVE lies beside them.
 * Prints what could not be applied as it stands, a line "ask: PATH" for each name in a replica of
 * an object that the source must be asked for (of a failed op, say), and one line of figures. Exit
 * status: 0 all was read, 1 the journal does not end as one that was closed (or could not be
 * applied), 2 bad usage.
 */
#include "daemon/apply/apply.h"
#include "lib/journal/reader.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ROOTS 16
#define ASKED 4096

static struct {
    unsigned long records, applied, nothing, unknown, ask;
} count;

static struct {
    size_t size;
    uint8_t bytes[DPL_OID_MAX];
} asked[ASKED];
static size_t asked_count, root_length;

static void ask(struct dpl_view oid)
{
    if (oid.size == 0 || oid.size > DPL_OID_MAX || asked_count == ASKED)
        return;
    asked[asked_count].size = oid.size;
    memcpy(asked[asked_count++].bytes, oid.data, oid.size);
}

static int print_asked(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    uint8_t tag[256];
    ssize_t size = lgetxattr(path, DPL_APPLY_TAG, tag, sizeof(tag));

    (void)st;
    (void)type;
    (void)ftw;
    for (size_t i = 0; i < asked_count; i++)
        if (size == (ssize_t)asked[i].size && memcmp(tag, asked[i].bytes, asked[i].size) == 0) {
            printf("ask: %s\n", path[root_length] == '/' ? path + root_length + 1 : ".");
            return 0;
        }
    return 0;
}

static int fail(const char *what, const struct dpl_err *err)
{
    fprintf(stderr, "capture-replay: %s: %s\n", what, err->text);
    return 1;
}

static void count_it(const struct dpl_record *record, int code)
{
    count.records++;
    count.applied += code == DPL_APPLY_DONE;
    count.nothing += code == DPL_APPLY_NOTHING;
    count.unknown += code == DPL_APPLY_UNKNOWN;
    count.ask += code == DPL_APPLY_ASK;
    if (code == DPL_APPLY_ASK) {
        ask(record->object);
        ask(record->object2);
        ask(record->parent);
        ask(record->parent2);
    }
    if (code == DPL_APPLY_UNKNOWN || code == DPL_APPLY_ASK)
        printf("lsn %lu: %s %s: %s\n", (unsigned long)record->lsn,
               dpl_record_type_text(record->type), dpl_outcome_text(record->outcome),
               code == DPL_APPLY_ASK ? "the source must be asked" : "unknown object");
}

static int replay(struct dpl_apply *apply, int journal_fd)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err = {0};
    int next, code = 0;

    if (dpl_journal_open(&journal, journal_fd, 0, 0, &err) != 0)
        return fail("open", &err);
    while (code >= 0 && (next = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
        code = dpl_apply_record(apply, dpl_epoch_tag(&dpl_journal_head(journal)->epoch), &record,
                                &err);
        if (code >= 0)
            count_it(&record, code);
    }
    dpl_journal_close(journal);
    if (code < 0)
        return fail("apply", &err);
    if (next == DPL_NEXT_ENDED)
        return 0;
    printf("the journal ends with '%s' (%s)\n", dpl_journal_next_text((enum dpl_journal_next)next),
           err.text);
    return 1;
}

int main(int argc, char **argv)
{
    struct dpl_apply_root roots[ROOTS] = {{0}};
    struct dpl_apply_options options = {.roots = roots, .allow_setid = true, .allow_devices = true};
    struct dpl_apply *apply;
    struct dpl_err err = {0};
    int journal_fd, code;

    if (argc < 4 || argc > 3 + ROOTS) {
        fprintf(stderr, "capture-replay JOURNAL RESERVE REPLICA...\n");
        return 2;
    }
    journal_fd = open(argv[1], O_RDONLY | O_DIRECTORY);
    options.reserve_fd = open(argv[2], O_RDONLY | O_DIRECTORY);
    for (uint32_t i = 0; i + 3 < (uint32_t)argc; i++) {
        roots[i].number = i;
        roots[i].fd = open(argv[3 + i], O_RDONLY | O_DIRECTORY);
        options.count++;
    }
    if (dpl_apply_open(&apply, &options, &err) != 0)
        return fail("replica", &err);
    code = replay(apply, journal_fd);
    if (code == 0 && dpl_apply_settle(apply, &err) < 0)
        code = fail("settle", &err);
    dpl_apply_close(apply);
    for (int i = 3; asked_count > 0 && i < argc; i++) {
        root_length = strlen(argv[i]);
        nftw(argv[i], print_asked, 16, FTW_PHYS);
    }
    printf("replay: records=%lu applied=%lu void=%lu unknown=%lu ask=%lu\n", count.records,
           count.applied, count.nothing, count.unknown, count.ask);
    return code;
}
