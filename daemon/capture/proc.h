/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes, as /proc shows them: only what the kernel answers by itself.
 *
 * Nothing here asks the file system that a process's files lie on, so one whose server is dead or
 * hangs stops nobody.
 */
#ifndef DPL_CAPTURE_PROC_H
#define DPL_CAPTURE_PROC_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DPL_COMM_SIZE 16

/* Is this process one of those that the caller answers for? */
typedef bool (*dpl_proc_is_ours_fn)(void *self, pid_t pid);

/* All process ids, ascending. The caller frees *pids_r (g_free). Returns how many. */
int dpl_proc_list(pid_t **pids_r, struct dpl_err *err);

/* The name of the command, or "?" if the process is gone. */
void dpl_proc_comm(pid_t pid, char comm[DPL_COMM_SIZE]);

/* A process by more than its number, which may be used again. */
struct dpl_proc_id {
    pid_t pid;
    uint64_t start_ticks; /* since boot; field 22 of /proc/PID/stat */
};
/* Returns 0 or DPL_E_NOT_FOUND; a zombie counts as gone. */
int dpl_proc_id_of(pid_t pid, struct dpl_proc_id *id_r, struct dpl_err *err);
bool dpl_proc_id_alive(const struct dpl_proc_id *id);
/* Keeps it in a small file ("PID START", durable), and reads it again: DPL_E_CORRUPT if it is none.
 */
int dpl_proc_id_save(int dir_fd, const char *name, const struct dpl_proc_id *id,
                     struct dpl_err *err);
int dpl_proc_id_load(int dir_fd, const char *name, struct dpl_proc_id *id_r, struct dpl_err *err);
/* The parent, or 0. */
pid_t dpl_proc_parent(pid_t pid);

/* The device number of the file system that /proc/PID/LINK (fd/3, cwd, root, exe) leads to. */
int dpl_proc_link_dev(pid_t pid, const char *link, dev_t *dev_r);

/* The numbers of a process's descriptors. The caller frees *fds_r. Returns how many, or
 * DPL_E_NOT_FOUND (gone), DPL_E_PERM. */
int dpl_proc_fds(pid_t pid, int **fds_r, struct dpl_err *err);

/* A line "NAME:\tVALUE" of /proc/PID/fdinfo/FD, as a number to this base. False: no such line. */
bool dpl_proc_fdinfo(pid_t pid, int fd, const char *name, int base, uint64_t *value_r);

/* What /proc/PID/LINK reads as. False: it cannot be read, or is longer than size - 1. */
bool dpl_proc_link_text(pid_t pid, const char *link, char *text, size_t size);

/* One line of /proc/PID/maps, taken apart. path is "" where none is named. */
struct dpl_proc_map {
    bool shared, writable;
    dev_t dev;
    uint64_t ino;
    const char *path;
};
/* line ends with a zero byte. path points into it. False: it is not such a line. */
bool dpl_proc_map_parse(const char *line, struct dpl_proc_map *map_r);
/* Calls each for every map with a file behind it, until it answers false. */
int dpl_proc_maps(pid_t pid, bool (*each)(void *self, const struct dpl_proc_map *map), void *self,
                  struct dpl_err *err);

#endif
