/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands that speak to a running lab.
 */
#ifndef DPL_LAB_CLIENT_H
#define DPL_LAB_CLIENT_H

#include "tests/lab/lab.h"

enum { LAB_EXIT_CANNOT_ENTER = 125 };

/* The directory of the lab of this name; in a host, of its lab. */
void lab_client_dir(const char *name, char *dir, size_t size);
/* A name is of letters, digits and '-'; false if not. */
bool lab_client_name_ok(const char *name);

/* One request and its answer on stdout. */
int lab_client_ask(const char *dir, const char *const words[], struct dpl_err *err);
/* Asks the lab to end and waits until nothing is left. */
int lab_client_down(const char *dir, struct dpl_err *err);
/* Runs a command in a host. Returns its exit status (128 + signal), or a negative code. */
int lab_client_exec(const char *dir, const char *host, const char *const argv[],
                    struct dpl_err *err);
/* The same; its output (no more than size - 1 bytes) goes to text. */
int lab_client_capture(const char *dir, const char *host, const char *const argv[], char *text,
                       size_t size, struct dpl_err *err);
/* Names of the labs that are up, one per line. */
int lab_client_list(void);

#endif
