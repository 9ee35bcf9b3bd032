/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/neighbour.h"

#include "lib/base/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Lets neighbour advertisements pass and nothing else of IPv6, so that traffic costs nothing. */
static int filter_adverts(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),      BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* Whether the kernel routes IPv6 that comes in by this interface. */
static bool forwards_ipv6(const char *name)
{
    char path[96], value = '0';
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/forwarding", name);
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}

int dpl_net_neighbour_open(struct dpl_net_neighbour *neighbour, const struct dpl_net_link *link,
                           const struct dpl_net_addr *addr, struct dpl_err *err)
{
    uint16_t protocol = addr->family == AF_INET ? ETH_P_ARP : ETH_P_IPV6;
    *neighbour = (struct dpl_net_neighbour){.fd = -1, .link = *link, .addr = *addr};
    if (addr->family == AF_INET6)
        neighbour->router = forwards_ipv6(link->name);
    /* Nothing is heard before the filter is set: protocol 0 until the bind. */
    dpl_autofd int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dpl_err_sys(err, errno, "cannot open a packet socket on %s", link->name);
    if (addr->family == AF_INET6 && filter_adverts(fd) < 0)
        return dpl_err_sys(err, errno, "cannot filter a packet socket on %s", link->name);
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = link->index};
    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
        return dpl_err_sys(err, errno, "cannot bind a packet socket to %s", link->name);
    neighbour->fd = dpl_fd_steal(&fd);
    return DPL_OK;
}

void dpl_net_neighbour_close(struct dpl_net_neighbour *neighbour)
{
    dpl_fd_clear(&neighbour->fd);
}

static int send_packet(struct dpl_net_neighbour *neighbour, enum dpl_net_packet_kind kind,
                       struct dpl_err *err)
{
    struct dpl_net_packet packet;
    dpl_net_packet_make(kind, &neighbour->link, &neighbour->addr, neighbour->router, &packet);
    if (packet.size == 0)
        return DPL_OK;
    /* The hardware address of some links is longer than the 8 bytes of the structure. */
    union {
        struct sockaddr_ll ll;
        char room[sizeof(struct sockaddr_ll) + DPL_NET_MAC_MAX];
    } to = {.ll = {.sll_family = AF_PACKET,
                   .sll_protocol = htons(packet.protocol),
                   .sll_ifindex = neighbour->link.index,
                   .sll_halen = neighbour->link.mac_length}};
    size_t offset = offsetof(struct sockaddr_ll, sll_addr);
    memcpy(to.room + offset, packet.destination, neighbour->link.mac_length);
    size_t length = offset + neighbour->link.mac_length;
    if (length < sizeof to.ll)
        length = sizeof to.ll;
    if (sendto(neighbour->fd, packet.bytes, packet.size, 0, (struct sockaddr *)&to,
               (socklen_t)length) < 0)
        return dpl_err_sys(err, errno, "cannot send to the neighbours on %s", neighbour->link.name);
    return DPL_OK;
}

int dpl_net_neighbour_announce(struct dpl_net_neighbour *neighbour, struct dpl_err *err)
{
    int code = send_packet(neighbour, DPL_NET_PACKET_ANNOUNCE, err);
    return code < 0 ? code : send_packet(neighbour, DPL_NET_PACKET_REPLY, err);
}

int dpl_net_neighbour_ask(struct dpl_net_neighbour *neighbour, struct dpl_err *err)
{
    return send_packet(neighbour, DPL_NET_PACKET_PROBE, err);
}

/* Reads what waits: 1 when a claim is among it. */
static int hear(struct dpl_net_neighbour *neighbour, uint8_t mac_r[DPL_NET_MAC_MAX],
                struct dpl_err *err)
{
    for (;;) {
        uint8_t bytes[1600];
        union {
            struct sockaddr_ll ll;
            char room[sizeof(struct sockaddr_ll) + DPL_NET_MAC_MAX];
        } from = {0};
        socklen_t length = sizeof from;
        ssize_t size =
            recvfrom(neighbour->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &length);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return 0;
        if (size < 0)
            return dpl_err_sys(err, errno, "cannot hear the neighbours on %s",
                               neighbour->link.name);
        const uint8_t *mac = (const uint8_t *)from.room + offsetof(struct sockaddr_ll, sll_addr);
        if (from.ll.sll_pkttype != PACKET_OUTGOING &&
            dpl_net_packet_is_claim(bytes, (size_t)size, &neighbour->link, &neighbour->addr, mac,
                                    mac_r))
            return 1;
    }
}

int dpl_net_neighbour_listen(struct dpl_net_neighbour *neighbour, const struct dpl_clock *clock,
                             int64_t since_ns, int span_ms, int times,
                             uint8_t mac_r[DPL_NET_MAC_MAX], struct dpl_err *err)
{
    int64_t gap_ns = span_ms * INT64_C(1000000) / times;
    int64_t asked_ns = since_ns;
    int asked = 1;
    for (;;) {
        int code = hear(neighbour, mac_r, err);
        if (code != 0)
            return code;
        int64_t now_ns = dpl_clock_now_ns(clock);
        if (now_ns < asked_ns + gap_ns) {
            struct pollfd wait = {.fd = neighbour->fd, .events = POLLIN};
            (void)poll(&wait, 1, dpl_clock_left_ms(clock, asked_ns + gap_ns));
            continue;
        }
        if (asked == times)
            return DPL_OK;
        code = dpl_net_neighbour_ask(neighbour, err);
        if (code < 0)
            return code;
        asked++;
        asked_ns = now_ns;
    }
}
