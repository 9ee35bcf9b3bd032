/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/network_name_dns.h"

#include "agents/network_name_plan.h"
#include "lib/config/site_conf.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum {
    ZONES_MAX = NN_RECORDS_MAX + 1,
    TRIES = 3, /* while others change the same records */
    WORD_MAX = 300,
};

/* The zones concerned, and what is planned in each. */
struct zones {
    char owner[DPL_DNS_NAME_TEXT];
    size_t count;
    struct dpl_dns_zone at[ZONES_MAX];
    struct nn_plan plans[ZONES_MAX];
    struct dpl_dns_update updates[ZONES_MAX];
};

int nn_site_read(char site_r[NN_SITE_TEXT], struct dpl_err *err)
{
    g_autoptr(dpl_conf_auto) conf = NULL;
    const char path[] = DPL_CONF_DIR "/doppel.conf";
    int code = dpl_conf_load(path, &dpl_site_conf, &conf, err);
    if (code < 0)
        return dpl_err_context(err, "the name of this site is not known");
    const char *name = dpl_conf_text(conf, "site", "name");
    if (!name)
        return dpl_err_set(err, DPL_E_CONFIG,
                           "the name of this site is not known: %s has no [site] name=", path);
    snprintf(site_r, NN_SITE_TEXT, "%s", name);
    return DPL_OK;
}

static int use_servers(struct nn_dns *nn, struct dpl_err *err)
{
    const char *list = nn->want->servers, *word;
    size_t length;
    struct dpl_err one = {0};
    int code = DPL_OK;
    while (list && (word = dpl_ocf_list_next(&list, &length))) {
        char text[WORD_MAX];
        snprintf(text, sizeof text, "%.*s", (int)length, word);
        int used = dpl_dns_use(&nn->dns, text, code == DPL_OK ? &one : NULL);
        code = code == DPL_OK ? used : code;
    }
    /* One whose name is not found does not keep the others from being asked. */
    if (code < 0 && nn->dns.given.count > 0)
        dpl_ocf_log(nn->run, "WARNING", "%s", one.text);
    else if (code < 0)
        return dpl_err_set(err, code, "%s", one.text);
    return DPL_OK;
}

int nn_dns_open(struct nn_dns *nn, struct dpl_ocf_run *run, const struct nn_want *want,
                struct nn_state *state, int64_t budget_ms, struct dpl_err *err)
{
    const struct dpl_clock *clock = run->steps.clock;
    *nn = (struct nn_dns){.run = run, .want = want, .state = state};
    nn->dns = (struct dpl_dns){.clock = clock,
                               .deadline_ns = dpl_clock_now_ns(clock) + budget_ms * 1000000,
                               .port = want->port};
    dpl_ocf_step(&run->steps, "reading the key");
    if (want->keyfile) {
        struct dpl_err one = {0};
        if (dpl_dns_key_read(want->keyfile, &nn->key, &one) < 0)
            return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter keyfile: %s", one.text);
        nn->dns.key = &nn->key;
    }
    dpl_ocf_step(&run->steps, "finding the name servers");
    return use_servers(nn, err);
}

void nn_dns_close(struct nn_dns *nn)
{
    dpl_dns_key_done(&nn->key);
}

static void zones_done(struct zones *zones)
{
    for (size_t i = 0; i < zones->count; i++) {
        nn_plan_done(&zones->plans[i]);
        dpl_dns_update_done(&zones->updates[i]);
    }
    g_free(zones);
}

/* The zone that holds a name: its index. */
static int zone_of(struct nn_dns *nn, struct zones *zones, const char *name, struct dpl_err *err)
{
    struct dpl_dns_zone zone;
    int code = dpl_dns_zone_find(&nn->dns, name, &zone, err);
    if (code < 0)
        return code;
    for (size_t i = 0; i < zones->count; i++)
        if (strcmp(zones->at[i].name, zone.name) == 0)
            return (int)i;
    if (zones->count == ZONES_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "the names lie in more than %d zones", ZONES_MAX);
    zones->at[zones->count] = zone;
    zones->plans[zones->count] = (struct nn_plan){
        .zone = zones->at[zones->count].name, .site = nn->state->site, .ttl_s = nn->want->ttl_s};
    return (int)zones->count++;
}

/* The index of the zone of a name that an earlier record has too, or -1. */
static int zone_known(const struct zones *zones, const char *name)
{
    for (size_t i = 0; i < zones->count; i++) {
        const struct nn_plan *plan = &zones->plans[i];
        if (plan->owner && strcmp(plan->owner, name) == 0)
            return (int)i;
        for (size_t k = 0; k < plan->wanted.count; k++)
            if (strcmp(plan->wanted.items[k].name, name) == 0)
                return (int)i;
        for (size_t k = 0; k < plan->old.count; k++)
            if (strcmp(plan->old.items[k].name, name) == 0)
                return (int)i;
    }
    return -1;
}

/* Deals records out to the plans of their zones. */
static int deal(struct nn_dns *nn, struct zones *zones, const struct dpl_dns_rrs *rrs, bool old,
                struct dpl_err *err)
{
    for (size_t i = 0; i < rrs->count; i++) {
        const struct dpl_dns_rr *rr = &rrs->items[i];
        int at = zone_known(zones, rr->name);
        if (at < 0)
            at = zone_of(nn, zones, rr->name, err);
        if (at < 0)
            return at;
        dpl_dns_rrs_copy(old ? &zones->plans[at].old : &zones->plans[at].wanted, rr);
    }
    return DPL_OK;
}

/* Asks for a name and type, once. */
static int see(struct nn_dns *nn, struct zones *zones, size_t at, const char *name, uint16_t type,
               struct dpl_dns_rrs *asked, struct dpl_err *err)
{
    if (dpl_dns_rrs_count(asked, name, type) > 0)
        return DPL_OK;
    dpl_dns_rrs_add(asked, name, type, 0, "");
    struct dpl_dns_rrs got = {0};
    int code = dpl_dns_ask(&nn->dns, &zones->at[at], name, type, &got, err);
    for (size_t i = 0; i < got.count; i++)
        if (!dpl_dns_rrs_find(&zones->plans[at].seen, &got.items[i]))
            dpl_dns_rrs_copy(&zones->plans[at].seen, &got.items[i]);
    dpl_dns_rrs_done(&got);
    return code;
}

static int see_list(struct nn_dns *nn, struct zones *zones, size_t at,
                    const struct dpl_dns_rrs *rrs, struct dpl_dns_rrs *asked, struct dpl_err *err)
{
    int code = DPL_OK;
    for (size_t i = 0; i < rrs->count && code == DPL_OK; i++)
        code = see(nn, zones, at, rrs->items[i].name, rrs->items[i].type, asked, err);
    return code;
}

static int see_all(struct nn_dns *nn, struct zones *zones, struct dpl_err *err)
{
    int code = DPL_OK;
    for (size_t at = 0; at < zones->count && code == DPL_OK; at++) {
        struct dpl_dns_rrs asked = {0};
        const struct nn_plan *plan = &zones->plans[at];
        if (plan->host) {
            code = see(nn, zones, at, plan->owner, DPL_DNS_TXT, &asked, err);
            if (code == DPL_OK)
                code = see(nn, zones, at, plan->host, DPL_DNS_A, &asked, err);
            if (code == DPL_OK)
                code = see(nn, zones, at, plan->host, DPL_DNS_AAAA, &asked, err);
        }
        if (code == DPL_OK)
            code = see_list(nn, zones, at, &plan->wanted, &asked, err);
        if (code == DPL_OK)
            code = see_list(nn, zones, at, &plan->old, &asked, err);
        dpl_dns_rrs_done(&asked);
    }
    return code;
}

/* All zones of the resource, what they hold, and what is to be done there. */
static int look(struct nn_dns *nn, bool unregister, struct zones **zones_r, struct dpl_err *err)
{
    struct zones *zones = *zones_r = g_new0(struct zones, 1);
    const char *host = unregister ? nn->state->host : nn->want->host;
    dpl_ocf_step(&nn->run->steps, "finding the zones");
    int at = zone_of(nn, zones, host, err);
    if (at < 0)
        return at;
    (void)dpl_dns_name_beneath("_doppel", host, zones->owner);
    zones->plans[at].host = host;
    zones->plans[at].owner = zones->owner;
    int code = unregister ? DPL_OK : deal(nn, zones, &nn->want->rrs, false, err);
    if (code == DPL_OK)
        code = deal(nn, zones, &nn->state->rrs, true, err);
    dpl_ocf_step(&nn->run->steps, "asking for the records");
    if (code == DPL_OK)
        code = see_all(nn, zones, err);
    for (size_t i = 0; i < zones->count && code == DPL_OK; i++)
        code = unregister ? nn_plan_unregister(&zones->plans[i], &zones->updates[i], err)
                          : nn_plan_register(&zones->plans[i], &zones->updates[i], err);
    return code;
}

/* Sends what is to be changed: how many zones were. */
static int send_all(struct nn_dns *nn, struct zones *zones, struct dpl_err *err)
{
    int changed = 0;
    dpl_ocf_step(&nn->run->steps, "updating the zones");
    for (size_t i = 0; i < zones->count; i++) {
        if (!dpl_dns_update_changes(&zones->updates[i]))
            continue;
        int code = dpl_dns_send(&nn->dns, &zones->at[i], &zones->updates[i], err);
        if (code < 0)
            return dpl_err_context(err, "the zone %s cannot be updated", zones->at[i].name);
        changed++;
    }
    return changed;
}

static bool same_records(const struct dpl_dns_rrs *a, const struct dpl_dns_rrs *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (!dpl_dns_rrs_find(b, &a->items[i]))
            return false;
    return true;
}

/* Notes records as this resource's: those of before too, while it is not known that they went. */
static int note(struct nn_dns *nn, bool keep_old, struct dpl_err *err)
{
    struct dpl_dns_rrs *rrs = &nn->state->rrs;
    if (same_records(&nn->want->rrs, rrs) && (keep_old || same_records(rrs, &nn->want->rrs)))
        return DPL_OK;
    if (!keep_old)
        dpl_dns_rrs_done(rrs);
    for (size_t i = 0; i < nn->want->rrs.count; i++)
        if (!dpl_dns_rrs_find(rrs, &nn->want->rrs.items[i]))
            dpl_dns_rrs_copy(rrs, &nn->want->rrs.items[i]);
    return nn_state_write(nn->state, err);
}

int nn_dns_register(struct nn_dns *nn, struct dpl_err *err)
{
    int code = DPL_E_BUSY;
    bool ever = false;
    for (int i = 0; i < TRIES && code == DPL_E_BUSY; i++) {
        struct zones *zones = NULL;
        if (err)
            *err = (struct dpl_err){0};
        code = look(nn, false, &zones, err);
        if (code == DPL_OK)
            code = note(nn, true, err);
        if (code == DPL_OK)
            code = send_all(nn, zones, err);
        ever = ever || code != 0;
        zones_done(zones);
    }
    if (code < 0)
        return code;
    code = note(nn, false, err);
    return code < 0 ? code : ever;
}

int nn_dns_unregister(struct nn_dns *nn, struct dpl_err *err)
{
    int code = DPL_E_BUSY;
    for (int i = 0; i < TRIES && code == DPL_E_BUSY; i++) {
        struct zones *zones = NULL;
        if (err)
            *err = (struct dpl_err){0};
        code = look(nn, true, &zones, err);
        if (code == DPL_OK)
            code = send_all(nn, zones, err);
        zones_done(zones);
    }
    return code < 0 ? code : DPL_OK;
}

int nn_dns_try(struct nn_dns *nn, struct dpl_err *err)
{
    struct zones *zones = NULL;
    int code = look(nn, false, &zones, err);
    dpl_ocf_step(&nn->run->steps, "trying the key");
    for (size_t i = 0; i < zones->count && code == DPL_OK; i++) {
        struct dpl_dns_update *update = &zones->updates[i];
        struct dpl_dns_update only = {.zone = g_strdup(update->zone)};
        for (size_t k = 0; k < update->count; k++)
            if (update->rows[k].kind != DPL_DNS_ADD && update->rows[k].kind != DPL_DNS_REMOVE)
                dpl_dns_update_add_rr(&only, update->rows[k].kind, &update->rows[k].rr);
        code = dpl_dns_send(&nn->dns, &zones->at[i], &only, err);
        dpl_dns_update_done(&only);
        if (code < 0)
            code = dpl_err_context(err, "the zone %s cannot be updated", zones->at[i].name);
    }
    zones_done(zones);
    return code;
}
