/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/host.h"

#include "lib/config/site_conf.h"

int host_read(struct host *host_r, struct dpl_err *err)
{
    g_autoptr(dpl_conf_auto) conf = NULL;
    int rc = dpl_conf_load(DPL_CONF_DIR "/doppel.conf", &dpl_site_conf, &conf, err);
    const char *site = conf ? dpl_conf_text(conf, "site", "name") : NULL;
    *host_r = (struct host){
        .site = g_strdup(site ? site : ""),
        .run_dir = g_strdup(conf ? dpl_conf_text(conf, "daemon", "run_dir") : DPL_RUN_DIR),
        .state_dir = g_strdup(conf ? dpl_conf_text(conf, "daemon", "state_dir") : DPL_STATE_DIR)};
    if (rc == DPL_OK && !site)
        rc = dpl_err_set(err, DPL_E_CONFIG, "%s/doppel.conf: [site] name is missing", DPL_CONF_DIR);
    if (rc < 0 && err)
        err->code = DPL_E_CONFIG;
    return rc < 0 ? DPL_E_CONFIG : DPL_OK;
}

void host_done(struct host *host)
{
    g_free(host->site);
    g_free(host->run_dir);
    g_free(host->state_dir);
    *host = (struct host){0};
}
