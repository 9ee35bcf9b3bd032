/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/request.h"

#include "tests/lab/holds.h"
#include "tests/lab/host.h"
#include "tests/lab/net.h"
#include "tests/lab/relay.h"
#include "tests/lab/run.h"
#include "tests/lab/wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct request {
    struct lab *lab;
    struct lab_client *client;
    const char *const *words; /* without the verb */
    int n;
};

/* What a verb returns when it has seen to the answer itself. */
enum { ANSWERED = 1 };

struct verb {
    const char *name;
    int min, max; /* words after the verb */
    int (*run)(const struct request *rq, struct dpl_err *err);
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static struct lab_host *find_host(const struct request *rq, const char *name, struct dpl_err *err)
{
    struct lab_host *host = lab_host_find(rq->lab, name);
    if (!host)
        dpl_err_set(err, DPL_E_NOT_FOUND, "no host \"%s\" in this lab", name);
    return host;
}

static int await(const struct request *rq, struct lab_host *host, enum lab_await what)
{
    rq->client->host = host;
    rq->client->await = what;
    return DPL_OK;
}

static int power_status(const struct request *rq, const struct lab_host *host)
{
    lab_wire_output(rq->client->fd, lab_host_switch_on(host) ? "on\n" : "off\n");
    return DPL_OK;
}

/* A host whose cable is cut does not reach the switch. Commands from outside always do. */
static int check_reach(const struct request *rq, struct dpl_err *err)
{
    const struct lab_host *from = NULL;
    if (rq->n == 4 && is(rq->words[2], "--from"))
        from = lab_host_find(rq->lab, rq->words[3]);
    else if (rq->n != 2)
        return dpl_err_set(err, DPL_E_USAGE, "power: wrong number of words");
    if (from && (from->unplugged || from->cut_in || from->cut_out))
        return dpl_err_set(err, DPL_E_UNREACHABLE, "%s does not reach the power switch",
                           from->plan->name);
    return DPL_OK;
}

static int run_power(const struct request *rq, struct dpl_err *err)
{
    const char *op = rq->words[0];
    int rc = check_reach(rq, err);
    if (rc < 0)
        return rc;
    struct lab_host *host = find_host(rq, rq->words[1], err);
    if (!host)
        return DPL_E_NOT_FOUND;
    if (is(op, "status"))
        return power_status(rq, host);
    if (is(op, "on")) {
        if (host->power == LAB_TURNING_OFF)
            host->on_after_off = true;
        else if (host->power == LAB_OFF)
            rc = lab_host_on(rq->lab, host, err);
        return rc == DPL_OK ? await(rq, host, LAB_AWAIT_UP) : rc;
    }
    if (is(op, "button")) {
        rc = lab_host_button(host, err);
        return rc == DPL_OK ? await(rq, host, LAB_AWAIT_SHUTDOWN) : rc;
    }
    bool reset = is(op, "reset");
    if (!reset && !is(op, "off"))
        return dpl_err_set(err, DPL_E_USAGE, "power on, off, reset, button or status, not \"%s\"",
                           op);
    if (reset && host->power == LAB_OFF) {
        rc = lab_host_on(rq->lab, host, err);
        return rc == DPL_OK ? await(rq, host, LAB_AWAIT_UP) : rc;
    }
    host->on_after_off = reset;
    rc = lab_host_off(rq->lab, host, err);
    return rc == DPL_OK ? await(rq, host, LAB_AWAIT_OFF) : rc;
}

static int run_crash(const struct request *rq, struct dpl_err *err)
{
    struct lab_host *host = find_host(rq, rq->words[0], err);
    return host ? lab_host_crash(host, err) : DPL_E_NOT_FOUND;
}

static int freeze(const struct request *rq, bool on, struct dpl_err *err)
{
    struct lab_host *host = find_host(rq, rq->words[0], err);
    int rc = host ? lab_host_freeze(host, on, err) : DPL_E_NOT_FOUND;
    if (rc == DPL_OK)
        lab_log("%s: %s", rq->words[0], on ? "frozen" : "thawed");
    return rc;
}

static int run_freeze(const struct request *rq, struct dpl_err *err)
{
    return freeze(rq, true, err);
}

static int run_thaw(const struct request *rq, struct dpl_err *err)
{
    return freeze(rq, false, err);
}

static int run_lan(const struct request *rq, struct dpl_err *err)
{
    bool in = false, out = false;
    struct lab_host *host = find_host(rq, rq->words[0], err);
    if (!host)
        return DPL_E_NOT_FOUND;
    for (int i = 2; i < rq->n; i++) {
        if (is(rq->words[i], "--in"))
            in = true;
        else if (is(rq->words[i], "--out"))
            out = true;
        else
            return dpl_err_set(err, DPL_E_USAGE, "--in or --out, not \"%s\"", rq->words[i]);
    }
    bool cut = is(rq->words[1], "cut");
    if (!cut && !is(rq->words[1], "heal"))
        return dpl_err_set(err, DPL_E_USAGE, "lan HOST cut or heal, not \"%s\"", rq->words[1]);
    if (!in && !out)
        host->unplugged = cut;
    if (in || (!cut && !out))
        host->cut_in = cut;
    if (out || (!cut && !in))
        host->cut_out = cut;
    lab_log("%s: LAN %s%s%s", host->plan->name, rq->words[1], in ? " in" : "", out ? " out" : "");
    return lab_net_apply_lan(host, err);
}

/* "a-b", in either order, as second word; without it the wire of sites a and b. The words after it
 * begin at *at_r. */
static struct lab_wire *find_wire(const struct request *rq, int *at_r, struct dpl_err *err)
{
    const char *w = rq->n > 1 ? rq->words[1] : "";
    bool named = strlen(w) == 3 && w[1] == '-' && w[0] != '-';
    int s1 = named ? w[0] - 'a' : 0, s2 = named ? w[2] - 'a' : 1;
    struct lab_wire *wire = lab_wire_find(rq->lab, s1, s2);
    *at_r = named ? 2 : 1;
    if (!wire)
        dpl_err_set(err, DPL_E_NOT_FOUND, "no wire between sites %c and %c", 'a' + s1, 'a' + s2);
    return wire;
}

/* --a-to-b for any two sites of the wire: forth, back, or both without it. */
static int wan_direction(const struct lab_wire *wire, const char *word, bool *forth, bool *back,
                         struct dpl_err *err)
{
    char f = (char)('a' + wire->from), t = (char)('a' + wire->to), text[16];
    snprintf(text, sizeof(text), "--%c-to-%c", f, t);
    *forth |= is(word, text);
    bool known = is(word, text);
    snprintf(text, sizeof(text), "--%c-to-%c", t, f);
    *back |= is(word, text);
    if (known || is(word, text))
        return DPL_OK;
    return dpl_err_set(err, DPL_E_USAGE, "--%c-to-%c or --%c-to-%c, not \"%s\"", f, t, t, f, word);
}

static int wan_cut(const struct request *rq, struct lab_wire *wire, int at, struct dpl_err *err)
{
    bool cut = is(rq->words[0], "cut"), forth = rq->n == at, back = rq->n == at;
    for (int i = at; i < rq->n; i++) {
        int rc = wan_direction(wire, rq->words[i], &forth, &back, err);
        if (rc < 0)
            return rc;
    }
    if (forth)
        wire->cut_forth = cut;
    if (back)
        wire->cut_back = cut;
    return lab_net_apply_wire(wire, err);
}

static int wan_rate(const struct request *rq, struct lab_wire *wire, int at, struct dpl_err *err)
{
    if (rq->n != at + 1)
        return dpl_err_set(err, DPL_E_USAGE, "wan rate wants one rate, as 10mbit, or \"off\"");
    const char *rate = is(rq->words[at], "off") ? "" : rq->words[at];
    if (strlen(rate) >= sizeof(wire->rate))
        return dpl_err_set(err, DPL_E_USAGE, "\"%s\" is not a rate", rate);
    char old[sizeof(wire->rate)];
    memcpy(old, wire->rate, sizeof(old));
    g_strlcpy(wire->rate, rate, sizeof(wire->rate));
    if (lab_net_apply_wire(wire, NULL) == DPL_OK)
        return DPL_OK;
    memcpy(wire->rate, old, sizeof(old));
    lab_net_apply_wire(wire, NULL);
    return dpl_err_set(err, DPL_E_USAGE, "\"%s\" is not a rate that tc takes", rate);
}

static int relay_stop(struct lab_wire *wire, struct dpl_err *err)
{
    if (wire->relay <= 0)
        return DPL_OK;
    kill(wire->relay, SIGKILL);
    waitpid(wire->relay, NULL, 0);
    wire->relay = 0;
    wire->relay_text[0] = '\0';
    return lab_net_wire_close(wire, err);
}

static int relay_options(const struct request *rq, int at, struct lab_relay *how,
                         struct dpl_err *err)
{
    for (int i = at; i < rq->n; i += 2) {
        char *end;
        const char *name = rq->words[i], *text = i + 1 < rq->n ? rq->words[i + 1] : "";
        double value = strtod(text, &end);
        if (!*text || *end || value < 0)
            return dpl_err_set(err, DPL_E_USAGE, "%s wants a number, not \"%s\"", name, text);
        if (is(name, "--loss") && value <= 100)
            how->loss = value / 100;
        else if (is(name, "--delay") && value <= 60000)
            how->delay_ms = (int)value;
        else if (is(name, "--seed"))
            how->seed = (uint64_t)value;
        else
            return dpl_err_set(err, DPL_E_USAGE, "wan relay: \"%s %s\" is not understood", name,
                               text);
    }
    return DPL_OK;
}

static int wan_relay(const struct request *rq, struct lab_wire *wire, int at, struct dpl_err *err)
{
    struct lab_relay how = {.seed = 1};
    if (rq->n == at + 1 && is(rq->words[at], "off"))
        return relay_stop(wire, err);
    int rc = relay_options(rq, at, &how, err);
    if (rc == DPL_OK)
        rc = relay_stop(wire, err);
    if (rc == DPL_OK)
        rc = lab_net_wire_open(wire, err);
    if (rc < 0)
        return rc;
    pid_t pid = lab_relay_start(wire, &how, err);
    if (pid < 0) {
        lab_net_wire_close(wire, NULL);
        return pid;
    }
    wire->relay = pid;
    snprintf(wire->relay_text, sizeof(wire->relay_text), "loss:%g%%,delay:%dms,seed:%llu",
             how.loss * 100, how.delay_ms, (unsigned long long)how.seed);
    return DPL_OK;
}

static int run_wan(const struct request *rq, struct dpl_err *err)
{
    int at;
    struct lab_wire *wire = find_wire(rq, &at, err);
    if (!wire)
        return DPL_E_NOT_FOUND;
    lab_log("WAN %c-%c: %s %s", 'a' + wire->from, 'a' + wire->to, rq->words[0],
            rq->n > at ? rq->words[at] : "");
    if (is(rq->words[0], "cut") || is(rq->words[0], "heal"))
        return wan_cut(rq, wire, at, err);
    if (is(rq->words[0], "rate"))
        return wan_rate(rq, wire, at, err);
    if (is(rq->words[0], "relay"))
        return wan_relay(rq, wire, at, err);
    return dpl_err_set(err, DPL_E_USAGE, "wan cut, heal, rate or relay, not \"%s\"", rq->words[0]);
}

static int run_enter(const struct request *rq, struct dpl_err *err)
{
    const char *name = rq->words[0];
    if (strlen(name) == 2 && name[0] == 'r' && name[1] >= 'A' && name[1] < 'A' + LAB_SITES_MAX &&
        rq->lab->routers[name[1] - 'A'].pid > 0) {
        int fds[2] = {rq->lab->routers[name[1] - 'A'].pidfd, -1};
        lab_wire_done(rq->client->fd, fds);
        return ANSWERED;
    }
    struct lab_host *host = find_host(rq, name, err);
    if (!host)
        return DPL_E_NOT_FOUND;
    if (host->frozen)
        return dpl_err_set(err, DPL_E_REFUSED, "%s is frozen", name);
    if (host->power != LAB_UP && host->power != LAB_BOOTING && !host->on_after_off)
        return dpl_err_set(err, DPL_E_REFUSED, "%s is %s", name, lab_host_state(host));
    return await(rq, host, LAB_AWAIT_ENTER);
}

static const char *lan_text(const struct lab_host *h)
{
    if (h->unplugged)
        return "cut";
    if (h->cut_in && h->cut_out)
        return "cut-in-out";
    return h->cut_in ? "cut-in" : h->cut_out ? "cut-out" : "ok";
}

static const char *wire_text(const struct lab_wire *w, char text[16])
{
    if (w->cut_forth && w->cut_back)
        return "cut";
    if (!w->cut_forth && !w->cut_back)
        return "ok";
    int f = w->cut_forth ? w->from : w->to, t = w->cut_forth ? w->to : w->from;
    snprintf(text, 16, "cut-%c-to-%c", 'a' + f, 'a' + t);
    return text;
}

static int run_status(const struct request *rq, struct dpl_err *err)
{
    const struct lab *lab = rq->lab;
    bool plain = rq->n == 1 && is(rq->words[0], "--plain");
    if (rq->n == 1 && !plain)
        return dpl_err_set(err, DPL_E_USAGE, "status --plain, not \"%s\"", rq->words[0]);
    g_autoptr(GString) s = g_string_new(NULL);
    if (!plain)
        g_string_append(s, "HOST  SITE  POWER  STATE        LAN         CLUSTER  ADDRESS\n");
    for (size_t i = 0; i < lab->plan->n_hosts; i++) {
        const struct lab_host *h = &lab->hosts[i];
        char address[32];
        lab_net_address(h->plan->site, h->plan->number, address, sizeof(address));
        g_string_append_printf(s,
                               plain ? "host name=%s site=%c power=%s state=%s lan=%s "
                                       "cluster=%s address=%s\n"
                                     : "%-5s %c     %-6s %-12s %-11s %-8s %s\n",
                               h->plan->name, 'a' + h->plan->site,
                               lab_host_switch_on(h) ? "on" : "off", lab_host_state(h), lan_text(h),
                               h->plan->member ? "yes" : "no", address);
    }
    if (!plain && lab->n_wires > 0)
        g_string_append(s, "WIRE  STATE        RATE        RELAY\n");
    for (size_t i = 0; i < lab->n_wires; i++) {
        const struct lab_wire *w = &lab->wires[i];
        char text[16];
        g_string_append_printf(
            s, plain ? "wire name=%c-%c state=%s rate=%s relay=%s\n" : "%c-%c   %-12s %-11s %s\n",
            'a' + w->from, 'a' + w->to, wire_text(w, text), w->rate[0] ? w->rate : "-",
            w->relay > 0 ? w->relay_text : "-");
    }
    lab_wire_output(rq->client->fd, s->str);
    return DPL_OK;
}

/* Answered by a child, since it goes through the hosts' namespaces. */
static int run_holds(const struct request *rq, struct dpl_err *err)
{
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "fork");
    if (pid == 0) {
        g_autofree char *text = lab_holds(rq->lab);
        lab_wire_output(rq->client->fd, text);
        lab_wire_done(rq->client->fd, NULL);
        _exit(0);
    }
    return ANSWERED;
}

static int run_down(const struct request *rq, struct dpl_err *err)
{
    (void)err;
    rq->client->end = true;
    return DPL_OK;
}

static const struct verb verbs[] = {
    {"power", 2, 4, run_power}, {"crash", 1, 1, run_crash},   {"freeze", 1, 1, run_freeze},
    {"thaw", 1, 1, run_thaw},   {"lan", 2, 4, run_lan},       {"wan", 1, 8, run_wan},
    {"enter", 1, 1, run_enter}, {"status", 0, 1, run_status}, {"holds", 0, 0, run_holds},
    {"down", 0, 0, run_down},
};

void lab_request(struct lab *lab, struct lab_client *client, const char *const words[], int n)
{
    struct dpl_err err = {0};
    const struct request rq = {lab, client, words + 1, n - 1};
    int rc = dpl_err_set(&err, DPL_E_USAGE, "no verb \"%s\"", words[0]);
    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (!is(verbs[i].name, words[0]))
            continue;
        if (rq.n < verbs[i].min || rq.n > verbs[i].max) {
            rc = dpl_err_set(&err, DPL_E_USAGE, "%s: wrong number of words", words[0]);
            break;
        }
        rc = verbs[i].run(&rq, &err);
    }
    if (rc < 0)
        lab_wire_failed(client->fd, rc, err.text);
    else if (rc != ANSWERED && client->await == LAB_AWAIT_NOTHING && !client->end)
        lab_wire_done(client->fd, NULL);
}

static void over(struct lab_client *client, const char *why)
{
    if (why)
        lab_wire_failed(client->fd, DPL_E_FAILED, why);
    else
        lab_wire_done(client->fd, NULL);
    client->await = LAB_AWAIT_NOTHING;
    client->host = NULL;
}

void lab_request_waited(struct lab_client *client)
{
    struct lab_host *h = client->host;
    switch (client->await) {
    case LAB_AWAIT_NOTHING:
        return;
    case LAB_AWAIT_OFF:
        /* A reset is through its off when the host boots again. */
        if (h->power == LAB_OFF || h->power == LAB_BOOTING || h->power == LAB_UP)
            over(client, NULL);
        else if (h->power == LAB_DEAD)
            over(client, "it could not be turned off; see the lab's log");
        return;
    case LAB_AWAIT_SHUTDOWN:
        if (h->power == LAB_OFF || !h->shutting_down)
            over(client, NULL);
        else if (h->power == LAB_DEAD)
            over(client, "it could not be turned off; see the lab's log");
        return;
    case LAB_AWAIT_UP:
        if (h->power == LAB_UP)
            over(client, NULL);
        else if (h->power == LAB_DEAD || h->power == LAB_OFF)
            over(client, "it did not boot; see the lab's log");
        return;
    case LAB_AWAIT_ENTER:
        if (h->power == LAB_UP) {
            int fds[2] = {h->pidfd, h->cgroup_procs};
            lab_wire_done(client->fd, fds);
            client->await = LAB_AWAIT_NOTHING;
        } else if (h->power == LAB_DEAD || h->power == LAB_OFF) {
            over(client, "it did not boot; see the lab's log");
        }
        return;
    }
}
