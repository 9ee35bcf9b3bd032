/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * prefixes: whether every prefix of a journal, replayed onto empty trees, is a state that the
 * source of chains went through, and whether replaying a part of it again changes nothing.
 *
 *     prefixes [--chains N] [--seed N] [--every K] [--again N] [--control drop | swap | late]
 *              JOURNAL RESERVE REPLICA...
 *
 * The journal is that of `chains write` with the same --chains and --seed (and DPL_SEED for what is
 * random here); REPLICAs stand for its roots, in their order, and are empty. The state after every
 * K-th record (1) is judged by the checker of chains, each in a process of its own, from where the
 * writers had begun. At N random places (0) a random part before it is replayed twice: the trees
 * must show the same steps.
 *
 * A control spoils the replay once, at a random place: a record is left out, exchanged with one
 * that comes soon after, or comes soon after where it belongs. It has to be noticed.
 *
 * Exit status: 0 all are states, 1 one is none, 2 it could not be run.
 */
#include "daemon/apply/apply.h"
#include "lib/journal/reader.h"
#include "tests/prop/chains.h"
#include "tests/prop/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct step {
    uint64_t lsn;
    uint16_t type;
    bool visible; /* the checker can see whether it was made */
};

static struct chains_options chains = {.chains = 6, .seed = 1};
static size_t every = 1, again;
static const char *control;

static int journal_fd = -1;
static struct dpl_journal *journal;
static struct dpl_apply *apply;
static struct step *steps; /* the records, in the order in which they are applied */
static size_t step_count;
static size_t judged, replayed;

__attribute__((format(printf, 1, 2), noreturn)) static void give_up(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("prefixes: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void seek(uint64_t lsn)
{
    struct dpl_err err = {0};
    dpl_journal_close(journal);
    journal = NULL;
    if (dpl_journal_open(&journal, journal_fd, 0, lsn, &err) != 0)
        give_up("the journal cannot be opened at %lu: %s", (unsigned long)lsn, err.text);
}

/* A missing SETATTR shows only until the next record of its object, which tells all of its
 * attributes again. */
static bool is_visible(const struct dpl_record *record)
{
    return record->outcome == DPL_OUTCOME_OK && record->type != DPL_R_ROOT &&
           record->type != DPL_R_DROP && record->type != DPL_R_BARRIER &&
           record->type != DPL_R_SETATTR;
}

static void list_records(void)
{
    struct dpl_record record;
    struct dpl_err err = {0};
    size_t room = 0;
    int next;
    seek(0);
    while ((next = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
        if (step_count == room) {
            room = room ? room * 2 : 4096;
            steps = realloc(steps, room * sizeof *steps);
            if (!steps)
                abort();
        }
        steps[step_count++] =
            (struct step){.lsn = record.lsn, .type = record.type, .visible = is_visible(&record)};
    }
    if (next != DPL_NEXT_ENDED)
        give_up("the journal ends with '%s': %s",
                dpl_journal_next_text((enum dpl_journal_next)next), err.text);
}

/* Applies the record that stands at this place of the order. Whether the replayer took it. */
static bool apply_step(size_t place)
{
    struct dpl_record record;
    struct dpl_err err = {0};
    if (dpl_journal_lsn(journal) != steps[place].lsn)
        seek(steps[place].lsn);
    if (dpl_journal_next(journal, &record, &err) != DPL_NEXT_RECORD ||
        record.lsn != steps[place].lsn)
        give_up("the record at %lu is gone: %s", (unsigned long)steps[place].lsn, err.text);
    if (dpl_apply_record(apply, dpl_epoch_tag(&dpl_journal_head(journal)->epoch), &record, &err) <
        0) {
        printf("record %zu: %s\n", place, err.text);
        return false;
    }
    replayed++;
    return true;
}

/* Judges the trees in a process of its own and takes what it says. Whether they are a state. */
static bool judge(char *said, size_t size)
{
    int pipe_fds[2], status = -1;
    size_t used = 0;
    ssize_t n;
    pid_t pid;
    fflush(NULL);
    if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        give_up("no process: %s", strerror(errno));
    if (pid == 0) {
        dup2(pipe_fds[1], STDOUT_FILENO);
        int code = chains_check(&chains);
        fflush(NULL);
        _exit(code);
    }
    close(pipe_fds[1]);
    while (used < size - 1 && (n = read(pipe_fds[0], said + used, size - 1 - used)) > 0)
        used += (size_t)n;
    said[used] = '\0';
    close(pipe_fds[0]);
    waitpid(pid, &status, 0);
    judged++;
    return status == 0;
}

/* Whether the writers had begun: what they prepare is no chain yet. */
static bool prepared(void)
{
    char name[32];
    snprintf(name, sizeof name, "log.%d", chains.chains - 1);
    return faccessat(chains.root_fds[chains.roots - 1], name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Replays a part that ends here twice. Whether the trees show the same as before. */
static bool same_again(struct rng *rng, size_t place)
{
    char before[4096], after[4096];
    struct dpl_err err = {0};
    size_t from = rng_below(rng, (uint32_t)place + 1);
    if (!judge(before, sizeof before))
        return false;
    for (int twice = 0; twice < 2; twice++) {
        for (size_t i = from; i <= place; i++)
            if (!apply_step(i))
                return false;
        if (dpl_apply_settle(apply, &err) < 0)
            give_up("settle: %s", err.text);
    }
    if (judge(after, sizeof after) && strcmp(before, after) == 0)
        return true;
    printf("records %zu to %zu replayed again change the trees\nbefore: %safter: %s", from, place,
           before, after);
    return false;
}

/* A place of the order with a visible record, from `from` on. */
static size_t visible_from(size_t from)
{
    while (from < step_count && !steps[from].visible)
        from++;
    if (from >= step_count)
        give_up("the journal is too short for a control");
    return from;
}

static void spoil(struct rng *rng)
{
    size_t first = 0, last, behind, prepare = (size_t)chains.roots * 20;
    struct step step;
    if (step_count < 2 * prepare + 100)
        give_up("the journal is too short for a control");
    first = visible_from(prepare + rng_below(rng, (uint32_t)(step_count / 2 - prepare)));
    last = visible_from(first + 4 * (size_t)chains.chains + rng_below(rng, 20));
    step = steps[first];
    behind = step_count - first - 1;
    printf("control: record %zu (%s), with %zu (%s): %s\n", first, dpl_record_type_text(step.type),
           last, dpl_record_type_text(steps[last].type), control);
    if (strcmp(control, "swap") == 0) {
        steps[first] = steps[last];
        steps[last] = step;
    } else if (strcmp(control, "drop") == 0) {
        memmove(steps + first, steps + first + 1, behind * sizeof *steps);
        step_count--;
    } else if (strcmp(control, "late") == 0) {
        memmove(steps + first, steps + first + 1, (last - first) * sizeof *steps);
        steps[last] = step;
    } else {
        give_up("there is no control '%s'", control);
    }
}

static bool run(struct rng *rng)
{
    char said[4096];
    bool ready = false;
    for (size_t i = 0; i < step_count; i++) {
        if (!apply_step(i))
            return false;
        ready = ready || prepared();
        if (!ready)
            continue;
        if ((i % every == 0 || i == step_count - 1) && !judge(said, sizeof said)) {
            printf("%safter record %zu of %zu (position %lu)\n", said, i, step_count,
                   (unsigned long)steps[i].lsn);
            return false;
        }
        if (again > 0 && rng_below(rng, (uint32_t)step_count) < again && !same_again(rng, i))
            return false;
    }
    return ready;
}

static void open_replicas(int argc, char **argv)
{
    struct dpl_apply_root roots[CHAINS_ROOTS];
    struct dpl_apply_options options = {.roots = roots};
    struct dpl_err err = {0};
    if (argc < 3 || argc > 2 + CHAINS_ROOTS)
        give_up("JOURNAL RESERVE REPLICA... are wanted");
    journal_fd = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    options.reserve_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (; chains.roots + 2 < argc; chains.roots++) {
        int fd = open(argv[2 + chains.roots], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            give_up("\"%s\": %s", argv[2 + chains.roots], strerror(errno));
        chains.root_fds[chains.roots] = fd;
        roots[chains.roots] = (struct dpl_apply_root){.number = (uint32_t)chains.roots, .fd = fd};
    }
    options.count = (size_t)chains.roots;
    if (dpl_apply_open(&apply, &options, &err) != 0)
        give_up("replica: %s", err.text);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"chains", 1, NULL, 'c'}, {"seed", 1, NULL, 's'},    {"every", 1, NULL, 'e'},
        {"again", 1, NULL, 'a'},  {"control", 1, NULL, 'o'}, {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        unsigned long n = c == '?' || c == 'o' ? 0 : strtoul(optarg, NULL, 10);
        if (c == 'c' && n > 0 && n <= CHAINS_MOST)
            chains.chains = (int)n;
        else if (c == 's')
            chains.seed = n;
        else if (c == 'e' && n > 0)
            every = n;
        else if (c == 'a')
            again = n;
        else if (c == 'o')
            control = optarg;
        else
            give_up("see the head of prefixes.c");
    }
    open_replicas(argc - optind, argv + optind);
    struct rng rng = rng_start(chains.seed);
    list_records();
    if (control)
        spoil(&rng);
    bool good = run(&rng);
    printf("prefixes: %s: %zu records, %zu states judged, %zu replayed\n",
           good ? "all are states" : "not all are states", step_count, judged, replayed);
    dpl_apply_close(apply);
    dpl_journal_close(journal);
    free(steps);
    return good ? 0 : 1;
}
