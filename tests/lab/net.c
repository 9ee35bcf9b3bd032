/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/net.h"

#include "lib/base/fd.h"
#include "tests/lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUTER_NUMBER = 254 };

void lab_net_address(int site, int number, char *text, size_t size)
{
    snprintf(text, size, "10.71.%d.%d", site + 1, number);
}

void lab_net_address6(int site, int number, char *text, size_t size)
{
    snprintf(text, size, "fd71:0:0:%x::%x", (unsigned)site + 1, (unsigned)number);
}

void lab_net_wire_ports(const struct lab_wire *wire, char from[16], char to[16])
{
    snprintf(from, 16, "w-%c%c", 'a' + wire->from, 'a' + wire->to);
    snprintf(to, 16, "w-%c%c", 'a' + wire->to, 'a' + wire->from);
}

static void add_lan(GString *s, int site)
{
    g_string_append_printf(s, "link add lan-%c type bridge forward_delay 0 mcast_snooping 0\n",
                           'a' + site);
    g_string_append_printf(s, "link set lan-%c addrgenmode none up\n", 'a' + site);
}

/* One end of a wire: the port in the wire's own bridge, and the far end in a router or a LAN. */
static void add_wire_end(GString *s, const struct lab *lab, const struct lab_wire *wire, int here,
                         int there)
{
    char h = (char)('a' + here), t = (char)('a' + there);
    char f = (char)('a' + wire->from), o = (char)('a' + wire->to);
    if (lab->plan->bridged) {
        g_string_append_printf(s, "link add w-%c%c type veth peer name s-%c%c\n", h, t, h, t);
        g_string_append_printf(s, "link set s-%c%c master lan-%c addrgenmode none up\n", h, t, h);
        g_string_append_printf(s, "link set s-%c%c type bridge_slave isolated on\n", h, t);
    } else {
        g_string_append_printf(s, "link add w-%c%c type veth peer name wan-%c netns %d\n", h, t, t,
                               lab->routers[here].pid);
    }
    g_string_append_printf(s, "link set w-%c%c master wire-%c%c addrgenmode none up\n", h, t, f, o);
}

static void add_wire(GString *s, const struct lab *lab, const struct lab_wire *wire)
{
    char f = (char)('a' + wire->from), t = (char)('a' + wire->to);
    g_string_append_printf(
        s, "link add wire-%c%c type bridge forward_delay 0 mcast_snooping 0 ageing_time 0\n", f, t);
    g_string_append_printf(s, "link set wire-%c%c addrgenmode none up\n", f, t);
    add_wire_end(s, lab, wire, wire->from, wire->to);
    add_wire_end(s, lab, wire, wire->to, wire->from);
}

/* The kernel would look for duplicates of its own link-local address for a second. */
static void up_with_link_local(GString *s, const char *dev, int high, int low)
{
    g_string_append_printf(
        s, "link set %s addrgenmode none up\naddr add fe80::%x:%x/64 dev %s nodad\n", dev,
        (unsigned)high, (unsigned)low, dev);
}

/* The router's own view: its LAN, and for each wire an address of a small net and a route. */
static void router_lines(GString *s, const struct lab *lab, int site)
{
    char a[32], a6[48];
    lab_net_address(site, ROUTER_NUMBER, a, sizeof(a));
    lab_net_address6(site, ROUTER_NUMBER, a6, sizeof(a6));
    g_string_append(s, "link set lo up\n");
    up_with_link_local(s, "lan", site + 1, ROUTER_NUMBER);
    g_string_append_printf(s, "addr add %s/24 dev lan\naddr add %s/64 dev lan nodad\n", a, a6);
    for (size_t i = 0; i < lab->n_wires; i++) {
        const struct lab_wire *w = &lab->wires[i];
        if (w->from != site && w->to != site)
            continue;
        int other = w->from == site ? w->to : w->from;
        unsigned net = (unsigned)i * 4, me = w->from == site ? 1 : 2, it = 3 - me;
        char d = (char)('a' + other);
        const char dev[] = {'w', 'a', 'n', '-', d, '\0'};
        up_with_link_local(s, dev, 0xff00 + (int)i, (int)me);
        g_string_append_printf(s, "addr add 10.71.255.%u/30 dev wan-%c\n", net + me, d);
        g_string_append_printf(s, "addr add fd71:0:0:ff%02x::%x/64 dev wan-%c nodad\n", (unsigned)i,
                               me, d);
        g_string_append_printf(s, "route add 10.71.%d.0/24 via 10.71.255.%u\n", other + 1,
                               net + it);
        g_string_append_printf(s, "route add fd71:0:0:%x::/64 via fd71:0:0:ff%02x::%x\n",
                               (unsigned)other + 1, (unsigned)i, it);
    }
}

static int router_setup(const struct lab *lab, int site, struct dpl_err *err)
{
    char name[8];
    snprintf(name, sizeof(name), "r%c", 'A' + site);
    if (sethostname(name, strlen(name)) < 0)
        return dpl_err_sys(err, errno, "set the router's name");
    int rc = lab_write_file("/proc/sys/net/ipv4/ip_forward", "1", err);
    if (rc == DPL_OK)
        rc = lab_write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1", err);
    g_autoptr(GString) s = g_string_new(NULL);
    router_lines(s, lab, site);
    return rc == DPL_OK ? lab_ip(s->str, err) : rc;
}

/* A router is a process that waits in a network namespace until its interfaces are there, sets
 * them up, and then only keeps the namespace. */
static int router_start(struct lab *lab, int site, int *go_r, struct dpl_err *err)
{
    int go[2];
    if (pipe2(go, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "pipe");
    struct lab_router *r = &lab->routers[site];
    r->pid = lab_clone(CLONE_NEWNET | CLONE_NEWUTS, -1, &r->pidfd);
    if (r->pid < 0) {
        r->pid = 0;
        return dpl_err_sys(err, errno, "make the router of site %c", 'a' + site);
    }
    if (r->pid > 0) {
        close(go[0]);
        *go_r = go[1];
        return DPL_OK;
    }
    close(go[1]);
    char byte;
    struct dpl_err why = {0};
    if (read(go[0], &byte, 1) == 1 && router_setup(lab, site, &why) < 0)
        lab_log("router of site %c: %s", 'a' + site, why.text);
    close_range(3, ~0U, 0);
    for (;;)
        pause();
}

static void plan_wires(struct lab *lab)
{
    for (int i = 0; i < LAB_SITES_MAX; i++)
        for (int j = i + 1; j < LAB_SITES_MAX; j++)
            if (lab_plan_has_site(lab->plan, i) && lab_plan_has_site(lab->plan, j))
                lab->wires[lab->n_wires++] = (struct lab_wire){.from = i, .to = j};
}

int lab_net_make(struct lab *lab, struct dpl_err *err)
{
    int go[LAB_SITES_MAX], rc = DPL_OK;
    plan_wires(lab);
    g_autoptr(GString) s = g_string_new("link set lo up\n");
    for (int site = 0; site < LAB_SITES_MAX && rc == DPL_OK; site++) {
        go[site] = -1;
        if (!lab_plan_has_site(lab->plan, site))
            continue;
        add_lan(s, site);
        if (lab->plan->bridged)
            continue;
        rc = router_start(lab, site, &go[site], err);
        g_string_append_printf(s, "link add p-r%c type veth peer name lan netns %d\n", 'a' + site,
                               lab->routers[site].pid);
        g_string_append_printf(s, "link set p-r%c master lan-%c addrgenmode none up\n", 'a' + site,
                               'a' + site);
    }
    for (size_t i = 0; i < lab->n_wires; i++)
        add_wire(s, lab, &lab->wires[i]);
    if (rc == DPL_OK)
        rc = lab_ip(s->str, err);
    for (int site = 0; site < LAB_SITES_MAX && rc == DPL_OK; site++)
        if (go[site] >= 0)
            rc = dpl_fd_write_all(go[site], "g", 1, err);
    return rc;
}

int lab_net_plug(const struct lab *lab, const struct lab_host *host, struct dpl_err *err)
{
    const struct lab_host_plan *p = host->plan;
    g_autofree char *lines = g_strdup_printf(
        "link add p-%s type veth peer name eth0 address 02:d0:00:00:%02x:%02x netns %d\n"
        "link set p-%s master lan-%c addrgenmode none up\n",
        p->name, (unsigned)p->site + 1, (unsigned)p->number, host->init, p->name, 'a' + p->site);
    (void)lab;
    return lab_ip(lines, err);
}

void lab_net_unplug(const struct lab_host *host)
{
    char port[16];
    snprintf(port, sizeof(port), "p-%s", host->plan->name);
    const char *const argv[] = {"ip", "link", "del", port, NULL};
    g_autofree char *path = g_strdup_printf("/sys/class/net/%s", port);
    if (access(path, F_OK) == 0)
        lab_run(argv, NULL);
}

/* What leaves the device vanishes, without a word to who sent it. */
static int set_blackhole(const char *dev, bool on, struct dpl_err *err)
{
    const char *const add[] = {"tc", "qdisc", "replace", "dev", dev, "root", "blackhole", NULL};
    const char *const del[] = {"tc", "qdisc", "replace", "dev", dev, "root", "pfifo", NULL};
    return lab_run(on ? add : del, err);
}

static int set_rate(const char *dev, const char *rate, struct dpl_err *err)
{
    const char *const argv[] = {"tc",   "qdisc", "replace", "dev",  dev,       "root",  "tbf",
                                "rate", rate,    "burst",   "256k", "latency", "100ms", NULL};
    return lab_run(argv, err);
}

/* tc in the host's network namespace, by a child that goes there. */
static int set_blackhole_inside(const struct lab_host *host, bool on, struct dpl_err *err)
{
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "fork");
    if (pid == 0) {
        if (setns(host->pidfd, CLONE_NEWNET) < 0)
            _exit(1);
        _exit(set_blackhole("eth0", on, NULL) < 0);
    }
    return lab_spawn_wait(pid, "tc in the host", err);
}

int lab_net_apply_lan(const struct lab_host *host, struct dpl_err *err)
{
    char port[16];
    snprintf(port, sizeof(port), "p-%s", host->plan->name);
    if (host->power != LAB_UP && host->power != LAB_BOOTING)
        return DPL_OK; /* it comes with the next boot */
    const char *const argv[] = {"ip", "link", "set", port, host->unplugged ? "down" : "up", NULL};
    int rc = lab_run(argv, err);
    if (rc == DPL_OK)
        rc = set_blackhole(port, host->cut_in, err);
    if (rc == DPL_OK)
        rc = set_blackhole_inside(host, host->cut_out, err);
    return rc;
}

static int apply_port(const char *port, bool cut, const char *rate, struct dpl_err *err)
{
    if (cut)
        return set_blackhole(port, true, err);
    return rate[0] ? set_rate(port, rate, err) : set_blackhole(port, false, err);
}

int lab_net_apply_wire(const struct lab_wire *wire, struct dpl_err *err)
{
    char from[16], to[16];
    lab_net_wire_ports(wire, from, to);
    /* What goes forth leaves by the port at the far end. */
    int rc = apply_port(to, wire->cut_forth, wire->rate, err);
    return rc == DPL_OK ? apply_port(from, wire->cut_back, wire->rate, err) : rc;
}

int lab_net_wire_open(const struct lab_wire *wire, struct dpl_err *err)
{
    char from[16], to[16];
    lab_net_wire_ports(wire, from, to);
    g_autofree char *lines =
        g_strdup_printf("link set %s nomaster\nlink set %s nomaster\n", from, to);
    return lab_ip(lines, err);
}

int lab_net_wire_close(const struct lab_wire *wire, struct dpl_err *err)
{
    char from[16], to[16];
    lab_net_wire_ports(wire, from, to);
    char f = (char)('a' + wire->from), t = (char)('a' + wire->to);
    g_autofree char *lines = g_strdup_printf(
        "link set %s master wire-%c%c\nlink set %s master wire-%c%c\n", from, f, t, to, f, t);
    return lab_ip(lines, err);
}

int lab_net_host_setup(const struct lab_plan *plan, const struct lab_host_plan *host,
                       struct dpl_err *err)
{
    char a[32], a6[48], via[32], via6[48];
    lab_net_address(host->site, host->number, a, sizeof(a));
    lab_net_address6(host->site, host->number, a6, sizeof(a6));
    lab_net_address(host->site, ROUTER_NUMBER, via, sizeof(via));
    lab_net_address6(host->site, ROUTER_NUMBER, via6, sizeof(via6));
    g_autoptr(GString) s = g_string_new("link set lo up\n");
    up_with_link_local(s, "eth0", host->site + 1, host->number);
    g_string_append_printf(s, "addr add %s/%d dev eth0\n", a, plan->bridged ? 16 : 24);
    g_string_append_printf(s, "addr add %s/%d dev eth0 nodad\n", a6, plan->bridged ? 48 : 64);
    if (!plan->bridged)
        g_string_append_printf(s, "route add default via %s\nroute add default via %s\n", via,
                               via6);
    return lab_ip(s->str, err);
}
