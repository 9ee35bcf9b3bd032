/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/cap_tables.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

#define TABLE_MAX_BYTES ((size_t)4 << 20)

static bool is_mounted_at(const struct dpl_mounts *mounts, const char *point)
{
    for (size_t i = 0; i < mounts->count; i++)
        if (strcmp(mounts->items[i].point, point) == 0)
            return true;
    return false;
}

char *dpl_fstab_unmounted(const char *fstab, const struct dpl_mounts *mounts, const char *path)
{
    FILE *file = setmntent(fstab, "re");
    if (!file)
        return NULL;
    char *found = NULL;
    char line[4096];
    struct mntent entry;
    while (getmntent_r(file, &entry, line, sizeof line)) {
        size_t n = strlen(entry.mnt_dir);
        while (n > 1 && entry.mnt_dir[n - 1] == '/')
            entry.mnt_dir[--n] = '\0';
        if (entry.mnt_dir[0] != '/' || n == 1 || !dpl_path_is_beneath(path, entry.mnt_dir) ||
            is_mounted_at(mounts, entry.mnt_dir) || (found && strlen(found) > n))
            continue;
        g_free(found);
        found = g_strdup(entry.mnt_dir);
    }
    endmntent(file);
    return found;
}

/* One word, bare or in quotes, with \ooo undone. Returns where it ends. */
static const char *word_copy(const char *p, GString *word)
{
    bool quoted = *p == '"';
    p += quoted;
    g_string_truncate(word, 0);
    while (*p != '\0' && *p != '\n' && (quoted ? *p != '"' : strchr(" \t", *p) == NULL)) {
        unsigned octal = 0;
        if (p[0] == '\\' && p[1] == '\n') { /* the line goes on */
            p += 2;
        } else if (sscanf(p, "\\%3o", &octal) == 1 && strspn(p + 1, "01234567") >= 3) {
            g_string_append_c(word, (char)octal);
            p += 4;
        } else {
            g_string_append_c(word, *p++);
        }
    }
    return p + (quoted && *p == '"');
}

/* The end of a line, over those that a backslash joins to it. */
static const char *line_end(const char *p)
{
    while (*p != '\0' && *p != '\n')
        p += p[0] == '\\' && p[1] == '\n' ? 2 : 1;
    return p;
}

static bool holds_word(const char *from, const char *to, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = from; p + n <= to; p++)
        if (strncmp(p, word, n) == 0 && strchr("(,-", p[-1]) && strchr("), \t\n", p[n]))
            return true;
    return false;
}

static void add(struct dpl_exports *exports, const char *path, bool crosses)
{
    g_autofree char *copy = g_strdup(path);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = '\0';
    exports->items = g_renew(struct dpl_export, exports->items, exports->count + 1);
    exports->items[exports->count++] =
        (struct dpl_export){.path = g_steal_pointer(&copy), .crosses = crosses};
}

void dpl_exports_parse(const char *text, struct dpl_exports *exports)
{
    GString *word = g_string_new(NULL);
    for (const char *p = text; *p != '\0';) {
        p += strspn(p, " \t\n");
        const char *end = line_end(p);
        if (*p == '#') { /* a comment ends with its line, whatever stands before the end */
            p += strcspn(p, "\n");
            continue;
        }
        const char *rest = word_copy(p, word);
        if (word->len > 0 && word->str[0] == '/')
            add(exports, word->str,
                rest < end &&
                    (holds_word(rest + 1, end, "crossmnt") || holds_word(rest + 1, end, "nohide")));
        p = end;
    }
    g_string_free(word, TRUE);
}

static void read_one(const char *path, struct dpl_exports *exports)
{
    g_autofree char *text = NULL;
    if (dpl_file_read(AT_FDCWD, path, TABLE_MAX_BYTES, &text, NULL, NULL) == DPL_OK)
        dpl_exports_parse(text, exports);
}

void dpl_exports_read(const char *path, struct dpl_exports *exports)
{
    DIR *dir = opendir(path);
    if (!dir) {
        read_one(path, exports);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (g_str_has_suffix(entry->d_name, ".exports")) {
            g_autofree char *name = g_strdup_printf("%s/%s", path, entry->d_name);
            read_one(name, exports);
        }
    closedir(dir);
}

void dpl_exports_clear(struct dpl_exports *exports)
{
    for (size_t i = 0; i < exports->count; i++)
        g_free(exports->items[i].path);
    g_free(exports->items);
    *exports = (struct dpl_exports){0};
}

const struct dpl_export *dpl_exports_reaching(const struct dpl_exports *exports,
                                              const struct dpl_mounts *mounts, const char *root)
{
    const struct dpl_mount *below = dpl_mounts_covering(mounts, root);
    for (size_t i = 0; i < exports->count; i++) {
        const struct dpl_export *e = &exports->items[i];
        bool above = dpl_path_is_beneath(root, e->path);
        if (dpl_path_is_beneath(e->path, root) || (above && e->crosses) ||
            (above && dpl_mounts_covering(mounts, e->path) == below))
            return e;
    }
    return NULL;
}
