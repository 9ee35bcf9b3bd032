/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 2048

static struct {
    const char *name;
    enum dpl_log_target target;
    int level;
} opened = {"doppeld", DPL_LOG_STDERR, LOG_NOTICE};

static const struct {
    const char *name;
    int level;
} levels[] = {{"error", LOG_ERR},
              {"warning", LOG_WARNING},
              {"notice", LOG_NOTICE},
              {"info", LOG_INFO},
              {"debug", LOG_DEBUG}};

void dpl_log_open(const char *name, enum dpl_log_target target, int level)
{
    opened.name = name;
    opened.target = target;
    opened.level = level;
    if (target == DPL_LOG_SYSLOG)
        openlog(name, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void dpl_log_open_words(const char *name, const char *target, const char *level)
{
    int number = LOG_INFO;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(levels[i].name, level) == 0)
            number = levels[i].level;
    dpl_log_open(name,
                 strcmp(target, "stderr") == 0    ? DPL_LOG_STDERR
                 : strcmp(target, "journal") == 0 ? DPL_LOG_JOURNAL
                                                  : DPL_LOG_SYSLOG,
                 number);
}

static const char *level_name(int level)
{
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (levels[i].level >= level)
            return levels[i].name;
    return "debug";
}

void dpl_log(int level, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list args;
    if (level > opened.level)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    switch (opened.target) {
    case DPL_LOG_SYSLOG:
        syslog(level, "%s", line);
        break;
    case DPL_LOG_JOURNAL:
        fprintf(stderr, "<%d>%s\n", level, line);
        break;
    case DPL_LOG_STDERR:
        fprintf(stderr, "%s: %s: %s\n", opened.name, level_name(level), line);
        break;
    }
}
