/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two doors as processes, over loopback, with engines that the test plays.
 */
#include "lib/base/clock.h"
#include "lib/proto/frame.h"
#include "tests/door/rig.h"
#include "tests/prop/msggen.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAMES = 400, ROOM = 64 * 1024, WAIT_MS = 120000 };

static struct rig_side a, b;

/* Frames that this role may send, one behind the other. */
static GByteArray *random_frames(struct rng *r, unsigned from)
{
    static uint8_t frame[ROOM];
    unsigned types[DPL_MSG_END], count = msggen_types(types);
    GByteArray *all = g_byte_array_new();
    for (int i = 0; i < FRAMES;) {
        struct msggen gen = {0};
        struct dpl_message message;
        unsigned type = types[rng_below(r, count)];
        if (!dpl_message_from(type, from))
            continue;
        msggen_message(r, &gen, type, &message);
        ssize_t n = dpl_message_encode(&message, frame, sizeof frame, NULL);
        g_assert(n > 0);
        g_byte_array_append(all, frame, (guint)n);
        i++;
    }
    return all;
}

/* A write and a read of each engine, as far as they go at once. */
static void exchange(int fd, const GByteArray *out, size_t *sent, GByteArray *in)
{
    uint8_t piece[8192];
    if (*sent < out->len) {
        ssize_t n = send(fd, out->data + *sent, out->len - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        *sent += n > 0 ? (size_t)n : 0;
    }
    ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
    if (n > 0)
        g_byte_array_append(in, piece, (guint)n);
}

static void both_ways(unsigned compression)
{
    struct rig_pair pair;
    struct rng r;
    size_t a_sent = 0, b_sent = 0;
    r = (struct rng){7 + compression};
    rig_pair_start(&pair, &a, &b, compression);
    g_autoptr(GByteArray) from_a = random_frames(&r, DPL_FROM_TARGET);
    g_autoptr(GByteArray) from_b = random_frames(&r, DPL_FROM_SOURCE);
    g_autoptr(GByteArray) at_a = g_byte_array_new();
    g_autoptr(GByteArray) at_b = g_byte_array_new();
    while (at_a->len < from_b->len || at_b->len < from_a->len) {
        struct pollfd fds[2] = {{.fd = pair.acceptor.data, .events = POLLIN},
                                {.fd = pair.connector.data, .events = POLLIN}};
        if (a_sent < from_a->len)
            fds[0].events |= POLLOUT;
        if (b_sent < from_b->len)
            fds[1].events |= POLLOUT;
        CU_ASSERT_FATAL(poll(fds, 2, WAIT_MS) > 0);
        CU_ASSERT_FALSE_FATAL((fds[0].revents | fds[1].revents) & POLLHUP);
        exchange(pair.acceptor.data, from_a, &a_sent, at_a);
        exchange(pair.connector.data, from_b, &b_sent, at_b);
    }
    CU_ASSERT_TRUE(at_a->len == from_b->len && memcmp(at_a->data, from_b->data, at_a->len) == 0);
    CU_ASSERT_TRUE(at_b->len == from_a->len && memcmp(at_b->data, from_a->data, at_b->len) == 0);
    rig_pair_done(&pair);
}

static void plain(void)
{
    both_ways(0);
}

static void compressed(void)
{
    both_ways(2);
    both_ways(4);
}

/* What was handed over before an engine ends arrives, then both doors end in order. */
static void ends_in_order(void)
{
    struct rig_pair pair;
    struct rng r;
    uint8_t piece[8192];
    r = (struct rng){99};
    rig_pair_start(&pair, &a, &b, 0);
    g_autoptr(GByteArray) from_b = random_frames(&r, DPL_FROM_SOURCE);
    g_autoptr(GByteArray) at_a = g_byte_array_new();
    size_t sent = 0;
    while (sent < from_b->len || at_a->len < from_b->len) {
        struct pollfd p = {.fd = pair.acceptor.data, .events = POLLIN};
        if (sent < from_b->len) {
            ssize_t n =
                send(pair.connector.data, from_b->data + sent, from_b->len - sent, MSG_NOSIGNAL);
            CU_ASSERT_FATAL(n > 0);
            sent += (size_t)n;
            if (sent == from_b->len)
                shutdown(pair.connector.data, SHUT_WR);
        }
        CU_ASSERT_FATAL(poll(&p, 1, WAIT_MS) > 0);
        ssize_t n = recv(pair.acceptor.data, piece, sizeof piece, 0);
        CU_ASSERT_FATAL(n > 0);
        g_byte_array_append(at_a, piece, (guint)n);
    }
    CU_ASSERT_EQUAL(recv(pair.acceptor.data, piece, sizeof piece, 0), 0);
    CU_ASSERT_TRUE(memcmp(at_a->data, from_b->data, at_a->len) == 0);
    CU_ASSERT_EQUAL(rig_door_wait(&pair.acceptor), 0);
    CU_ASSERT_EQUAL(rig_door_wait(&pair.connector), 0);
}

/* Clock ticks that a process has used. */
static unsigned long ticks_of(int pid)
{
    char path[64];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(
        fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
        2);
    fclose(file);
    return user + system;
}

/* A door that can do nothing does nothing: there is a second with next to no work in it. Work that
 * others' load has held up may come before. */
static void expect_rest(const struct rig_pair *pair)
{
    struct pollfd p = {.fd = pair->acceptor.data, .events = 0};
    bool rests = false;
    for (int i = 0; i < WAIT_MS / 1000 && !rests; i++) {
        unsigned long before = ticks_of(pair->acceptor.pid) + ticks_of(pair->connector.pid);
        CU_ASSERT_EQUAL_FATAL(poll(&p, 1, 1000), 0);
        rests = ticks_of(pair->acceptor.pid) + ticks_of(pair->connector.pid) <= before + 3;
    }
    CU_ASSERT_TRUE(rests);
}

/* An engine that does not read stops the other one; neither door takes more than its bound. */
static void back_pressure(void)
{
    struct rig_pair pair;
    static uint8_t data[1 << 20], frame[(1 << 20) + DPL_MESSAGE_HEAD_MAX];
    uint8_t object[12] = {1};
    struct dpl_message m = {.type = DPL_MSG_MIRROR_DATA,
                            .mirror = 1,
                            .length = sizeof data,
                            .object = {object, sizeof object},
                            .data = {data, sizeof data}};
    uint64_t optional;
    char path[64], line[256];
    dpl_message_fields(m.type, &m.has, &optional);
    m.has |= DPL_M(DATA);
    ssize_t size = dpl_message_encode(&m, frame, sizeof frame, NULL);
    CU_ASSERT_FATAL(size > 0);
    rig_pair_start(&pair, &a, &b, 0);
    size_t sent = 0;
    for (;;) { /* until nobody takes anything any more */
        struct pollfd p = {.fd = pair.connector.data, .events = POLLOUT};
        if (poll(&p, 1, 1500) == 0)
            break;
        size_t at = sent % (size_t)size;
        ssize_t n = send(pair.connector.data, frame + at, (size_t)size - at, MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        CU_ASSERT_FATAL(sent < 64U << 20);
    }
    expect_rest(&pair);
    printf("\n    stopped after %zu MiB; ", sent >> 20);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/status",
                 (int)(i ? pair.acceptor.pid : pair.connector.pid));
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file)) {
            if (strncmp(line, "VmHWM", 5) == 0)
                printf("%s", line);
        }
        if (file)
            fclose(file);
    }
    rig_pair_done(&pair);
}

/* doppeld's end is the door's. */
static void ends_with_its_parent(void)
{
    struct rig_pair pair;
    rig_pair_start(&pair, &a, &b, 0);
    shutdown(dpl_channel_fd(pair.acceptor.channel), SHUT_RDWR);
    CU_ASSERT_EQUAL(rig_door_wait(&pair.acceptor), 1);
    char byte;
    CU_ASSERT_EQUAL(recv(pair.connector.data, &byte, 1, 0), 0);
    /* The other one ends too; whether it sees a close or a cut depends on what was on its way. */
    int rc = rig_door_wait(&pair.connector);
    CU_ASSERT(rc == 0 || rc == 1);
}

static void text_of(int pid, const char *key, char *value, size_t room)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    value[0] = '\0';
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0)
            g_strlcpy(value, g_strstrip(line + strlen(key)), room);
    }
    if (file)
        fclose(file);
}

static void without_rights(void)
{
    struct rig_pair pair;
    char value[256], path[64];
    rig_pair_start(&pair, &a, &b, 0);
    expect_rest(&pair);
    for (int i = 0; i < 2; i++) {
        int pid = i ? pair.acceptor.pid : pair.connector.pid;
        text_of(pid, "Uid:", value, sizeof value);
        CU_ASSERT_STRING_EQUAL(value, "65534\t65534\t65534\t65534");
        text_of(pid, "Groups:", value, sizeof value);
        CU_ASSERT_STRING_EQUAL(value, "");
        static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};
        for (size_t k = 0; k < G_N_ELEMENTS(sets); k++) {
            text_of(pid, sets[k], value, sizeof value);
            CU_ASSERT_STRING_EQUAL(value, "0000000000000000");
        }
        text_of(pid, "NoNewPrivs:", value, sizeof value);
        CU_ASSERT_STRING_EQUAL(value, "1");
        text_of(pid, "Seccomp:", value, sizeof value);
        CU_ASSERT_STRING_EQUAL(value, "2");
        snprintf(path, sizeof path, "/proc/%d/root/", pid);
        g_autoptr(GDir) root = g_dir_open(path, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(root);
        CU_ASSERT_PTR_NULL(g_dir_read_name(root));
        snprintf(path, sizeof path, "/proc/%d/root/file", pid);
        CU_ASSERT_FALSE(g_file_set_contents(path, "x", 1, NULL));
    }
    rig_pair_done(&pair);
}

static const struct unit_test tests[] = {
    {"all messages pass in both directions at once, byte for byte", plain},
    {"the same with compression", compressed},
    {"what was sent before an end arrives, and both doors end", ends_in_order},
    {"an engine that does not read stops the other one", back_pressure},
    {"a door ends when doppeld does", ends_with_its_parent},
    {"a door has another user, no capability, an empty root", without_rights},
};

int main(void)
{
    if (!rig_network()) {
        printf("SKIP: no right to make a network namespace\n");
        return 77;
    }
    rig_side_make(&a, "a", "site-a", 0);
    rig_side_make(&b, "b", "site-b", 0);
    rig_trust(&a, &b);
    rig_trust(&b, &a);
    int rc = unit_main(__FILE__, tests, G_N_ELEMENTS(tests));
    rig_side_done(&a);
    rig_side_done(&b);
    return rc;
}
