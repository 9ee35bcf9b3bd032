/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/proc.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SMALL_FILE_BYTES 4096
#define MAPS_MAX_BYTES   ((size_t)256 << 20)

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The names of a directory that are whole numbers. */
static int numbers_in(const char *path, int **numbers_r, struct dpl_err *err)
{
    DIR *dir = opendir(path);
    if (!dir) {
        int error = errno;
        int rc = dpl_err_sys(err, error, "open \"%s\"", path);
        return error == ENOENT || error == ESRCH ? DPL_E_NOT_FOUND : rc;
    }
    g_autofree int *numbers = NULL;
    int count = 0, room = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        char *end = NULL;
        long n = strtol(entry->d_name, &end, 10);
        if (!isdigit((unsigned char)entry->d_name[0]) || *end != '\0' || n > INT_MAX)
            continue;
        if (count == room) {
            room = room ? room * 2 : 64;
            numbers = g_renew(int, numbers, room);
        }
        numbers[count++] = (int)n;
    }
    closedir(dir);
    if (count > 0)
        qsort(numbers, (size_t)count, sizeof *numbers, compare_ints);
    *numbers_r = g_steal_pointer(&numbers);
    return count;
}

int dpl_proc_list(pid_t **pids_r, struct dpl_err *err)
{
    G_STATIC_ASSERT(sizeof(pid_t) == sizeof(int));
    return numbers_in("/proc", pids_r, err);
}

int dpl_proc_fds(pid_t pid, int **fds_r, struct dpl_err *err)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/fd", (int)pid);
    return numbers_in(name, fds_r, err);
}

/* The first bytes of a file of a process: what we look for stands at its beginning. */
static char *read_small(pid_t pid, const char *what)
{
    char name[96];
    snprintf(name, sizeof name, "/proc/%d/%s", (int)pid, what);
    dpl_autofd int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    g_autofree char *text = g_malloc(SMALL_FILE_BYTES + 1);
    ssize_t n = dpl_fd_read_full(fd, text, SMALL_FILE_BYTES, NULL);
    if (n < 0)
        return NULL;
    text[n] = '\0';
    return g_steal_pointer(&text);
}

void dpl_proc_comm(pid_t pid, char comm[DPL_COMM_SIZE])
{
    g_autofree char *text = read_small(pid, "comm");
    if (text)
        text[strcspn(text, "\n")] = '\0';
    g_strlcpy(comm, text ? text : "?", DPL_COMM_SIZE);
}

/* Fields of /proc/PID/stat from the third on; the name before them may hold anything. */
static bool stat_fields(pid_t pid, char *state, pid_t *parent, uint64_t *start_ticks)
{
    g_autofree char *text = read_small(pid, "stat");
    const char *p = text ? strrchr(text, ')') : NULL;
    int ppid = 0;
    return p &&
           sscanf(p + 1,
                  " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d"
                  " %" SCNu64,
                  state, &ppid, start_ticks) == 3 &&
           ((*parent = ppid), true);
}

int dpl_proc_id_of(pid_t pid, struct dpl_proc_id *id_r, struct dpl_err *err)
{
    char state = 0;
    pid_t parent = 0;
    uint64_t start = 0;
    if (!stat_fields(pid, &state, &parent, &start) || state == 'Z' || state == 'X')
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no process %d", (int)pid);
    *id_r = (struct dpl_proc_id){.pid = pid, .start_ticks = start};
    return DPL_OK;
}

bool dpl_proc_id_alive(const struct dpl_proc_id *id)
{
    struct dpl_proc_id now;
    return id->pid > 0 && dpl_proc_id_of(id->pid, &now, NULL) == DPL_OK &&
           now.start_ticks == id->start_ticks;
}

int dpl_proc_id_save(int dir_fd, const char *name, const struct dpl_proc_id *id,
                     struct dpl_err *err)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%d %" PRIu64 "\n", (int)id->pid, id->start_ticks);
    return dpl_file_replace(dir_fd, name, text, (size_t)n, 0644, err);
}

int dpl_proc_id_load(int dir_fd, const char *name, struct dpl_proc_id *id_r, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    int pid = 0, used = 0;
    uint64_t start = 0;
    size_t size = 0;
    int rc = dpl_file_read(dir_fd, name, 64, &text, &size, err);
    if (rc < 0)
        return rc;
    if (sscanf(text, "%9d %" SCNu64 "%n", &pid, &start, &used) != 2 || pid <= 0 ||
        (size_t)used + 1 != size || text[used] != '\n')
        return dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" names no process", name);
    *id_r = (struct dpl_proc_id){.pid = pid, .start_ticks = start};
    return DPL_OK;
}

pid_t dpl_proc_parent(pid_t pid)
{
    char state = 0;
    pid_t parent = 0;
    uint64_t start = 0;
    return stat_fields(pid, &state, &parent, &start) ? parent : 0;
}

int dpl_proc_link_dev(pid_t pid, const char *link, dev_t *dev_r)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", (int)pid, link);
    /* With nothing asked for, and no wish for fresh attributes, the kernel fills in the device and
     * asks no server: seen on a FUSE mount whose server is stopped. */
    struct statx stx;
    if (statx(AT_FDCWD, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &stx) < 0)
        return -errno;
    *dev_r = makedev(stx.stx_dev_major, stx.stx_dev_minor);
    return 0;
}

bool dpl_proc_fdinfo(pid_t pid, int fd, const char *name, int base, uint64_t *value_r)
{
    char what[32];
    snprintf(what, sizeof what, "fdinfo/%d", fd);
    g_autofree char *text = read_small(pid, what);
    size_t n = strlen(name);
    for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
        if (strncmp(p, name, n) != 0 || p[n] != ':')
            continue;
        char *end = NULL;
        *value_r = strtoull(p + n + 1, &end, base);
        return end != p + n + 1;
    }
    return false;
}

bool dpl_proc_link_text(pid_t pid, const char *link, char *text, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", (int)pid, link);
    ssize_t n = readlink(name, text, size);
    if (n < 0 || (size_t)n >= size)
        return false;
    text[n] = '\0';
    return true;
}

bool dpl_proc_map_parse(const char *line, struct dpl_proc_map *map_r)
{
    char perms[5];
    unsigned major_no = 0, minor_no = 0;
    uint64_t ino = 0;
    int used = 0;
    if (sscanf(line, "%*x-%*x %4s %*x %x:%x %" SCNu64 "%n", perms, &major_no, &minor_no, &ino,
               &used) != 4 ||
        used == 0 || strlen(perms) != 4)
        return false;
    const char *path = line + used;
    while (*path == ' ')
        path++;
    *map_r = (struct dpl_proc_map){
        .shared = perms[3] == 's',
        .writable = perms[1] == 'w',
        .dev = makedev(major_no, minor_no),
        .ino = ino,
        .path = path,
    };
    return true;
}

int dpl_proc_maps(pid_t pid, bool (*each)(void *self, const struct dpl_proc_map *map), void *self,
                  struct dpl_err *err)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/maps", (int)pid);
    g_autofree char *text = NULL;
    int rc = dpl_file_read(AT_FDCWD, name, MAPS_MAX_BYTES, &text, NULL, err);
    if (rc < 0)
        return rc;
    for (char *line = text; *line != '\0';) {
        char *end = line + strcspn(line, "\n");
        bool last = *end == '\0';
        *end = '\0';
        struct dpl_proc_map map;
        if (dpl_proc_map_parse(line, &map) && map.ino != 0 && !each(self, &map))
            break;
        line = last ? end : end + 1;
    }
    return DPL_OK;
}
