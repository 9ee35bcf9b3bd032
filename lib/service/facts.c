/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dpl_service_learnt_init(struct dpl_service_learnt *learnt)
{
    memset(&learnt->facts, 0, sizeof learnt->facts);
    learnt->listens = g_array_new(FALSE, TRUE, sizeof(struct dpl_service_listen));
    learnt->warnings = g_ptr_array_new_with_free_func(g_free);
    learnt->socket_dirs = g_ptr_array_new_with_free_func(g_free);
    learnt->direct = NULL;
}

void dpl_service_learnt_done(struct dpl_service_learnt *learnt)
{
    g_clear_pointer(&learnt->listens, g_array_unref);
    g_clear_pointer(&learnt->warnings, g_ptr_array_unref);
    g_clear_pointer(&learnt->socket_dirs, g_ptr_array_unref);
    g_clear_pointer(&learnt->direct, g_free);
}

void dpl_service_learnt_point(struct dpl_service_learnt *learnt, const char *protocol,
                              const char *address)
{
    struct dpl_service_facts *facts = &learnt->facts;
    char text[DPL_FACTS_POINT];
    int length = snprintf(text, sizeof text, "%s:%s", protocol, address);
    for (size_t i = 0; i < facts->point_count; i++)
        if (strncmp(facts->points[i], text, strlen(protocol) + 1) == 0)
            return;
    if (length < (int)sizeof text && facts->point_count < DPL_FACTS_POINTS && !strchr(text, '\n'))
        memcpy(facts->points[facts->point_count++], text, sizeof text);
}

void dpl_service_learnt_listen(struct dpl_service_learnt *learnt, const char *host, unsigned port)
{
    struct dpl_service_listen listen = {.port = port};
    bool all = strcmp(host, "*") == 0 || strcmp(host, "0.0.0.0") == 0;
    snprintf(listen.host, sizeof listen.host, "%s", all ? "" : host);
    if (port > 0 && strlen(host) < sizeof listen.host)
        g_array_append_val(learnt->listens, listen);
}

void dpl_service_learnt_warn(struct dpl_service_learnt *learnt, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    g_ptr_array_add(learnt->warnings, g_strdup_vprintf(format, ap));
    va_end(ap);
}
