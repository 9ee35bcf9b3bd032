/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/relay.h"

#include "lib/base/clock.h"
#include "tests/lab/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A frame as the kernel gives it: with its offload header, so that it may be larger than the MTU
 * and lack its checksum, and goes out again as it came in. */
enum { FRAME_MAX = 65536 + 256, QUEUE_FRAMES = 4096, SOCKET_BYTES = 4 << 20 };

struct frame {
    int64_t due_ns;
    size_t size;
    unsigned char *data;
};

/* One direction: frames wait in order, since all wait equally long. */
struct lane {
    int in, out;
    struct frame queue[QUEUE_FRAMES];
    size_t head, count;
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t x = (*state += 0x9e3779b97f4a7c15ULL);
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static bool is_lost(uint64_t *state, double loss)
{
    return (double)(next_random(state) >> 11) / (double)(1ULL << 53) < loss;
}

static int port_open(const char *name, struct dpl_err *err)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dpl_err_sys(err, errno, "packet socket");
    const int on = 1, room = SOCKET_BYTES;
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex(name),
    };
    struct packet_mreq all = {.mr_ifindex = addr.sll_ifindex, .mr_type = PACKET_MR_PROMISC};
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ||
        bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        int rc = dpl_err_sys(err, errno, "packet socket on %s", name);
        close(fd);
        return rc;
    }
    return fd;
}

static void lane_take(struct lane *lane, const struct lab_relay *how, uint64_t *random)
{
    static unsigned char buffer[FRAME_MAX];
    for (;;) {
        ssize_t n = recv(lane->in, buffer, sizeof(buffer), 0);
        if (n <= 0)
            return;
        if (is_lost(random, how->loss) || lane->count == QUEUE_FRAMES)
            continue;
        struct frame *f = &lane->queue[(lane->head + lane->count) % QUEUE_FRAMES];
        f->data = malloc((size_t)n);
        if (!f->data)
            continue;
        memcpy(f->data, buffer, (size_t)n);
        f->size = (size_t)n;
        f->due_ns = dpl_clock_now_ns(&dpl_clock_system) + (int64_t)how->delay_ms * 1000000;
        lane->count++;
    }
}

static void lane_give(struct lane *lane)
{
    while (lane->count > 0) {
        struct frame *f = &lane->queue[lane->head];
        if (f->due_ns > dpl_clock_now_ns(&dpl_clock_system))
            return;
        /* A frame that the port does not take is lost, as on a full wire. */
        (void)!send(lane->out, f->data, f->size, 0);
        free(f->data);
        lane->head = (lane->head + 1) % QUEUE_FRAMES;
        lane->count--;
    }
}

static int lane_wait_ms(const struct lane *lane)
{
    if (lane->count == 0)
        return -1;
    return dpl_clock_left_ms(&dpl_clock_system, lane->queue[lane->head].due_ns);
}

static void __attribute__((noreturn)) relay_run(int from, int to, const struct lab_relay *how)
{
    static struct lane lanes[2];
    uint64_t random = how->seed;
    lanes[0] = (struct lane){.in = from, .out = to};
    lanes[1] = (struct lane){.in = to, .out = from};
    for (;;) {
        struct pollfd p[2] = {{.fd = from, .events = POLLIN}, {.fd = to, .events = POLLIN}};
        int a = lane_wait_ms(&lanes[0]), b = lane_wait_ms(&lanes[1]);
        poll(p, 2, a < 0 ? b : b < 0 ? a : a < b ? a : b);
        for (int i = 0; i < 2; i++) {
            if (p[i].revents)
                lane_take(&lanes[i], how, &random);
            lane_give(&lanes[i]);
        }
    }
}

pid_t lab_relay_start(const struct lab_wire *wire, const struct lab_relay *how, struct dpl_err *err)
{
    char from_name[16], to_name[16];
    lab_net_wire_ports(wire, from_name, to_name);
    int from = port_open(from_name, err);
    if (from < 0)
        return from;
    int to = port_open(to_name, err);
    if (to < 0) {
        close(from);
        return to;
    }
    pid_t pid = fork();
    if (pid == 0)
        relay_run(from, to, how);
    close(from);
    close(to);
    return pid < 0 ? dpl_err_sys(err, errno, "fork") : pid;
}
