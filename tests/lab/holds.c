/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/holds.h"

#include "lib/base/fd.h"
#include "tests/lab/disk.h"
#include "tests/lab/wire.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLE_US = 10000, HOLDS_BYTES = 16384, THINGS_MAX = 32 };

static void add_address(GString *s, const struct sockaddr *addr)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (addr && addr->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)addr)->sin_addr, text,
                  sizeof(text));
    else if (addr && addr->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr, text,
                  sizeof(text));
    if (text[0])
        g_string_append_printf(s, " %s", text);
}

static void add_addresses(GString *s, const struct lab_host *host)
{
    struct ifaddrs *list;
    if (host->pidfd < 0 || setns(host->pidfd, CLONE_NEWNET) < 0 || getifaddrs(&list) < 0)
        return;
    for (const struct ifaddrs *a = list; a; a = a->ifa_next)
        if (strcmp(a->ifa_name, "lo") != 0)
            add_address(s, a->ifa_addr);
    freeifaddrs(list);
}

char *lab_holds(const struct lab *lab)
{
    GString *s = g_string_new(NULL);
    for (size_t i = 0; i < lab->plan->n_hosts; i++) {
        const struct lab_host *h = &lab->hosts[i];
        g_string_append(s, h->plan->name);
        for (int d = 0; d < lab->plan->disks; d++)
            if (lab_disk_in_use(h->disk[d]))
                g_string_append_printf(s, " disk%d", d + 1);
        add_addresses(s, h);
        g_string_append_c(s, '\n');
    }
    return g_string_free(s, FALSE);
}

/* Something that only one host may hold, and who held it in the last two samples. */
struct thing {
    char name[64];
    char word[64]; /* as lab_holds says it */
    char site;     /* 0: any */
    char holders[64], before[64], told[64];
};

struct watch {
    struct thing things[THINGS_MAX];
    size_t n;
};

static void add_thing(struct watch *w, const char *word, char site)
{
    if (w->n == THINGS_MAX)
        return;
    struct thing *t = &w->things[w->n++];
    *t = (struct thing){.site = site};
    snprintf(t->word, sizeof(t->word), "%s", word);
    if (site)
        snprintf(t->name, sizeof(t->name), "%s-of-%c", word, site);
    else
        snprintf(t->name, sizeof(t->name), "%s", word);
}

static bool has_thing(const struct watch *w, const char *word, char site)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->things[i].site == site && strcmp(w->things[i].word, word) == 0)
            return true;
    return false;
}

static void see(struct watch *w, const char *host, const char *word)
{
    if (strncmp(word, "disk", 4) == 0 && !has_thing(w, word, host[0]))
        add_thing(w, word, host[0]);
    for (size_t i = 0; i < w->n; i++) {
        struct thing *t = &w->things[i];
        if (strcmp(t->word, word) != 0 || (t->site && t->site != host[0]))
            continue;
        size_t used = strlen(t->holders);
        snprintf(t->holders + used, sizeof(t->holders) - used, "%s%s", used ? "," : "", host);
    }
}

static void tell(struct watch *w)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < w->n; i++) {
        struct thing *t = &w->things[i];
        /* In two samples, since one sample is not one moment. */
        bool two = strchr(t->holders, ',') && strcmp(t->holders, t->before) == 0;
        if (strcmp(t->holders, t->told) != 0 && (two || !strchr(t->holders, ','))) {
            printf("%s%lld.%03ld %s %s\n", two ? "DOUBLE " : "", (long long)now.tv_sec,
                   now.tv_nsec / 1000000, t->name, t->holders[0] ? t->holders : "-");
            memcpy(t->told, t->holders, sizeof(t->told));
        }
        memcpy(t->before, t->holders, sizeof(t->before));
        t->holders[0] = '\0';
    }
    fflush(stdout);
}

static int sample(struct watch *w, const char *dir)
{
    static const char *const words[] = {"holds", NULL};
    char text[HOLDS_BYTES];
    dpl_autofd int fd = lab_wire_connect(dir, NULL);
    if (fd < 0 || lab_wire_request(fd, words, NULL) < 0 ||
        lab_wire_collect(fd, text, sizeof(text)) < 0)
        return -1;
    char *rest_lines = NULL;
    for (char *line = strtok_r(text, "\n", &rest_lines); line;
         line = strtok_r(NULL, "\n", &rest_lines)) {
        char *rest = NULL;
        const char *host = strtok_r(line, " ", &rest);
        for (char *word; host && (word = strtok_r(NULL, " ", &rest));)
            see(w, host, word);
    }
    tell(w);
    return 0;
}

int lab_watch(const char *dir, const char *const addresses[])
{
    static struct watch w;
    for (size_t i = 0; addresses[i]; i++)
        add_thing(&w, addresses[i], 0);
    while (sample(&w, dir) == 0)
        usleep(SAMPLE_US);
    return 0;
}
