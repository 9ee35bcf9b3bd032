/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/capability.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

static const struct {
    const char *id;
    enum dpl_severity worst;
    bool crash_safety;
} rows[] = {
#define DPL_FINDING(id, worst, crash) {#id, DPL_SEVERITY_##worst, crash},
#include "daemon/capture/capability.tbl.h"
#undef DPL_FINDING
};

const struct dpl_capability_paths dpl_capability_paths_default = {
    .fuse = "/dev/fuse",
    .fstab = "/etc/fstab",
    .exports = "/etc/exports",
    .exports_d = "/etc/exports.d",
    .etab = "/var/lib/nfs/etab",
};

static struct dpl_finding *add(struct dpl_findings *findings, enum dpl_finding_id id)
{
    g_assert(id < DPL_FINDING_COUNT);
    findings->items = g_renew(struct dpl_finding, findings->items, findings->count + 1);
    struct dpl_finding *finding = &findings->items[findings->count++];
    *finding = (struct dpl_finding){.id = rows[id].id};
    return finding;
}

void dpl_findings_ok(struct dpl_findings *findings, enum dpl_finding_id id, const char *format, ...)
{
    struct dpl_finding *finding = add(findings, id);
    va_list ap;
    va_start(ap, format);
    vsnprintf(finding->text, sizeof finding->text, format, ap);
    va_end(ap);
}

void dpl_findings_bad(struct dpl_findings *findings, enum dpl_finding_id id, const char *format,
                      ...)
{
    struct dpl_finding *finding = add(findings, id);
    finding->severity = rows[id].worst;
    finding->crash_safety = rows[id].crash_safety;
    va_list ap;
    va_start(ap, format);
    vsnprintf(finding->text, sizeof finding->text, format, ap);
    va_end(ap);
}

void dpl_findings_clear(struct dpl_findings *findings)
{
    g_free(findings->items);
    *findings = (struct dpl_findings){0};
}

const struct dpl_finding *dpl_findings_get(const struct dpl_findings *findings, const char *id)
{
    const struct dpl_finding *best = NULL;
    for (size_t i = 0; i < findings->count; i++) {
        const struct dpl_finding *f = &findings->items[i];
        if (strcmp(f->id, id) == 0 && (!best || f->severity > best->severity))
            best = f;
    }
    return best;
}

const char *dpl_severity_name(enum dpl_severity severity)
{
    static const char *const names[] = {"ok", "warn", "refuse"};
    return names[severity];
}

int dpl_capability_start_allowed(const struct dpl_findings *findings, bool force,
                                 struct dpl_err *err)
{
    const struct dpl_finding *first = NULL;
    int standing = 0;
    for (size_t i = 0; i < findings->count; i++) {
        const struct dpl_finding *f = &findings->items[i];
        if (f->severity != DPL_SEVERITY_REFUSE || (force && f->crash_safety))
            continue;
        standing++;
        if (!first)
            first = f;
    }
    if (!first)
        return DPL_OK;
    if (standing > 1)
        return dpl_err_set(err, DPL_E_REFUSED, "%s (and %d more)", first->text, standing - 1);
    return dpl_err_set(err, DPL_E_REFUSED, "%s", first->text);
}

unsigned long dpl_capability_mount_flags(const struct dpl_mount *below)
{
    static const struct {
        const char *option;
        unsigned long flag;
    } copied[] = {
        {"ro", MS_RDONLY},         {"nosuid", MS_NOSUID},           {"nodev", MS_NODEV},
        {"noexec", MS_NOEXEC},     {"noatime", MS_NOATIME},         {"nodiratime", MS_NODIRATIME},
        {"relatime", MS_RELATIME}, {"nosymfollow", MS_NOSYMFOLLOW},
    };
    unsigned long flags = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(copied); i++)
        if (dpl_mount_option(below->options, copied[i].option))
            flags |= copied[i].flag;
    if (dpl_mount_option(below->super_options, "ro"))
        flags |= MS_RDONLY;
    /* Nothing said means every read counts; mount(2) would take nothing said for relatime. */
    if ((flags & (MS_NOATIME | MS_RELATIME)) == 0)
        flags |= MS_STRICTATIME;
    return flags;
}
