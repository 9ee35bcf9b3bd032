/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel(8): finds the command in the table and calls it.
 */
#include "tools/doppel.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *first, *second; /* the words of its name; the second may be NULL */
    const char *help;
    int (*run)(struct doppel *doppel, int argc, char **argv);
} commands[] = {
    {"journal", "show", "print what was captured and is not acknowledged yet", doppel_journal_show},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

int doppel_usage(const char *command, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "doppel%s%s: ", command ? " " : "", command ? command : "");
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; see doppel %s%s--help\n", command ? command : "", command ? " " : "");
    return dpl_err_cli_exit(DPL_E_USAGE);
}

int doppel_fail(const char *command, const struct dpl_err *err)
{
    fprintf(stderr, "doppel %s: %s\n", command, err->text);
    return dpl_err_cli_exit(err->code);
}

bool doppel_output_as(struct doppel *doppel, const char *value)
{
    doppel->json = strcmp(value, "json") == 0;
    return doppel->json || strcmp(value, "text") == 0;
}

static int help(void)
{
    printf("Usage: doppel [--output-as=text|json] COMMAND ...\n\nCommands:\n");
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %s %-16s %s\n", commands[i].first, commands[i].second ? commands[i].second : "",
               commands[i].help);
    printf("\ndoppel COMMAND --help says more, and so does doppel(8).\n");
    return 0;
}

static int dispatch(struct doppel *doppel, int argc, char **argv)
{
    bool known = false;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *c = &commands[i];
        int words = c->second ? 2 : 1;
        if (strcmp(argv[0], c->first) != 0)
            continue;
        known = true;
        if (c->second && (argc < 2 || strcmp(argv[1], c->second) != 0))
            continue;
        optind = 0; /* getopt begins anew, behind the command's words */
        return c->run(doppel, argc - words + 1, argv + words - 1);
    }
    if (known)
        return doppel_usage(NULL, "\"%s\" has no command \"%s\"", argv[0], argc > 1 ? argv[1] : "");
    return doppel_usage(NULL, "there is no command \"%s\"", argv[0]);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"output-as", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    struct doppel doppel = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            if (!doppel_output_as(&doppel, optarg))
                return doppel_usage(NULL, "--output-as is text or json, not \"%s\"", optarg);
            break;
        case 'h':
            return help();
        case 'V':
            printf("doppel %s\n", PACKAGE_VERSION);
            return 0;
        case ':':
            return doppel_usage(NULL, "\"%s\" needs a value", argv[optind - 1]);
        default:
            if (optopt == '?')
                return help();
            return doppel_usage(NULL, "there is no option \"%s\"", argv[optind - 1]);
        }
    }
    if (optind == argc)
        return doppel_usage(NULL, "no command was given");
    return dispatch(&doppel, argc - optind, argv + optind);
}
