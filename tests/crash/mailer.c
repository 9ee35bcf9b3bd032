/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mailer: a Maildir and a database under load, and whether a copy of them is a state that they went
 * through.
 *
 *     mailer write [--writers N] [--database] [--rate N] [--seconds N | --steps N] [--stop FILE]
 * [--acks FILE] DIR mailer check [--writers N] [--database] [--acks FILE] DIR
 *
 * write wants an empty DIR, reads what it wrote all the time, and fails if any call fails, or if
 * the database is not whole. A line of --acks is written when what it says was synced. It prints
 * how many steps each writer made and the longest time that one took. check wants a copy, in which
 * it opens the database. With --acks all that these lines say must be there. It prints how many
 * steps of each writer it found.
 *
 * Exit status: 0 good, 1 a writer failed or DIR is no such state, 2 bad usage, 77 built without
 * SQLite.
 */
#include "tests/crash/mailer.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void bad_usage(void)
{
    fprintf(stderr, "Usage: mailer write|check [--writers N] [--database] [--rate N] [--seconds N] "
                    "[--steps N] [--stop FILE] [--acks FILE] DIR\n");
    exit(2);
}

static long number(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (n < 0 || *end)
        bad_usage();
    return n;
}

static void options(struct mailer_options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"writers", 1, NULL, 'w'}, {"database", 0, NULL, 'd'}, {"rate", 1, NULL, 'r'},
        {"seconds", 1, NULL, 's'}, {"steps", 1, NULL, 'n'},    {"stop", 1, NULL, 'e'},
        {"acks", 1, NULL, 'a'},    {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'w')
            o->writers = (int)number(optarg);
        else if (c == 'd')
            o->database = true;
        else if (c == 'r')
            o->rate = number(optarg);
        else if (c == 's')
            o->seconds = number(optarg);
        else if (c == 'n')
            o->steps = number(optarg);
        else if (c == 'e')
            o->stop = optarg;
        else if (c == 'a')
            o->acks = optarg;
        else
            bad_usage();
    }
    if (o->writers > MAILER_MOST || optind != argc - 1)
        bad_usage();
    o->dir = argv[optind];
}

int main(int argc, char **argv)
{
    struct mailer_options o = {.writers = 2, .seconds = 3};
    if (argc < 2)
        bad_usage();
    const char *command = argv[1];
    options(&o, argc - 1, argv + 1);
    o.dir_fd = open(o.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (o.dir_fd < 0) {
        fprintf(stderr, "mailer: \"%s\": %m\n", o.dir);
        return 2;
    }
    if (strcmp(command, "write") == 0)
        return mailer_write(&o);
    if (strcmp(command, "check") == 0)
        return mailer_check(&o);
    bad_usage();
}
