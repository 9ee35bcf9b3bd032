/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What neighbours hear on an interface: one line for each ARP and neighbour discovery packet that
 * comes in. "ready" is the first line. On SIGTERM it reads what has arrived, and ends.
 *
 *     arp request|reply SENDER TARGET MAC
 *     na TARGET override|plain         ns TARGET
 *
 * It has a decoder of its own, so that it does not share the errors of the one under test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static const char *text(int family, const unsigned char *bytes, char *out)
{
    return inet_ntop(family, bytes, out, INET6_ADDRSTRLEN);
}

static void print(const unsigned char *p, size_t size)
{
    char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
    unsigned type = size >= 14 ? (unsigned)p[12] << 8 | p[13] : 0;
    p += 14;
    if (type == ETHERTYPE_ARP && size >= 42)
        printf("arp %s %s %s %02x:%02x:%02x:%02x:%02x:%02x\n", p[7] == 1 ? "request" : "reply",
               text(AF_INET, p + 14, a), text(AF_INET, p + 24, b), p[8], p[9], p[10], p[11], p[12],
               p[13]);
    else if (type == ETHERTYPE_IPV6 && size >= 14 + 64 && p[6] == 58 && p[40] == 136)
        printf("na %s %s\n", text(AF_INET6, p + 48, a), p[44] & 0x20 ? "override" : "plain");
    else if (type == ETHERTYPE_IPV6 && size >= 14 + 64 && p[6] == 58 && p[40] == 135)
        printf("ns %s\n", text(AF_INET6, p + 48, a));
}

static int drain(int fd)
{
    for (;;) {
        unsigned char packet[2048];
        ssize_t size = recv(fd, packet, sizeof packet, MSG_DONTWAIT);
        if (size < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        print(packet, (size_t)size);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = end};
    struct sockaddr_ll here = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    if (argc != 2) {
        fprintf(stderr, "usage: sniff INTERFACE\n");
        return 2;
    }
    sigaction(SIGTERM, &act, NULL);
    here.sll_ifindex = (int)if_nametoindex(argv[1]);
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (fd < 0 || here.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("sniff");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    while (!ended && drain(fd) == 0) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        (void)ppoll(&wait, 1, NULL, &old); /* SIGTERM comes in here alone */
    }
    return drain(fd) == 0 ? 0 : 1;
}
