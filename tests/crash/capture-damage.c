/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Damages the shared memory of a capture whose worker is dead and whose keeper is stopped.
 *
 *     capture-damage arm FILE OPCODE POINT   the worker dies there next (see inject.h)
 *     capture-damage result KEEPER           every result that is not answered yet
 *     capture-damage node KEEPER INODE       what the capture knows of this object
 *     capture-damage arena KEEPER            where the records in memory end
 *     capture-damage cost                    prints what the sums cost
 *
 * Prints how many it found; 1: none.
 */
#include "daemon/capture/check.h"
#include "daemon/capture/inject.h"
#include "daemon/capture/shared.h"

#include "lib/journal/arena-layout.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* Maps the memory file of this name. */
static void *map_of(const char *keeper, const char *memory, size_t bytes)
{
    char dir[64], name[400], target[128], wanted[64];
    struct dirent *entry;
    DIR *fds;

    snprintf(dir, sizeof(dir), "/proc/%s/fd", keeper);
    snprintf(wanted, sizeof(wanted), "/memfd:%s (deleted)", memory);
    fds = opendir(dir);
    if (fds == NULL)
        die(dir);
    while ((entry = readdir(fds)) != NULL) {
        ssize_t size;
        void *at;
        int fd;

        snprintf(name, sizeof(name), "%s/%s", dir, entry->d_name);
        size = readlink(name, target, sizeof(target) - 1);
        target[size > 0 ? size : 0] = '\0';
        if (strcmp(target, wanted) != 0)
            continue;
        fd = open(name, O_RDWR | O_CLOEXEC);
        at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (at == MAP_FAILED)
            die(name);
        closedir(fds);
        return at;
    }
    fprintf(stderr, "no memory of a capture\n");
    exit(2);
}

static struct shared *shared_of(const char *keeper)
{
    return map_of(keeper, "doppel-capture",
                  sizeof(struct shared) + SHARED_NODES * sizeof(struct node));
}

static int arm(const char *file, const char *opcode, const char *point)
{
    static const char *const points[] = {
#define X(name, text) #name,
        INJECT_POINTS(X)
#undef X
    };
    int fd = open(file, O_RDWR | O_CLOEXEC);
    struct inject *at;
    uint32_t i = 0;

    if (fd < 0)
        die(file);
    at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        die(file);
    while (i < INJECT_POINT_COUNT && strcmp(points[i], point) != 0)
        i++;
    atomic_store(&at->opcode, (uint32_t)atoi(opcode));
    atomic_store(&at->point, i);
    atomic_store(&at->armed, 1);
    return i == INJECT_POINT_COUNT;
}

static int damage_done(struct shared *shared)
{
    int count = 0;

    for (uint32_t i = 0; i < SHARED_SLOTS; i++) {
        struct slot *slot = &shared->slots[i];

        if (atomic_load(&slot->state) != SLOT_DONE)
            continue;
        slot->body[slot->body_bytes / 2] ^= 0x10;
        slot->reply[0] ^= 0x10;
        count++;
    }
    printf("%d\n", count);
    return count == 0;
}

static int damage_node(struct shared *shared, uint64_t ino)
{
    int count = 0;

    for (uint32_t i = 1; i < shared->node_top; i++) {
        if (!shared->nodes[i].used || shared->nodes[i].ino != ino)
            continue;
        shared->nodes[i].handle[0] ^= 1;
        count++;
    }
    printf("%d\n", count);
    return count == 0;
}

static int damage_arena(struct dpl_arena_shared *arena)
{
    atomic_fetch_add(&arena->head, arena->entries + 1);
    printf("1\n");
    return 0;
}

static int cost(void)
{
    static struct slot slot = {.body_bytes = 250, .reply_bytes = 144};
    static struct node node = {.handle_bytes = 8};
    const int rounds = 1000000;
    struct timespec begin, middle, end;
    uint32_t sum = 0;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < rounds; i++) {
        slot.unique = sum;
        sum += check_done(&slot) + check_pre(&slot);
    }
    clock_gettime(CLOCK_MONOTONIC, &middle);
    for (int i = 0; i < rounds; i++) {
        node.ino = sum;
        sum += check_node(&node);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("op %.0f ns, node %.0f ns (%u)\n",
           (double)(middle.tv_sec - begin.tv_sec) * 1e9 / rounds +
               (double)(middle.tv_nsec - begin.tv_nsec) / rounds,
           (double)(end.tv_sec - middle.tv_sec) * 1e9 / rounds +
               (double)(end.tv_nsec - middle.tv_nsec) / rounds,
           sum);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "arm") == 0)
        return arm(argv[2], argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "result") == 0)
        return damage_done(shared_of(argv[2]));
    if (argc == 4 && strcmp(argv[1], "node") == 0)
        return damage_node(shared_of(argv[2]), strtoull(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "arena") == 0)
        return damage_arena(map_of(argv[2], "doppel-arena", sizeof(struct dpl_arena_shared)));
    if (argc == 2 && strcmp(argv[1], "cost") == 0)
        return cost();
    fprintf(stderr, "capture-damage: see its source\n");
    return 2;
}
