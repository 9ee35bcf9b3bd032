/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * "postfix start" looks, by shell scripts that take a second or more, whether something is missing
 * in Postfix's installation, and only then starts the first process. Here the same is looked at
 * without them. Where anything is not as it is after a first start, or not known here, the answer
 * is no, and "postfix start" makes, mends or refuses as ever; nothing is made here.
 *
 * Of its fatal checks these are left to others: postsuper goes first in any case (postfix.c), and
 * main.cf and master.cf were read by postconf, whose answers these settings are.
 */
#include "lib/base/file.h"
#include "lib/service/kind.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_BYTES = 1 << 20, COLUMNS = 7 };
enum column { PATH, TYPE, OWNER, GROUP, MODE, FLAGS };

static bool is_directory(const char *path)
{
    struct stat st;
    return path[0] == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Whether it is known to be there: "$queue_directory/active" with that setting's value. */
static bool is_made(char **settings, const char *path)
{
    static const char *const names[] = {"queue_directory", "data_directory"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        size_t length = strlen(names[i]);
        if (path[0] != '$' || strncmp(path + 1, names[i], length) != 0 ||
            (path[1 + length] && path[1 + length] != '/'))
            continue;
        g_autofree char *value = dpl_service_postfix_setting(settings, names[i]);
        g_autofree char *whole = g_strconcat(value, path + 1 + length, NULL);
        return is_directory(whole);
    }
    return false;
}

/* Each line is PATH:TYPE:OWNER:GROUP:MODE:FLAGS; directories with the flag c are made by a start.
 */
static bool all_made(char **settings, const char *file)
{
    g_autofree char *text = NULL;
    if (dpl_file_read(AT_FDCWD, file, FILES_BYTES, &text, NULL, NULL) < 0)
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) columns = g_strsplit(*line, ":", COLUMNS);
        if ((*line)[0] != '$' || g_strv_length(columns) <= FLAGS)
            continue;
        if (strcmp(columns[TYPE], "d") == 0 && strchr(columns[FLAGS], 'c') &&
            !is_made(settings, columns[PATH]))
            return false;
    }
    return true;
}

/* The list of the package and those of its extensions. */
static bool all_lists_made(char **settings, const char *meta)
{
    g_autofree char *main_list = g_build_filename(meta, "postfix-files", NULL);
    g_autofree char *dir = g_build_filename(meta, "postfix-files.d", NULL);
    bool made = all_made(settings, main_list);
    g_autoptr(GDir) open = made ? g_dir_open(dir, 0, NULL) : NULL;
    const char *name;
    while (made && open && (name = g_dir_read_name(open))) {
        g_autofree char *list = g_build_filename(dir, name, NULL);
        made = all_made(settings, list);
    }
    return made;
}

static bool has_service(const char *services, const char *name, const char *type)
{
    g_auto(GStrv) rows = g_strsplit(services, "\n", -1);
    char have_name[64], have_type[32];
    for (char **row = rows; *row; row++)
        if (sscanf(*row, "%63s %31s", have_name, have_type) == 2 && strcmp(have_name, name) == 0 &&
            strcmp(have_type, type) == 0)
            return true;
    return false;
}

/* The directories without which "postfix start" gives up. */
static bool is_installed(char **settings)
{
    static const char *const names[] = {"queue_directory", "data_directory", "command_directory",
                                        "daemon_directory", "meta_directory"};
    g_autofree char *libraries = dpl_service_postfix_setting(settings, "shlib_directory");
    bool there = strcmp(libraries, "no") == 0 || is_directory(libraries);
    for (size_t i = 0; there && i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = dpl_service_postfix_setting(settings, names[i]);
        there = is_directory(path);
    }
    return there;
}

char *dpl_service_postfix_direct(const char *settings, const char *services)
{
    g_auto(GStrv) lines = g_strsplit(settings, "\n", -1);
    g_autofree char *daemons = dpl_service_postfix_setting(lines, "daemon_directory");
    g_autofree char *meta = dpl_service_postfix_setting(lines, "meta_directory");
    g_autofree char *log = dpl_service_postfix_setting(lines, "maillog_file");
    g_autofree char *master = g_build_filename(daemons, "master", NULL);
    if (log[0] && !has_service(services, "postlog", "unix-dgram"))
        return NULL;
    if (!is_installed(lines) || access(master, X_OK) < 0 || !all_lists_made(lines, meta))
        return NULL;
    return g_steal_pointer(&master);
}
