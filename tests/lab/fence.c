/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/fence.h"

#include "lib/base/fd.h"
#include "tests/lab/wire.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FENCE_IS_OFF = 2 };

static const char metadata[] =
    "<?xml version=\"1.0\" ?>\n"
    "<resource-agent name=\"fence_lab\" shortdesc=\"Power switch of the lab\">\n"
    "<longdesc>Turns a host of the lab off and on, out of band.</longdesc>\n"
    "<parameters>\n"
    "<parameter name=\"action\" unique=\"0\" required=\"1\">"
    "<content type=\"string\" default=\"reboot\"/>"
    "<shortdesc lang=\"en\">Fencing action</shortdesc></parameter>\n"
    "<parameter name=\"port\" unique=\"0\" required=\"0\"><content type=\"string\"/>"
    "<shortdesc lang=\"en\">Host to switch</shortdesc></parameter>\n"
    "</parameters>\n"
    "<actions><action name=\"on\" automatic=\"0\"/><action name=\"off\"/><action name=\"reboot\"/>"
    "<action name=\"status\"/><action name=\"monitor\"/><action name=\"metadata\"/>"
    "<action name=\"list\"/><action name=\"validate-all\"/></actions>\n"
    "</resource-agent>\n";

struct options {
    char action[32];
    char port[32];
    char nodename[32];
};

static void take(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "action") == 0 || strcmp(name, "option") == 0)
        snprintf(o->action, sizeof(o->action), "%s", value);
    else if (strcmp(name, "port") == 0 || strcmp(name, "plug") == 0)
        snprintf(o->port, sizeof(o->port), "%s", value);
    else if (strcmp(name, "nodename") == 0)
        snprintf(o->nodename, sizeof(o->nodename), "%s", value);
}

static void read_input(struct options *o)
{
    char line[512];
    while (fgets(line, sizeof(line), stdin)) {
        char *equals = strchr(line, '=');
        line[strcspn(line, "\r\n")] = '\0';
        if (!equals)
            continue;
        *equals = '\0';
        take(o, line, equals + 1);
    }
}

/* Asks for "power OP HOST", and says from where: the switch hangs on the site's LAN. The supervisor
 * answers "off" only when the host's disks are free. */
static int ask(const char *op, const char *host)
{
    struct dpl_err err = {0};
    dpl_autofd int fd = lab_wire_connect(LAB_IN_HOST, &err);
    char self[16] = "";
    gethostname(self, sizeof(self) - 1);
    const char *const power[] = {"power", op, host, "--from", self, NULL};
    const char *const status[] = {"status", "--plain", NULL};
    int rc = fd;
    if (rc >= 0)
        rc = lab_wire_request(fd, host[0] ? power : status, &err);
    if (rc >= 0)
        rc = lab_wire_answer(fd, NULL, &err);
    if (rc < 0)
        fprintf(stderr, "fence_lab: %s\n", err.text);
    return rc < 0 ? 1 : 0;
}

/* Exit 0 on, 2 off, 1 unknown, as fence agents do. */
static int power_status(const char *host)
{
    char line[16] = "";
    int out[2];
    if (pipe(out) < 0)
        return 1;
    dup2(out[1], 1);
    close(out[1]);
    int rc = ask("status", host);
    fflush(stdout);
    close(1);
    ssize_t n = rc == 0 ? read(out[0], line, sizeof(line) - 1) : 0;
    if (n <= 0)
        return 1;
    return strncmp(line, "off", 3) == 0 ? FENCE_IS_OFF : 0;
}

static int run(const struct options *o)
{
    const char *host = o->port[0] ? o->port : o->nodename;
    if (strcmp(o->action, "metadata") == 0 || strcmp(o->action, "meta-data") == 0)
        return fputs(metadata, stdout) == EOF;
    if (strcmp(o->action, "validate-all") == 0)
        return 0;
    if (strcmp(o->action, "monitor") == 0 || strcmp(o->action, "list") == 0)
        return ask("status", "");
    if (!host[0]) {
        fprintf(stderr, "fence_lab: %s wants a host (port)\n", o->action);
        return 1;
    }
    if (strcmp(o->action, "status") == 0)
        return power_status(host);
    if (strcmp(o->action, "reboot") == 0)
        return ask("reset", host);
    if (strcmp(o->action, "on") == 0 || strcmp(o->action, "off") == 0)
        return ask(o->action, host);
    fprintf(stderr, "fence_lab: no action \"%s\"\n", o->action);
    return 1;
}

int lab_fence_main(int argc, char **argv)
{
    struct options o = {.action = "reboot"};
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--action") == 0)
            take(&o, "action", argv[++i]);
        else if (strcmp(argv[i], "-n") == 0 || strcmp(argv[i], "--plug") == 0)
            take(&o, "port", argv[++i]);
    }
    if (argc == 1)
        read_input(&o);
    return run(&o);
}
