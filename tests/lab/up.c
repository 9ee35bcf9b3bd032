/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/up.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/lab/client.h"
#include "tests/lab/keeper.h"
#include "tests/lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ONLINE_MS = 60000, ONLINE_POLL_US = 50000 };

const char lab_up_help[] =
    "lab [--name N] up [OPTION...]\n"
    "  --hosts LIST       hosts, as a1,a2,b1,b2,c1 (the default): the site's letter (a to f) and "
    "a\n"
    "                     number (1 to 9)\n"
    "  --cluster LETTERS  sites that run Pacemaker, as ab (the default); hosts 1 to 4 of such a "
    "site\n"
    "                     are its members, hosts 5 to 9 are plain neighbours\n"
    "  --no-cluster       plain hosts everywhere\n"
    "  --wan routed|bridged   a router for each site (default), or one subnet over all sites\n"
    "  --token MS         corosync's token timeout; default 1000, 0 leaves corosync's own\n"
    "  --disks N          shared disks per site, /dev/shared, /dev/shared2, ...; default 1\n"
    "  --disk-size MB     size of each; default 256\n"
    "  --host-disk-size MB    size of each host's own disk; default 2048\n"
    "  --install DIR      a tree made by `make install DESTDIR=DIR`, laid over each host's root\n"
    "  --with-pid PID     the lab ends when this process ends; up to four times\n"
    "  --no-wait          do not wait until the clusters are online\n";

enum option_id {
    O_HOSTS = 256,
    O_CLUSTER,
    O_NO_CLUSTER,
    O_WAN,
    O_TOKEN,
    O_DISKS,
    O_DISK_SIZE,
    O_HOST_DISK_SIZE,
    O_INSTALL,
    O_WITH_PID,
    O_NO_WAIT,
    O_NAME,
};

static const struct option options[] = {
    {"hosts", required_argument, NULL, O_HOSTS},
    {"cluster", required_argument, NULL, O_CLUSTER},
    {"no-cluster", no_argument, NULL, O_NO_CLUSTER},
    {"wan", required_argument, NULL, O_WAN},
    {"token", required_argument, NULL, O_TOKEN},
    {"disks", required_argument, NULL, O_DISKS},
    {"disk-size", required_argument, NULL, O_DISK_SIZE},
    {"host-disk-size", required_argument, NULL, O_HOST_DISK_SIZE},
    {"install", required_argument, NULL, O_INSTALL},
    {"with-pid", required_argument, NULL, O_WITH_PID},
    {"no-wait", no_argument, NULL, O_NO_WAIT},
    {"name", required_argument, NULL, O_NAME},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int number(const char *text, int min, int max, const char *what, int *value_r,
                  struct dpl_err *err)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (!*text || *end || errno || n < min || n > max)
        return dpl_err_set(err, DPL_E_USAGE, "%s wants a number from %d to %d, not \"%s\"", what,
                           min, max, text);
    *value_r = (int)n;
    return DPL_OK;
}

static int add_host(struct lab_plan *plan, const char *name, const char *cluster,
                    struct dpl_err *err)
{
    int site = name[0] - 'a', n = name[0] ? name[1] - '0' : 0;
    if (strlen(name) != 2 || site < 0 || site >= LAB_SITES_MAX || n < 1 || n > 9)
        return dpl_err_set(err, DPL_E_USAGE, "--hosts: \"%s\" is not a to f and 1 to 9", name);
    for (size_t i = 0; i < plan->n_hosts; i++)
        if (strcmp(plan->hosts[i].name, name) == 0)
            return dpl_err_set(err, DPL_E_USAGE, "--hosts: %s stands there twice", name);
    if (plan->n_hosts == LAB_HOSTS_MAX)
        return dpl_err_set(err, DPL_E_USAGE, "--hosts: more than %d", LAB_HOSTS_MAX);
    struct lab_host_plan *h = &plan->hosts[plan->n_hosts++];
    snprintf(h->name, sizeof(h->name), "%s", name);
    h->site = site;
    h->number = n;
    h->member = n <= LAB_MEMBERS_MAX && strchr(cluster, name[0]) != NULL;
    return DPL_OK;
}

static int add_hosts(struct lab_plan *plan, const char *list, const char *cluster,
                     struct dpl_err *err)
{
    g_auto(GStrv) names = g_strsplit(list, ",", -1);
    int rc = DPL_OK;
    for (size_t i = 0; names[i] && rc == DPL_OK; i++)
        rc = add_host(plan, names[i], cluster, err);
    if (strspn(cluster, "abcdef") != strlen(cluster))
        rc = dpl_err_set(err, DPL_E_USAGE, "--cluster wants letters a to f, not \"%s\"", cluster);
    return rc;
}

struct asked {
    const char *hosts, *cluster;
    bool help;
};

static int take_with_pid(struct lab_plan *plan, const char *text, struct dpl_err *err)
{
    if (plan->n_with == LAB_WITH_MAX)
        return dpl_err_set(err, DPL_E_USAGE, "--with-pid: more than %d", LAB_WITH_MAX);
    return number(text, 1, INT_MAX, "--with-pid", &plan->with_pid[plan->n_with++], err);
}

static int take_install(struct lab_plan *plan, const char *dir, struct dpl_err *err)
{
    struct stat st;
    if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
        return dpl_err_set(err, DPL_E_USAGE, "--install: \"%s\" is not a directory", dir);
    plan->install = realpath(dir, NULL);
    return DPL_OK;
}

static int take_option(struct lab_plan *plan, struct asked *asked, int id, const char *value,
                       struct dpl_err *err)
{
    switch (id) {
    case 'h':
        asked->help = true;
        return DPL_OK;
    case O_HOSTS:
        asked->hosts = value;
        return DPL_OK;
    case O_CLUSTER:
        asked->cluster = value;
        return DPL_OK;
    case O_NO_CLUSTER:
        asked->cluster = "";
        return DPL_OK;
    case O_WAN:
        plan->bridged = strcmp(value, "bridged") == 0;
        if (plan->bridged || strcmp(value, "routed") == 0)
            return DPL_OK;
        return dpl_err_set(err, DPL_E_USAGE, "--wan routed or bridged, not \"%s\"", value);
    case O_TOKEN:
        return number(value, 0, 60000, "--token", &plan->token_ms, err);
    case O_DISKS:
        return number(value, 0, LAB_DISKS_MAX, "--disks", &plan->disks, err);
    case O_DISK_SIZE:
        return number(value, 16, 65536, "--disk-size", &plan->disk_mb, err);
    case O_HOST_DISK_SIZE:
        return number(value, 64, 65536, "--host-disk-size", &plan->own_disk_mb, err);
    case O_INSTALL:
        return take_install(plan, value, err);
    case O_WITH_PID:
        return take_with_pid(plan, value, err);
    case O_NO_WAIT:
        plan->wait = false;
        return DPL_OK;
    case O_NAME:
        if (!lab_client_name_ok(value))
            return dpl_err_set(err, DPL_E_USAGE, "\"%s\" is not a lab's name", value);
        snprintf(plan->name, sizeof(plan->name), "%s", value);
        return DPL_OK;
    default:
        return dpl_err_set(err, DPL_E_USAGE, "up: an option is not understood; see lab up --help");
    }
}

static int make_plan(struct lab_plan *plan, struct asked *asked, int argc, char **argv,
                     struct dpl_err *err)
{
    int rc = DPL_OK;
    opterr = 0;
    optind = 1;
    for (int id; rc == DPL_OK && (id = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        rc = take_option(plan, asked, id, optarg, err);
    if (rc == DPL_OK && optind < argc)
        rc = dpl_err_set(err, DPL_E_USAGE, "up: \"%s\" is not an option", argv[optind]);
    if (rc == DPL_OK)
        rc = add_hosts(plan, asked->hosts, asked->cluster, err);
    snprintf(plan->dir, sizeof(plan->dir), "%s/%s", LAB_ROOT, plan->name);
    return rc;
}

static bool have_program(const char *name)
{
    g_auto(GStrv) dirs = g_strsplit(LAB_PATH, ":", -1);
    for (size_t i = 0; dirs[i]; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* What the lab needs, as far as it can be seen before it is tried. */
static int check_machine(const struct lab_plan *plan, struct dpl_err *err)
{
    static const char *const always[] = {"ip", "tc", "mkfs.ext4", "tune2fs", "cp", NULL};
    static const char *const cluster[] = {"corosync", "pacemakerd", "crm_mon", "crm", NULL};
    if (geteuid() != 0)
        return dpl_err_set(err, DPL_E_PERM, "it needs root");
    for (size_t i = 0; always[i]; i++)
        if (!have_program(always[i]))
            return dpl_err_set(err, DPL_E_NOT_INSTALLED, "it needs %s", always[i]);
    for (size_t i = 0; cluster[i] && lab_plan_has_cluster(plan); i++)
        if (!have_program(cluster[i]))
            return dpl_err_set(err, DPL_E_NOT_INSTALLED, "it needs %s", cluster[i]);
    dpl_autofd int loop = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (loop < 0)
        return dpl_err_sys(err, errno, "it needs loop devices: /dev/loop-control");
    dpl_autofd int cgroup = lab_keeper_cgroup_root(err);
    return cgroup < 0 ? dpl_err_context(err, "it needs cgroups version 2") : DPL_OK;
}

/* Starts the keeper and reads what the supervisor says: "ok" or the reason. */
static int start(const struct lab_plan *plan, int *armed_r, struct dpl_err *err)
{
    int ready[2], armed[2];
    lab_keeper_sweep();
    dpl_autofd int lock = lab_keeper_lock(plan, err);
    if (lock < 0)
        return lock;
    if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(armed, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "pipe");
    const struct lab_keeper_fds fds = {lock, ready[1], armed[0]};
    fflush(NULL);
    pid_t pid = lab_keeper_start(plan, &fds, armed[1], err);
    close(ready[1]);
    close(armed[0]);
    char text[512];
    ssize_t n = pid < 0 ? -1 : dpl_fd_read_full(ready[0], text, sizeof(text) - 1, err);
    close(ready[0]);
    if (n < 0)
        return pid < 0 ? pid : (int)n;
    text[n] = '\0';
    if (strcmp(text, "ok") == 0) {
        *armed_r = armed[1];
        return DPL_OK;
    }
    close(armed[1]);
    return lab_take_failure(n > 0 ? text : "-1 the lab ended", err);
}

/* Counts nodes that are online and through with joining. */
static size_t nodes_online(const char *xml)
{
    size_t n = 0;
    for (const char *p = xml; (p = strstr(p, "<node ")); p++) {
        const char *end = strchr(p, '>');
        g_autofree char *tag = g_strndup(p, end ? (size_t)(end - p) : 0);
        n += strstr(tag, "online=\"true\"") && strstr(tag, "pending=\"false\"");
    }
    return n;
}

static int wait_online(const struct lab_plan *plan, int site, struct dpl_err *err)
{
    static const char *const argv[] = {"crm_mon", "-1", "--output-as=xml",
                                       "--include=none,nodes,dc", NULL};
    const struct dpl_clock *clock = &dpl_clock_system;
    int64_t deadline = dpl_clock_now_ns(clock) + (int64_t)ONLINE_MS * 1000000;
    const char *host = NULL;
    char text[16384];
    for (size_t i = 0; i < plan->n_hosts && !host; i++)
        if (plan->hosts[i].site == site && plan->hosts[i].member)
            host = plan->hosts[i].name;
    while (host) {
        int rc = lab_client_capture(plan->dir, host, argv, text, sizeof(text), err);
        if (rc < 0)
            return rc;
        if (rc == 0 && strstr(text, "with_quorum=\"true\"") &&
            nodes_online(text) == lab_plan_members(plan, site))
            return DPL_OK;
        if (dpl_clock_left_ms(clock, deadline) == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "the cluster of site %c is not online",
                               'a' + site);
        usleep(ONLINE_POLL_US);
    }
    return DPL_OK;
}

/* Whether a failure tells of the machine: no rights, no such feature, device or program. */
static bool is_the_machine(int rc)
{
    return rc == DPL_E_PERM || rc == DPL_E_UNSUPPORTED || rc == DPL_E_NOT_INSTALLED ||
           rc == DPL_E_NOT_FOUND;
}

int lab_up_main(const char *name, int argc, char **argv)
{
    struct lab_plan plan = {
        .token_ms = 1000, .disks = 1, .disk_mb = 256, .own_disk_mb = 2048, .wait = true};
    struct asked asked = {"a1,a2,b1,b2,c1", "ab", false};
    struct dpl_err err = {0};
    int armed = -1;
    snprintf(plan.name, sizeof(plan.name), "%s", name);
    int rc = make_plan(&plan, &asked, argc, argv, &err);
    if (asked.help)
        return fputs(lab_up_help, stdout) == EOF;
    if (rc == DPL_OK)
        rc = check_machine(&plan, &err);
    if (rc == DPL_OK)
        rc = start(&plan, &armed, &err);
    for (int site = 0; site < LAB_SITES_MAX && rc == DPL_OK && plan.wait; site++)
        rc = wait_online(&plan, site, &err);
    if (rc == DPL_OK)
        rc = dpl_fd_write_all(armed, "k", 1, &err);
    if (armed >= 0)
        close(armed);
    if (rc == DPL_OK)
        return 0;
    if (is_the_machine(rc)) {
        fprintf(stderr, "lab: cannot run here: %s\n", err.text);
        return LAB_EXIT_SKIP;
    }
    fprintf(stderr, "lab: %s\n", err.text);
    return dpl_err_cli_exit(rc) == 2 ? 2 : 1;
}
