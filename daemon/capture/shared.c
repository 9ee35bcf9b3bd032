/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Making and adopting the shared memory: two sparse memory files, one of state, one for the
 * journal's arena.
 */
#include "daemon/capture/shared.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define MAGIC 0x444f50434150544dULL /* "DOPCAPTM" */

static size_t shared_bytes(void)
{
    return sizeof(struct shared) + sizeof(struct node) * (size_t)SHARED_NODES;
}

static int make_file(const char *name, size_t size, int *fd, struct dpl_err *err)
{
    *fd = memfd_create(name, 0);
    if (*fd < 0)
        return dpl_err_sys(err, errno, "memory file '%s' cannot be made", name);
    if (ftruncate(*fd, (off_t)size) != 0)
        return dpl_err_sys(err, errno, "memory file '%s' cannot grow", name);
    return 0;
}

static int map_file(int fd, size_t size, void **at, struct dpl_err *err)
{
    *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (*at == MAP_FAILED) {
        *at = NULL;
        return dpl_err_sys(err, errno, "shared memory cannot be mapped");
    }
    return 0;
}

static int map_arena(struct memory *memory, struct dpl_err *err)
{
    int code = map_file(memory->shared->arena_fd, memory->shared->arena_bytes, &memory->arena, err);

    if (code != 0)
        memory_unmap(memory);
    return code;
}

int memory_create(struct memory *memory, size_t arena_bytes, struct dpl_err *err)
{
    dpl_autofd int shared_fd = -1;
    dpl_autofd int arena_fd = -1;
    struct shared *shared;
    uint64_t mark;
    void *at;
    int code;

    memset(memory, 0, sizeof(*memory));
    if (getrandom(&mark, sizeof(mark), 0) != sizeof(mark))
        return dpl_err_sys(err, errno, "no random number");
    code = make_file("doppel-capture", shared_bytes(), &shared_fd, err);
    if (code == 0)
        code = make_file("doppel-arena", arena_bytes, &arena_fd, err);
    if (code == 0)
        code = map_file(shared_fd, shared_bytes(), &at, err);
    if (code != 0)
        return code;
    shared = memory->shared = at;
    shared->layout = SHARED_LAYOUT;
    shared->mark = mark;
    shared->node_top = 1 + SHARED_ROOTS;
    shared->shared_fd = dpl_fd_steal(&shared_fd);
    shared->arena_fd = dpl_fd_steal(&arena_fd);
    shared->arena_bytes = arena_bytes;
    shared->magic = MAGIC;
    for (size_t i = 0; i < SHARED_ROOTS; i++)
        shared->roots[i].watch_fd = -1;
    for (size_t i = 0; i < SHARED_SLOTS; i++)
        shared->slots[i].buffer = -1;
    for (size_t i = 0; i < SHARED_BUFFERS; i++)
        shared->buffer_used[i] = SHARED_BUFFER; /* so that the first use sets all marks */
    return map_arena(memory, err);
}

int memory_adopt(struct memory *memory, int shared_fd, struct dpl_err *err)
{
    void *at;
    int code;

    memset(memory, 0, sizeof(*memory));
    code = map_file(shared_fd, shared_bytes(), &at, err);
    if (code != 0)
        return code;
    memory->shared = at;
    if (memory->shared->magic != MAGIC || memory->shared->layout != SHARED_LAYOUT) {
        memory_unmap(memory);
        return dpl_err_set(err, DPL_E_VERSION,
                           "descriptor %d is not the memory of a capture of this version",
                           shared_fd);
    }
    return map_arena(memory, err);
}

void memory_unmap(struct memory *memory)
{
    if (memory->arena != NULL)
        munmap(memory->arena, memory->shared->arena_bytes);
    if (memory->shared != NULL)
        munmap(memory->shared, shared_bytes());
    dpl_capstat_unmap(memory->page);
    dpl_remote_unmap(memory->remote);
    memset(memory, 0, sizeof(*memory));
}

void *memory_private(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}
