/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-probe PROTOCOL:ADDRESS...: asks services as clients do, one after the other. Started by
 * doppeld, with the channel to it on descriptor 3, over which it says {point, code, text} for each
 * and ends.
 */
#include "lib/service/probe.h"
#include "lib/ctl/channel.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
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
        return dpl_err_set(err, DPL_E_PARAM, "there is no such service");
    int rc = dpl_talk_open(&talk, &address, &dpl_clock_system, deadline_ns, err);
    if (rc < 0)
        return rc;
    rc = row->run(&talk, &what, err);
    dpl_talk_close(&talk);
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_channel *channel;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-probe %s\n", PACKAGE_VERSION);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    channel = dpl_channel_new(DPL_CHANNEL_FD);
    for (int i = 1; i < argc; i++) {
        g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
        struct dpl_err err = {0};
        dpl_doc_set_text(doc, "point", argv[i]);
        dpl_doc_set_int(doc, "code", probe(argv[i], &err));
        dpl_doc_set_text(doc, "text", err.text);
        if (dpl_channel_send(channel, doc, NULL, 0, &err) < 0)
            break;
    }
    dpl_channel_free(channel);
    return 0;
}
