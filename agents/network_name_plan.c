/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/network_name_plan.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint16_t address_types[] = {DPL_DNS_A, DPL_DNS_AAAA};

void nn_plan_owner_data(const char *site, uint64_t generation, char data[96])
{
    snprintf(data, 96, "\"site=%.32s generation=%" PRIu64 "\"", site, generation);
}

void nn_plan_done(struct nn_plan *plan)
{
    dpl_dns_rrs_done(&plan->wanted);
    dpl_dns_rrs_done(&plan->old);
    dpl_dns_rrs_done(&plan->seen);
}

static bool is(const struct dpl_dns_rr *rr, const char *name, uint16_t type)
{
    return rr->type == type && strcmp(rr->name, name) == 0;
}

static const struct dpl_dns_rr *seen_of(const struct nn_plan *plan, const char *name, uint16_t type)
{
    for (size_t i = 0; i < plan->seen.count; i++)
        if (is(&plan->seen.items[i], name, type))
            return &plan->seen.items[i];
    return NULL;
}

/* The zone still holds of this name and type what was seen. */
static void hold(const struct nn_plan *plan, const char *name, uint16_t type,
                 struct dpl_dns_update *update)
{
    if (!seen_of(plan, name, type))
        dpl_dns_update_add(update, DPL_DNS_NONE, name, type, 0, NULL);
    for (size_t i = 0; i < plan->seen.count; i++)
        if (is(&plan->seen.items[i], name, type))
            dpl_dns_update_add_rr(update, DPL_DNS_SAME, &plan->seen.items[i]);
}

/* Removes from a set what is not wanted, adds what is missing or has another time to live. */
static void make_set(const struct nn_plan *plan, const char *name, uint16_t type,
                     struct dpl_dns_update *update)
{
    for (size_t i = 0; i < plan->seen.count; i++) {
        const struct dpl_dns_rr *rr = &plan->seen.items[i];
        if (is(rr, name, type) && !dpl_dns_rrs_find(&plan->wanted, rr))
            dpl_dns_update_add_rr(update, DPL_DNS_REMOVE, rr);
    }
    for (size_t i = 0; i < plan->wanted.count; i++) {
        const struct dpl_dns_rr *rr = &plan->wanted.items[i];
        const struct dpl_dns_rr *there = dpl_dns_rrs_find(&plan->seen, rr);
        if (is(rr, name, type) && (!there || there->ttl_s != rr->ttl_s))
            dpl_dns_update_add_rr(update, DPL_DNS_ADD, rr);
    }
}

/* The site and generation of an owner record; false for anything else. */
static bool read_owner(const char *data, char site[33], uint64_t *generation_r)
{
    int end = 0;
    return sscanf(data, "\"site=%32[A-Za-z0-9_-] generation=%" SCNu64 "\"%n", site, generation_r,
                  &end) == 2 &&
           end > 0 && data[end] == '\0';
}

/* Whether the owner record is ours: 1, is not there: 0, or REFUSED. */
static int judge_owner(const struct nn_plan *plan, uint64_t *generation_r, struct dpl_err *err)
{
    char site[33];
    const struct dpl_dns_rr *rr = seen_of(plan, plan->owner, DPL_DNS_TXT);
    *generation_r = 0;
    if (!rr)
        return 0;
    if (dpl_dns_rrs_count(&plan->seen, plan->owner, DPL_DNS_TXT) > 1 ||
        !read_owner(rr->data, site, generation_r))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "%s is not taken: %s holds %.100s, which is no owner record of ours",
                           plan->host, plan->owner, rr->data);
    if (strcmp(site, plan->site) != 0)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "%s is not taken: it belongs to the site %s by its record %s; this is "
                           "the site %s",
                           plan->host, site, plan->owner, plan->site);
    return 1;
}

static int foreign(const struct dpl_dns_rr *rr, const char *hint, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_REFUSED,
                       "%s is not taken: it has %s %s already, which is not this resource's%s",
                       rr->name, dpl_dns_type_name(rr->type), rr->data, hint);
}

/* Each record of a set must be wanted, or one that we registered. */
static int judge_set(const struct nn_plan *plan, const char *name, uint16_t type,
                     struct dpl_err *err)
{
    for (size_t i = 0; i < plan->seen.count; i++) {
        const struct dpl_dns_rr *rr = &plan->seen.items[i];
        if (is(rr, name, type) && !dpl_dns_rrs_find(&plan->wanted, rr) &&
            !dpl_dns_rrs_find(&plan->old, rr))
            return foreign(
                rr, type == DPL_DNS_A || type == DPL_DNS_AAAA ? " (no owner record says so)" : "",
                err);
    }
    return DPL_OK;
}

static int plan_host(const struct nn_plan *plan, struct dpl_dns_update *update, struct dpl_err *err)
{
    char data[96];
    uint64_t generation;
    const struct dpl_dns_rr *alias = seen_of(plan, plan->host, DPL_DNS_CNAME);
    const struct dpl_dns_rr *record = seen_of(plan, plan->owner, DPL_DNS_TXT);
    int owned = judge_owner(plan, &generation, err);
    if (owned < 0)
        return owned;
    if (alias)
        return foreign(alias, "", err);
    hold(plan, plan->owner, DPL_DNS_TXT, update);
    hold(plan, plan->host, DPL_DNS_CNAME, update);
    for (size_t t = 0; t < 2; t++) {
        int code = owned ? DPL_OK : judge_set(plan, plan->host, address_types[t], err);
        if (code < 0)
            return code;
        hold(plan, plan->host, address_types[t], update);
        make_set(plan, plan->host, address_types[t], update);
    }
    nn_plan_owner_data(plan->site, generation, data);
    if (!record || record->ttl_s != plan->ttl_s)
        dpl_dns_update_add(update, DPL_DNS_ADD, plan->owner, DPL_DNS_TXT, plan->ttl_s, data);
    return DPL_OK;
}

/* An alias or a reverse name. */
static int plan_exclusive(const struct nn_plan *plan, const struct dpl_dns_rr *rr,
                          struct dpl_dns_update *update, struct dpl_err *err)
{
    int code = judge_set(plan, rr->name, rr->type, err);
    if (code < 0)
        return code;
    if (rr->type == DPL_DNS_CNAME && !seen_of(plan, rr->name, DPL_DNS_CNAME))
        dpl_dns_update_add(update, DPL_DNS_UNUSED, rr->name, 0, 0, NULL);
    else
        hold(plan, rr->name, rr->type, update);
    make_set(plan, rr->name, rr->type, update);
    return DPL_OK;
}

/* Others' exchangers of the domain keep their time to live, and so give ours: a set has one. */
static void plan_exchanger(const struct nn_plan *plan, const struct dpl_dns_rr *rr,
                           struct dpl_dns_update *update)
{
    const struct dpl_dns_rr *other = seen_of(plan, rr->name, DPL_DNS_MX);
    if (!dpl_dns_rrs_find(&plan->seen, rr))
        dpl_dns_update_add(update, DPL_DNS_ADD, rr->name, rr->type,
                           other ? other->ttl_s : rr->ttl_s, rr->data);
}

/* Whether this name and type is made as a whole already, so that nothing else needs to remove. */
static bool is_made(const struct nn_plan *plan, const struct dpl_dns_rr *rr)
{
    if (plan->host && (is(rr, plan->host, DPL_DNS_A) || is(rr, plan->host, DPL_DNS_AAAA) ||
                       is(rr, plan->owner, DPL_DNS_TXT)))
        return true;
    return rr->type != DPL_DNS_MX && dpl_dns_rrs_count(&plan->wanted, rr->name, rr->type) > 0;
}

static void drop_old(const struct nn_plan *plan, struct dpl_dns_update *update)
{
    for (size_t i = 0; i < plan->old.count; i++) {
        const struct dpl_dns_rr *rr = &plan->old.items[i];
        if (!is_made(plan, rr) && !dpl_dns_rrs_find(&plan->wanted, rr) &&
            dpl_dns_rrs_find(&plan->seen, rr))
            dpl_dns_update_add_rr(update, DPL_DNS_REMOVE, rr);
    }
}

int nn_plan_register(const struct nn_plan *plan, struct dpl_dns_update *update_r,
                     struct dpl_err *err)
{
    *update_r = (struct dpl_dns_update){.zone = g_strdup(plan->zone)};
    int code = plan->host ? plan_host(plan, update_r, err) : DPL_OK;
    drop_old(plan, update_r);
    for (size_t i = 0; i < plan->wanted.count && code == DPL_OK; i++) {
        const struct dpl_dns_rr *rr = &plan->wanted.items[i];
        if (rr->type == DPL_DNS_CNAME || rr->type == DPL_DNS_PTR)
            code = plan_exclusive(plan, rr, update_r, err);
        else if (rr->type == DPL_DNS_MX)
            plan_exchanger(plan, rr, update_r);
    }
    return code;
}

/* Whether the name keeps addresses that this resource did not register. */
static bool keeps_addresses(const struct nn_plan *plan)
{
    for (size_t i = 0; i < plan->seen.count; i++) {
        const struct dpl_dns_rr *rr = &plan->seen.items[i];
        if ((is(rr, plan->host, DPL_DNS_A) || is(rr, plan->host, DPL_DNS_AAAA)) &&
            !dpl_dns_rrs_find(&plan->old, rr))
            return true;
    }
    return false;
}

int nn_plan_unregister(const struct nn_plan *plan, struct dpl_dns_update *update_r,
                       struct dpl_err *err)
{
    uint64_t generation;
    *update_r = (struct dpl_dns_update){.zone = g_strdup(plan->zone)};
    if (plan->host) {
        int owned = judge_owner(plan, &generation, err);
        if (owned < 0)
            return owned;
        hold(plan, plan->owner, DPL_DNS_TXT, update_r);
        const struct dpl_dns_rr *record = seen_of(plan, plan->owner, DPL_DNS_TXT);
        if (record && !keeps_addresses(plan))
            dpl_dns_update_add_rr(update_r, DPL_DNS_REMOVE, record);
    }
    for (size_t i = 0; i < plan->old.count; i++) {
        const struct dpl_dns_rr *rr = &plan->old.items[i];
        if (!(plan->owner && is(rr, plan->owner, DPL_DNS_TXT)) && dpl_dns_rrs_find(&plan->seen, rr))
            dpl_dns_update_add_rr(update_r, DPL_DNS_REMOVE, rr);
    }
    return DPL_OK;
}
