/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Texts that lib/service reads: the outputs of postconf, doveconf and systemctl, pid files,
 * /proc/PID/stat, the tables of sockets, command lines, addresses. The first byte chooses.
 */
#include "lib/service/command.h"
#include "lib/service/holder.h"
#include "lib/service/kind.h"
#include "lib/service/probe.h"
#include "lib/service/unit.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_learnt(char kind, const char *text)
{
    struct dpl_service_learnt learnt;
    dpl_service_learnt_init(&learnt);
    const char *half = strstr(text, "\n--\n");
    if (kind == 'p')
        dpl_service_postfix_parse(text, half ? half + 4 : text, &learnt);
    else
        dpl_service_dovecot_parse(text, &learnt);
    g_assert(learnt.facts.point_count <= DPL_FACTS_POINTS);
    for (size_t i = 0; i < learnt.facts.point_count; i++) {
        struct dpl_address address;
        g_assert(!strchr(learnt.facts.points[i], '\n'));
        (void)dpl_probe_parse(learnt.facts.points[i], "smtp", &address);
    }
    g_assert(!learnt.facts.pid_file[0] || learnt.facts.pid_file[0] == '/');
    dpl_service_learnt_done(&learnt);
}

static void check_proc(const char *text)
{
    struct dpl_proc proc;
    unsigned backlog = 0;
    if (dpl_proc_parse(text, &proc))
        g_assert(proc.pid > 0 && proc.start > 0 && strlen(proc.name) < sizeof proc.name);
    g_assert(dpl_proc_parse_pid_file(text) >= 0);
    (void)dpl_holder_parse(text, 25, &backlog);
}

static void check_address(const char *text)
{
    struct dpl_address address, again;
    if (!dpl_address_parse(text, 25, &address))
        return;
    g_assert(address.size > 0 && address.size <= sizeof address.socket);
    g_assert(dpl_address_parse(address.text, 0, &again) && address.size == again.size);
}

static void check_arguments(const char *bytes, size_t size)
{
    g_autofree char *copy = g_malloc0(size + 1);
    memcpy(copy, bytes, size);
    (void)dpl_proc_argument_in(copy, size, "/etc/x");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpl_unit unit;
    char line[64];
    if (size == 0)
        return 0;
    g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
    switch (data[0]) {
    case 'p':
    case 'd':
        check_learnt((char)data[0], text);
        break;
    case 's':
        check_proc(text);
        break;
    case 'a':
        check_address(text);
        break;
    case 'u':
        dpl_unit_parse(text, &unit);
        g_assert(unit.pid >= 0);
        break;
    case 'c':
        check_arguments((const char *)data + 1, size - 1);
        break;
    default:
        dpl_command_telling_line(text, line, sizeof line);
        g_assert(strlen(line) < sizeof line);
    }
    return 0;
}
