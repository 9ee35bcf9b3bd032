/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Errors.
 *
 * A function that can fail returns 0 or a count on success and a negative code of this table on
 * failure. Its last parameter, which may be NULL, receives the sentence for a person: what failed,
 * where, what was expected. Callers add context in front of it; whoever handles the error prints
 * it, once. A struct dpl_err lives where its caller put it, holds no memory and needs no release.
 *
 * Programming errors are not errors of this kind: they end the process by g_assert().
 */
#ifndef DPL_BASE_ERR_H
#define DPL_BASE_ERR_H

enum dpl_code {
    DPL_OK = 0,
#define DPL_ERR(name, code, text, ocf, cli) DPL_E_##name = (code),
#include "lib/base/err.tbl.h"
#undef DPL_ERR
};

struct dpl_err {
    int code;       /* of enum dpl_code; 0 while nothing failed */
    int sys_errno;  /* the errno behind it, or 0 */
    char text[480]; /* one line, always terminated; cut with "..." if it would not fit */
};

/* Each sets *err, where err is not NULL, and returns the code, so that a caller can return it on.
 */
int dpl_err_set(struct dpl_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for a failed system call: appends ": " and the errno's text and maps it to a code. */
int dpl_err_sys(struct dpl_err *err, int sys_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "context: " in front of what is there. Returns err's code. */
int dpl_err_context(struct dpl_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time: tell it that these never return success. */
#define dpl_err_set(err, code, ...) (dpl_err_set(err, code, __VA_ARGS__), (code))
#define dpl_err_sys(err, ...)       (dpl_err_sys(err, __VA_ARGS__), DPL_E_FAILED)
#endif

/* What the table says of a code. Unknown codes are answered as FAILED. */
const char *dpl_err_name(int code);
const char *dpl_err_text(int code);
int dpl_err_ocf_exit(int code);
int dpl_err_cli_exit(int code);
/* The code that stands for an errno. */
int dpl_err_from_errno(int sys_errno);

#endif
