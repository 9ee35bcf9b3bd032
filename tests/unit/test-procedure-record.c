/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may have the record of a procedure: two nodes of one cluster, whose network gives every
 * message to both in one order. This node is b1; b2 may hear late. The commands of b1 run here, and
 * the test answers for the other site.
 */
#include "daemon/parent/change.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/failover.h"
#include "daemon/parent/procedure_command.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"
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

static void request_free(struct dpl_request *request)
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

static bool is_put_of_set(const struct dpl_doc *message)
{
    return g_strcmp0(dpl_doc_text(message, "message"), "propose") == 0 &&
           g_strcmp0(dpl_doc_text(message, "kind"), "set") == 0;
}

static void on_send(void *self, const struct dpl_doc *message)
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

static void on_leave(void *self)
{
    (void)self;
}

static const struct dpl_store_net net = {on_send, on_leave};

static bool hear(struct member *member)
{
    struct message *m = member->deaf ? NULL : g_queue_pop_head(&member->heard);
    if (!m)
        return false;
    dpl_group_message(dpl_store_group(member->store), m->from, m->doc);
    dpl_doc_free(m->doc);
    g_free(m);
    return true;
}

static void deliver(void)
{
    while (hear(&members[0]) || hear(&members[1]))
        ;
}

/* As set.c does. */
static void on_changed(void *self, const struct dpl_store_item *item)
{
    (void)self;
    if (strcmp(item->kind, "set") != 0 || !item->doc)
        return;
    dpl_doc_free(set.doc);
    set.doc = dpl_doc_copy(item->doc);
    set.version = item->version;
    if (seen.leave && g_strcmp0(dpl_doc_text(set.doc, "procedure"), seen.leave) != 0)
        seen.gone = true;
}

static void settings(void)
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

static void begin(void)
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

static void end(void)
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

static void put(unsigned node, const char *kind, const char *name, const struct dpl_doc *doc)
{
    dpl_store_put(members[node].store, kind, name, NULL, doc, NULL, NULL);
}

static const struct dpl_doc *record(const char *id)
{
    struct dpl_store_item item;
    return dpl_store_get(here.store, "procedure", id, &item, NULL) == DPL_OK ? item.doc : NULL;
}

static void put_set(const char *role, const char *procedure)
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
static struct dpl_doc *resting(const struct dpl_run_kind *kind, size_t done)
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

static void put_resting(const char *id, const struct dpl_run_kind *kind, size_t done)
{
    g_autoptr(dpl_doc_auto) doc = resting(kind, done);
    put(0, "procedure", id, doc);
    deliver();
}

/* What "procedure resume" does first, at node b2. */
static void resume_there(const char *id)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(record(id));
    dpl_doc_set_text(doc, "state", "running");
    dpl_doc_set_text(doc, "token", "of b2");
    put(1, "procedure", id, doc);
}

static struct dpl_request *request(const char *words, const char *key, const char *value)
{
    struct dpl_request *r = g_new0(struct dpl_request, 1);
    r->command = dpl_command_find(words);
    r->args = dpl_doc_new();
    dpl_doc_set_text(r->args, key, value);
    return r;
}

static void answers(const char *role, int64_t generation)
{
    g_autoptr(dpl_doc_auto) answer = dpl_doc_new();
    struct dpl_err none = {0};
    dpl_doc_set_text(answer, "role", role);
    dpl_doc_set_int(answer, "generation", generation);
    seen.fn(seen.self, DPL_OK, answer, &none);
}

static const char *role(void)
{
    return dpl_doc_text(set.doc, "role");
}

/* --- a confirm beside it ---------------------------------------------------------------------- */

enum { CEDED = 8 };

/* A failback that has given the number away: what comes next lets the other site serve. */
static void begin_ceded(void)
{
    begin();
    put_resting("p", &dpl_failback_kind, CEDED);
    put_set("released", "p");
    dpl_confirm(&set, request("site confirm", "set", "mail"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen.fn);
}

static void confirmed(void)
{
    begin_ceded();
    answers("standby", 5);
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_STRING_EQUAL(role(), "serving");
    CU_ASSERT_TRUE(dpl_doc_int(set.doc, "generation", 0) > 5);
    CU_ASSERT_PTR_NULL(dpl_procedure_open(&here, "mail"));
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_EQUAL(dpl_run_begin(&here, "p", false, NULL), DPL_E_REFUSED);
    end();
}

static void resumed_meanwhile(void)
{
    begin_ceded();
    resume_there("p");
    deliver();
    answers("standby", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "first doppel procedure stop p"));
    CU_ASSERT_STRING_EQUAL(role(), "released");
    end();
}

/* The order of the network decides, not what a node knew. */
static void resumed_in_this_moment(void)
{
    begin_ceded();
    resume_there("p");
    answers("standby", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(role(), "released");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "token"), "of b2");
    end();
}

/* Who resumes what was given up, by a version that was there before, is too late. */
static void resumed_too_late(void)
{
    struct dpl_store_item item;
    begin_ceded();
    CU_ASSERT_EQUAL_FATAL(dpl_store_get(here.store, "procedure", "p", &item, NULL), 0);
    struct dpl_store_version version = item.version;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(item.doc);
    dpl_doc_set_text(doc, "token", "of b2");
    answers("standby", 2);
    dpl_store_put(members[1].store, "procedure", "p", &version, doc, NULL, NULL);
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_STRING_EQUAL(role(), "serving");
    CU_ASSERT_STRING_NOT_EQUAL(dpl_doc_text(record("p"), "token"), "of b2");
    end();
}

static void confirm_refused(void)
{
    begin_ceded();
    answers("serving", 3);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_EQUAL(g_strcmp0(dpl_procedure_open(&here, "mail"), "p"), 0);
    end();
}

static void nobody_waits_for_an_answer(void)
{
    begin_ceded();
    seen.gone = true;
    answers("standby", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_STRING_EQUAL(role(), "released");
    CU_ASSERT_EQUAL(g_strcmp0(dpl_procedure_open(&here, "mail"), "p"), 0);
    end();
}

static void nobody_waits_for_a_confirm(void)
{
    begin_ceded();
    answers("standby", 2);
    seen.gone = true;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_STRING_EQUAL(role(), "released");
    end();
}

/* A failover takes the place of what rests, at node b2; b1 has not heard of it. */
static void confirm_late(bool runs)
{
    begin();
    put_resting("p", &dpl_failback_kind, dpl_failback_kind.count - 1);
    put_set("standby", "p");
    g_autoptr(dpl_doc_auto) other = resting(&dpl_failover_kind, 0);
    if (runs)
        dpl_doc_set_text(other, "state", "running");
    put(1, "procedure", "other", other);
    deliver();
    dpl_confirm(&set, request("site confirm", "set", "mail"));
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    dpl_doc_set_text(doc, "procedure", "other");
    put(1, "set", "mail", doc);
    answers("released", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "doppel procedure show other"));
    CU_ASSERT_STRING_EQUAL(role(), "standby");
    CU_ASSERT_EQUAL(g_strcmp0(dpl_procedure_open(&here, "mail"), "other"), 0);
    end();
}

static void begun_in_this_moment(void)
{
    confirm_late(true);
    confirm_late(false);
}

/* --- a beginning ------------------------------------------------------------------------------ */

enum { SERVES = 9 };

/* A failback rests past the point of undoing, and a failover takes its place. */
static void begin_in_its_place(void)
{
    begin();
    put_resting("p", &dpl_failback_kind, SERVES);
    put_set("standby", "p");
}

static void takes_its_place(void)
{
    begin_in_its_place();
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_EQUAL(here.runs->len, 1);
    CU_ASSERT_STRING_NOT_EQUAL(dpl_procedure_open(&here, "mail"), "p");
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "was given up"));
    end();
}

static void nobody_waits(void)
{
    begin_in_its_place();
    seen.leave = "p";
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    const char *open = dpl_procedure_open(&here, "mail");
    CU_ASSERT_TRUE(open && strcmp(open, "p") == 0);
    g_auto(GStrv) names = dpl_store_list(here.store, "procedure");
    CU_ASSERT_EQUAL(g_strv_length(names), 1);
    seen.gone = false;
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_EQUAL(here.runs->len, 1);
    end();
}

/* A confirm at node b2. */
static void serves_here(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_CONFIRM, 2, NULL), 1);
    put(1, "set", "mail", doc);
}

/* Another source, of which this replica has heard. */
static void has_another_number(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_MEET, 7, NULL), 1);
    put(1, "set", "mail", doc);
}

static void begin_after(void (*fn)(void), const char *why)
{
    begin();
    put_set("standby", NULL);
    ahead = fn;
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, why));
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_PTR_NULL(dpl_doc_text(set.doc, "procedure"));
    g_auto(GStrv) names = dpl_store_list(here.store, "procedure");
    CU_ASSERT_EQUAL(g_strv_length(names), 0);
    end();
}

static void begins_after_a_confirm(void)
{
    begin_after(serves_here, "is serving by now, generation 4");
}

static void begins_after_a_meeting(void)
{
    begin_after(has_another_number, "is standby by now, generation 7");
}

static void leave(void)
{
    seen.gone = true;
}

static void old_one_ends(void)
{
    g_autoptr(dpl_doc_auto) old = dpl_doc_copy(record("p"));
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    dpl_doc_set_tree(old, "given_up");
    put(1, "procedure", "p", old);
    dpl_doc_unset(doc, "procedure");
    put(1, "set", "mail", doc);
    ahead = leave;
}

static void gives_nothing_back(void)
{
    begin_in_its_place();
    ahead = old_one_ends;
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_PTR_NULL(dpl_doc_text(set.doc, "procedure"));
    end();
}

/* --- going on --------------------------------------------------------------------------------- */

/* The record is saved only when the other node was fenced, or wakes. */
static void resume_late(const char *words)
{
    begin();
    put_resting("p", &dpl_failover_kind, 3);
    put_set("standby", "p");
    members[1].deaf = true;
    struct dpl_request *r = request(words, "id", "p");
    dpl_doc_set_text(r->args, "then", "immediate");
    dpl_procedure_command(&here, r);
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 0);
    seen.gone = true;
    members[1].deaf = false;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "failed");
    CU_ASSERT_PTR_NULL(dpl_doc_text(dpl_doc_tree(record("p"), "options"), "then"));
    end();
}

static void nobody_waits_for_a_resume(void)
{
    resume_late("procedure resume");
}

static void nobody_waits_for_an_undo(void)
{
    resume_late("procedure undo");
}

/* --- a stop ----------------------------------------------------------------------------------- */

static bool (*enough)(void);
static unsigned ticks;

static void tick(void *self)
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
static void turn_until(bool (*fn)(void))
{
    enough = fn;
    ticks = 0;
    tick(NULL);
    if (!fn())
        qb_loop_run(here.loop);
    CU_ASSERT_TRUE_FATAL(fn());
}

static struct dpl_run *running(void)
{
    return dpl_run_find(&here, "p");
}

static bool rests(void)
{
    return !running();
}

static bool waits_for_node(void)
{
    return running() && strstr(running()->unsaved, "node b2 does not answer");
}

static bool waits_for_store(void)
{
    return running() && strstr(running()->text, "b2");
}

static bool has_failed(void)
{
    return running() && running()->machine.state == DPL_PROCEDURE_FAILED;
}

static bool has_begun(void)
{
    const struct dpl_doc *step = dpl_doc_at(dpl_doc_list(record("p"), "steps"), 0);
    return g_strcmp0(dpl_doc_text(step, "state"), "begun") == 0;
}

/* A failover goes on; its first step changes the set's document. */
static void begin_failover(bool begun)
{
    begin();
    g_autoptr(dpl_doc_auto) doc = resting(&dpl_failover_kind, 0);
    if (begun) {
        struct dpl_doc *steps = dpl_doc_get_mutable(doc, "steps");
        dpl_doc_set_text((struct dpl_doc *)(uintptr_t)dpl_doc_at(steps, 0), "state", "begun");
    }
    put(0, "procedure", "p", doc);
    put_set("standby", "p");
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    deliver();
    CU_ASSERT_PTR_NOT_NULL_FATAL(running());
}

static void stopped_while_saved(void)
{
    begin_failover(true);
    members[1].deaf = true;
    turn_until(waits_for_node);
    dpl_run_stop(running());
    members[1].deaf = false;
    turn_until(rests);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "interrupted");
    CU_ASSERT_PTR_NULL(dpl_doc_tree(set.doc, "failing_over"));
    end();
}

static bool is_looked_at(void)
{
    return running() && running()->machine.phase == DPL_PHASE_LOOK;
}

/* That it begins is saved late, and nothing was acted then. */
static void stopped_before_it_acted(void)
{
    begin_failover(false);
    turn_until(is_looked_at);
    members[1].deaf = true;
    turn_until(waits_for_node);
    dpl_run_stop(running());
    members[1].deaf = false;
    turn_until(rests);
    const struct dpl_doc *step = dpl_doc_at(dpl_doc_list(record("p"), "steps"), 0);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "interrupted");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(step, "state"), "to do");
    CU_ASSERT_PTR_NULL(dpl_doc_get(step, "begun_ms"));
    CU_ASSERT_PTR_NULL(dpl_doc_tree(set.doc, "failing_over"));
    end();
}

/* Its doppeld ended before it could undo it, as was wanted for that case. */
static void aborted_once(void)
{
    begin();
    g_autoptr(dpl_doc_auto) doc = resting(&dpl_failover_kind, 0);
    dpl_doc_set_bool(doc, "abort", true);
    put(0, "procedure", "p", doc);
    put_set("standby", "p");
    struct dpl_request *r = request("procedure resume", "id", "p");
    dpl_doc_set_text(r->args, "then", "immediate");
    dpl_procedure_command(&here, r);
    turn_until(is_looked_at);
    dpl_run_stop(running());
    turn_until(rests);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "interrupted");
    CU_ASSERT_FALSE(dpl_doc_bool(record("p"), "back", false));
    end();
}

static void members_are(size_t count)
{
    static const uint32_t ids[] = {1, 2};
    for (size_t i = 0; i < count; i++)
        dpl_group_members(dpl_store_group(members[i].store), ids, count);
}

static void stopped_while_suspended(void)
{
    begin_failover(false);
    turn_until(has_begun);
    members[1].deaf = true;
    members_are(1);
    turn_until(waits_for_store);
    CU_ASSERT_FALSE(dpl_store_ready(here.store));
    dpl_run_stop(running());
    members[1].deaf = false;
    CU_ASSERT_TRUE(has_begun());
    turn_until(has_failed);
    members_are(2);
    turn_until(rests);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "failed");
    CU_ASSERT_TRUE(has_begun());
    CU_ASSERT_PTR_NULL(dpl_doc_tree(set.doc, "failing_over"));
    end();
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void show(const char *id)
{
    dpl_procedure_command(&here, request("procedure show", "id", id));
    CU_ASSERT_EQUAL(seen.code, 0);
}

static void shows_given_up(void)
{
    begin_in_its_place();
    put_resting("other", &dpl_failover_kind, 0);
    put_set("standby", "other");
    show("p");
    CU_ASSERT_STRING_EQUAL(seen.state, "given up");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "took its place"));
    end();
}

static void shows_deleted(void)
{
    begin_in_its_place();
    put(0, "set", "mail", NULL);
    deliver();
    show("p");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "set mail was deleted"));
    end();
}

static void shows_beginning(void)
{
    begin();
    put_resting("p", &dpl_failover_kind, 0);
    put_set("standby", NULL);
    show("p");
    CU_ASSERT_STRING_EQUAL(seen.state, "not begun");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "it begins just now"));
    end();
}

static const struct unit_test tests[] = {
    {"a confirm gives a procedure up, and nobody goes on with it", confirmed},
    {"a confirm is refused when the procedure was resumed while the other site was asked",
     resumed_meanwhile},
    {"a confirm is refused when another node resumes the procedure at the same time",
     resumed_in_this_moment},
    {"a procedure that a confirm has given up is not taken over", resumed_too_late},
    {"a confirm that is refused gives no procedure up", confirm_refused},
    {"nor one for which nobody waits", nobody_waits_for_an_answer},
    {"a confirm for which nobody waits does not let the set serve", nobody_waits_for_a_confirm},
    {"a confirm takes no procedure away that has just begun", begun_in_this_moment},
    {"a procedure takes the place of one that rests past the point of undoing", takes_its_place},
    {"one for which nobody waits gives the place back", nobody_waits},
    {"one that has ended meanwhile is not given the place back", gives_nothing_back},
    {"a failover does not begin where a confirm came first", begins_after_a_confirm},
    {"nor where the set has another generation by then", begins_after_a_meeting},
    {"a resume for which nobody waits does not run", nobody_waits_for_a_resume},
    {"an undo for which nobody waits does not run", nobody_waits_for_an_undo},
    {"a stop is heard while the record waits for a node, and that is told", stopped_while_saved},
    {"a step that was stopped before it acted is still to do", stopped_before_it_acted},
    {"one that is gone on with is not undone for what was wanted before", aborted_once},
    {"a stop is heard while the store takes no change", stopped_while_suspended},
    {"one whose place another took is shown as given up", shows_given_up},
    {"one whose set was deleted says so", shows_deleted},
    {"one that begins is not shown as given up", shows_beginning},
};
UNIT_MAIN(tests)
