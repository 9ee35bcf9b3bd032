/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chains: whether a tree, or several, is a state that its source went through.
 *
 *     chains write [--chains N] [--seed N] [--seconds N | --steps N] [--rate N] ROOT...
 *     chains check [--chains N] [--seed N] ROOT...
 *
 * The writers run in threads and processes; each chain of steps and what it saw of the others is
 * recorded in the trees themselves. The checker is given the roots in the same order, as they are
 * found in a copy at any moment: for each chain there must be a number of steps whose effects are
 * there, all of them and no more, and what any record says was completed before it must be there
 * too. Both print "chains: steps N N ...", a number for each chain. ROOTs of the writer must be
 * empty.
 *
 * Exit status: 0 good, 1 the tree is no such state (or a writer failed), 2 bad usage.
 */
#include "tests/prop/chains.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void bad_usage(void)
{
    fprintf(
        stderr,
        "Usage: chains write [--chains N] [--seed N] [--seconds N | --steps N] [--rate N] ROOT...\n"
        "       chains check [--chains N] [--seed N] ROOT...\n");
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"chains", 1, NULL, 'c'}, {"seed", 1, NULL, 's'}, {"seconds", 1, NULL, 't'},
        {"steps", 1, NULL, 'n'},  {"rate", 1, NULL, 'r'}, {NULL, 0, NULL, 0},
    };
    struct chains_options o = {.chains = 6, .seed = 1, .seconds = 3};
    if (argc < 2)
        bad_usage();
    const char *command = argv[1];
    argc--;
    argv++;
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        long n = c == '?' ? -1 : strtol(optarg, NULL, 10);
        if (n < 0)
            bad_usage();
        if (c == 'c')
            o.chains = (int)n;
        else if (c == 's')
            o.seed = (uint64_t)n;
        else if (c == 't')
            o.seconds = n;
        else if (c == 'r')
            o.rate = n;
        else
            o.steps = n;
    }
    if (o.chains < 1 || o.chains > CHAINS_MOST || optind == argc || argc - optind > CHAINS_ROOTS)
        bad_usage();
    for (; optind < argc; optind++) {
        int fd = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            fprintf(stderr, "chains: \"%s\": %m\n", argv[optind]);
            return 2;
        }
        o.root_fds[o.roots++] = fd;
    }
    if (strcmp(command, "write") == 0)
        return chains_write(&o);
    if (strcmp(command, "check") == 0)
        return chains_check(&o);
    bad_usage();
    return 2;
}
