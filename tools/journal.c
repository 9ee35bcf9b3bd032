/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel journal show
 */
#include "lib/base/fd.h"
#include "lib/journal/reader.h"
#include "tools/doppel.h"
#include "tools/journal-print.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char command[] = "journal show";

struct show {
    const char *dir;
    const char *set;
    uint64_t from, epoch, count;
    bool raw;
};

static int help(void)
{
    printf(
        "Usage: doppel journal show [--output-as=text|json] [OPTION...] SET\n"
        "       doppel journal show [--output-as=text|json] [OPTION...] --dir DIR\n\n"
        "Prints the records of a journal, oldest first, and how it ends.\n\n"
        "  --dir DIR      a directory of segments, as of another node\n"
        "  --epoch N      this epoch, not the newest\n"
        "  --from LSN     begin at this record\n"
        "  --count N      at most so many\n"
        "  --raw          as it stands: unfinished records, and outcomes where they were written\n"
        "\nExit status: 0 shown to its end; 1 torn, damaged, or a segment is missing;\n"
        "2 usage; 6 shown, and the journal says \"mirror needed\".\n");
    return 0;
}

static bool number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static int count_of(const char *option, const char *text, uint64_t *value)
{
    return number(text, value)
               ? 0
               : doppel_usage(command, "--%s wants a number, not \"%s\"", option, text);
}

/* Returns an exit status, or -1 to go on. */
static int parse(struct doppel *doppel, int argc, char **argv, struct show *show)
{
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'},  {"epoch", required_argument, NULL, 'e'},
        {"from", required_argument, NULL, 'f'}, {"count", required_argument, NULL, 'n'},
        {"raw", no_argument, NULL, 'r'},        {"output-as", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},       {0}};
    int option, rc = 0;
    while (rc == 0 && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        switch (option) {
        case 'd':
            show->dir = optarg;
            break;
        case 'e':
            rc = count_of("epoch", optarg, &show->epoch);
            break;
        case 'f':
            rc = count_of("from", optarg, &show->from);
            break;
        case 'n':
            rc = count_of("count", optarg, &show->count);
            break;
        case 'r':
            show->raw = true;
            break;
        case 'o':
            if (!doppel_output_as(doppel, optarg))
                rc = doppel_usage(command, "--output-as is text or json, not \"%s\"", optarg);
            break;
        case 'h':
            return help();
        case ':':
            return doppel_usage(command, "\"%s\" needs a value", argv[optind - 1]);
        default:
            return optopt == '?'
                       ? help()
                       : doppel_usage(command, "there is no option \"%s\"", argv[optind - 1]);
        }
    }
    if (rc != 0)
        return rc;
    show->set = argv[optind];
    if (!show->dir == !show->set || (show->set && argv[optind + 1]))
        return doppel_usage(command, "name one set, or give --dir");
    if (show->set && (strchr(show->set, '/') || show->set[0] == '.'))
        return doppel_usage(command, "\"%s\" is not the name of a set", show->set);
    return -1;
}

static int end_status(int how)
{
    switch (how) {
    case DPL_NEXT_RECORD: /* --count was reached */
    case DPL_NEXT_END:
    case DPL_NEXT_OPEN:
    case DPL_NEXT_ENDED:
        return 0;
    case DPL_NEXT_MIRROR:
        return dpl_err_cli_exit(DPL_E_DEGRADED);
    default:
        return dpl_err_cli_exit(DPL_E_CORRUPT);
    }
}

static int print_all(const struct doppel *doppel, struct dpl_journal *journal,
                     const struct show *show, struct dpl_err *err)
{
    struct dpl_record record;
    int how = DPL_NEXT_RECORD;
    journal_print_head(dpl_journal_head(journal), doppel->json);
    printf(doppel->json ? ",\"records\":[" : "\n");
    for (uint64_t i = 0; i < show->count; i++) {
        how = show->raw ? dpl_journal_next_raw(journal, &record, err)
                        : dpl_journal_next(journal, &record, err);
        if (how != DPL_NEXT_RECORD)
            break;
        if (doppel->json && i > 0)
            printf(",\n");
        journal_print_record(&record, doppel->json);
    }
    uint64_t lsn = dpl_journal_lsn(journal);
    const char *text = how < 0 ? err->text : dpl_journal_next_text((enum dpl_journal_next)how);
    if (how == DPL_NEXT_RECORD)
        text = "more records follow";
    if (doppel->json) {
        g_autofree char *escaped = g_strescape(text, NULL);
        printf("],\"end\":{\"lsn\":%" PRIu64 ",\"what\":\"%s\"}}\n", lsn, escaped);
    } else {
        printf("%12" PRIu64 " %s\n", lsn, text);
    }
    return how;
}

int doppel_journal_show(struct doppel *doppel, int argc, char **argv)
{
    struct show show = {.count = UINT64_MAX};
    struct dpl_err err = {0};
    int rc = parse(doppel, argc, argv, &show);
    if (rc >= 0)
        return rc;
    g_autofree char *dir =
        show.dir ? g_strdup(show.dir) : g_strdup_printf("%s/journal/%s", DPL_STATE_DIR, show.set);
    dpl_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        dpl_err_sys(&err, errno, "open the journal \"%s\"", dir);
        return doppel_fail(command, &err);
    }
    struct dpl_journal *journal;
    rc = dpl_journal_open(&journal, fd, show.epoch, show.from, &err);
    if (rc < 0) {
        dpl_err_context(&err, "\"%s\"", dir);
        return doppel_fail(command, &err);
    }
    if (doppel->json)
        printf("{\"segment\":");
    int how = print_all(doppel, journal, &show, &err);
    dpl_journal_close(journal);
    if (how < 0)
        return doppel_fail(command, &err);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        dpl_err_sys(&err, errno, "write");
        return doppel_fail(command, &err);
    }
    return end_status(how);
}
