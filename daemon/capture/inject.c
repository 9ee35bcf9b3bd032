/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Deaths on demand, see inject.h.
 */
#include "daemon/capture/inject.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct inject *inject_at;

static _Thread_local uint32_t opcode;
static _Thread_local int in_takeover;

void inject_context(uint32_t now_opcode, int now_in_takeover)
{
    opcode = now_opcode;
    in_takeover = now_in_takeover;
}

int inject_open(const char *file, struct dpl_err *err)
{
    dpl_autofd int fd = open(file, O_RDWR | O_CLOEXEC);
    struct stat st;
    void *at;

    if (fd < 0)
        return dpl_err_sys(err, errno, "'%s' cannot be opened", file);
    if (fstat(fd, &st) != 0 || st.st_size != (off_t)sizeof(struct inject))
        return dpl_err_set(err, DPL_E_PARAM, "'%s' has not %zu bytes", file, sizeof(struct inject));
    at = mmap(NULL, sizeof(struct inject), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return dpl_err_sys(err, errno, "'%s' cannot be mapped", file);
    if (((struct inject *)at)->magic != INJECT_MAGIC) {
        munmap(at, sizeof(struct inject));
        return dpl_err_set(err, DPL_E_PARAM, "'%s' is not a file of injections", file);
    }
    inject_at = at;
    return 0;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static uint32_t draw(void)
{
    static _Thread_local uint64_t state;

    if (state == 0)
        state = (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)(uintptr_t)&state;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

static void note(enum inject_point point)
{
    if (opcode < INJECT_OPCODES)
        atomic_fetch_add(&inject_at->hit[opcode][point], 1);
}

static bool is_meant(enum inject_point point)
{
    switch (atomic_load(&inject_at->armed)) {
    case 0:
        return false;
    case 1:
        return atomic_load(&inject_at->opcode) == opcode &&
               atomic_load(&inject_at->point) == (uint32_t)point;
    default:
        return opcode < INJECT_OPCODES && atomic_load(&inject_at->wanted[opcode][point]) != 0;
    }
}

void inject_check(enum inject_point point)
{
    uint32_t one_in = atomic_load(&inject_at->one_in);

    if (one_in != 0 && draw() % one_in == 0) {
        note(point);
        atomic_fetch_add(&inject_at->deaths, 1);
        die();
    }
    if (in_takeover) {
        uint32_t left = atomic_load(&inject_at->nested);

        if (left == 0)
            return;
        atomic_store(&inject_at->nested, left - 1);
        if (left == 1) {
            atomic_fetch_add(&inject_at->nested_deaths, 1);
            die();
        }
        return;
    }
    if (is_meant(point) && atomic_exchange(&inject_at->armed, 0) != 0) {
        note(point);
        if (opcode < INJECT_OPCODES)
            atomic_store(&inject_at->wanted[opcode][point], 0);
        atomic_fetch_add(&inject_at->deaths, 1);
        die();
    }
}

void inject_hold(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    if (inject_at == NULL)
        return;
    atomic_fetch_add(&inject_at->held, 1);
    while (atomic_load(&inject_at->hold) != 0)
        nanosleep(&moment, NULL);
}

bool inject_no_start(void)
{
    uint32_t left = inject_at == NULL ? 0 : atomic_load(&inject_at->no_start);

    if (left != 0)
        atomic_store(&inject_at->no_start, left - 1);
    return left != 0;
}
