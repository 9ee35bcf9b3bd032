/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-door: see daemon/priv/door.h. It has no options, and is started by doppeld alone.
 */
#include "daemon/priv/door.h"
#include "lib/ctl/channel.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int type = 0;
    socklen_t size = sizeof type;
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("doppel-door %s\n", PACKAGE_VERSION);
        return 0;
    }
    if (getsockopt(DPL_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
        type != SOCK_SEQPACKET) {
        fprintf(stderr, "doppel-door: it is started by doppeld, and does nothing by itself\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* a connection that is gone is an error of write */
    int rc = dpl_door_run();
    _exit(rc); /* what runs at exit may want what was given up */
}
