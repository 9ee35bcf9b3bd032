/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/network_name_host.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { CONF_BYTES = 1 << 20, DEPTH_MAX = 8 };

/* Whether a text names the host: with or without its domain. */
static bool names_host(const char *text, const char *host)
{
    size_t full = strlen(host) - 1, first = strcspn(host, "."), length = strlen(text);
    return (length == full || length == first) && strncasecmp(text, host, length) == 0;
}

static int is_node(const char *text, const char *host, struct dpl_err *err)
{
    if (!names_host(text, host))
        return DPL_OK;
    return dpl_err_set(
        err, DPL_E_PARAM_HERE,
        "parameter set_hostname: %s is the name of a node of the cluster (" NN_COROSYNC_CONF
        "): the host cannot have it",
        text);
}

/* One line within nodelist { node { } }: "name: N" and "ringN_addr: A". */
static int read_node_line(const char *line, const char *host, bool *named, struct dpl_err *err)
{
    char key[64], value[256];
    if (sscanf(line, " %63[a-z0-9_] : %255s", key, value) != 2)
        return DPL_OK;
    bool name = strcmp(key, "name") == 0;
    *named = *named || name;
    if (name || (strncmp(key, "ring", 4) == 0 && strstr(key, "_addr")))
        return is_node(value, host, err);
    return DPL_OK;
}

static int no_names(struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_PARAM_HERE,
                       "parameter set_hostname: " NN_COROSYNC_CONF
                       " gives not every node a name=, so Pacemaker may know this one by uname -n: "
                       "write \"name:\" into each node { }");
}

int nn_host_check_text(const char *host, const char *corosync_conf, struct dpl_err *err)
{
    g_auto(GStrv) lines = g_strsplit(corosync_conf, "\n", -1);
    int depth = 0, node_depth = 0, nodes = 0;
    bool named = false;
    for (char **line = lines; *line; line++) {
        char *text = g_strstrip(*line);
        size_t length = strlen(text);
        if (*text == '#' || length == 0)
            continue;
        if (text[length - 1] == '{') {
            depth++;
            if (depth == 2 && strncmp(text, "node", 4) == 0 && strchr(" \t{", text[4])) {
                node_depth = depth;
                named = false;
                nodes++;
            }
        } else if (*text == '}') {
            if (depth == node_depth && node_depth > 0) {
                node_depth = 0;
                if (!named)
                    return no_names(err);
            }
            depth--;
        } else if (node_depth > 0) {
            int code = read_node_line(text, host, &named, err);
            if (code < 0)
                return code;
        }
    }
    return nodes == 0 || node_depth > 0 ? no_names(err) : DPL_OK;
}

int nn_host_check(const char *host, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    struct dpl_err why = {0};
    if (strlen(host) - 1 >= NN_HOSTNAME_TEXT)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "parameter set_hostname: %s is longer than the 64 characters of a "
                           "host's name",
                           host);
    int code = dpl_file_read(AT_FDCWD, NN_COROSYNC_CONF, CONF_BYTES, &text, NULL, &why);
    if (code == DPL_E_NOT_FOUND)
        return DPL_OK;
    if (code < 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter set_hostname: %s", why.text);
    return nn_host_check_text(host, text, err);
}

static int set_name(const char *name, struct dpl_err *err)
{
    if (sethostname(name, strlen(name)) < 0)
        return dpl_err_sys(err, errno, "cannot give the host the name %s", name);
    return DPL_OK;
}

int nn_host_take(const char *host, struct nn_state *state, struct dpl_err *err)
{
    struct utsname uts;
    char name[DPL_DNS_NAME_TEXT];
    int code = nn_host_check(host, err);
    if (code < 0)
        return code;
    uname(&uts);
    snprintf(name, sizeof name, "%.*s",
             (int)(strchr(uts.nodename, '.') ? strlen(host) - 1 : strcspn(host, ".")), host);
    if (strcmp(uts.nodename, name) == 0)
        return DPL_OK; /* it is named so already: nothing to take back */
    snprintf(state->hostname_old, sizeof state->hostname_old, "%.64s", uts.nodename);
    snprintf(state->hostname_new, sizeof state->hostname_new, "%.64s", name);
    code = nn_state_write(state, err);
    return code < 0 ? code : set_name(name, err);
}

const char *nn_host_differs(const struct nn_state *state)
{
    static struct utsname uts;
    if (!state->hostname_new[0])
        return NULL;
    uname(&uts);
    return strcmp(uts.nodename, state->hostname_new) == 0 ? NULL : uts.nodename;
}

int nn_host_give_back(const struct nn_state *state, struct dpl_err *err)
{
    if (!state->hostname_new[0] || nn_host_differs(state))
        return 0;
    int code = set_name(state->hostname_old, err);
    return code < 0 ? code : 1;
}
