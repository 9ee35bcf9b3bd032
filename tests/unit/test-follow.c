/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/follow.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process with a name that looks like fields, on one CPU. */
static pid_t client_on(int cpu)
{
    int ready[2];
    char byte = 0;
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((unsigned)cpu, &set);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "a) S 1 (b");
        if (sched_setaffinity(0, sizeof set, &set) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    CU_ASSERT_FATAL(pid > 0);
    CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static int cpu_after(struct follow *follow, uint32_t one, uint32_t other)
{
    for (int i = 0; i < 64; i++)
        follow_client(follow, i % 2 == 0 ? one : other, true);
    return follow->cpu;
}

/* The last CPU that this process may use; -1 if it has but one. */
static int last_cpu(void)
{
    struct follow follow;
    int last = -1;
    follow_init(&follow);
    for (int i = 0; !follow.off && i < CPU_SETSIZE; i++)
        last = CPU_ISSET((unsigned)i, &follow.allowed) ? i : last;
    return last;
}

static void a_lone_client_is_followed_and_left_when_others_ask(void)
{
    cpu_set_t before, now;
    struct follow follow;
    int cpu = last_cpu();
    if (cpu < 0)
        return;
    pid_t pid = client_on(cpu);
    sched_getaffinity(0, sizeof before, &before);
    follow_init(&follow);
    CU_ASSERT_EQUAL(cpu_after(&follow, (uint32_t)pid, (uint32_t)pid), cpu);
    sched_getaffinity(0, sizeof now, &now);
    CU_ASSERT_EQUAL(CPU_COUNT(&now), 1);
    CU_ASSERT(CPU_ISSET((unsigned)cpu, &now));
    CU_ASSERT_EQUAL(cpu_after(&follow, (uint32_t)pid, (uint32_t)getpid()), -1);
    sched_getaffinity(0, sizeof now, &now);
    CU_ASSERT(CPU_EQUAL(&now, &before));
    end(pid);
}

static void a_client_that_cannot_be_seen_is_not_followed(void)
{
    struct follow follow;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    follow_init(&follow);
    CU_ASSERT_EQUAL(cpu_after(&follow, (uint32_t)pid, (uint32_t)pid), -1);
    CU_ASSERT_EQUAL(cpu_after(&follow, 0, 0), -1);
    CU_ASSERT_EQUAL(follow.asked, 0);
}

static void a_client_that_reads_ahead_is_not_followed(void)
{
    struct follow follow;
    int cpu = last_cpu();
    if (cpu < 0)
        return;
    pid_t pid = client_on(cpu);
    follow_init(&follow);
    for (int i = 0; i < 64; i++)
        follow_client(&follow, (uint32_t)pid, i % 4 != 0);
    CU_ASSERT_EQUAL(follow.cpu, -1);
    CU_ASSERT_EQUAL(follow.asked, 0);
    end(pid);
}

static void a_cpu_that_is_not_ours_is_not_used(void)
{
    struct follow follow;
    int cpu = last_cpu();
    if (cpu < 0)
        return;
    pid_t pid = client_on(cpu);
    follow_init(&follow);
    CPU_CLR((unsigned)cpu, &follow.allowed);
    CU_ASSERT_EQUAL(cpu_after(&follow, (uint32_t)pid, (uint32_t)pid), -1);
    end(pid);
}

static const struct unit_test tests[] = {
    {"a lone client is followed, and left when others ask",
     a_lone_client_is_followed_and_left_when_others_ask},
    {"a client that cannot be seen is not followed", a_client_that_cannot_be_seen_is_not_followed},
    {"a client that reads ahead is not followed", a_client_that_reads_ahead_is_not_followed},
    {"a CPU that is not ours is not used", a_cpu_that_is_not_ours_is_not_used},
};
UNIT_MAIN(tests)
