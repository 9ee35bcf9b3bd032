/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lab: hosts made of namespaces that run real corosync and Pacemaker, for the project's tests.
 *
 *     keeper ─── outside; removes what outlives a process (cgroups, the lab's directory)
 *       └ supervisor ─── pid 1 of the outer namespace: networks, disks, the power switch
 *           ├ router of each site (routed WAN only)
 *           └ init of each host ─── pid 1 of its own namespaces: corosync, Pacemaker, your commands
 *
 * Everything but the keeper lives in the supervisor's pid namespace: one SIGKILL ends it all.
 * This header holds what the parts share: the plan (what was asked for, never changes) and the
 * state (what the supervisor knows of each host and wire).
 */
#ifndef DPL_LAB_H
#define DPL_LAB_H

#include "lib/base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_ROOT "/run/doppel-lab"
/* Where a host finds the lab's directory, with the supervisor's socket. */
#define LAB_IN_HOST "/run/lab"
#define LAB_PATH    "/usr/sbin:/usr/bin:/sbin:/bin"

enum {
    LAB_HOSTS_MAX = 16,
    LAB_SITES_MAX = 6, /* a to f */
    LAB_WIRES_MAX = LAB_SITES_MAX * (LAB_SITES_MAX - 1) / 2,
    LAB_DISKS_MAX = 4,
    LAB_WITH_MAX = 4,
    LAB_MEMBERS_MAX = 4, /* a host with a higher number never joins its site's cluster */
    LAB_EXIT_SKIP = 77,
    LAB_PACKET = 2048, /* a request or a piece of an answer */
};

struct lab_host_plan {
    char name[4]; /* letter of the site, number */
    int site;     /* 0 for a */
    int number;   /* 1 to 9 */
    bool member;  /* runs corosync and Pacemaker */
};

struct lab_plan {
    char name[24];
    char dir[64]; /* LAB_ROOT/name */
    bool bridged; /* the WAN joins the sites to one subnet */
    int token_ms; /* corosync's token timeout; 0: its default */
    int disks;    /* shared disks of each site */
    int disk_mb;
    int own_disk_mb; /* each host's own disk, beneath its root */
    const char *install;
    int with_pid[LAB_WITH_MAX]; /* the lab ends with any of these processes */
    size_t n_with;
    bool wait; /* up returns only when the clusters are online */
    size_t n_hosts;
    struct lab_host_plan hosts[LAB_HOSTS_MAX];
};

bool lab_plan_has_site(const struct lab_plan *plan, int site);
size_t lab_plan_members(const struct lab_plan *plan, int site);
bool lab_plan_has_cluster(const struct lab_plan *plan);

/* What a host is. The power switch knows only off and not off. */
enum lab_power {
    LAB_OFF,
    LAB_BOOTING,
    LAB_UP,
    LAB_DEAD,       /* its init is gone, the power switch was not used */
    LAB_TURNING_OFF /* the switch works: until the disks are free */
};

struct lab_host {
    const struct lab_host_plan *plan;
    enum lab_power power;
    bool frozen;
    bool shutting_down; /* the power button was pressed: off when its init has ended */
    bool on_after_off;  /* reset: boot as soon as it is off */
    bool cut_in, cut_out, unplugged;
    pid_t init;
    int pidfd;
    int cgroup;                 /* directory */
    int cgroup_procs;           /* its cgroup.procs, for who enters the host */
    int boot_pipe;              /* the init says here that it has booted; -1 else */
    int disk[LAB_DISKS_MAX];    /* loop device numbers of the shared disks */
    int own_disk;               /* loop device number */
    int disk_fd[LAB_DISKS_MAX]; /* held open: a loop device ends with its last user */
    int own_disk_fd;
    pid_t job;               /* the process that turns it off, 0 if none */
    struct dpl_err boot_err; /* why it did not boot */
};

struct lab_wire {
    int from, to; /* sites, from < to */
    bool cut_forth, cut_back;
    char rate[32]; /* as tc takes it; empty: none */
    pid_t relay;   /* 0 if none */
    char relay_text[64];
};

struct lab_router {
    pid_t pid; /* 0: the site has none */
    int pidfd;
};

struct lab {
    const struct lab_plan *plan;
    char fs[80]; /* the lab's tmpfs */
    int cgroup;  /* directory of the lab's cgroup */
    size_t n_wires;
    struct lab_host hosts[LAB_HOSTS_MAX];
    struct lab_wire wires[LAB_WIRES_MAX];
    struct lab_router routers[LAB_SITES_MAX];
};

struct lab_host *lab_host_find(struct lab *lab, const char *name);
struct lab_wire *lab_wire_find(struct lab *lab, int site1, int site2);

#endif
