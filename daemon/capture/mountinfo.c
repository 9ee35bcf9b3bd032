/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is mounted where, see mountinfo.h.
 */
#include "daemon/capture/mountinfo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Octal escapes stand for blanks, tabs, newlines and backslashes. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0';) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
            from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
            *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

bool mountinfo_parse(const char *line, struct mountinfo_entry *entry)
{
    const char *rest;

    memset(entry, 0, sizeof(*entry));
    if (sscanf(line, "%*d %*d %u:%u %*s %4095s %255s", &entry->device_major, &entry->device_minor,
               entry->point, entry->options) != 4)
        return false;
    rest = strstr(line, " - ");
    if (rest == NULL ||
        sscanf(rest, " - %63s %255s %1023s", entry->type, entry->source, entry->super_options) < 2)
        return false;
    unescape(entry->point);
    unescape(entry->source);
    return true;
}

typedef bool (*matcher)(const struct mountinfo_entry *entry, const char *path, size_t *best);

static bool is_at(const struct mountinfo_entry *entry, const char *path, size_t *best)
{
    (void)best;
    return strcmp(entry->point, path) == 0;
}

static bool is_prefix(const char *dir, const char *path)
{
    size_t length = strlen(dir);

    return strcmp(dir, "/") == 0 ||
           (strncmp(dir, path, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

static bool is_above(const struct mountinfo_entry *entry, const char *path, size_t *best)
{
    if (!is_prefix(entry->point, path) || strlen(entry->point) < *best)
        return false;
    *best = strlen(entry->point);
    return true;
}

static bool is_below(const struct mountinfo_entry *entry, const char *path, size_t *best)
{
    (void)best;
    return is_prefix(path, entry->point) && strcmp(path, entry->point) != 0;
}

/* The last match of a list wins: what was mounted later lies above. */
static int find(const char *list, const char *path, matcher matches, struct mountinfo_entry *entry)
{
    FILE *file = fopen(list, "re");
    struct mountinfo_entry now;
    size_t best = 0;
    char *line = NULL;
    size_t room = 0;
    int found = 0;

    if (file == NULL)
        return -errno;
    while (getline(&line, &room, file) > 0) {
        if (mountinfo_parse(line, &now) && matches(&now, path, &best)) {
            *entry = now;
            found = 1;
        }
    }
    free(line);
    fclose(file);
    return found;
}

int mountinfo_find(const char *path, struct mountinfo_entry *entry)
{
    return find("/proc/self/mountinfo", path, is_at, entry);
}

int mountinfo_holds(const char *path, struct mountinfo_entry *entry)
{
    return find("/proc/self/mountinfo", path, is_above, entry);
}

int mountinfo_beneath(const char *path, struct mountinfo_entry *entry)
{
    return find("/proc/self/mountinfo", path, is_below, entry);
}

struct wanted {
    uint32_t minor;
    const char *type;
};

static bool sees(const char *pid, const struct wanted *wanted, struct mountinfo_entry *entry)
{
    char list[64], *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *file;

    snprintf(list, sizeof(list), "/proc/%.20s/mountinfo", pid);
    file = fopen(list, "re");
    if (file == NULL)
        return false;
    while (!found && getline(&line, &room, file) > 0)
        found = mountinfo_parse(line, entry) && entry->device_major == 0 &&
                entry->device_minor == wanted->minor && strcmp(entry->type, wanted->type) == 0;
    free(line);
    fclose(file);
    return found;
}

static ino_t namespace_of(const char *pid)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

#define NAMESPACES 256

int mountinfo_other_namespaces(uint32_t device_minor, const char *type,
                               void (*found)(void *self, pid_t pid, const char *point), void *self)
{
    const struct wanted wanted = {.minor = device_minor, .type = type};
    ino_t seen[NAMESPACES] = {namespace_of("self")};
    size_t seen_count = 1;
    struct mountinfo_entry entry;
    struct dirent *process;
    DIR *proc = opendir("/proc");
    int count = 0;

    if (proc == NULL)
        return -errno;
    while ((process = readdir(proc)) != NULL) {
        size_t i = 0;
        ino_t ns;

        if (process->d_name[0] < '0' || process->d_name[0] > '9')
            continue;
        ns = namespace_of(process->d_name);
        while (i < seen_count && seen[i] != ns)
            i++;
        if (ns == 0 || i < seen_count)
            continue;
        if (seen_count < NAMESPACES)
            seen[seen_count++] = ns;
        if (sees(process->d_name, &wanted, &entry)) {
            found(self, (pid_t)strtol(process->d_name, NULL, 10), entry.point);
            count++;
        }
    }
    closedir(proc);
    return count;
}
