/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-probe PROTOCOL:ADDRESS...: asks services as clients do, one after the other. Started by
 * doppeld it finds the channel to it on descriptor 3, says {point, code, text} of each over that,
 * and ends; by hand it prints them.
 */
#include "lib/service/probe.h"
#include "lib/ctl/channel.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { POINT_MS = 5000 };

static int probe(const char *point, struct dpl_err *err)
{
    struct dpl_address address;
    const struct dpl_probe_row *row = dpl_probe_parse(point, NULL, &address);
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + (int64_t)POINT_MS * 1000000;
    struct dpl_probe what = {.level = DPL_PROBE_BANNER, .name = "localhost"};
    struct dpl_talk talk;
    if (!row)
        return dpl_err_set(err, DPL_E_USAGE,
                           "not PROTOCOL:ADDRESS with one of our protocols and an address, "
                           "ADDRESS:PORT or a socket's path (see --help)");
    int rc = dpl_talk_open(&talk, &address, &dpl_clock_system, deadline_ns, err);
    if (rc < 0)
        return rc;
    rc = row->run(&talk, &what, err);
    dpl_talk_close(&talk);
    return rc;
}

static int help(void)
{
    const struct dpl_probe_row *row;
    printf(
        "Usage: doppel-probe PROTOCOL:ADDRESS...\n"
        "Asks services as their clients do, and says whether they answer. ADDRESS is an address,\n"
        "ADDRESS:PORT, [ADDRESS]:PORT or the path of a socket. PROTOCOL, with its port:\n ");
    for (size_t i = 0; (row = dpl_probe_at(i)) != NULL; i++)
        if (row->port)
            printf(" %s (%u)", row->protocol, row->port);
        else
            printf(" %s", row->protocol);
    printf(
        "\nExit status: 0 all answer, 1, 3 or 5 one does not, 2 bad usage, 6 one is too busy.\n");
    return 0;
}

static bool is_channel(int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

static void tell(struct dpl_channel *channel, char **points)
{
    for (; *points; points++) {
        g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
        struct dpl_err err = {0};
        dpl_doc_set_text(doc, "point", *points);
        dpl_doc_set_int(doc, "code", probe(*points, &err));
        dpl_doc_set_text(doc, "text", err.text);
        if (dpl_channel_send(channel, doc, NULL, 0, &err) < 0)
            break;
    }
    dpl_channel_free(channel);
}

/* The exit status is that of the first that does not answer, else of one that is too busy. */
static int print(char **points)
{
    int worst = DPL_OK;
    for (; *points; points++) {
        struct dpl_err err = {0};
        int rc = probe(*points, &err);
        printf("%s: %s\n", *points, rc == DPL_OK ? "answers" : err.text);
        if (rc < 0 && (worst == DPL_OK || worst == DPL_E_DEGRADED))
            worst = rc;
    }
    return dpl_err_cli_exit(worst);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-probe %s\n", PACKAGE_VERSION);
        return 0;
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return help();
    signal(SIGPIPE, SIG_IGN);
    if (is_channel(DPL_CHANNEL_FD)) {
        tell(dpl_channel_new(DPL_CHANNEL_FD), argv + 1);
        return 0;
    }
    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "doppel-probe: which services? (see doppel-probe --help)\n");
        return 2;
    }
    return print(argv + 1);
}
