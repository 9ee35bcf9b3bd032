/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Parameters of virtual-ip of any content: lines NAME=VALUE. What is accepted strictly is the same
 * read leniently; what is refused has one line that says why.
 */
#include "agents/virtual_ip_want.h"
#include "virtual-ip.params.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *lines[32];

static const char *getter(const char *name)
{
    const char *key = name + strlen("OCF_RESKEY_");
    size_t length = strlen(key);
    for (size_t i = 0; i < 32 && lines[i]; i++)
        if (strncmp(lines[i], key, length) == 0 && lines[i][length] == '=')
            return lines[i] + length + 1;
    return NULL;
}

static void check(const struct dpl_ocf_run *run)
{
    struct vip_want strict, lenient;
    struct dpl_err err = {0};
    int code = vip_want_read(run, true, &strict, &err);
    g_assert(vip_want_read(run, false, &lenient, NULL) == DPL_OK);
    g_assert(strlen(lenient.nic) < IF_NAMESIZE && strlen(lenient.label) < IF_NAMESIZE - 2);
    if (code == DPL_OK)
        g_assert(dpl_net_addr_equal(&strict.addr, &lenient.addr) &&
                 strict.prefix == lenient.prefix && strcmp(strict.nic, lenient.nic) == 0 &&
                 strcmp(strict.label, lenient.label) == 0 &&
                 strict.broadcast_how == lenient.broadcast_how &&
                 strict.preferred_s == lenient.preferred_s);
    else
        g_assert(code == DPL_E_PARAM && err.text[0] && !strchr(err.text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dpl_ocf_agent agent = {
        .name = "virtual-ip", .params = virtual_ip_params, .param_count = VIRTUAL_IP_PARAMS};
    struct dpl_ocf_value values[VIRTUAL_IP_PARAMS];
    struct dpl_ocf_run run = {.agent = &agent, .values = values};
    struct dpl_err err = {0};
    g_autofree char *text = g_strndup((const char *)data, size);
    char *rest = text;
    size_t count = 0;
    memset(lines, 0, sizeof lines);
    for (char *line; count < 32 && (line = strsep(&rest, "\n"));)
        lines[count++] = line;
    int code = dpl_ocf_params_read(virtual_ip_params, VIRTUAL_IP_PARAMS, getter, values, &err);
    g_assert(code == DPL_OK || (code == DPL_E_PARAM && err.text[0]));
    check(&run);
    return 0;
}
