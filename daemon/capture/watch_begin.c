/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The watch before the mounts: marks, and writers that are there already; see watch.h.
 */
#include "daemon/capture/watch.h"

#include "daemon/capture/bypass.h"
#include "daemon/capture/bypass_scan.h"
#include "daemon/capture/node.h"
#include "lib/base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES 10 /* of writers that are named */

static bool marked_already(const struct shared *shared, const dev_t *devices, uint32_t root)
{
    for (uint32_t i = 0; i < root; i++)
        if (devices[i] == devices[root] && shared->roots[i].watch_fd >= 0)
            return true;
    return false;
}

static void set_marks(const struct options *options, struct shared *shared)
{
    dev_t devices[SHARED_ROOTS] = {0};

    for (uint32_t i = 0; i < options->root_count; i++) {
        dpl_autofd int fd = open(options->roots[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dpl_err err = {0};
        const char *detail;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) != 0)
            continue; /* the mount will say why */
        devices[i] = st.st_dev;
        if (marked_already(shared, devices, i))
            continue;
        shared->roots[i].watch_fd = dpl_bypass_mark(fd, true, &detail, &err);
        if (shared->roots[i].watch_fd >= 0)
            fcntl(shared->roots[i].watch_fd, F_SETFD, 0);
        else
            fprintf(stderr,
                    "doppel-capture: set '%s': '%s': changes past the mount are not seen: %s\n",
                    options->set, options->roots[i], err.text);
    }
}

static void note_mapped(struct shared *shared, const struct dpl_bypass_writer *writer)
{
    struct shared_watch *watch = &shared->watch;
    uint32_t at = watch->mapped_count;
    struct node_handle handle = {0};

    if (at > SHARED_MAPPED)
        return;
    if (at == SHARED_MAPPED || node_handle_get(AT_FDCWD, writer->path, &handle) != 0) {
        watch->mapped_count = SHARED_MAPPED + 1;
        return;
    }
    watch->mapped[at].type = handle.type;
    watch->mapped[at].bytes = handle.size;
    memcpy(watch->mapped[at].handle, handle.bytes, handle.size);
    watch->mapped_count++;
}

static bool is_me(void *self, pid_t pid)
{
    (void)self;
    return pid == getpid();
}

static void look_for_writers(const struct options *options, struct shared *shared)
{
    struct dpl_bypass_writers writers;
    struct dpl_err err = {0};
    int code = dpl_bypass_scan(options->roots, options->root_count, is_me, NULL, &writers, &err);

    if (code != 0)
        fprintf(stderr, "doppel-capture: set '%s': writers from before cannot be found: %s\n",
                options->set, err.text);
    for (size_t i = 0; i < writers.count; i++) {
        const struct dpl_bypass_writer *writer = &writers.items[i];

        if (writer->fd < 0)
            note_mapped(shared, writer);
        if (i < LINES)
            fprintf(stderr,
                    "doppel-capture: set '%s': process %d (%s) has '%s' %s since before the "
                    "capture: restart it, its changes go past the journal\n",
                    options->set, (int)writer->pid, writer->comm, writer->path,
                    writer->fd < 0 ? "mapped for writing" : "open for writing");
    }
    if (writers.count > LINES)
        fprintf(stderr, "doppel-capture: set '%s': and %zu more\n", options->set,
                writers.count - LINES);
    if (writers.more)
        shared->watch.mapped_count = SHARED_MAPPED + 1;
    dpl_bypass_writers_clear(&writers);
}

void watch_begin(const struct options *options, struct shared *shared)
{
    if (!options->no_watch)
        set_marks(options, shared);
    look_for_writers(options, shared);
}
