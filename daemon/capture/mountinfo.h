/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is mounted where, by /proc/PID/mountinfo: never by looking at a path, which may hang.
 */
#ifndef DPL_CAPTURE_MOUNTINFO_H
#define DPL_CAPTURE_MOUNTINFO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct mountinfo_entry {
    uint32_t device_major, device_minor;
    char point[PATH_MAX]; /* unescaped */
    char options[256];    /* of the mount */
    char type[64];
    char source[256];
    char super_options[1024];
};

/* Parses one line. False if it is not one. */
bool mountinfo_parse(const char *line, struct mountinfo_entry *entry);
/* The uppermost mount at exactly this path in our namespace. 1, 0, or a negative errno. */
int mountinfo_find(const char *path, struct mountinfo_entry *entry);
/* The mount that holds the path: the deepest one above it. 1, 0, or a negative errno. */
int mountinfo_holds(const char *path, struct mountinfo_entry *entry);
/* A mount beneath the path, if there is one. */
int mountinfo_beneath(const char *path, struct mountinfo_entry *entry);
/* Calls back for each process, one per other mount namespace, that sees a mount of this device.
 * Returns how many, or a negative errno. */
int mountinfo_other_namespaces(uint32_t device_minor, const char *type,
                               void (*found)(void *self, pid_t pid, const char *point), void *self);

#endif
