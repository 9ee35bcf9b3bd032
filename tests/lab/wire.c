/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/wire.h"

#include "tests/lab/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int make_socket(const char *dir, struct sockaddr_un *addr, struct dpl_err *err)
{
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s", dir, LAB_SOCKET);
    if (n >= (int)sizeof(addr->sun_path))
        return dpl_err_set(err, DPL_E_TOO_LARGE, "\"%s\" is too long a path", dir);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd < 0 ? dpl_err_sys(err, errno, "socket") : fd;
}

int lab_wire_listen(const char *dir, struct dpl_err *err)
{
    struct sockaddr_un addr;
    int fd = make_socket(dir, &addr, err);
    if (fd < 0)
        return fd;
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 64) == 0)
        return fd;
    int rc = dpl_err_sys(err, errno, "listen on \"%s\"", addr.sun_path);
    close(fd);
    return rc;
}

int lab_wire_connect(const char *dir, struct dpl_err *err)
{
    struct sockaddr_un addr;
    int fd = make_socket(dir, &addr, err);
    if (fd < 0)
        return fd;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    int rc = dpl_err_sys(err, errno, "connect to \"%s\"", addr.sun_path);
    close(fd);
    return rc;
}

int lab_wire_request(int fd, const char *const words[], struct dpl_err *err)
{
    char packet[LAB_PACKET];
    size_t size = 0;
    for (size_t i = 0; words[i]; i++) {
        size_t n = strlen(words[i]) + 1;
        if (n > sizeof(packet) - size)
            return dpl_err_set(err, DPL_E_TOO_LARGE, "the request is too long");
        memcpy(packet + size, words[i], n);
        size += n;
    }
    if (send(fd, packet, size, MSG_NOSIGNAL) < 0)
        return dpl_err_sys(err, errno, "ask the lab");
    return DPL_OK;
}

union control {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr align;
};

static void take_fds(struct msghdr *msg, int fds[2])
{
    struct cmsghdr *c = CMSG_FIRSTHDR(msg);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return;
    size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    int got[2] = {-1, -1};
    memcpy(got, CMSG_DATA(c), (n < 2 ? n : 2) * sizeof(int));
    for (int i = 0; i < 2; i++) {
        if (fds)
            fds[i] = got[i];
        else if (got[i] >= 0)
            close(got[i]);
    }
}

int lab_wire_answer(int fd, int fds[2], struct dpl_err *err)
{
    for (;;) {
        char packet[LAB_PACKET + 1];
        union control control;
        struct iovec iov = {packet, LAB_PACKET};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
        ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return dpl_err_set(err, DPL_E_FAILED, "the lab went away");
        packet[n] = '\0';
        if (packet[0] == ' ') {
            fputs(packet + 1, stdout);
            continue;
        }
        fflush(stdout);
        take_fds(&msg, fds);
        if (packet[0] == '+')
            return DPL_OK;
        return lab_take_failure(packet, err);
    }
}

int lab_wire_collect(int fd, char *text, size_t size)
{
    size_t used = 0;
    for (;;) {
        char packet[LAB_PACKET];
        ssize_t n = recv(fd, packet, sizeof(packet), 0);
        if (n < 0 && errno == EINTR)
            continue;
        text[used] = '\0';
        if (n <= 0)
            return DPL_E_FAILED;
        if (packet[0] != ' ')
            return packet[0] == '+' ? DPL_OK : DPL_E_FAILED;
        size_t room = size - 1 - used, more = (size_t)n - 1;
        memcpy(text + used, packet + 1, more < room ? more : room);
        used += more < room ? more : room;
    }
}

int lab_wire_read(int fd, char packet[LAB_PACKET], const char *words[], int max)
{
    ssize_t n = recv(fd, packet, LAB_PACKET - 1, 0);
    if (n <= 0)
        return 0;
    packet[n] = '\0';
    int count = 0;
    for (char *p = packet; p < packet + n && count < max; p += strlen(p) + 1)
        words[count++] = p;
    return count;
}

void lab_wire_output(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        char packet[LAB_PACKET];
        size_t n = left < sizeof(packet) - 1 ? left : sizeof(packet) - 1;
        packet[0] = ' ';
        memcpy(packet + 1, text, n);
        if (send(fd, packet, n + 1, MSG_NOSIGNAL) < 0)
            return;
        text += n;
        left -= n;
    }
}

void lab_wire_done(int fd, const int fds[2])
{
    char byte = '+';
    union control control = {.bytes = {0}};
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    int n = !fds ? 0 : fds[1] >= 0 ? 2 : 1;
    if (n > 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)n * sizeof(int));
    }
    sendmsg(fd, &msg, MSG_NOSIGNAL);
}

void lab_wire_failed(int fd, int code, const char *why)
{
    char packet[LAB_PACKET];
    int n = snprintf(packet, sizeof(packet), "%d %s", code, why);
    send(fd, packet, n < (int)sizeof(packet) ? (size_t)n : sizeof(packet) - 1, MSG_NOSIGNAL);
}
