/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/cluster.h"

#include "tests/lab/net.h"
#include "tests/lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CIB_DIR "/var/lib/pacemaker/cib"

/* Without dc-deadtime the first election takes 20 s. Pacemaker raises the schema itself. */
static const char seed[] =
    "<cib crm_feature_set=\"3.16.1\" validate-with=\"pacemaker-3.9\" epoch=\"1\" num_updates=\"0\""
    " admin_epoch=\"0\">\n"
    " <configuration><crm_config><cluster_property_set id=\"cib-bootstrap-options\">"
    "<nvpair id=\"cib-bootstrap-options-dc-deadtime\" name=\"dc-deadtime\" value=\"2s\"/>"
    "</cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration>"
    "<status/>\n</cib>\n";

static char *corosync_conf(const struct lab_plan *plan, int site)
{
    GString *s = g_string_new(NULL);
    size_t members = lab_plan_members(plan, site);
    g_string_append_printf(s,
                           "totem {\n  version: 2\n  cluster_name: site-%c\n  transport: knet\n"
                           "  crypto_cipher: none\n  crypto_hash: none\n",
                           'a' + site);
    if (plan->token_ms > 0)
        g_string_append_printf(s, "  token: %d\n", plan->token_ms);
    g_string_append(s, "}\nsystem {\n  move_to_root_cgroup: no\n}\n"
                       "quorum {\n  provider: corosync_votequorum\n");
    if (members == 2)
        g_string_append(s, "  two_node: 1\n  wait_for_all: 0\n");
    g_string_append(s, "}\nlogging {\n  to_syslog: no\n  to_stderr: no\n  to_logfile: yes\n"
                       "  logfile: /var/log/corosync/corosync.log\n  timestamp: hires\n}\n"
                       "nodelist {\n");
    for (size_t i = 0; i < plan->n_hosts; i++) {
        const struct lab_host_plan *h = &plan->hosts[i];
        char address[32];
        if (!h->member || h->site != site)
            continue;
        lab_net_address(site, h->number, address, sizeof(address));
        g_string_append_printf(s,
                               "  node {\n    name: %s\n    nodeid: %d\n    ring0_addr: %s\n  }\n",
                               h->name, h->number, address);
    }
    g_string_append(s, "}\n");
    return g_string_free(s, FALSE);
}

static int seed_cib(struct dpl_err *err)
{
    if (access(CIB_DIR "/cib.xml", F_OK) == 0)
        return DPL_OK;
    const struct passwd *user = getpwnam("hacluster");
    if (!user)
        return dpl_err_set(err, DPL_E_NOT_INSTALLED, "there is no user hacluster");
    int rc = lab_write_file(CIB_DIR "/cib.xml", seed, err);
    if (rc < 0)
        return rc;
    if (chown(CIB_DIR "/cib.xml", user->pw_uid, user->pw_gid) < 0 ||
        chmod(CIB_DIR "/cib.xml", 0600) < 0)
        return dpl_err_sys(err, errno, "give the CIB to hacluster");
    mkdir("/run/crm", 0750);
    if (chown("/run/crm", user->pw_uid, user->pw_gid) < 0)
        return dpl_err_sys(err, errno, "give /run/crm to hacluster");
    return DPL_OK;
}

int lab_cluster_write(const struct lab_plan *plan, const struct lab_host_plan *host,
                      struct dpl_err *err)
{
    g_autofree char *conf = corosync_conf(plan, host->site);
    int rc = lab_write_file("/etc/corosync/corosync.conf", conf, err);
    return rc == DPL_OK ? seed_cib(err) : rc;
}

int lab_hosts_write(const struct lab_plan *plan, const struct lab_host_plan *host,
                    struct dpl_err *err)
{
    g_autoptr(GString) s = g_string_new("127.0.0.1 localhost\n::1 localhost\n");
    for (size_t i = 0; i < plan->n_hosts; i++) {
        char a[32], a6[48];
        const struct lab_host_plan *h = &plan->hosts[i];
        lab_net_address(h->site, h->number, a, sizeof(a));
        lab_net_address6(h->site, h->number, a6, sizeof(a6));
        g_string_append_printf(s, "%s %s\n%s %s\n", a, h->name, a6, h->name);
    }
    int rc = lab_write_file("/etc/hosts", s->str, err);
    g_autofree char *name = g_strdup_printf("%s\n", host->name);
    return rc == DPL_OK ? lab_write_file("/etc/hostname", name, err) : rc;
}
