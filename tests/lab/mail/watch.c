/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether a service serves, by both protocols, looked at all the time.
 */
#include "tests/lab/mail/flow.h"

#include <sys/socket.h>
#include <sys/time.h>

enum { CONNECT_MS = 200, ANSWER_S = 2 };

/* A lost first packet would be sent again after a second; an answer may take its time. */
static int open_soon(struct flow_conn *c, const char *host, const char *port, struct dpl_err *err)
{
    struct timeval wait = {.tv_sec = ANSWER_S};
    int rc = flow_conn_open(c, host, port, CONNECT_MS, err);
    if (rc == 0)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return rc;
}

bool flow_serves(const char *host, const char *user, const char *password)
{
    static struct flow_conn c;
    struct dpl_err err = {0};
    uint32_t messages;
    int rc = open_soon(&c, host, "25", &err);
    if (rc == 0)
        rc = flow_smtp_greet(&c, &err);
    flow_conn_close(&c);
    if (rc == 0)
        rc = open_soon(&c, host, "143", &err);
    if (rc == 0)
        rc = flow_imap_open(&c, user, password, &messages, &err);
    flow_conn_close(&c);
    return rc == 0;
}
