/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/notify.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

bool dpl_notify(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    if (!name || (name[0] != '/' && name[0] != '@'))
        return false;
    size_t size = strlen(name);
    if (size < 2 || size > sizeof to.sun_path)
        return false;
    memcpy(to.sun_path, name, size);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    dpl_autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return fd >= 0 && sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                             (struct sockaddr *)&to, length) >= 0;
}

bool dpl_notify_reloading(void)
{
    char text[80];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)(dpl_clock_now_ns(&dpl_clock_system) / 1000));
    return dpl_notify(text);
}
