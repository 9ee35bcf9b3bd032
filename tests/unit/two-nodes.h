/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two nodes of one cluster, whose network gives every message to both in one order. This node is
 * b1; b2 may hear late. The commands of b1 run here, and the test answers for the other site.
 */
#ifndef DPL_TESTS_TWO_NODES_H
#define DPL_TESTS_TWO_NODES_H

#include "daemon/parent/change.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/procedure_command.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/talk.h"
#include "lib/base/fd.h"
#include "lib/ctl/command.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

enum { NODES = 2 };

struct message {
    uint32_t from;
    struct dpl_doc *doc;
};

struct member {
    uint32_t id;
    struct dpl_store *store;
    GQueue heard; /* of struct message: not yet */
    bool deaf;
};

static struct member members[NODES];
static struct dpl_daemon here;
static struct dpl_set set;

/* What was answered, and asked. */
static struct {
    bool gone;         /* nobody waits for the answer */
    bool deafens;      /* b2 hears nothing from the next change on */
    const char *leave; /* so it is once the set's document names another procedure than this */
    unsigned answers;
    int code;
    char text[400], state[40];
    dpl_talk_fn *fn;
    void *self;
} seen;

/* --- instead of the control socket, and of the other site ------------------------------------- */

bool __wrap_dpl_request_alive(const struct dpl_request *request);
void __wrap_dpl_request_done(struct dpl_request *request, struct dpl_doc *result);
void __wrap_dpl_request_fail(struct dpl_request *request, const struct dpl_err *err);
void __wrap_dpl_talk_ask(struct dpl_daemon *d, const char *site, struct dpl_doc *question,
                         int64_t timeout_ms, dpl_talk_fn *fn, void *self);

static inline void request_free(struct dpl_request *request)
{
    dpl_doc_free(request->args);
    g_free(request);
    seen.answers++;
}

bool __wrap_dpl_request_alive(const struct dpl_request *request)
{
    (void)request;
    return !seen.gone;
}

void __wrap_dpl_request_done(struct dpl_request *request, struct dpl_doc *result)
{
    const char *state = dpl_doc_text(result, "state"), *next = dpl_doc_text(result, "next");
    seen.code = 0;
    g_strlcpy(seen.state, state ? state : "", sizeof seen.state);
    g_strlcpy(seen.text, next ? next : "", sizeof seen.text);
    dpl_doc_free(result);
    request_free(request);
}

void __wrap_dpl_request_fail(struct dpl_request *request, const struct dpl_err *err)
{
    seen.code = err->code;
    g_strlcpy(seen.text, err->text, sizeof seen.text);
    request_free(request);
}

void __wrap_dpl_talk_ask(struct dpl_daemon *d, const char *site, struct dpl_doc *question,
                         int64_t timeout_ms, dpl_talk_fn *fn, void *self)
{
    (void)d;
    (void)site;
    (void)timeout_ms;
    dpl_doc_free(question);
    seen.fn = fn;
    seen.self = self;
}

/* --- two nodes -------------------------------------------------------------------------------- */

/* Runs once, before the next change of the set by b1 has its place in the order. */
static void (*ahead)(void);

static inline bool is_put_of_set(const struct dpl_doc *message)
{
    return g_strcmp0(dpl_doc_text(message, "message"), "propose") == 0 &&
           g_strcmp0(dpl_doc_text(message, "kind"), "set") == 0;
}

static inline void on_send(void *self, const struct dpl_doc *message)
{
    const struct member *from = self;
    void (*fn)(void) = ahead;
    if (fn && from == &members[0] && is_put_of_set(message)) {
        ahead = NULL;
        fn();
    }
    for (unsigned i = 0; i < NODES; i++) {
        struct message *m = g_new(struct message, 1);
        *m = (struct message){from->id, dpl_doc_copy(message)};
        g_queue_push_tail(&members[i].heard, m);
    }
}

static inline void on_leave(void *self)
{
    (void)self;
}

static const struct dpl_store_net net = {on_send, on_leave};

static inline bool hear(struct member *member)
{
    struct message *m = member->deaf ? NULL : g_queue_pop_head(&member->heard);
    if (!m)
        return false;
    dpl_group_message(dpl_store_group(member->store), m->from, m->doc);
    dpl_doc_free(m->doc);
    g_free(m);
    return true;
}

static inline void deliver(void)
{
    while (hear(&members[0]) || hear(&members[1]))
        ;
}

/* As set.c does. */
static inline void on_changed(void *self, const struct dpl_store_item *item)
{
    (void)self;
    members[1].deaf |= seen.deafens;
    seen.deafens = false;
    if (strcmp(item->kind, "set") != 0 || !item->doc)
        return;
    dpl_doc_free(set.doc);
    set.doc = dpl_doc_copy(item->doc);
    set.version = item->version;
    if (seen.leave && g_strcmp0(dpl_doc_text(set.doc, "procedure"), seen.leave) != 0)
        seen.gone = true;
}

static inline void settings(void)
{
    g_autofree char *path = g_build_filename(unit_tempdir(), "doppel.conf", NULL);
    g_autofree char *text =
        g_strdup_printf("[site]\nname=site-b\n[daemon]\ncluster=no\nlog_dir=%s\n", unit_tempdir());
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL_FATAL(dpl_fd_write_all(fd, text, strlen(text), NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_settings_load(&here.settings, NULL, path, NULL), 0);
    g_free(here.settings.node);
    here.settings.node = g_strdup("b1");
}

static inline void begin(void)
{
    static const char *const names[] = {"b1", "b2", NULL};
    static const uint32_t ids[] = {1, 2};
    static unsigned tests;
    tests++;
    for (unsigned i = 0; i < NODES; i++) {
        g_autofree char *dir = g_strdup_printf("%s/%u-%s", unit_tempdir(), tests, names[i]);
        members[i].id = ids[i];
        g_queue_init(&members[i].heard);
        CU_ASSERT_EQUAL_FATAL(dpl_store_open(dir, names[i], &members[i].store, NULL), 0);
        dpl_store_start(members[i].store, &net, &members[i]);
        dpl_group_set_self(dpl_store_group(members[i].store), ids[i], names[i]);
        dpl_group_set_nodes(dpl_store_group(members[i].store), names);
    }
    for (unsigned i = 0; i < NODES; i++)
        dpl_group_members(dpl_store_group(members[i].store), ids, NODES);
    deliver();
    CU_ASSERT_TRUE_FATAL(dpl_store_ready(members[0].store));
    settings();
    here.loop = qb_loop_create();
    here.store = members[0].store;
    here.sets = g_ptr_array_new();
    here.changes = g_ptr_array_new();
    here.runs = g_ptr_array_new();
    here.alerts = g_ptr_array_new();
    set = (struct dpl_set){.daemon = &here, .name = g_strdup("mail"), .doc = dpl_doc_new()};
    g_ptr_array_add(here.sets, &set);
    dpl_store_watch(here.store, on_changed, NULL);
}

static inline void end(void)
{
    deliver();
    dpl_changes_end(&here);
    dpl_runs_end(&here);
    for (unsigned i = 0; i < NODES; i++) {
        struct message *m;
        dpl_store_close(members[i].store);
        while ((m = g_queue_pop_head(&members[i].heard)) != NULL) {
            dpl_doc_free(m->doc);
            g_free(m);
        }
        members[i] = (struct member){0};
    }
    qb_loop_destroy(here.loop);
    g_ptr_array_unref(here.sets);
    g_ptr_array_unref(here.changes);
    g_ptr_array_unref(here.runs);
    g_ptr_array_unref(here.alerts);
    dpl_settings_clear(&here.settings);
    g_free(set.name);
    dpl_doc_free(set.doc);
    ahead = NULL;
    memset(&here, 0, sizeof here);
    memset(&seen, 0, sizeof seen);
}

static inline void put(unsigned node, const char *kind, const char *name, const struct dpl_doc *doc)
{
    dpl_store_put(members[node].store, kind, name, NULL, doc, NULL, NULL);
}

static inline const struct dpl_doc *record(const char *id)
{
    struct dpl_store_item item;
    return dpl_store_get(here.store, "procedure", id, &item, NULL) == DPL_OK ? item.doc : NULL;
}

static inline void put_set(const char *role, const char *procedure)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "role", role);
    dpl_doc_set_text(doc, "from", "site-a");
    dpl_doc_set_int(doc, "generation", 2);
    if (procedure)
        dpl_doc_set_text(doc, "procedure", procedure);
    dpl_doc_set_text(doc, "peer_rules", "include recursive /srv/mail\n");
    put(0, "set", "mail", doc);
    deliver();
}

/* A record of which so many steps are done, and that rests. */
static inline struct dpl_doc *resting(const struct dpl_run_kind *kind, size_t done)
{
    struct dpl_doc *doc = dpl_procedure_doc(kind, "mail", 3, NULL);
    struct dpl_procedure machine;
    CU_ASSERT_EQUAL_FATAL(dpl_procedure_read(doc, kind, &machine, NULL), 0);
    machine.state = DPL_PROCEDURE_FAILED;
    for (size_t i = 0; i < done; i++)
        machine.steps[i] = DPL_STEP_DONE;
    dpl_procedure_write(&machine, doc);
    dpl_doc_set_text(doc, "node", "b2");
    return doc;
}

static inline void put_resting(const char *id, const struct dpl_run_kind *kind, size_t done)
{
    g_autoptr(dpl_doc_auto) doc = resting(kind, done);
    put(0, "procedure", id, doc);
    deliver();
}

/* What "procedure resume" does first, at node b2. */
static inline void resume_there(const char *id)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(record(id));
    dpl_doc_set_text(doc, "state", "running");
    dpl_doc_set_text(doc, "token", "of b2");
    put(1, "procedure", id, doc);
}

static inline struct dpl_request *request(const char *words, const char *key, const char *value)
{
    struct dpl_request *r = g_new0(struct dpl_request, 1);
    r->command = dpl_command_find(words);
    r->args = dpl_doc_new();
    dpl_doc_set_text(r->args, key, value);
    return r;
}

static inline void answers(const char *role, int64_t generation)
{
    g_autoptr(dpl_doc_auto) answer = dpl_doc_new();
    struct dpl_err none = {0};
    dpl_doc_set_text(answer, "role", role);
    dpl_doc_set_int(answer, "generation", generation);
    seen.fn(seen.self, DPL_OK, answer, &none);
}

static inline const char *role(void)
{
    return dpl_doc_text(set.doc, "role");
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool (*enough)(void);
static unsigned ticks;

static inline void tick(void *self)
{
    qb_loop_timer_handle handle;
    (void)self;
    deliver();
    if (enough() || ++ticks > 10000)
        qb_loop_stop(here.loop);
    else
        qb_loop_timer_add(here.loop, QB_LOOP_LOW, 1000000, NULL, tick, &handle);
}

/* Lets the loop turn until that is so. */
static inline void turn_until(bool (*fn)(void))
{
    enough = fn;
    ticks = 0;
    tick(NULL);
    if (!fn())
        qb_loop_run(here.loop);
    CU_ASSERT_TRUE_FATAL(fn());
}

#endif
