/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel(8): finds the command in the table, reads its arguments, and has it done.
 */
#include "tools/doppel.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t doppel_stop;

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

int doppel_flushed(const char *command, int status)
{
    struct dpl_err err = {0};
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    dpl_err_set(&err, DPL_E_IO, "standard output cannot be written");
    return doppel_fail(command, &err);
}

bool doppel_colours(void)
{
    return isatty(STDOUT_FILENO) && !g_getenv("NO_COLOR") && g_strcmp0(g_getenv("TERM"), "dumb");
}

bool doppel_output_as(struct doppel *doppel, const char *value)
{
    doppel->json = strcmp(value, "json") == 0;
    return doppel->json || strcmp(value, "text") == 0;
}

static int help_all(void)
{
    const struct dpl_command *c;
    printf("Usage: doppel [--instance=NAME] [--output-as=text|json] [-q|-v] COMMAND ...\n\n"
           "Commands:\n");
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++)
        printf("  %-14s %s\n", c->words, c->help);
    printf("\ndoppel COMMAND --help says more, and so does doppel(8).\n");
    return doppel_flushed("--help", 0);
}

static int help_one(const struct dpl_command *c)
{
    printf("Usage: doppel %s%s%s\n\n%c%s.\n\n", c->words, c->arguments[0] ? " " : "", c->arguments,
           g_ascii_toupper(c->help[0]), c->help + 1);
    printf("For root and the group%s doppel-admin%s.\n", c->right == DPL_RIGHT_LOOK ? "s" : "",
           c->right == DPL_RIGHT_LOOK ? " and doppel-monitor" : "");
    printf("Options of every command: --instance=NAME, --output-as=text|json, -q, -v, --help.\n"
           "Exit status: 0 done, 1 failed, 2 usage, 3 not reached or timeout, 4 refused by a "
           "guard,\n5 peer unreachable, 6 done but degraded, 7 procedure unfinished, 130 "
           "interrupted; see "
           "doppel(8).\n");
    return doppel_flushed(c->words, 0);
}

/* The command that argv begins with, and of how many words it is. NULL: none. */
static const struct dpl_command *find(int argc, char **argv, int *words_r)
{
    const struct dpl_command *found = NULL;
    if (argc > 1) {
        g_autofree char *two = g_strdup_printf("%s %s", argv[0], argv[1]);
        found = dpl_command_find(two);
        *words_r = 2;
    }
    if (!found) {
        found = dpl_command_find(argv[0]);
        *words_r = 1;
    }
    return found;
}

static int unknown(int argc, char **argv)
{
    const struct dpl_command *c;
    size_t n = strlen(argv[0]);
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++)
        if (strncmp(c->words, argv[0], n) == 0 && c->words[n] == ' ')
            return doppel_usage(NULL, "\"%s\" has no command \"%s\"", argv[0],
                                argc > 1 ? argv[1] : "");
    return doppel_usage(NULL, "there is no command \"%s\"", argv[0]);
}

/* Takes the options of every command out of argv. -1 to go on, else an exit status. */
static int take_common(struct doppel *doppel, const struct dpl_command *c, int *argc, char **argv)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--") == 0) {
            while (i < *argc)
                argv[kept++] = argv[i++];
            break;
        }
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0)
            return help_one(c);
        if (strcmp(word, "-q") == 0)
            doppel->quiet = true;
        else if (strcmp(word, "-v") == 0)
            doppel->verbose = true;
        else if (g_str_has_prefix(word, "--instance="))
            doppel->instance = strchr(word, '=') + 1;
        else if (!g_str_has_prefix(word, "--output-as"))
            argv[kept++] = argv[i];
        else if (word[11] != '=' && (word[11] != '\0' || i + 1 == *argc))
            return doppel_usage(c->words, "--output-as needs a value");
        else if (!doppel_output_as(doppel, word[11] ? word + 12 : argv[++i]))
            return doppel_usage(c->words, "--output-as is text or json, not \"%s\"",
                                word[11] ? word + 12 : argv[i]);
    }
    *argc = kept;
    return -1;
}

static void on_signal(int number)
{
    (void)number;
    doppel_stop = doppel_stop ? 2 : 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

/* Commands of the daemon that are more than an answer printed. */
static const struct {
    const char *words;
    int (*run)(struct doppel *doppel, const struct dpl_command *c, const struct dpl_doc *args);
} printers[] = {
    {"status", doppel_status},
    {"verify", doppel_verify},
    {"failover", doppel_procedure_begin},
    {"restore", doppel_procedure_begin},
    {"failback", doppel_procedure_begin},
    {"procedure resume", doppel_procedure_begin},
    {"procedure undo", doppel_procedure_begin},
    {"procedure show", doppel_procedure_show},
};

static int dispatch(struct doppel *doppel, int argc, char **argv)
{
    int words = 0;
    const struct dpl_command *c = find(argc, argv, &words);
    g_autoptr(dpl_doc_auto) args = NULL;
    struct dpl_err err = {0};
    if (!c)
        return unknown(argc, argv);
    if (strcmp(c->words, "journal show") == 0) {
        optind = 0; /* getopt begins anew, behind the command's words */
        return doppel_journal_show(doppel, argc - words + 1, argv + words - 1);
    }
    argc -= words;
    int status = take_common(doppel, c, &argc, argv + words);
    if (status >= 0)
        return status;
    if (dpl_command_parse(c, argc, argv + words, &args, &err) < 0)
        return doppel_usage(c->words, "%s", err.text);
    if (strcmp(c->words, "emergency detach") == 0)
        return doppel_emergency_detach(doppel, args);
    if (strcmp(c->words, "emergency attach") == 0)
        return doppel_emergency_attach(doppel, args);
    if (c->place == DPL_PLACE_LOCAL) {
        doppel_completion(stdout);
        return doppel_flushed(c->words, 0);
    }
    catch_signals();
    for (size_t i = 0; i < G_N_ELEMENTS(printers); i++)
        if (strcmp(c->words, printers[i].words) == 0)
            return printers[i].run(doppel, c, args);
    return doppel_remote(doppel, c, args);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"output-as", required_argument, NULL, 'o'},
                                            {"instance", required_argument, NULL, 'i'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    struct doppel doppel = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+:hqv", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            if (!doppel_output_as(&doppel, optarg))
                return doppel_usage(NULL, "--output-as is text or json, not \"%s\"", optarg);
            break;
        case 'i':
            doppel.instance = optarg;
            break;
        case 'q':
            doppel.quiet = true;
            break;
        case 'v':
            doppel.verbose = true;
            break;
        case 'h':
            return help_all();
        case 'V':
            printf("doppel %s\n", PACKAGE_VERSION);
            return 0;
        case ':':
            return doppel_usage(NULL, "\"%s\" needs a value", argv[optind - 1]);
        default:
            if (optopt == '?')
                return help_all();
            return doppel_usage(NULL, "there is no option \"%s\"", argv[optind - 1]);
        }
    }
    if (optind == argc)
        return doppel_usage(NULL, "no command was given");
    return dispatch(&doppel, argc - optind, argv + optind);
}
