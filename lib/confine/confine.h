/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an engine gives up, for good, before a peer's messages reach it. It parses them after they
 * were decoded and encoded anew elsewhere: this is the second wall.
 *
 *   caps     the capabilities that it does not need, also for programs that it could run
 *   writes   writing, making and removing files outside the directories that are named (Landlock)
 *   calls    system calls: those that start programs or processes, open sockets, mount, or change
 *            what a process may do end it by SIGSYS; those of a list go on; all others fail with
 *            EPERM, for another libc may make a call where this one does not
 *
 * Each can be called once more, and takes away more.
 */
#ifndef DPL_CONFINE_CONFINE_H
#define DPL_CONFINE_CONFINE_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A bit for each capability that stays where it is. Does nothing for who has none. */
int dpl_confine_caps(uint64_t kept, struct dpl_err *err);

/* Directories beneath which files may be written still; one that is not there yet will be closed
 * too. UNSUPPORTED where the kernel has no
 * Landlock: then nothing is given up. */
int dpl_confine_writes(const char *const *dirs, size_t count, struct dpl_err *err);

enum dpl_confine_kind {
    DPL_CONFINE_READER, /* reads any file, writes to what is open, maps, removes names */
    DPL_CONFINE_WRITER, /* and makes and changes files in every way */
};
/* Binds every thread that is there, and those to come. */
int dpl_confine_calls(enum dpl_confine_kind kind, struct dpl_err *err);

#endif
