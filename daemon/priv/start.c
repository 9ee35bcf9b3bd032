/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/start.h"

#include "lib/base/uuid.h"
#include "lib/proto/compress.h"
#include "lib/tls/site.h"

#include <string.h>

enum { PORT = 6650 };

static int need(const struct dpl_doc *tree, const char *key, const char **text_r,
                struct dpl_err *err)
{
    *text_r = dpl_doc_text(tree, key);
    return *text_r ? DPL_OK : dpl_err_set(err, DPL_E_PARAM, "the start of a door has no %s", key);
}

static int read_how(struct dpl_door_start *start, const struct dpl_doc *tree, struct dpl_err *err)
{
    static const char *const names[] = {"accept", "connect", "pair"};
    const char *how = dpl_doc_text(tree, "how");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_strcmp0(how, names[i]) == 0) {
            start->how = (enum dpl_door_how)i;
            return DPL_OK;
        }
    }
    return dpl_err_set(err, DPL_E_PARAM, "a door cannot \"%s\"", how ? how : "");
}

/* Which journal a source has; what is not there or not right is not said. */
static void read_journal(struct dpl_door_start *start, const struct dpl_doc *journal)
{
    const char *text = dpl_doc_text(journal, "disk");
    int64_t epoch = dpl_doc_int(journal, "epoch", 0);
    if (epoch > 0 && text && dpl_uuid_parse(text, start->fs_uuid))
        start->epoch = (uint64_t)epoch;
}

static int read_hello(struct dpl_door_start *start, const struct dpl_doc *tree, struct dpl_err *err)
{
    const struct dpl_doc *hello = dpl_doc_tree(tree, "hello");
    const char *direction = dpl_doc_text(hello, "direction");
    start->generation = (uint64_t)dpl_doc_int(hello, "generation", 0);
    if (start->how != DPL_DOOR_CONNECT)
        return DPL_OK;
    start->ask = dpl_doc_tree(tree, "ask");
    read_journal(start, dpl_doc_tree(hello, "journal"));
    if (g_strcmp0(direction, "send") == 0)
        start->direction = DPL_I_SEND;
    else if (g_strcmp0(direction, "receive") == 0)
        start->direction = DPL_I_RECEIVE;
    else if (g_strcmp0(direction, "talk") == 0 && start->ask)
        start->direction = DPL_I_TALK;
    else
        return dpl_err_set(err, DPL_E_PARAM, "a door is to send, to receive or to ask");
    return need(hello, "set", &start->set, err);
}

int dpl_door_start_read(struct dpl_doc *doc, struct dpl_door_start *start, struct dpl_err *err)
{
    const struct dpl_doc *tree = dpl_doc_tree(doc, "start");
    struct dpl_keys_at at;
    *start = (struct dpl_door_start){.doc = doc};
    int rc = read_how(start, tree, err);
    if (rc == DPL_OK)
        rc = read_hello(start, tree, err);
    if (rc == DPL_OK)
        rc = need(tree, "site", &start->site, err);
    if (rc == DPL_OK)
        rc = need(tree, "node", &start->node, err);
    if (rc == DPL_OK)
        rc = need(tree, "user", &start->user, err);
    if (rc == DPL_OK)
        rc = need(tree, "key", &at.key_path, err);
    if (rc == DPL_OK)
        rc = need(tree, "cert", &at.cert_path, err);
    if (rc == DPL_OK && start->how == DPL_DOOR_CONNECT)
        rc = need(tree, "peer", &start->peer, err);
    if (rc < 0)
        return rc;
    int64_t level = dpl_doc_int(tree, "compression", 0);
    start->compression = level < 0 || level > DPL_COMPRESS_LEVEL_MAX ? 0 : (unsigned)level;
    start->pairing = start->how == DPL_DOOR_PAIR || dpl_doc_bool(tree, "pairing", false);
    start->bind = dpl_doc_text(tree, "bind");
    start->address = dpl_doc_text(tree, "address");
    start->run_dir = dpl_doc_text(tree, "run_dir");
    return dpl_keys_load_node(&at, &start->keys, err);
}

void dpl_door_start_clear(struct dpl_door_start *start)
{
    dpl_keys_clear(&start->keys);
    dpl_doc_free(start->doc);
    *start = (struct dpl_door_start){0};
}

int dpl_door_start_address(const struct dpl_door_start *start, size_t number, char **host_r,
                           uint16_t *port_r, struct dpl_err *err)
{
    const struct dpl_doc *tree = dpl_doc_tree(start->doc, "start");
    const struct dpl_doc *list = dpl_doc_list(tree, "addresses");
    const char *text = dpl_doc_as_text(dpl_doc_at(list, number)),
               *host = dpl_doc_text(tree, "host");
    int64_t port = dpl_doc_int(tree, "port", PORT);
    *port_r = port > 0 && port <= UINT16_MAX ? (uint16_t)port : PORT;
    if (!list && number == 0 && host) {
        *host_r = g_strdup(host);
        return DPL_OK;
    }
    if (!text)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "no address of the other site is known");
    return dpl_site_address_parse(text, host_r, port_r, err);
}
