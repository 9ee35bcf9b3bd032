/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the supervisor does when it is asked: one table of verbs.
 */
#ifndef DPL_LAB_REQUEST_H
#define DPL_LAB_REQUEST_H

#include "tests/lab/lab.h"

/* What an answer waits for. */
enum lab_await {
    LAB_AWAIT_NOTHING,
    LAB_AWAIT_UP,
    LAB_AWAIT_OFF,
    LAB_AWAIT_SHUTDOWN,
    LAB_AWAIT_ENTER,
};

struct lab_client {
    int fd; /* -1: free */
    enum lab_await await;
    struct lab_host *host;
    bool end; /* asked for the end of the lab */
};

/* Does what the words say and answers, or leaves in client what the answer waits for. */
void lab_request(struct lab *lab, struct lab_client *client, const char *const words[], int n);
/* Answers a client whose wait is over. To be called after any change. */
void lab_request_waited(struct lab_client *client);

#endif
