/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mailflow: lets mail flow to a service, reads it, and does the account (flow.h).
 */
#include "tests/lab/mail/flow.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char USAGE[] =
    "Usage: mailflow deliver --host H [--port 25] --ledger FILE [--users N] [--domain D] [--rate "
    "N]\n"
    "                [--seconds N] [--bytes N]\n"
    "       mailflow read    --host H [--port 143] --user U --password P [--seconds N]\n"
    "       mailflow watch   --host H --user U --password P [--seconds N]\n"
    "       mailflow verify  --host H [--port 143] --ledger FILE [--users N] --password P [--wait "
    "N]\n"
    "                [--cut MS-MS]...\n"
    "A ledger - is standard output, or input. Users are user1 to userN. deliver, read and watch "
    "end\n"
    "with SIGTERM or after the seconds; deliver prints what it sent, read each gap of more than a\n"
    "second, watch since when SMTP and IMAP serve or do not, verify the account: exit 0 if every\n"
    "acknowledged message is there exactly once and no other twice, 1 if not. A cut is a time (of\n"
    "wall clock) in which a node that served was lost: what it had just saved then, and could not\n"
    "note as delivered any more, may be there twice.\n";

/* A delivery is noted in Postfix's queue behind its save: what was saved within that time before a
 * node was lost may not be noted on the disk, which is 5 s behind at most (ext4's commits). */
enum { CUTS_MAX = 64, NOTED_MS = 6000, CUT_TWICE_MAX = 20 /* Postfix's deliveries at a time */ };

struct cut {
    long long from_ms, to_ms;
    unsigned twice;
};

struct options {
    const char *host, *port, *ledger, *user, *password, *domain;
    long users, rate, seconds, bytes, wait;
    struct cut cuts[CUTS_MAX];
    size_t cut_count;
};

static atomic_bool ended;

static void on_signal(int number)
{
    (void)number;
    ended = true;
}

static int64_t now_ms(void)
{
    return dpl_clock_now_ns(&dpl_clock_system) / 1000000;
}

static int64_t wall_ms(void)
{
    return dpl_clock_wall_ns(&dpl_clock_system) / 1000000;
}

static void sleep_until(int64_t ms)
{
    int64_t left = ms - now_ms();
    if (left > 0 && !ended)
        nanosleep(&(struct timespec){left / 1000, left % 1000 * 1000000}, NULL);
}

static bool over(const struct options *o, int64_t started_ms)
{
    return ended || (o->seconds > 0 && now_ms() - started_ms > o->seconds * 1000);
}

static int deliver(const struct options *o)
{
    static struct flow_conn c = {.fd = -1};
    FILE *ledger = strcmp(o->ledger, "-") == 0 ? stdout : fopen(o->ledger, "ae");
    int64_t started = now_ms(), next = started;
    unsigned long number = 0;

    if (!ledger) {
        fprintf(stderr, "mailflow: %s: %s\n", o->ledger, strerror(errno));
        return 1;
    }
    while (!over(o, started)) {
        struct dpl_err err = {0};
        struct flow_entry entry = {.fate = FLOW_REFUSED};
        char to[256];

        sleep_until(next);
        next = MAX(next + 1000 / o->rate, now_ms() - 1000);
        snprintf(entry.user, sizeof entry.user, "user%lu", number % (unsigned long)o->users + 1);
        snprintf(entry.id, sizeof entry.id, "%" PRId64 ".%d.%lu@flow.example.org", wall_ms(),
                 getpid(), number++);
        snprintf(to, sizeof to, "%s@%s", entry.user, o->domain);
        if (c.fd < 0 && (flow_conn_open(&c, o->host, o->port, 2000, &err) < 0 ||
                         flow_smtp_greet(&c, &err) < 0)) {
            flow_conn_close(&c);
        } else {
            entry.fate = flow_smtp_send(&c, to, entry.id, (size_t)o->bytes, &err);
            /* A connection for some messages, as others have them. */
            if (entry.fate != FLOW_ACKNOWLEDGED || number % 7 == 0)
                flow_conn_close(&c);
        }
        entry.ms = wall_ms();
        flow_ledger_add(ledger, &entry, err.text);
    }
    flow_conn_close(&c);
    return 0;
}

static int look(const struct options *o, const char *user, GHashTable *seen, struct dpl_err *err)
{
    static struct flow_conn c;
    uint32_t messages = 0;
    int rc = flow_conn_open(&c, o->host, o->port, seen ? 20000 : 2000, err);

    if (rc == 0)
        rc = flow_imap_open(&c, user, o->password, &messages, err);
    if (rc == 0 && seen)
        rc = flow_imap_count(&c, messages, seen, err);
    flow_conn_close(&c);
    return rc;
}

/* "up MS" and "down MS": since when it serves, or not. */
static int watch(const struct options *o)
{
    int64_t started = now_ms();
    int before = -1;

    while (!over(o, started)) {
        bool up = flow_serves(o->host, o->user, o->password);
        if (up != before)
            printf("%s %" PRId64 "\n", up ? "up" : "down", wall_ms());
        fflush(stdout);
        before = up;
        sleep_until(now_ms() + 10);
    }
    return 0;
}

static int read_all_the_time(const struct options *o)
{
    int64_t started = now_ms(), good = started;

    while (!over(o, started)) {
        struct dpl_err err = {0};
        if (look(o, o->user, NULL, &err) == 0) {
            int64_t gap = now_ms() - good;
            if (gap > 1000)
                fprintf(stderr, "read: no login for %" PRId64 " ms\n", gap);
            good = now_ms();
        }
        sleep_until(now_ms() + 100);
    }
    return 0;
}

struct account {
    unsigned long acknowledged, found, lost, twice, cut_twice, unanswered, late, refused_found;
};

/* Whether it was saved while a node was about to be lost; each cut has room for so many. */
static bool is_by_cut(struct options *o, const struct flow_sight *sight)
{
    for (size_t i = 0; i < o->cut_count; i++) {
        struct cut *cut = &o->cuts[i];
        if (sight->first_s * 1000 + 999 < cut->from_ms - NOTED_MS ||
            sight->first_s * 1000 > cut->to_ms || cut->twice == CUT_TWICE_MAX)
            continue;
        cut->twice++;
        return true;
    }
    return false;
}

static void tell(const struct flow_entry *e, const struct flow_sight *sight, const char *what)
{
    printf("%s: %s %s, %s at %" PRId64 ", first saved at %" PRId64 "\n", what, e->user, e->id,
           flow_fate_name(e->fate), e->ms, sight ? sight->first_s : 0);
}

/* What the ledger says against what was seen. */
static struct account balance(struct options *o, GArray *entries, GHashTable *seen, bool last)
{
    struct account a = {0};

    for (size_t i = 0; i < o->cut_count; i++)
        o->cuts[i].twice = 0;
    for (guint i = 0; i < entries->len; i++) {
        const struct flow_entry *e = &g_array_index(entries, struct flow_entry, i);
        const struct flow_sight *sight = g_hash_table_lookup(seen, e->id);
        unsigned count = sight ? sight->count : 0;
        bool by_cut = count == 2 && is_by_cut(o, sight);
        a.acknowledged += e->fate == FLOW_ACKNOWLEDGED;
        a.found += e->fate == FLOW_ACKNOWLEDGED && count > 0;
        a.lost += e->fate == FLOW_ACKNOWLEDGED && count == 0;
        a.cut_twice += by_cut;
        a.twice += count > 1 && !by_cut;
        a.unanswered += e->fate == FLOW_UNANSWERED;
        a.late += e->fate == FLOW_UNANSWERED && count > 0;
        a.refused_found += e->fate == FLOW_REFUSED && count > 0;
        if (last && count > 1)
            tell(e, sight, by_cut ? "twice by a cut" : "twice");
        if (last && count == 0 && e->fate == FLOW_ACKNOWLEDGED)
            tell(e, NULL, "lost");
        if (last && count > 0 && e->fate == FLOW_REFUSED)
            tell(e, sight, "refused and there");
    }
    return a;
}

static int see_all(const struct options *o, GHashTable *seen)
{
    for (long i = 1; i <= o->users; i++) {
        struct dpl_err err = {0};
        char user[64];
        snprintf(user, sizeof user, "user%ld", i);
        if (look(o, user, seen, &err) < 0) {
            fprintf(stderr, "mailflow: INBOX of %s: %s\n", user, err.text);
            return -1;
        }
    }
    return 0;
}

/* What was acknowledged may still be in the queue: asks again until nothing is missing, or the
 * time is over. */
static int verify(struct options *o)
{
    g_autoptr(GArray) entries = NULL;
    struct dpl_err err = {0};
    struct account a = {0};
    int64_t end = now_ms() + o->wait * 1000;

    if (flow_ledger_read(o->ledger, &entries, &err) < 0) {
        fprintf(stderr, "mailflow: %s\n", err.text);
        return 1;
    }
    for (;;) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        bool all = see_all(o, seen) == 0;
        bool last = now_ms() >= end;
        a = balance(o, entries, seen, false);
        if (last && !all)
            return 1;
        if (last || (all && a.lost == 0)) {
            a = balance(o, entries, seen, true);
            break;
        }
        sleep_until(now_ms() + 300);
    }
    printf("account: acknowledged %lu, found %lu, lost %lu, duplicated %lu (and %lu by cuts), "
           "unanswered "
           "%lu (of which %lu arrived), refused and there %lu\n",
           a.acknowledged, a.found, a.lost, a.twice, a.cut_twice, a.unanswered, a.late,
           a.refused_found);
    return a.lost || a.twice || a.refused_found || a.acknowledged == 0 ? 1 : 0;
}

static bool parse_cut(const char *text, struct options *o)
{
    struct cut *cut = &o->cuts[o->cut_count];
    if (o->cut_count == CUTS_MAX || sscanf(text, "%lld-%lld", &cut->from_ms, &cut->to_ms) != 2 ||
        cut->to_ms < cut->from_ms)
        return false;
    o->cut_count++;
    return true;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option OPTIONS[] = {
        {"host", 1, NULL, 'h'},
        {"port", 1, NULL, 'p'},
        {"ledger", 1, NULL, 'l'},
        {"users", 1, NULL, 'n'},
        {"domain", 1, NULL, 'd'},
        {"rate", 1, NULL, 'r'},
        {"seconds", 1, NULL, 's'},
        {"bytes", 1, NULL, 'b'},
        {"user", 1, NULL, 'u'},
        {"password", 1, NULL, 'P'},
        {"wait", 1, NULL, 'w'},
        {"cut", 1, NULL, 'c'},
        {0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        switch (c) {
        case 'h':
            o->host = optarg;
            break;
        case 'p':
            o->port = optarg;
            break;
        case 'l':
            o->ledger = optarg;
            break;
        case 'd':
            o->domain = optarg;
            break;
        case 'u':
            o->user = optarg;
            break;
        case 'P':
            o->password = optarg;
            break;
        case 'n':
            o->users = atol(optarg);
            break;
        case 'r':
            o->rate = atol(optarg);
            break;
        case 's':
            o->seconds = atol(optarg);
            break;
        case 'b':
            o->bytes = atol(optarg);
            break;
        case 'w':
            o->wait = atol(optarg);
            break;
        case 'c':
            if (!parse_cut(optarg, o))
                return false;
            break;
        default:
            return false;
        }
    }
    return o->host && o->users > 0 && o->rate > 0 && optind == argc;
}

int main(int argc, char **argv)
{
    struct options o = {.domain = "example.org", .users = 4, .rate = 20, .bytes = 2000, .wait = 60};
    struct sigaction action = {.sa_handler = on_signal};
    const char *what = argc > 1 ? argv[1] : "";
    bool ok = argc > 1 && parse(argc - 1, argv + 1, &o);

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (ok && strcmp(what, "deliver") == 0 && o.ledger) {
        o.port = o.port ? o.port : "25";
        return deliver(&o);
    }
    o.port = o.port ? o.port : "143";
    if (ok && strcmp(what, "read") == 0 && o.user && o.password)
        return read_all_the_time(&o);
    if (ok && strcmp(what, "watch") == 0 && o.user && o.password)
        return watch(&o);
    if (ok && strcmp(what, "verify") == 0 && o.ledger && o.password)
        return verify(&o);
    fputs(USAGE, stderr);
    return 2;
}
