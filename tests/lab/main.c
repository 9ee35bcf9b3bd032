/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lab's command. Under other names it is what a host needs: fence_lab and modprobe.
 */
#include "tests/lab/client.h"
#include "tests/lab/fence.h"
#include "tests/lab/holds.h"
#include "tests/lab/up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    int min, max; /* words after it */
    const char *words, *help;
};

/* Commands that go to the supervisor as they are. */
static const struct command commands[] = {
    {"power", 2, 2, "on|off|reset|status HOST",
     "the power switch; off: what was not flushed is lost"},
    {"crash", 1, 1, "HOST",
     "kill its init; the switch does not know; what the kernel holds is flushed"},
    {"freeze", 1, 1, "HOST", "stop all its processes where they are"},
    {"thaw", 1, 1, "HOST", "let them go on"},
    {"lan", 2, 4, "HOST cut|heal [--in] [--out]",
     "pull its cable, or drop what it gets or sends (its link then stays up)"},
    {"wan", 1, 8, "cut|heal [X-Y] [--X-to-Y]", "the wire between two sites, a-b if not said"},
    {"wan", 1, 8, "rate [X-Y] RATE|off", "its bandwidth, as 10mbit"},
    {"wan", 1, 8, "relay [X-Y] [--loss PERCENT] [--delay MS] [--seed N]|off",
     "lose and delay frames"},
    {"holds", 0, 0, "", "what each host holds: shared disks in use, addresses"},
    {"status", 0, 1, "[--plain]", "hosts and wires, as a table or as name=value"},
};

static void print_help(FILE *to)
{
    fprintf(
        to,
        "usage: lab [--name N] COMMAND ...\n"
        "  up [OPTION...]\n      make a lab and wait until its clusters are online; "
        "see lab up --help\n"
        "  down\n      end it; nothing is left\n"
        "  exec HOST COMMAND...\n      run a command in a host, or in a router (rA, rB, ...)\n");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        fprintf(to, "  %s %s\n      %s\n", commands[i].name, commands[i].words, commands[i].help);
    fprintf(to,
            "  watch [ADDRESS...]\n      tell each change of who holds a shared disk or one of the "
            "addresses;\n      DOUBLE if two hosts do\n"
            "  list\n      names of the labs that are up\n"
            "The name is \"lab\" unless said by --name or LAB_NAME.\n"
            "exit: 0 ok, 1 failed, 2 usage, 77 the machine cannot run a lab (the reason is said);\n"
            "      exec: the command's own, 128 + signal, 125 if the host cannot be entered\n");
}

static int usage(const char *why, const char *what)
{
    fprintf(stderr, "lab: %s%s; see lab --help\n", why, what);
    return 2;
}

static int failed(int rc, const struct dpl_err *err)
{
    fprintf(stderr, "lab: %s\n", err->text);
    return dpl_err_cli_exit(rc) == 2 ? 2 : 1;
}

static int run_exec(const char *dir, int argc, char **argv)
{
    struct dpl_err err = {0};
    if (argc < 3)
        return usage("exec wants a host and a command", "");
    int rc = lab_client_exec(dir, argv[1], (const char *const *)&argv[2], &err);
    if (rc < 0)
        fprintf(stderr, "lab: %s\n", err.text);
    fflush(NULL);
    /* This process makes its children in the host now: no exit handler shall try to. */
    _exit(rc < 0 ? LAB_EXIT_CANNOT_ENTER : rc);
}

static int run_request(const char *dir, int argc, char **argv)
{
    struct dpl_err err = {0};
    const struct command *known = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(commands) && !known; i++)
        if (strcmp(commands[i].name, argv[0]) == 0)
            known = &commands[i];
    if (!known)
        return usage("no command ", argv[0]);
    if (argc - 1 < known->min || argc - 1 > known->max)
        return usage("wrong number of words for ", argv[0]);
    int rc = lab_client_ask(dir, (const char *const *)argv, &err);
    return rc < 0 ? failed(rc, &err) : 0;
}

static int run_command(const char *name, int argc, char **argv)
{
    char dir[64];
    struct dpl_err err = {0};
    lab_client_dir(name, dir, sizeof(dir));
    if (strcmp(argv[0], "up") == 0)
        return lab_up_main(name, argc, argv);
    if (argc > 1 && (argc == 2 || strcmp(argv[0], "exec") != 0) &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[0], "exec") == 0)
        return run_exec(dir, argc, argv);
    if (strcmp(argv[0], "watch") == 0)
        return lab_watch(dir, (const char *const *)&argv[1]);
    if (strcmp(argv[0], "list") == 0)
        return argc > 1 ? usage("list takes no words", "") : lab_client_list();
    if (strcmp(argv[0], "down") != 0)
        return run_request(dir, argc, argv);
    if (argc > 1)
        return usage("down takes no words", "");
    int rc = lab_client_down(dir, &err);
    return rc < 0 ? failed(rc, &err) : 0;
}

static int lab_main(int argc, char **argv)
{
    const char *name = getenv("LAB_NAME");
    int at = 1;
    if (!name || !*name)
        name = "lab";
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
            print_help(stdout);
            return 0;
        }
        if (strcmp(argv[at], "--name") == 0 && at + 1 < argc)
            name = argv[++at];
        else if (strncmp(argv[at], "--name=", 7) == 0)
            name = argv[at] + 7;
        else
            return usage("no option ", argv[at]);
    }
    if (!lab_client_name_ok(name))
        return usage("not a lab's name: ", name);
    if (at == argc)
        return usage("a command is wanted", "");
    return run_command(name, argc - at, argv + at);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *self = slash ? slash + 1 : argv[0];
    if (strcmp(self, "fence_lab") == 0)
        return lab_fence_main(argc, argv);
    if (strcmp(self, "modprobe") == 0)
        return 0; /* the kernel has what the lab needs; Filesystem insists on the command */
    return lab_main(argc, argv);
}
