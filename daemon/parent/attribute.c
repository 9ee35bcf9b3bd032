/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/attribute.h"

#include "daemon/parent/log.h"
#include "lib/base/clock.h"

#include <unistd.h>

/* Each value in the CIB makes Pacemaker plan anew, also while it starts a group, and then the set
 * goes through several states: Pacemaker waits so long for the last of them. */
#define DAMPEN_S "3"
#define LAG_NS   (INT64_C(10) * 1000000000) /* between two values of it */

enum { STATE, LAG, COUNT };
static const char *const names[COUNT] = {[STATE] = "state", [LAG] = "lag"};

static const struct dpl_child_kind kind = {
    .name = "attribute", .program = "/usr/sbin/attrd_updater", .stop_ms = 1000, .most_ms = 20000};

struct dpl_attribute {
    struct dpl_set *set;
    struct dpl_child *child; /* NULL: none runs */
    char *told[COUNT];       /* NULL: it is not set */
    int64_t lag_ns;          /* when it was told */
    bool failed;
};

static void ended(void *self, int status, bool again)
{
    struct dpl_attribute *a = self;
    (void)again;
    g_clear_pointer(&a->child, dpl_child_free);
    if (status != 0 && !a->failed)
        dpl_log(LOG_WARNING, "set \"%s\": Pacemaker does not take its node attributes (%d)",
                a->set->name, status);
    a->failed = status != 0;
    if (!a->set->daemon->stopping)
        dpl_attribute_review(a->set);
}

static const struct dpl_child_fns fns = {.ended = ended};

/* value NULL: it is deleted. */
static void tell(struct dpl_attribute *a, int which, const char *value)
{
    g_autofree char *name = g_strdup_printf("doppel-%s.%s", a->set->name, names[which]);
    const char *set_it[] = {"-n", name, "-B", value, "-d", DAMPEN_S, NULL};
    const char *delete_it[] = {"-n", name, "-D", NULL};
    struct dpl_err err = {0};
    g_free(a->told[which]);
    a->told[which] = g_strdup(value);
    if (which == LAG)
        a->lag_ns = dpl_clock_now_ns(&dpl_clock_system);
    a->child =
        dpl_child_new(a->set->daemon->children, &kind, name, value ? set_it : delete_it, &fns, a);
    if (dpl_child_start(a->child, &err) < 0)
        g_clear_pointer(&a->child, dpl_child_free);
}

static char *state_now(const struct dpl_set *set)
{
    return set->asked ? g_strdup(dpl_set_state_text(set->state)) : NULL;
}

static char *lag_now(const struct dpl_set *set)
{
    int64_t ms = dpl_doc_int(set->status, "lag_ms", -1);
    return set->asked && ms >= 0 ? g_strdup_printf("%lld", (long long)ms / 1000) : NULL;
}

/* A lag that grows is no event in itself: it is told now and then, its end at once. */
static bool lag_due(const struct dpl_attribute *a, const char *lag)
{
    return !lag || !a->told[LAG] || g_strcmp0(lag, "0") == 0 ||
           dpl_clock_now_ns(&dpl_clock_system) - a->lag_ns >= LAG_NS;
}

void dpl_attribute_review(struct dpl_set *set)
{
    struct dpl_attribute *a = set->attribute;
    if (!set->daemon->settings.cluster || (!a && !set->asked) || access(kind.program, X_OK) != 0)
        return;
    if (!a) {
        a = set->attribute = g_new0(struct dpl_attribute, 1);
        a->set = set;
    }
    g_autofree char *state = state_now(set), *lag = lag_now(set);
    if (a->child)
        return; /* looked at again when it has ended */
    if (g_strcmp0(state, a->told[STATE]) != 0)
        tell(a, STATE, state);
    else if (g_strcmp0(lag, a->told[LAG]) != 0 && lag_due(a, lag))
        tell(a, LAG, lag);
}

void dpl_attribute_end(struct dpl_set *set)
{
    struct dpl_attribute *a = g_steal_pointer(&set->attribute);
    if (!a)
        return;
    dpl_child_free(a->child);
    for (int i = 0; i < COUNT; i++)
        g_free(a->told[i]);
    g_free(a);
}
