/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lets the capture's worker die, by the file of injections that it was started with.
 *
 *     capture-kill make FILE                 makes the file, with nothing armed
 *     capture-kill random FILE ONE_IN NO_PRE dies at any point with this probability, from now on
 *     capture-kill matrix FILE SECONDS       dies once at every (operation, point) pair that comes
 * up, every other time again inside the takeover
 *     capture-kill renew FILE SECONDS        dies at each step of the way to a new journal, twice
 *     capture-kill hold FILE 1|0             whether a keeper's successor waits before its first
 * step capture-kill held FILE                 prints how many came to wait there capture-kill
 * no-start FILE COUNT       so many workers find that they cannot start capture-kill off FILE no
 * more deaths; prints what there was
 */
#include "daemon/capture/inject.h"
#include "daemon/capture/request.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char *const point_names[] = {
#define X(name, text) #name,
    INJECT_POINTS(X)
#undef X
};

static struct inject *map(const char *file, bool make)
{
    int fd = open(file, make ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0600);
    void *at;

    if (fd < 0 || (make && ftruncate(fd, sizeof(struct inject)) != 0))
        return NULL;
    at = mmap(NULL, sizeof(struct inject), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED)
        return NULL;
    if (make)
        ((struct inject *)at)->magic = INJECT_MAGIC;
    return at;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Points at which a request of this kind comes by. */
static bool makes_sense(uint32_t opcode, unsigned point)
{
    const struct request_kind *kind = request_kind(opcode);
    bool mutates = kind != NULL && (kind->flags & REQUEST_MUTATES) != 0;

    if (kind == NULL || opcode == FUSE_INIT || opcode == FUSE_DESTROY || opcode == FUSE_INTERRUPT ||
        opcode == FUSE_RELEASE || opcode == FUSE_RELEASEDIR || opcode == FUSE_SYNCFS)
        return false; /* these do not come while a mount is used */
    if (point >= INJECT_RENEW_DROPPED)
        return false; /* of no request */
    switch (point) {
    case INJECT_READ:
    case INJECT_GOT:
    case INJECT_ENDED:
        return true;
    case INJECT_REPLY:
    case INJECT_REPLIED:
        return (kind->flags & REQUEST_NO_REPLY) == 0;
    case INJECT_FORGOTTEN:
        return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET;
    case INJECT_REFERENCE:
    case INJECT_REFERENCED:
        return opcode == FUSE_LOOKUP || opcode == FUSE_CREATE || opcode == FUSE_MKDIR ||
               opcode == FUSE_MKNOD || opcode == FUSE_SYMLINK || opcode == FUSE_LINK ||
               opcode == FUSE_TMPFILE || opcode == FUSE_FORGET || opcode == FUSE_READDIRPLUS;
    case INJECT_NODE:
        return opcode == FUSE_CREATE || opcode == FUSE_MKDIR || opcode == FUSE_MKNOD ||
               opcode == FUSE_SYMLINK || opcode == FUSE_TMPFILE;
    case INJECT_EFFECT_PART:
        return mutates && opcode != FUSE_WRITE && opcode != FUSE_FALLOCATE &&
               opcode != FUSE_SETXATTR && opcode != FUSE_REMOVEXATTR && opcode != FUSE_IOCTL;
    case INJECT_PRE:
        return mutates && opcode != FUSE_WRITE && opcode != FUSE_SETATTR &&
               opcode != FUSE_FALLOCATE && opcode != FUSE_COPY_FILE_RANGE &&
               opcode != FUSE_TMPFILE && opcode != FUSE_IOCTL;
    case INJECT_DIRTY:
    case INJECT_DIRTY_WRITTEN:
    case INJECT_DIRTY_HOT:
        return opcode == FUSE_WRITE;
    case INJECT_MARKED:
    case INJECT_TAKEOVER:
        return false;
    default:
        return mutates;
    }
}

static bool was_hit(const struct inject *inject, uint32_t opcode, unsigned point)
{
    return atomic_load(&inject->hit[opcode][point]) != 0;
}

/* Arms, and waits until it was hit, or for a moment. */
static bool try_armed(struct inject *inject, uint32_t armed, bool nested)
{
    double limit = now() + 0.15;

    atomic_store(&inject->nested, nested ? 1 + (uint32_t)rand() % 14 : 0);
    atomic_store(&inject->armed, armed);
    while (now() < limit && atomic_load(&inject->armed) != 0)
        usleep(500);
    return atomic_exchange(&inject->armed, 0) == 0;
}

static bool try_pair(struct inject *inject, uint32_t opcode, unsigned point, bool nested)
{
    atomic_store(&inject->opcode, opcode);
    atomic_store(&inject->point, point);
    return try_armed(inject, 1, nested);
}

/* All that make sense: those that were never hit are taken as they come by; when none has come for
 * a moment, one after the other is waited for. */
static unsigned kill_at_pairs(struct inject *inject, double end)
{
    unsigned deaths = 0, next = 0;

    for (uint32_t opcode = 0; opcode < INJECT_OPCODES; opcode++)
        for (unsigned point = 0; point < INJECT_POINT_COUNT; point++)
            atomic_store(&inject->wanted[opcode][point],
                         makes_sense(opcode, point) && !was_hit(inject, opcode, point));
    while (now() < end) {
        if (try_armed(inject, 2, deaths % 2 == 1)) {
            deaths++;
            continue;
        }
        do
            next = (next + 1) % (INJECT_OPCODES * INJECT_POINT_COUNT);
        while (!makes_sense(next / INJECT_POINT_COUNT, next % INJECT_POINT_COUNT));
        deaths +=
            try_pair(inject, next / INJECT_POINT_COUNT, next % INJECT_POINT_COUNT, deaths % 2 == 1);
    }
    return deaths;
}

static int matrix(struct inject *inject, double seconds)
{
    unsigned deaths = kill_at_pairs(inject, now() + seconds), pairs = 0, hit = 0;

    atomic_store(&inject->nested, 0);
    for (uint32_t opcode = 0; opcode < INJECT_OPCODES; opcode++) {
        for (unsigned point = 0; point < INJECT_POINT_COUNT; point++) {
            if (!makes_sense(opcode, point))
                continue;
            pairs++;
            hit += was_hit(inject, opcode, point);
            if (!was_hit(inject, opcode, point))
                fprintf(stderr, "not met: %s at %s\n", request_kind(opcode)->name,
                        point_names[point]);
        }
    }
    printf("kill: pairs=%u hit=%u deaths=%u nested=%lu\n", pairs, hit, deaths,
           (unsigned long)inject->nested_deaths);
    return 0;
}

/* Around the write of the dirty log, again and again. */
static int dirty(struct inject *inject, double seconds)
{
    static const unsigned points[] = {INJECT_DIRTY, INJECT_DIRTY_WRITTEN, INJECT_DIRTY_HOT};
    double end = now() + seconds;
    bool all = true;

    for (unsigned i = 0; now() < end; i++)
        try_pair(inject, FUSE_WRITE, points[i % 3], i % 2 == 1);
    atomic_store(&inject->nested, 0);
    for (unsigned i = 0; i < 3; i++)
        all &= was_hit(inject, FUSE_WRITE, points[i]);
    printf("kill: deaths=%lu nested=%lu\n", (unsigned long)inject->deaths,
           (unsigned long)inject->nested_deaths);
    return !all;
}

/* Dies at each step of the way to a new journal, twice, the second time again in the takeover. 1 if
 * one was not met. */
static int renew(struct inject *inject, double seconds)
{
    double end = now() + seconds;
    unsigned left = 2 * (INJECT_POINT_COUNT - INJECT_RENEW_DROPPED);

    for (unsigned i = 0; i < left && now() < end;) {
        unsigned point = INJECT_RENEW_DROPPED + i % (INJECT_POINT_COUNT - INJECT_RENEW_DROPPED);

        atomic_store(&inject->opcode, 0);
        atomic_store(&inject->point, point);
        atomic_store(&inject->nested, i % 2);
        atomic_store(&inject->armed, 1);
        while (now() < end && atomic_load(&inject->armed) != 0)
            usleep(500);
        i += atomic_exchange(&inject->armed, 0) == 0;
    }
    atomic_store(&inject->nested, 0);
    for (unsigned point = INJECT_RENEW_DROPPED; point < INJECT_POINT_COUNT; point++) {
        unsigned hits = atomic_load(&inject->hit[0][point]);

        printf("kill: %s %u\n", point_names[point], hits);
        left -= hits < left ? hits : left;
    }
    return left != 0;
}

/* What changes a number of the file, or prints it. -1: another command. */
static int number(struct inject *inject, const char *command, const char *value)
{
    if (strcmp(command, "held") == 0)
        printf("%u\n", atomic_load(&inject->held));
    else if (strcmp(command, "hold") == 0 && value != NULL)
        atomic_store(&inject->hold, (uint32_t)atoi(value));
    else if (strcmp(command, "no-start") == 0 && value != NULL)
        atomic_store(&inject->no_start, (uint32_t)atoi(value));
    else
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    struct inject *inject = argc < 3 ? NULL : map(argv[2], strcmp(argv[1], "make") == 0);

    if (inject == NULL) {
        fprintf(stderr,
                "capture-kill make|random|matrix|renew|dirty|hold|held|no-start|off FILE …\n");
        return 2;
    }
    if (strcmp(argv[1], "make") == 0)
        return 0;
    if (strcmp(argv[1], "random") == 0 && argc == 5) {
        atomic_store(&inject->no_pre, (uint32_t)atoi(argv[4]));
        atomic_store(&inject->one_in, (uint32_t)atoi(argv[3]));
        return 0;
    }
    if (strcmp(argv[1], "matrix") == 0 && argc == 4)
        return matrix(inject, atof(argv[3]));
    if (strcmp(argv[1], "renew") == 0 && argc == 4)
        return renew(inject, atof(argv[3]));
    if (strcmp(argv[1], "dirty") == 0 && argc == 4)
        return dirty(inject, atof(argv[3]));
    if (number(inject, argv[1], argv[3]) == 0)
        return 0;
    atomic_store(&inject->one_in, 0);
    atomic_store(&inject->armed, 0);
    printf("kill: deaths=%lu nested=%lu\n", (unsigned long)inject->deaths,
           (unsigned long)inject->nested_deaths);
    return 0;
}
