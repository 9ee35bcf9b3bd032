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
    "       mailflow verify  --host H [--port 143] --ledger FILE [--users N] --password P [--wait "
    "N]\n"
    "A ledger - is standard output, or input. Users are user1 to userN. deliver and read end with "
    "SIGTERM or after the seconds; deliver "
    "prints\n"
    "what it sent, read each gap of more than a second, verify the account: exit 0 if every\n"
    "acknowledged message is there exactly once and no other twice, 1 if not.\n";

struct options {
    const char *host, *port, *ledger, *user, *password, *domain;
    long users, rate, seconds, bytes, wait;
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
    unsigned long acknowledged, found, lost, twice, unanswered, late, refused_found;
};

/* What the ledger says against what was seen. */
static struct account balance(GArray *entries, GHashTable *seen, bool tell)
{
    struct account a = {0};

    for (guint i = 0; i < entries->len; i++) {
        const struct flow_entry *e = &g_array_index(entries, struct flow_entry, i);
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(seen, e->id));
        a.acknowledged += e->fate == FLOW_ACKNOWLEDGED;
        a.found += e->fate == FLOW_ACKNOWLEDGED && count > 0;
        a.lost += e->fate == FLOW_ACKNOWLEDGED && count == 0;
        a.twice += count > 1;
        a.unanswered += e->fate == FLOW_UNANSWERED;
        a.late += e->fate == FLOW_UNANSWERED && count > 0;
        a.refused_found += e->fate == FLOW_REFUSED && count > 0;
        if (tell && (count > 1 || (e->fate == FLOW_ACKNOWLEDGED && count == 0)))
            printf("%s %s %s, acknowledged at %" PRId64 "\n", count ? "twice:" : "lost:", e->user,
                   e->id, e->ms);
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
static int verify(const struct options *o)
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
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        bool all = see_all(o, seen) == 0;
        bool last = now_ms() >= end;
        a = balance(entries, seen, last && all);
        if (last && !all)
            return 1;
        if (last || (all && a.lost == 0))
            break;
        sleep_until(now_ms() + 300);
    }
    printf(
        "account: acknowledged %lu, found %lu, lost %lu, duplicated %lu, unanswered %lu (of which "
        "%lu arrived), refused and there %lu\n",
        a.acknowledged, a.found, a.lost, a.twice, a.unanswered, a.late, a.refused_found);
    return a.lost || a.twice || a.refused_found || a.acknowledged == 0 ? 1 : 0;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option OPTIONS[] = {
        {"host", 1, NULL, 'h'},     {"port", 1, NULL, 'p'},   {"ledger", 1, NULL, 'l'},
        {"users", 1, NULL, 'n'},    {"domain", 1, NULL, 'd'}, {"rate", 1, NULL, 'r'},
        {"seconds", 1, NULL, 's'},  {"bytes", 1, NULL, 'b'},  {"user", 1, NULL, 'u'},
        {"password", 1, NULL, 'P'}, {"wait", 1, NULL, 'w'},   {0},
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
    if (ok && strcmp(what, "verify") == 0 && o.ledger && o.password)
        return verify(&o);
    fputs(USAGE, stderr);
    return 2;
}
