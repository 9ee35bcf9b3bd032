/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-cluster: stands between doppeld and corosync, which may hang or go away. Started by
 * doppeld, with the channel to it on descriptor 3:
 *
 *   to it    {group: NAME} first, {send: MESSAGE}
 *   from it  {nodes: {id, name, nodes}}, {members: [ids]}, {from: ID, message: MESSAGE}
 *
 * It ends when either of them is gone; then it is in the group no more.
 */
#include "daemon/cluster/cpg.h"
#include "lib/ctl/channel.h"
#include "lib/ctl/duty.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 20, IDLE_MS = 1000 };

struct cluster {
    struct dpl_channel *channel;
    struct dpl_cpg *cpg; /* NULL: not joined yet */
    int unsent;          /* corosync has not taken all */
    int failed;
};

static volatile sig_atomic_t told;

static void say(struct cluster *c, const struct dpl_doc *doc)
{
    if (dpl_channel_send(c->channel, doc, NULL, 0, NULL) < 0)
        c->failed = DPL_E_NOT_RUNNING;
}

static void on_members(void *self, const uint32_t *ids, size_t count)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *list = dpl_doc_set_list(doc, "members");
    for (size_t i = 0; i < count; i++)
        dpl_doc_add_int(list, ids[i]);
    say(self, doc);
}

static void on_message(void *self, uint32_t from, const struct dpl_doc *message)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_int(doc, "from", from);
    dpl_doc_set(doc, "message", dpl_doc_copy(message));
    say(self, doc);
}

static const struct dpl_cpg_fns fns = {on_members, on_message};

static int join(struct cluster *c, const char *group, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *nodes = NULL;
    int rc = dpl_cpg_nodes(&nodes, err);
    if (rc < 0)
        return rc;
    dpl_doc_set(doc, "nodes", nodes);
    say(c, doc);
    return dpl_cpg_open(group, &fns, c, &c->cpg, err);
}

static int take(struct cluster *c, const struct dpl_doc *doc, struct dpl_err *err)
{
    const char *group = dpl_doc_text(doc, "group");
    const struct dpl_doc *message = dpl_doc_tree(doc, "send");
    int rc = DPL_OK;
    if (group && !c->cpg)
        rc = join(c, group, err);
    if (rc == DPL_OK && message && c->cpg)
        rc = dpl_cpg_send(c->cpg, message, err);
    return rc;
}

static int take_all(struct cluster *c, struct dpl_err *err)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        int rc = dpl_channel_receive(c->channel, &doc, err);
        if (rc <= 0)
            return rc;
        rc = take(c, doc, err);
        if (rc < 0)
            return rc;
    }
}

static int turn(struct cluster *c, struct dpl_err *err)
{
    struct pollfd fds[] = {
        {dpl_channel_fd(c->channel),
         (short)(POLLIN | (dpl_channel_wants_write(c->channel) ? POLLOUT : 0)), 0},
        {c->cpg ? dpl_cpg_fd(c->cpg) : -1, POLLIN, 0},
    };
    if (poll(fds, 2, c->unsent ? RETRY_MS : IDLE_MS) < 0 && errno != EINTR)
        return dpl_err_sys(err, errno, "poll");
    int rc = fds[0].revents ? take_all(c, err) : DPL_OK;
    if (rc >= 0 && c->cpg && fds[1].revents)
        rc = dpl_cpg_dispatch(c->cpg, err);
    if (rc >= 0 && c->cpg)
        rc = c->unsent = dpl_cpg_flush(c->cpg, err);
    if (rc >= 0)
        rc = dpl_channel_flush(c->channel, err);
    return rc < 0 ? rc : c->failed;
}

int main(int argc, char **argv)
{
    struct cluster c = {0};
    struct dpl_err err = {0};
    const char *set;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-cluster %s\n", PACKAGE_VERSION);
        return 0;
    }
    int rc = dpl_duty_begin(argc, argv, "doppel-cluster", &told, &set, &err);
    if (rc < 0) {
        fprintf(stderr, "doppel-cluster: %s\n", err.text);
        return dpl_err_cli_exit(rc);
    }
    c.channel = dpl_channel_new(DPL_CHANNEL_FD);
    while (rc >= 0 && !told)
        rc = turn(&c, &err);
    dpl_cpg_close(c.cpg);
    dpl_channel_free(c.channel);
    if (rc < 0 && err.text[0])
        fprintf(stderr, "doppel-cluster: %s\n", err.text);
    return rc < 0 && !told ? dpl_err_cli_exit(rc) : 0;
}
