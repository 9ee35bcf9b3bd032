/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The one table of errors: DPL_ERR(name, code, text, OCF exit, command exit).
 * Everything that names, explains or exits with an error is made from these rows, so none can
 * drift. Codes are part of the protocol and of file formats: a row may be added, none may change
 * its number.
 */
/* clang-format off */
/*      name           code  text                                            OCF  CLI */
DPL_ERR(FAILED,         -1, "failed",                                         1,   1)
DPL_ERR(USAGE,          -2, "bad usage",                                      2,   2)
DPL_ERR(PARAM,          -3, "a parameter is missing or wrong",                6,   2)
DPL_ERR(PARAM_HERE,     -4, "a parameter does not fit this host",             2,   1)
DPL_ERR(CONFIG,         -5, "the configuration is wrong",                     2,   2)
DPL_ERR(UNIMPLEMENTED,  -6, "no such action",                                 3,   2)
DPL_ERR(PERM,           -7, "no permission",                                  4,   1)
DPL_ERR(NOT_INSTALLED,  -8, "something needed is not installed",              5,   1)
DPL_ERR(NOT_RUNNING,    -9, "not running",                                    7,   1)
DPL_ERR(DEGRADED,      -10, "running, but degraded",                        190,   6)
DPL_ERR(TIMEOUT,       -11, "timed out",                                      1,   3)
DPL_ERR(REFUSED,       -12, "refused by a guard",                             1,   4)
DPL_ERR(UNREACHABLE,   -13, "the peer cannot be reached",                     1,   5)
DPL_ERR(UNFINISHED,    -14, "the procedure is unfinished",                    1,   7)
DPL_ERR(INTERRUPTED,   -15, "interrupted",                                    1, 130)
DPL_ERR(NOT_FOUND,     -16, "not found",                                      1,   1)
DPL_ERR(EXISTS,        -17, "exists already",                                 1,   1)
DPL_ERR(BUSY,          -18, "busy",                                           1,   1)
DPL_ERR(IO,            -19, "input or output failed",                         1,   1)
DPL_ERR(NO_SPACE,      -20, "no space is left",                               1,   1)
DPL_ERR(NO_MEMORY,     -21, "no memory is left",                              1,   1)
DPL_ERR(TRUNCATED,     -22, "the data ends too early",                        1,   1)
DPL_ERR(CORRUPT,       -23, "the data is damaged",                            1,   1)
DPL_ERR(TOO_LARGE,     -24, "the data is larger than allowed",                1,   1)
DPL_ERR(VERSION,       -25, "the version is not supported",                   1,   1)
DPL_ERR(UNSUPPORTED,   -26, "not supported here",                             1,   1)
/* clang-format on */
