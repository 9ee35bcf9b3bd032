/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a door is told to do (see door.h): checked, with defaults, and this node's key read.
 */
#ifndef DPL_PRIV_START_H
#define DPL_PRIV_START_H

#include "lib/ctl/doc.h"
#include "lib/proto/message.h"
#include "lib/tls/keys.h"

enum dpl_door_how { DPL_DOOR_ACCEPT, DPL_DOOR_CONNECT, DPL_DOOR_PAIR };

struct dpl_door_start {
    struct dpl_doc *doc; /* owns the texts below */
    enum dpl_door_how how;
    const char *site, *node, *user, *peer, *bind, *address, *run_dir;
    const char *set;
    const struct dpl_doc *ask;    /* the question, where the direction is DPL_I_TALK */
    enum dpl_direction direction; /* ours, of "connect" */
    uint64_t generation, epoch;   /* epoch 0: no journal is said */
    uint8_t fs_uuid[16];
    unsigned compression;
    bool pairing;
    struct dpl_keys keys;
};

/* Takes the document, whatever comes of it. PARAM, and those of dpl_keys_load_node. */
int dpl_door_start_read(struct dpl_doc *doc, struct dpl_door_start *start, struct dpl_err *err);
void dpl_door_start_clear(struct dpl_door_start *start);
/* The next address to connect to, from 0 on; NOT_FOUND behind the last. The caller frees *host_r.
 */
int dpl_door_start_address(const struct dpl_door_start *start, size_t number, char **host_r,
                           uint16_t *port_r, struct dpl_err *err);

#endif
