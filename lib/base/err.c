/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/err.h"

#undef dpl_err_set
#undef dpl_err_sys

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct row {
    int code;
    const char *name;
    const char *text;
    int ocf_exit;
    int cli_exit;
};

static const struct row rows[] = {
    {DPL_OK, "OK", "success", 0, 0},
#define DPL_ERR(name, code, text, ocf, cli) {code, #name, text, ocf, cli},
#include "lib/base/err.tbl.h"
#undef DPL_ERR
};

static const struct row *row_of(int code)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code)
            return &rows[i];
    return &rows[1];
}

const char *dpl_err_name(int code)
{
    return row_of(code)->name;
}

const char *dpl_err_text(int code)
{
    return row_of(code)->text;
}

int dpl_err_ocf_exit(int code)
{
    return row_of(code)->ocf_exit;
}

int dpl_err_cli_exit(int code)
{
    return row_of(code)->cli_exit;
}

int dpl_err_from_errno(int sys_errno)
{
    switch (sys_errno) {
    case 0:
        return DPL_OK;
    case EPERM:
    case EACCES:
        return DPL_E_PERM;
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ESRCH:
        return DPL_E_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE:
        return DPL_E_EXISTS;
    case EBUSY:
    case ETXTBSY:
    case EAGAIN:
        return DPL_E_BUSY;
    case EIO:
        return DPL_E_IO;
    case ENOSPC:
    case EDQUOT:
        return DPL_E_NO_SPACE;
    case ENOMEM:
        return DPL_E_NO_MEMORY;
    case ETIMEDOUT:
        return DPL_E_TIMEOUT;
    case EINTR:
        return DPL_E_INTERRUPTED;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
        return DPL_E_UNREACHABLE;
    case ENOSYS:
    case EOPNOTSUPP:
    case EPROTONOSUPPORT:
    case EAFNOSUPPORT:
        return DPL_E_UNSUPPORTED;
    case EMSGSIZE:
    case EFBIG:
    case ENAMETOOLONG:
        return DPL_E_TOO_LARGE;
    default:
        return DPL_E_FAILED;
    }
}

/* Ends a line that did not fit with "..."; a line is one line, whatever was put into it. */
static void tidy(struct dpl_err *err, bool cut)
{
    if (cut)
        memcpy(err->text + sizeof err->text - 4, "...", 4);
    for (char *p = err->text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}

static bool vset(struct dpl_err *err, const char *format, va_list ap)
{
    int n = vsnprintf(err->text, sizeof err->text, format, ap);
    return n < 0 || (size_t)n >= sizeof err->text;
}

int dpl_err_set(struct dpl_err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    va_list ap;
    va_start(ap, format);
    bool cut = vset(err, format, ap);
    va_end(ap);
    err->code = code;
    err->sys_errno = 0;
    tidy(err, cut);
    return code;
}

int dpl_err_sys(struct dpl_err *err, int sys_errno, const char *format, ...)
{
    int code = dpl_err_from_errno(sys_errno);
    if (!err)
        return code;
    va_list ap;
    va_start(ap, format);
    bool cut = vset(err, format, ap);
    va_end(ap);
    if (!cut) {
        size_t used = strlen(err->text);
        int n = snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(sys_errno));
        cut = n < 0 || (size_t)n >= sizeof err->text - used;
    }
    err->code = code;
    err->sys_errno = sys_errno;
    tidy(err, cut);
    return code;
}

int dpl_err_context(struct dpl_err *err, const char *format, ...)
{
    if (!err)
        return DPL_E_FAILED;
    struct dpl_err old = *err;
    va_list ap;
    va_start(ap, format);
    bool cut = vset(err, format, ap);
    va_end(ap);
    if (!cut) {
        size_t used = strlen(err->text);
        int n = snprintf(err->text + used, sizeof err->text - used, ": %s", old.text);
        cut = n < 0 || (size_t)n >= sizeof err->text - used;
    }
    tidy(err, cut);
    return err->code;
}
