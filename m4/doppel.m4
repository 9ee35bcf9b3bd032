# SPDX-License-Identifier: GPL-2.0-or-later
# Options and tools of the build, apart from configure.ac so that it reads as a list.

# DPL_ADD_FLAG(VARIABLE, FLAG): adds FLAG if the compiler takes it without a word.
AC_DEFUN([DPL_ADD_FLAG], [
    AC_MSG_CHECKING([whether $CC takes $2])
    dpl_save_CFLAGS=$CFLAGS
    CFLAGS="-Werror $2"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
        [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
    CFLAGS=$dpl_save_CFLAGS
])

AC_DEFUN([DPL_ARG_BUILD], [
    AC_ARG_ENABLE([fatal-warnings],
        [AS_HELP_STRING([--enable-fatal-warnings], [a warning ends the build @<:@no@:>@])],
        [], [enable_fatal_warnings=no])
    AC_ARG_ENABLE([fuzzing],
        [AS_HELP_STRING([--enable-fuzzing],
            [build the fuzz targets with libFuzzer, which needs CC=clang @<:@no@:>@])],
        [], [enable_fuzzing=no])
    AM_CONDITIONAL([FUZZING], [test "x$enable_fuzzing" = xyes])
    AC_ARG_WITH([sanitizers],
        [AS_HELP_STRING([--with-sanitizers=LIST],
            [build with these, as address,undefined or thread @<:@none@:>@])],
        [], [with_sanitizers=no])

    DPL_CFLAGS="-std=gnu17"
    m4_foreach_w([flag], [
        -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
        -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align
        -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wredundant-decls -Wnested-externs -Wlogical-op
        -Wduplicated-cond -Wduplicated-branches -Wimplicit-fallthrough -Wdouble-promotion
        -Wdate-time -Wjump-misses-init -fno-common -fno-strict-aliasing
        -fstack-protector-strong -fstack-clash-protection -fcf-protection
        ], [DPL_ADD_FLAG([DPL_CFLAGS], flag)])
    AS_IF([test "x$enable_fatal_warnings" = xyes], [DPL_CFLAGS="$DPL_CFLAGS -Werror"])

    DPL_CPPFLAGS=
    dpl_pie=
    DPL_LDFLAGS="-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed"
    AS_IF([test "x$with_sanitizers" != xno], [
        DPL_CFLAGS="$DPL_CFLAGS -fsanitize=$with_sanitizers -fno-omit-frame-pointer"
        DPL_CFLAGS="$DPL_CFLAGS -fno-sanitize-recover=all"
        DPL_LDFLAGS="$DPL_LDFLAGS -fsanitize=$with_sanitizers"
    ], [
        # Fortified calls and sanitizers hide each other's findings.
        DPL_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"
        DPL_CFLAGS="$DPL_CFLAGS -fPIE"
        dpl_pie=-pie
    ])
    DPL_ARG_STATIC_AGENTS
    DPL_LDFLAGS="$DPL_LDFLAGS $dpl_pie"
    AS_IF([test "x$enable_fuzzing" = xyes],
        [DPL_CFLAGS="$DPL_CFLAGS -fsanitize=fuzzer-no-link"])
    AC_SUBST([DPL_FUZZ_ENGINE], [-fsanitize=fuzzer])
    AM_CONDITIONAL([SANITIZED], [test "x$with_sanitizers" != xno])
    AC_SUBST([DPL_CFLAGS])
    AC_SUBST([DPL_CPPFLAGS])
    AC_SUBST([DPL_LDFLAGS])
])

# How agents that need nothing but libc's calls are linked: DPL_STATIC_LDFLAGS. The linker's warnings
# are fatal there: glibc's say that a call needs the shared libraries after all (NSS, iconv, dlopen).
AC_DEFUN([DPL_ARG_STATIC_AGENTS], [
    AC_ARG_ENABLE([static-agents],
        [AS_HELP_STRING([--disable-static-agents],
            [link all agents with the shared libc, so that its updates reach them without a new build;
             a monitor, which runs every few seconds for each resource, then takes about 1.4 times as
             long @<:@static if that links and no sanitizer is on@:>@])],
        [], [enable_static_agents=auto])
    dpl_static_flags="-static-pie -Wl,--fatal-warnings"
    AS_IF([test "x$with_sanitizers" != xno || test "x$enable_fuzzing" = xyes], [
        AS_IF([test "x$enable_static_agents" = xyes],
            [AC_MSG_ERROR([static agents and sanitizers or fuzzing exclude each other])])
        enable_static_agents=no
    ])
    AS_IF([test "x$enable_static_agents" != xno], [
        AC_MSG_CHECKING([whether $CC links with $dpl_static_flags])
        dpl_save_CFLAGS=$CFLAGS
        dpl_save_LDFLAGS=$LDFLAGS
        CFLAGS="$CFLAGS -fPIE"
        LDFLAGS="$DPL_LDFLAGS $dpl_static_flags $LDFLAGS"
        AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[return puts("");]])],
            [dpl_static_links=yes], [dpl_static_links=no])
        CFLAGS=$dpl_save_CFLAGS
        LDFLAGS=$dpl_save_LDFLAGS
        AC_MSG_RESULT([$dpl_static_links])
        AS_IF([test "x$enable_static_agents$dpl_static_links" = xyesno],
            [AC_MSG_ERROR([static agents do not link: is there a libc.a?])])
        enable_static_agents=$dpl_static_links
    ])
    AS_IF([test "x$enable_static_agents" = xyes],
        [DPL_STATIC_LDFLAGS="$DPL_LDFLAGS $dpl_static_flags"],
        [DPL_STATIC_LDFLAGS="$DPL_LDFLAGS $dpl_pie"])
    AC_SUBST([DPL_STATIC_LDFLAGS])
])

AC_DEFUN([DPL_PROG_TOOLS], [
    AC_PATH_PROG([XSLTPROC], [xsltproc])
    AS_IF([test -z "$XSLTPROC"],
        [AC_MSG_ERROR([xsltproc is needed: it makes the agents' parameter tables and manual pages])])
    AC_PATH_PROG([XMLLINT], [xmllint])
    AC_PATH_PROG([CLANG_FORMAT], [clang-format])
    AC_PATH_PROG([CLANG_TIDY], [clang-tidy])
    AC_PATH_PROG([CPPCHECK], [cppcheck])
])
