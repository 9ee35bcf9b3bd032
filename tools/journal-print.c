/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One printer per kind of field; the table of fields calls them.
 */
#include "tools/journal-print.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_hex(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
}

/* Quoted; in text what does not print is \xHH. In JSON what is not UTF-8 is an object with the
 * bytes. */
static void print_text(struct dpl_view v, bool json)
{
    if (json && !g_utf8_validate_len((const char *)v.data, v.size, NULL)) {
        printf("{\"hex\":\"");
        print_hex(v.data, v.size);
        printf("\"}");
        return;
    }
    bool utf8 = g_utf8_validate_len((const char *)v.data, v.size, NULL);
    putchar('"');
    for (size_t i = 0; i < v.size; i++) {
        uint8_t c = v.data[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 32 || c == 127)
            printf(json ? "\\u%04x" : "\\x%02x", c);
        else if (c < 128 || utf8)
            putchar(c);
        else
            printf("\\x%02x", c);
    }
    putchar('"');
}

static void print_id(struct dpl_view v, bool json)
{
    if (json)
        putchar('"');
    print_hex(v.data, v.size);
    if (json)
        putchar('"');
}

static void print_wall(int64_t sec, uint32_t nsec)
{
    char text[40] = "?";
    time_t t = (time_t)sec;
    struct tm tm;
    if (gmtime_r(&t, &tm))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    printf("%s.%09uZ", text, nsec);
}

static void attr_number(const struct dpl_attr *a, uint32_t bit, const char *name, bool octal,
                        uint64_t value, bool json, const char **sep)
{
    if (!(a->has & bit))
        return;
    if (json && octal)
        printf("%s\"%s\":\"%06" PRIo64 "\"", *sep, name, value);
    else if (octal)
        printf("%s%s=%06" PRIo64, *sep, name, value);
    else
        printf(json ? "%s\"%s\":%" PRIu64 : "%s%s=%" PRIu64, *sep, name, value);
    *sep = ",";
}

static void attr_time(const struct dpl_attr *a, uint32_t bit, const char *name,
                      struct dpl_time time, bool json, const char **sep)
{
    if (!(a->has & bit))
        return;
    printf(json ? "%s\"%s\":\"" : "%s%s=", *sep, name);
    print_wall(time.sec, time.nsec);
    if (json)
        putchar('"');
    *sep = ",";
}

static void print_attr(const struct dpl_attr *a, bool json)
{
    const char *sep = "";
    putchar('{');
    attr_number(a, DPL_A_MODE, "mode", true, a->mode, json, &sep);
    attr_number(a, DPL_A_UID, "uid", false, a->uid, json, &sep);
    attr_number(a, DPL_A_GID, "gid", false, a->gid, json, &sep);
    attr_number(a, DPL_A_NLINK, "nlink", false, a->nlink, json, &sep);
    attr_number(a, DPL_A_SIZE, "size", false, a->size, json, &sep);
    attr_time(a, DPL_A_ATIME, "atime", a->atime, json, &sep);
    attr_time(a, DPL_A_MTIME, "mtime", a->mtime, json, &sep);
    attr_time(a, DPL_A_CTIME, "ctime", a->ctime, json, &sep);
    attr_time(a, DPL_A_BTIME, "btime", a->btime, json, &sep);
    attr_number(a, DPL_A_IFLAGS, "iflags", false, a->iflags, json, &sep);
    putchar('}');
}

static void print_xattrs(struct dpl_view list, bool json)
{
    struct dpl_view name, value;
    const char *sep = "";
    putchar(json ? '[' : '{');
    while (dpl_xattrs_next(&list, &name, &value) > 0) {
        printf(json ? "%s{\"name\":" : "%s", sep);
        print_text(name, json);
        printf(json ? ",\"bytes\":%zu}" : "=%zu bytes", value.size);
        sep = ",";
    }
    putchar(json ? ']' : '}');
}

#define VALUE_OID(v)    print_id(v, json)
#define VALUE_NAME(v)   print_text(v, json)
#define VALUE_XNAME(v)  print_text(v, json)
#define VALUE_TARGET(v) print_text(v, json)
#define VALUE_VALUE(v)  print_id(v, json)
#define VALUE_XATTRS(v) print_xattrs(v, json)
#define VALUE_DATA(v)   printf(json ? "{\"bytes\":%zu}" : "%zu bytes", (v).size)
#define VALUE_U32(v)    printf("%" PRIu32, v)
#define VALUE_U64(v)    printf("%" PRIu64, v)
#define VALUE_ATTR(v)   print_attr(&(v), json)

static void print_fields(const struct dpl_record *r, bool json)
{
#define DPL_FIELD(name, member, kind, tag, text)                                                   \
    if (r->has & DPL_F_##name) {                                                                   \
        printf(json ? ",\"%s\":" : " %s=", text);                                                  \
        VALUE_##kind(r->member);                                                                   \
    }
#include "lib/journal/record.tbl.h"
#undef DPL_FIELD
}

void journal_print_record(const struct dpl_record *r, bool json)
{
    const char *type = dpl_record_type_text(r->type), *outcome = dpl_outcome_text(r->outcome);
    printf(json ? "{\"lsn\":%" PRIu64 ",\"time\":\"" : "%12" PRIu64 " ", r->lsn);
    print_wall((int64_t)(r->time_ns / 1000000000), (uint32_t)(r->time_ns % 1000000000));
    printf(json ? "\",\"outcome\":\"%s\",\"type\":\"%s\"" : " %-7s %s", outcome, type);
    print_fields(r, json);
    printf(json ? "}" : "\n");
}

static void print_uuid(const char *name, const uint8_t id[16], bool json)
{
    printf(json ? ",\"%s\":\"" : "%s ", name);
    print_hex(id, 16);
    printf(json ? "\"" : "\n");
}

void journal_print_head(const struct dpl_segment_head *h, bool json)
{
    static const struct {
        uint32_t flag;
        const char *text;
    } flags[] = {{DPL_SEGMENT_CLOSED, "closed"},
                 {DPL_SEGMENT_MIRROR_NEEDED, "mirror needed"},
                 {DPL_SEGMENT_ENDED, "ended"}};
    struct dpl_view set = {(const uint8_t *)h->epoch.set, strlen(h->epoch.set)};
    printf(json ? "{\"set\":" : "set ");
    print_text(set, json);
    printf(json ? ",\"epoch\":%" PRIu64 : "\nepoch %" PRIu64 "\n", h->epoch.number);
    print_uuid("epoch-id", h->epoch.id, json);
    print_uuid("parent-id", h->epoch.parent_id, json);
    print_uuid("file-system", h->epoch.fs_uuid, json);
    const char *state = "open";
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (h->flags & flags[i].flag)
            state = flags[i].text;
    printf(json ? ",\"state\":\"%s\"" : "state %s", h->state_broken ? "broken" : state);
    if (h->flags && json)
        printf(",\"end-lsn\":%" PRIu64 ",\"reason\":\"%s\"", h->end_lsn,
               dpl_journal_end_text(h->reason));
    else if (h->flags)
        printf(" at %" PRIu64 " (%s)", h->end_lsn, dpl_journal_end_text(h->reason));
    printf(json ? "}" : "\n");
}
