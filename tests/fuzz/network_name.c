/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * network-name on any input: lines NAME=VALUE are its parameters, lines "seen RECORD" what the zone
 * holds. What is planned removes nothing that is not there, and nothing of an address or an owner
 * record while the owner record is another site's.
 */
#include "agents/network_name_plan.h"
#include "agents/network_name_want.h"
#include "network-name.params.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 32 };
static char *lines[LINES];

static const char *getter(const char *name)
{
    const char *key = name + strlen("OCF_RESKEY_");
    size_t length = strlen(key);
    for (size_t i = 0; i < LINES && lines[i]; i++)
        if (strncmp(lines[i], key, length) == 0 && lines[i][length] == '=')
            return lines[i] + length + 1;
    return NULL;
}

static void check_update(const struct nn_plan *plan, int code, struct dpl_dns_update *update,
                         const struct dpl_err *err)
{
    g_assert(code == DPL_OK || (code == DPL_E_REFUSED && err->text[0] && !strchr(err->text, '\n')));
    for (size_t i = 0; i < update->count; i++)
        if (update->rows[i].kind == DPL_DNS_REMOVE)
            g_assert(dpl_dns_rrs_find(&plan->seen, &update->rows[i].rr));
    dpl_dns_update_done(update);
}

static void check_plan(const struct nn_want *want)
{
    char owner[DPL_DNS_NAME_TEXT];
    g_assert(dpl_dns_name_beneath("_doppel", want->host, owner));
    struct nn_plan plan = {.zone = "a.", .host = want->host, .owner = owner, .site = "site-a"};
    struct dpl_dns_update update;
    struct dpl_err err = {0};
    bool other = false;
    for (size_t i = 0; i < want->rrs.count; i++)
        dpl_dns_rrs_copy(i % 2 ? &plan.old : &plan.wanted, &want->rrs.items[i]);
    for (size_t i = 0; i < LINES && lines[i]; i++)
        if (strncmp(lines[i], "seen ", 5) == 0 && dpl_dns_rr_parse(lines[i] + 5, &plan.seen)) {
            const struct dpl_dns_rr *rr = &plan.seen.items[plan.seen.count - 1];
            other = other || (rr->type == DPL_DNS_TXT && strcmp(rr->name, owner) == 0 &&
                              strncmp(rr->data, "\"site=site-b ", 13) == 0);
        }
    int code = nn_plan_register(&plan, &update, &err);
    g_assert(!other || code == DPL_E_REFUSED);
    check_update(&plan, code, &update, &err);
    code = nn_plan_unregister(&plan, &update, &err);
    g_assert(!other || code == DPL_E_REFUSED);
    check_update(&plan, code, &update, &err);
    nn_plan_done(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dpl_ocf_agent agent = {
        .name = "network-name", .params = network_name_params, .param_count = NETWORK_NAME_PARAMS};
    struct dpl_ocf_value values[NETWORK_NAME_PARAMS];
    struct dpl_ocf_run run = {.agent = &agent, .values = values};
    struct dpl_err err = {0};
    struct nn_want want;
    g_autofree char *text = g_strndup((const char *)data, size);
    char *rest = text;
    size_t count = 0;
    memset(lines, 0, sizeof lines);
    for (char *line; count < LINES && (line = strsep(&rest, "\n"));)
        lines[count++] = line;
    int code = dpl_ocf_params_read(network_name_params, NETWORK_NAME_PARAMS, getter, values, &err);
    g_assert(code == DPL_OK || (code == DPL_E_PARAM && err.text[0]));
    code = nn_want_read(&run, true, &want, &err);
    g_assert(code == DPL_OK || (code == DPL_E_PARAM && err.text[0] && !strchr(err.text, '\n')));
    nn_want_done(&want);
    g_assert(nn_want_read(&run, false, &want, NULL) == DPL_OK);
    g_assert(want.rrs.count <= NN_RECORDS_MAX);
    if (want.host[0])
        check_plan(&want);
    nn_want_done(&want);
    return 0;
}
