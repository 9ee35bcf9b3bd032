/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two sites, and doors of theirs as processes, in a network of their own.
 */
#ifndef DPL_TESTS_DOOR_RIG_H
#define DPL_TESTS_DOOR_RIG_H

#include "lib/ctl/channel.h"
#include "lib/tls/keys.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct rig_side {
    char *key_path, *cert_path;
    const char *name;
    struct dpl_keys keys;
    struct dpl_doc *knows; /* sites, for doors */
};

struct rig_door {
    pid_t pid;
    struct dpl_channel *channel;
    int data; /* the engine's end; -1 */
};

/* A network namespace of this process' own with a loopback that works. False: no right to it. */
bool rig_network(void);
/* Keys made `age_days` ago. */
void rig_side_make(struct rig_side *side, const char *dir, const char *name, int age_days);
void rig_side_done(struct rig_side *side);
/* What `other` offers is confirmed at side. */
void rig_trust(struct rig_side *side, const struct rig_side *other);

int rig_listen(uint16_t *port_r);
/* The connection of a door, or of anybody (NULL). */
int rig_accept(int listener, struct rig_door *connector);
int rig_connect(uint16_t port);

/* The start of a door, to be sent by rig_door_start. */
struct dpl_doc *rig_start(const struct rig_side *side, const char *how);
void rig_start_connect(struct dpl_doc *doc, const char *peer, uint16_t port, const char *direction);
/* Takes the document. tcp stays the caller's. */
void rig_door_start(struct rig_door *door, struct dpl_doc *start, int tcp);
/* What it says next, but figures; NULL at its end. The caller owns it. */
struct dpl_doc *rig_door_read(struct rig_door *door);
/* False if it has ended already. */
bool rig_door_go(struct rig_door *door);
/* Its exit status, or -signal; waits for it. */
int rig_door_wait(struct rig_door *door);
void rig_door_kill(struct rig_door *door);

/* Two doors that are joined: the acceptor's site sends, or the connector's. */
struct rig_pair {
    struct rig_door acceptor, connector;
};
void rig_pair_start(struct rig_pair *pair, const struct rig_side *a, const struct rig_side *b,
                    unsigned compression);
void rig_pair_done(struct rig_pair *pair);

#endif
