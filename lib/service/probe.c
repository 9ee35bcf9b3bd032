/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/probe.h"

#include <stdio.h>
#include <string.h>

static const struct dpl_probe_row rows[] = {
    {"postscreen", dpl_probe_smtp, 25},  {"smtp", dpl_probe_smtp, 25},
    {"lmtp", dpl_probe_lmtp, 24},        {"imap", dpl_probe_imap, 143},
    {"pop3", dpl_probe_pop3, 110},       {"http", dpl_probe_http, 80},
    {"rspamd", dpl_probe_rspamd, 11333}, {"ldap", dpl_probe_ldap, 389},
    {"milter", dpl_probe_milter, 0},     {"pgsql", dpl_probe_pgsql, 5432},
    {"mysql", dpl_probe_mysql, 3306},    {"connect", dpl_probe_connect, 0},
};

const struct dpl_probe_row *dpl_probe_find(const char *protocol, size_t size)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].protocol) == size && memcmp(rows[i].protocol, protocol, size) == 0)
            return &rows[i];
    return NULL;
}

const struct dpl_probe_row *dpl_probe_at(size_t i)
{
    return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}

const struct dpl_probe_row *dpl_probe_parse(const char *text, const char *fallback,
                                            struct dpl_address *address_r)
{
    size_t length = strcspn(text, ":");
    const struct dpl_probe_row *row = text[length] ? dpl_probe_find(text, length) : NULL;
    if (row)
        text += length + 1;
    else
        row = fallback ? dpl_probe_find(fallback, strlen(fallback)) : NULL;
    return row && dpl_address_parse(text, row->port, address_r) ? row : NULL;
}

int dpl_probe_connect(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    (void)talk;
    (void)probe;
    (void)err;
    return DPL_OK;
}
