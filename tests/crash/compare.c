/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * compare: whether two trees are the same to an application; see tests/lib/treecmp.h.
 *
 *     compare [--with WHAT] [--without WHAT] [--exclude PATTERN] [--skip-xattr BEGINNING]
 *             [--max N] A B
 *
 * Differences go to standard output, one a line: path, colon, what. The last line is "equal: N
 * objects, N bytes of data", or "differ: N differences in N objects". Exit status: 0 equal, 1 they
 * differ, 2 they could not be compared.
 */
#include "lib/base/fd.h"
#include "tests/lib/treecmp.h"

#include <fcntl.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: compare [OPTION]... A B\n"
    "Compares two trees: names, types, data, owners, modes, mtimes, attributes, links, flags.\n"
    "  --with WHAT        compare this too: holes, atime\n"
    "  --without WHAT     data, owner, mode, mtime, xattr, links or flags\n"
    "  --exclude PATTERN  leave out paths from the root like this, with all beneath; repeatable\n"
    "  --skip-xattr NAME  leave out attributes that begin so; repeatable [trusted.doppel.]\n"
    "  --max N            differences to print [20]\n";

static const struct {
    const char *name;
    unsigned bit;
} whats[] = {
    {"data", TREECMP_DATA},   {"holes", TREECMP_HOLES}, {"owner", TREECMP_OWNER},
    {"mode", TREECMP_MODE},   {"mtime", TREECMP_MTIME}, {"atime", TREECMP_ATIME},
    {"xattr", TREECMP_XATTR}, {"links", TREECMP_LINKS}, {"flags", TREECMP_FLAGS},
};

static void bad_usage(const char *why, const char *what)
{
    fprintf(stderr, "compare: %s%s\n%s", why, what, usage);
    exit(2);
}

static unsigned what_bit(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(whats); i++)
        if (strcmp(whats[i].name, name) == 0)
            return whats[i].bit;
    bad_usage("unknown: ", name);
    return 0;
}

static void print_difference(void *arg, const char *path, const char *what)
{
    (void)arg;
    printf("%s: %s\n", path, what);
}

static int open_root(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "compare: \"%s\": %m\n", path);
        exit(2);
    }
    return fd;
}

static int compare(const char *a, const char *b, const struct treecmp_options *options)
{
    struct treecmp_result result;
    struct dpl_err err = {0};
    dpl_autofd int a_fd = open_root(a);
    dpl_autofd int b_fd = open_root(b);
    if (treecmp(a_fd, b_fd, options, &result, &err) < 0) {
        fprintf(stderr, "compare: %s\n", err.text);
        return 2;
    }
    if (result.flags_not_known > 0)
        fprintf(stderr, "compare: inode flags of %ld objects cannot be asked\n",
                result.flags_not_known);
    if (result.differences > 0)
        printf("differ: %ld differences in %ld objects\n", result.differences, result.objects);
    else
        printf("equal: %ld objects, %" PRId64 " bytes of data\n", result.objects,
               result.data_bytes);
    return result.differences > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"with", required_argument, NULL, 'w'},
        {"without", required_argument, NULL, 'o'},
        {"exclude", required_argument, NULL, 'e'},
        {"max", required_argument, NULL, 'm'},
        {"skip-xattr", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static char ours[] = "trusted.doppel.";
    struct treecmp_options options = {
        .what = TREECMP_DEFAULT, .max_reports = 20, .report = print_difference};
    g_autoptr(GPtrArray) exclude = g_ptr_array_new();
    g_autoptr(GPtrArray) skip = g_ptr_array_new();
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'w')
            options.what |= what_bit(optarg);
        else if (c == 'o')
            options.what &= ~what_bit(optarg);
        else if (c == 'e')
            g_ptr_array_add(exclude, optarg);
        else if (c == 's')
            g_ptr_array_add(skip, optarg);
        else if (c == 'm')
            options.max_reports = strtol(optarg, NULL, 10);
        else if (c == 'h')
            return fputs(usage, stdout) < 0 ? 2 : 0;
        else
            bad_usage("unknown option", "");
    }
    if (argc - optind != 2)
        bad_usage("two trees are wanted", "");
    if (skip->len == 0)
        g_ptr_array_add(skip, ours);
    g_ptr_array_add(exclude, NULL);
    g_ptr_array_add(skip, NULL);
    options.exclude = (const char *const *)exclude->pdata;
    options.skip_xattrs = (const char *const *)skip->pdata;
    return compare(argv[optind], argv[optind + 1], &options);
}
