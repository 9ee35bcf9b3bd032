/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/mountinfo.h"

#include "daemon/capture/proc.h"
#include "lib/base/file.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

void dpl_mounts_free(struct dpl_mounts *mounts)
{
    if (!mounts)
        return;
    g_free(mounts->text);
    g_free(mounts->items);
    g_free(mounts);
}

void dpl_mounts_clear(struct dpl_mounts **mounts)
{
    dpl_mounts_free(*mounts);
    *mounts = NULL;
}

/* Undoes \ooo in place. */
static char *unescape(char *word)
{
    char *to = word;
    for (const char *from = word; *from != '\0'; to++) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
    return word;
}

/* Cuts the next word off the line. NULL: there is none. */
static char *word_take(char **line)
{
    char *word = *line;
    if (!word || *word == '\0')
        return NULL;
    char *end = strchr(word, ' ');
    *line = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return unescape(word);
}

/* A whole number and the character that must follow it. */
static bool number_take(const char **text, char after, unsigned long max, unsigned long *value)
{
    if (**text < '0' || **text > '9')
        return false;
    char *end = NULL;
    errno = 0;
    *value = strtoul(*text, &end, 10);
    if (errno != 0 || *value > max || *end != after)
        return false;
    *text = end + (after != '\0');
    return true;
}

static bool number_word(const char *word, unsigned long *value)
{
    return word && number_take(&word, '\0', INT_MAX, value);
}

/* id parent major:minor root point options [optional ...] - type source super-options */
static bool line_parse(char *line, struct dpl_mount *mount)
{
    unsigned long id = 0, parent = 0, major_no = 0, minor_no = 0;
    if (!number_word(word_take(&line), &id) || !number_word(word_take(&line), &parent))
        return false;
    const char *dev = word_take(&line);
    if (!dev || !number_take(&dev, ':', UINT_MAX, &major_no) ||
        !number_take(&dev, '\0', UINT_MAX, &minor_no))
        return false;
    mount->id = (int)id;
    mount->parent = (int)parent;
    mount->dev = makedev((unsigned)major_no, (unsigned)minor_no);
    mount->root = word_take(&line);
    mount->point = word_take(&line);
    mount->options = word_take(&line);
    if (!mount->options)
        return false;
    const char *word;
    while ((word = word_take(&line)) && strcmp(word, "-") != 0)
        mount->shared = mount->shared || strncmp(word, "shared:", 7) == 0;
    if (!word)
        return false;
    mount->type = word_take(&line);
    /* A source may be empty: then two spaces stand there. */
    mount->source = line && *line == ' ' ? (line++, "") : word_take(&line);
    if (!mount->type || !mount->source || !line || *line == '\0')
        return false;
    mount->super_options =
        unescape(line); /* all that is left: a file system may forget to escape */
    return true;
}

int dpl_mountinfo_parse(const char *text, size_t size, struct dpl_mounts **mounts_r,
                        struct dpl_err *err)
{
    if (size > DPL_MOUNTINFO_MAX_BYTES)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "mountinfo of %zu bytes", size);
    if (memchr(text, '\0', size))
        return dpl_err_set(err, DPL_E_CORRUPT, "mountinfo holds a zero byte");
    dpl_automounts struct dpl_mounts *mounts = g_new0(struct dpl_mounts, 1);
    mounts->text = g_strndup(text, size);
    size_t room = 0;
    char *next = mounts->text;
    while (*next != '\0') {
        char *line = next;
        char *end = strchr(line, '\n');
        if (!end)
            return dpl_err_set(err, DPL_E_TRUNCATED, "mountinfo line %zu has no end",
                               mounts->count + 1);
        *end = '\0';
        next = end + 1;
        if (mounts->count == DPL_MOUNTS_MAX)
            return dpl_err_set(err, DPL_E_TOO_LARGE, "mountinfo has more than %d lines",
                               DPL_MOUNTS_MAX);
        if (mounts->count == room) {
            room = room ? room * 2 : 64;
            mounts->items = g_renew(struct dpl_mount, mounts->items, room);
        }
        struct dpl_mount *mount = &mounts->items[mounts->count++];
        *mount = (struct dpl_mount){0};
        if (!line_parse(line, mount))
            return dpl_err_set(err, DPL_E_CORRUPT, "mountinfo line %zu is not as it should be",
                               mounts->count);
    }
    *mounts_r = g_steal_pointer(&mounts);
    return DPL_OK;
}

int dpl_mountinfo_read(pid_t pid, struct dpl_mounts **mounts_r, struct dpl_err *err)
{
    char name[64] = "/proc/self/mountinfo";
    if (pid != 0)
        snprintf(name, sizeof name, "/proc/%d/mountinfo", (int)pid);
    g_autofree char *text = NULL;
    size_t size = 0;
    struct dpl_err local = {0};
    int rc = dpl_file_read(AT_FDCWD, name, DPL_MOUNTINFO_MAX_BYTES, &text, &size, &local);
    if (rc < 0) {
        /* A zombie has no namespaces any more and answers EINVAL. */
        if (local.sys_errno == EINVAL || local.sys_errno == ESRCH || local.sys_errno == ENOENT)
            rc = local.code = DPL_E_NOT_FOUND;
        if (err)
            *err = local;
        return rc;
    }
    rc = dpl_mountinfo_parse(text, size, mounts_r, err);
    return rc < 0 ? dpl_err_context(err, "%s", name), rc : rc;
}

const struct dpl_mount *dpl_mounts_by_id(const struct dpl_mounts *mounts, int id)
{
    for (size_t i = 0; i < mounts->count; i++)
        if (mounts->items[i].id == id)
            return &mounts->items[i];
    return NULL;
}

static const struct dpl_mount *root_mount(const struct dpl_mounts *mounts)
{
    for (size_t i = 0; i < mounts->count; i++) {
        const struct dpl_mount *m = &mounts->items[i];
        if (strcmp(m->point, "/") == 0 &&
            (m->parent == m->id || !dpl_mounts_by_id(mounts, m->parent)))
            return m;
    }
    return NULL;
}

/* The mount on this one that a walk along path enters first: that with the shortest point. */
static const struct dpl_mount *next_on_the_way(const struct dpl_mounts *mounts,
                                               const struct dpl_mount *at, const char *path)
{
    const struct dpl_mount *best = NULL;
    for (size_t i = 0; i < mounts->count; i++) {
        const struct dpl_mount *m = &mounts->items[i];
        if (m->parent == at->id && m->id != at->id && dpl_path_is_beneath(path, m->point) &&
            (!best || strlen(m->point) < strlen(best->point)))
            best = m;
    }
    return best;
}

const struct dpl_mount *dpl_mounts_covering(const struct dpl_mounts *mounts, const char *path)
{
    const struct dpl_mount *at = root_mount(mounts);
    /* Each step goes to another mount; the bound is for a text in which parents form a ring. */
    for (size_t steps = 0; at && steps < mounts->count; steps++) {
        const struct dpl_mount *next = next_on_the_way(mounts, at, path);
        if (!next)
            break;
        at = next;
    }
    return at;
}

char *dpl_mount_inner_path(const struct dpl_mount *mount, const char *path)
{
    if (!dpl_path_is_beneath(path, mount->point))
        return NULL;
    size_t skip = strcmp(mount->point, "/") == 0 ? 0 : strlen(mount->point);
    const char *rest = path + skip;
    while (*rest == '/')
        rest++;
    const char *root = strcmp(mount->root, "/") == 0 ? "" : mount->root;
    return *rest ? g_strdup_printf("%s/%s", root, rest) : g_strdup(mount->root);
}

bool dpl_mount_is_ours(const struct dpl_mount *mount)
{
    return strcmp(mount->type, DPL_MOUNT_TYPE) == 0;
}

bool dpl_mount_option(const char *options, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = options; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == ',' || p[n] == '='))
            return true;
    }
    return false;
}

static ino_t namespace_of(pid_t pid)
{
    char text[64];
    unsigned long ino = 0;
    if (!dpl_proc_link_text(pid, "ns/mnt", text, sizeof text) ||
        sscanf(text, "mnt:[%lu]", &ino) != 1)
        return 0;
    return ino;
}

static void place_fill(struct dpl_mount_place *place, const struct dpl_mounts *mounts, dev_t dev)
{
    for (size_t i = mounts->count; i > 0; i--) {
        const struct dpl_mount *m = &mounts->items[i - 1];
        if (m->dev != dev)
            continue;
        const struct dpl_mount *top = dpl_mounts_covering(mounts, m->point);
        if (top && top->dev != dev) {
            place->hidden++;
            continue;
        }
        place->points = g_renew(char *, place->points, place->count + 1);
        place->points[place->count++] = g_strdup(m->point);
    }
}

int dpl_mount_places_find(dev_t dev, struct dpl_mount_places *places_r, struct dpl_err *err)
{
    *places_r = (struct dpl_mount_places){0};
    g_autofree pid_t *pids = NULL;
    int count = dpl_proc_list(&pids, err);
    if (count < 0)
        return count;
    ino_t mine = namespace_of(getpid());
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    for (int i = 0; i < count; i++) {
        ino_t ns = namespace_of(pids[i]);
        if (ns == 0 || !g_hash_table_add(seen, GSIZE_TO_POINTER(ns)))
            continue;
        dpl_automounts struct dpl_mounts *mounts = NULL;
        int rc = dpl_mountinfo_read(pids[i], &mounts, NULL);
        if (rc < 0) {
            places_r->incomplete = places_r->incomplete || rc != DPL_E_NOT_FOUND;
            g_hash_table_remove(seen, GSIZE_TO_POINTER(ns)); /* another process may show it */
            continue;
        }
        struct dpl_mount_place place = {.pid = pids[i], .ns = ns, .here = ns == mine};
        place_fill(&place, mounts, dev);
        if (place.count + place.hidden == 0)
            continue;
        places_r->items = g_renew(struct dpl_mount_place, places_r->items, places_r->count + 1);
        places_r->items[places_r->count++] = place;
    }
    return DPL_OK;
}

void dpl_mount_places_clear(struct dpl_mount_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        for (size_t k = 0; k < places->items[i].count; k++)
            g_free(places->items[i].points[k]);
        g_free(places->items[i].points);
    }
    g_free(places->items);
    *places = (struct dpl_mount_places){0};
}
