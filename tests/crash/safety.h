/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A place for tests with mounts: a mount and a process namespace of the test's own, which take
 * everything with them when they end, with an empty directory SAFETY_DIR.
 */
#ifndef DPL_TESTS_SAFETY_H
#define DPL_TESTS_SAFETY_H

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <sys/types.h>

#define SAFETY_DIR "/mnt/t"

/* Runs these tests there. Returns what main returns: 77, after a line that says why, without
 * rights. */
int safety_main(const char *file, const struct unit_test *tests, size_t count);

/* Runs a shell command. True: it exited 0. */
bool safety_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Makes an ext4 image with these options of mkfs and mounts it on dir, with these of mount. */
bool safety_ext4(const char *dir, const char *mkfs_options, const char *mount_options);

/* A process that does what is asked of it, says so, and waits to be ended. do_it returns true. */
pid_t safety_child(bool (*do_it)(void *self), void *self);
/* Ends it, if it is still there, and reaps it. */
void safety_end(pid_t pid);
/* Starts tinyfuse on this directory, which is made. Returns its process. */
pid_t safety_tinyfuse(const char *dir);
pid_t safety_tinyfuse_as(const char *dir, const char *type);

#endif
