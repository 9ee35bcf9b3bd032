/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How the lab's commands and its supervisor speak: packets over a local socket. A request is one
 * packet of words that end in a zero byte each. An answer is any number of packets that begin with
 * ' ' (a piece of output) and one that begins with '+' (done) or '-' (failed: the error's code,
 * which is negative, and the reason).
 */
#ifndef DPL_LAB_WIRE_H
#define DPL_LAB_WIRE_H

#include "tests/lab/lab.h"

#define LAB_SOCKET "ctl"

int lab_wire_listen(const char *dir, struct dpl_err *err);
int lab_wire_connect(const char *dir, struct dpl_err *err);

int lab_wire_request(int fd, const char *const words[], struct dpl_err *err);
/* Waits for the answer; output goes to stdout. Descriptors that come with it are put into
 * fds, which the caller sets to -1 before and closes; fds may be NULL. */
int lab_wire_answer(int fd, int fds[2], struct dpl_err *err);

/* The same; output goes to text, which is terminated and cut if it does not fit. */
int lab_wire_collect(int fd, char *text, size_t size);

/* The other side: takes one request apart in place. Returns the number of words, 0 at the end. */
int lab_wire_read(int fd, char packet[LAB_PACKET], const char *words[], int max);
void lab_wire_output(int fd, const char *text);
void lab_wire_done(int fd, const int fds[2]);
void lab_wire_failed(int fd, int code, const char *why);

#endif
