/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The daemon's log: one line for each event, to syslog or to standard error.
 *
 * Whatever is in a line, it stays one line. Names that may hold any bytes are quoted by their
 * caller (dpl_quote). No keys, no contents of files.
 */
#ifndef DPL_PARENT_LOG_H
#define DPL_PARENT_LOG_H

#include <syslog.h> /* LOG_ERR to LOG_DEBUG are the levels */

enum dpl_log_target {
    DPL_LOG_SYSLOG,
    DPL_LOG_STDERR,
    DPL_LOG_JOURNAL, /* standard error with levels, as systemd reads it */
};

/* Until then everything from notice on goes to standard error. The name is kept. */
void dpl_log_open(const char *name, enum dpl_log_target target, int level);
/* The words of the configuration: target, and level by name. */
void dpl_log_open_words(const char *name, const char *target, const char *level);
void dpl_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
