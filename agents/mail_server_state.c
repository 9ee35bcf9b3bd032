/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/mail_server_state.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { STATE_BYTES = 16384 };

static bool text_of(const char *line, const char *key, char *to, size_t size)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0 || line[length] != ' ')
        return false;
    snprintf(to, size, "%s", line + length + 1);
    return true;
}

static void read_line(struct ms_state *state, const char *line)
{
    struct dpl_service_facts *facts = &state->facts;
    unsigned place;
    int pid;
    uint64_t start;
    if (strcmp(line, "started") == 0)
        state->started = true;
    else if (sscanf(line, "process %u %d %" SCNu64, &place, &pid, &start) == 3 && pid > 1 &&
             place < DPL_SERVICE_KNOWN_MAX)
        state->memory.known[place] = (struct dpl_service_known){.pid = pid, .start = start};
    else if (facts->point_count < DPL_FACTS_POINTS &&
             text_of(line, "point", facts->points[facts->point_count], DPL_FACTS_POINT))
        facts->point_count++;
    else if (sscanf(line, "misses %" SCNd64, &state->misses) == 1 ||
             text_of(line, "service", state->kind, sizeof state->kind) ||
             text_of(line, "config", state->config, sizeof state->config) ||
             text_of(line, "binary", state->binary, sizeof state->binary) ||
             text_of(line, "unit", state->unit, sizeof state->unit) ||
             text_of(line, "set", state->set, sizeof state->set) ||
             text_of(line, "data", facts->data, sizeof facts->data))
        return;
    else if (text_of(line, "pid_file", facts->pid_file, sizeof facts->pid_file))
        memcpy(state->memory.pid_file, facts->pid_file, sizeof facts->pid_file);
}

void ms_state_read(const struct dpl_ocf_run *run, struct ms_state *state_r)
{
    g_autofree char *text = NULL;
    memset(state_r, 0, sizeof *state_r);
    dpl_ocf_state_path(run, NULL, "state", state_r->path);
    dpl_ocf_state_path(run, NULL, "log", state_r->log);
    if (dpl_file_read(AT_FDCWD, state_r->path, STATE_BYTES, &text, NULL, NULL) < 0)
        return;
    state_r->there = true;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        read_line(state_r, line);
    }
}

static void print(FILE *file, const void *of)
{
    const struct ms_state *state = of;
    const struct dpl_service_facts *facts = &state->facts;
    fprintf(file, "service %s\nconfig %s\nbinary %s\nunit %s\nset %s\nmisses %" PRId64 "\n",
            state->kind, state->config, state->binary, state->unit, state->set, state->misses);
    if (state->started)
        fputs("started\n", file);
    for (unsigned i = 0; i < DPL_SERVICE_KNOWN_MAX; i++)
        if (state->memory.known[i].pid)
            fprintf(file, "process %u %d %" PRIu64 "\n", i, (int)state->memory.known[i].pid,
                    state->memory.known[i].start);
    fprintf(file, "pid_file %s\ndata %s\n", facts->pid_file, facts->data);
    for (size_t i = 0; i < facts->point_count; i++)
        fprintf(file, "point %s\n", facts->points[i]);
}

int ms_state_write(const struct ms_state *state, struct dpl_err *err)
{
    return dpl_ocf_state_write(state->path, print, state, err);
}

int ms_state_remove(const struct ms_state *state, struct dpl_err *err)
{
    (void)unlink(state->log);
    return dpl_ocf_state_remove(state->path, err);
}

static bool same(const char *have, const char *want)
{
    return strcmp(have, want ? want : "") == 0;
}

bool ms_state_is_of(const struct ms_state *state, const struct dpl_service *service)
{
    return state->there && service->kind && same(state->kind, service->kind->name) &&
           same(state->config, service->config) && same(state->unit, service->unit);
}

void ms_state_begin(struct ms_state *state, const struct dpl_service *service)
{
    state->started = false;
    state->misses = 0;
    memset(&state->memory, 0, sizeof state->memory);
    memset(&state->facts, 0, sizeof state->facts);
    snprintf(state->kind, sizeof state->kind, "%s", service->kind->name);
    snprintf(state->config, sizeof state->config, "%s", service->config ? service->config : "");
    snprintf(state->binary, sizeof state->binary, "%s", service->binary);
    snprintf(state->unit, sizeof state->unit, "%s", service->unit ? service->unit : "");
}

bool ms_state_service(const struct ms_state *state, struct dpl_service *service_r)
{
    *service_r = (struct dpl_service){.kind = dpl_service_kind_find(state->kind),
                                      .config = state->config[0] ? state->config : NULL,
                                      .binary = state->binary,
                                      .unit = state->unit[0] ? state->unit : NULL};
    return state->there && service_r->kind && state->binary[0];
}
