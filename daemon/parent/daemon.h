/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the parent share: the daemon, and a set as it runs here.
 *
 * Everything belongs to the one thread of the loop. A set is there for each document of the kind
 * "set" in the store; it follows the document's changes by a watch.
 */
#ifndef DPL_PARENT_DAEMON_H
#define DPL_PARENT_DAEMON_H

#include "daemon/core/set_state.h"
#include "daemon/ctl/server.h"
#include "daemon/parent/child.h"
#include "daemon/parent/lines.h"
#include "daemon/parent/settings.h"
#include "daemon/store/store.h"
#include "lib/capstat/capstat.h"

struct dpl_daemon {
    qb_loop_t *loop;
    struct dpl_settings settings;
    struct dpl_store *store;
    struct dpl_children *children;
    struct dpl_server *server;
    GPtrArray *sets;    /* of struct dpl_set, in the order of their names */
    GPtrArray *waiting; /* of struct dpl_waiter */
    GPtrArray *alerts;  /* of struct dpl_alert */
    GPtrArray *changes; /* of struct dpl_change */
    GPtrArray *runs;    /* of struct dpl_run */
    GPtrArray *asks;    /* of questions to other sites */
    struct dpl_talks *talks;
    struct dpl_metrics *metrics;
    struct dpl_doors *doors;
    struct dpl_sites *site_keys;
    struct dpl_cluster *cluster; /* NULL on a stand-alone server */
    struct dpl_roles *roles;
    struct dpl_nodes *nodes;
    int64_t started_ns;
    bool stopping;
    bool foreground; /* logs to standard error, whatever the configuration says */
};

/* A number that was told, and when. */
struct dpl_told {
    uint64_t count;
    int64_t at_ns; /* 0: never */
};

/* A capture of a set, which outlives us. */
struct dpl_capture {
    bool wanted;
    bool once; /* an agent asked for it: it is started once, and not again when it is gone */
    bool may_start;
    enum dpl_capstat_state state;
    struct dpl_child *starter;        /* runs until the roots are captured */
    uint64_t keeper_pid, keeper_gone; /* as the page says; one that is known to have ended */
    int keeper_fd;                    /* pidfd of the keeper, to see its end at once; -1: unknown */
    struct dpl_watch keeper_watch;
    struct dpl_timer timer;
    struct dpl_backoff backoff;
    char why[200]; /* why it is not there */
    bool failed;   /* that was told */
    bool gap;      /* a journal has ended, and its link has not spoken since another one is there */
    struct dpl_told bypasses, fallbacks, ends;
    uint64_t counted_pid;  /* the keeper whose page counted them */
    struct dpl_lines said; /* what it says */
    char *said_name;
};

/* The result of a command that an engine owes. */
struct dpl_pending {
    int64_t id;
    struct dpl_request *request;
    struct dpl_timer timer;
    struct dpl_set *set;
};

/* Bytes over the network, as doors count them: in TLS records, and of frames that were to be
 * compressed before and after that. */
struct dpl_wire {
    int64_t sent_bytes, received_bytes, plain_bytes, packed_bytes;
};

/* Bandwidth that was limited by hand, until we end. */
struct dpl_limit {
    int64_t bytes;  /* a second; -1: none was */
    char *schedule; /* NULL: none was */
};

/* That it is held was told (cold.h). */
struct dpl_held {
    char *why; /* NULL: it is not */
    int64_t told_ns;
    bool cold; /* a stand-alone server that has not let it serve since its boot */
};

/* What an agent waits for (asked.h). */
enum dpl_work_phase {
    DPL_WORK_IDLE,
    DPL_WORK_STARTING,
    DPL_WORK_ENDING,
    DPL_WORK_FLUSHING,
    DPL_WORK_DRAINING,
    DPL_WORK_LEAVING,
    DPL_WORK_OPENING,
};
struct dpl_work {
    enum dpl_work_phase phase;
    struct dpl_request *request; /* NULL: nobody waits */
    struct dpl_request *next;    /* a start that came while it was being stopped */
    struct dpl_child *stopper;
    struct dpl_timer timer;
    bool sent_all;
    int64_t unsent_bytes; /* -1: not known */
    int64_t flush_ms;     /* for sending what is left: flush_timeout, or what the time allows */
};

/* The change from one side to the other (turn.h). */
struct dpl_turn {
    struct dpl_child *stopper; /* of a capture */
    struct dpl_timer timer;
};

/* What a target asks its source (learn.h). */
struct dpl_learn {
    struct dpl_set *set;
    struct dpl_timer timer;
};

/* That this node has captured it last (sender.h). */
struct dpl_sender {
    bool noting; /* the store is being told */
};

/* That the other site serves it too (superseded.h). */
struct dpl_met {
    int64_t generation; /* of it, which is higher; 0: never */
    bool noting;        /* the store is being told */
    bool unnoted;       /* it is superseded here, and the store cannot take that yet */
};

struct dpl_set {
    struct dpl_daemon *daemon;
    char *name;
    struct dpl_doc *doc; /* a copy of the store's */
    struct dpl_store_version version;
    bool source;            /* what runs here, else target: follows the document (turn.h) */
    const char *group;      /* its options in the configuration, or NULL */
    struct dpl_doc *asked;  /* its options as an agent asks; NULL: none does */
    struct dpl_doc *preset; /* where nothing says how it is connected (option.c); NULL: not so */
    struct dpl_work work;
    struct dpl_turn turn;
    struct dpl_learn learn;
    struct dpl_sender sender;
    struct dpl_attribute *attribute;
    enum dpl_set_state state;
    int64_t state_ns; /* since when */
    char *on_node;    /* of this cluster, that has it; NULL: this one, or nobody is known to */

    struct dpl_child *engine;
    struct dpl_doc *told;   /* what the engine was told last; NULL: nothing yet */
    struct dpl_doc *status; /* what the engine said last; NULL: nothing yet */
    bool ready;             /* it can be given a connection */
    bool closed;            /* a replica that cannot be opened: its status says why */
    bool connected;
    GPtrArray *pending; /* of struct dpl_pending */
    int64_t last_id;
    int64_t wish_begun, wish_over; /* numbers of mirrors that a person asked for: the last ones */
    struct dpl_limit limit;
    struct dpl_door *door; /* that connects it */
    struct dpl_wire wire;  /* of doors that ended */
    struct dpl_timer connect_timer;
    struct dpl_backoff connect_backoff;
    char last_error[400];
    bool lag_told; /* that the replica is too old */
    bool found;    /* a change by what was found is on its way (dpl_change_found) */
    struct dpl_other *other;
    struct dpl_kept_look *kept, *changed;
    struct dpl_held held;
    struct dpl_met met;

    struct dpl_capture capture;
    struct dpl_services *services; /* of a stand-alone server */
};

/* set.c */
struct dpl_set *dpl_set_find(const struct dpl_daemon *daemon, const char *name);
int dpl_set_get(const struct dpl_daemon *daemon, const char *name, struct dpl_set **set_r,
                struct dpl_err *err);
/* Makes the sets of the store, and follows its changes. */
void dpl_sets_begin(struct dpl_daemon *daemon);
void dpl_sets_end(struct dpl_daemon *daemon);
/* Looks at the facts again: tells a change of state, ends waits. */
void dpl_set_review(struct dpl_set *set);
/* An error of the set, for status; logged. NULL: none any more. */
void dpl_set_error(struct dpl_set *set, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
const char *dpl_set_peer(const struct dpl_set *set); /* the other site, or NULL */
bool dpl_set_off(const struct dpl_set *set);

/* engine.c */
void dpl_engine_begin(struct dpl_set *set);
void dpl_engine_end(struct dpl_set *set);
/* The document or an option has changed. */
void dpl_engine_refresh(struct dpl_set *set);
/* The document has changed: whether something is still to be noted of a mirror that was asked for.
 */
void dpl_engine_wish(struct dpl_set *set);
/* Gives it a connection; fd stays the caller's. */
int dpl_engine_connected(struct dpl_set *set, const struct dpl_doc *peer, int fd,
                         struct dpl_err *err);
void dpl_engine_disconnected(struct dpl_set *set, const char *why);
/* Sends a command and answers the request with its result. Takes args. */
void dpl_engine_command(struct dpl_set *set, const char *command, struct dpl_doc *args,
                        struct dpl_request *request);

/* The configuration has changed: what the engine was told of it may have. */
void dpl_engine_reload(struct dpl_set *set);

/* start.c: what an engine is told; the caller owns it */
struct dpl_doc *dpl_start_doc(const struct dpl_set *set);

/* limit.c */
void dpl_limit_command(struct dpl_set *set, struct dpl_request *request);

/* reload.c: reads the configuration again, whole or not at all */
int dpl_reload(struct dpl_daemon *daemon, struct dpl_err *err);

/* option.c: options of a set by the names of doppel.conf(5): as an agent asked, else as the file
 * says; NULL and 0 where neither does */
const char *dpl_option_text(const struct dpl_set *set, const char *key);
int64_t dpl_option_value(const struct dpl_set *set, const char *key);
bool dpl_option_any(const struct dpl_set *set);
/* The presets of all options, for a set that serves since a failover, on a server whose
 * configuration has no group for it; in a cluster those with which a set that has let go is sent
 * on. Follows the document and the sender. */
void dpl_option_preset(struct dpl_set *set);
/* Checks an agent's arguments. The caller owns *doc_r. USAGE with the option's name. */
int dpl_option_asked(const struct dpl_doc *args, struct dpl_doc **doc_r, struct dpl_err *err);

/* capture.c */
void dpl_capture_begin(struct dpl_set *set);
void dpl_capture_end(struct dpl_set *set);
struct dpl_doc *dpl_capture_doc(struct dpl_set *set);
/* The configuration has changed. */
void dpl_capture_reload(struct dpl_set *set);
/* Starts it, once, as an agent asks; or looks how it is. */
void dpl_capture_ask(struct dpl_set *set);
void dpl_capture_look(struct dpl_set *set);
enum dpl_capstat_state dpl_capture_state(struct dpl_set *set);
/* Whether the set's files are there for its users, with a journal or, for now, without. */
bool dpl_capture_serves(const struct dpl_set *set);
/* A mirror waits for a journal: a capture that has none begins one soon. */
void dpl_capture_renew(struct dpl_set *set);

/* lend.c: gives the link the directories below the capture, or says why not. */
void dpl_lend(struct dpl_set *set);

/* alert.c: an attribute's name and value as Pacemaker's alert agents know them, and a sentence; of
 * a set the name becomes doppel-SET.WHAT */
void dpl_alert(struct dpl_daemon *daemon, const char *name, const char *value, const char *text);
void dpl_alert_set(struct dpl_set *set, const char *what, const char *value, const char *text);
/* Looks whether the replica is too old now, or not any more. */
void dpl_alert_lag(struct dpl_set *set);
void dpl_alerts_end(struct dpl_daemon *daemon);

/* status.c */
struct dpl_doc *dpl_status_set(struct dpl_set *set);
struct dpl_doc *dpl_status_all(struct dpl_daemon *daemon, struct dpl_set *only);

/* wait.c */
void dpl_wait_begin(struct dpl_set *set, struct dpl_request *request);
void dpl_wait_review(struct dpl_set *set);
void dpl_waits_end(struct dpl_daemon *daemon, struct dpl_set *only);

/* commands.c */
void dpl_commands_handle(void *self, struct dpl_request *request);

/* figures.c: for Prometheus; the caller owns it */
GString *dpl_figures(struct dpl_daemon *daemon);

/* metrics.c */
int dpl_metrics_begin(struct dpl_daemon *daemon, struct dpl_err *err);
void dpl_metrics_end(struct dpl_daemon *daemon);
/* As dpl_doors_prepare and dpl_doors_listen. */
int dpl_metrics_prepare(const struct dpl_daemon *daemon, const struct dpl_conf *conf, int *fd_r,
                        struct dpl_err *err);
int dpl_metrics_listen(struct dpl_daemon *daemon, int fd, struct dpl_err *err);

#endif
