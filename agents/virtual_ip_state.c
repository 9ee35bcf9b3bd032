/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/virtual_ip_state.h"

#include "lib/base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_BYTES = 65536 };

static int add_route(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    struct vip_state *state = data;
    struct dpl_net_route route;
    int code = dpl_net_route_decode(message, &route, err);
    if (code < 0)
        return code;
    struct dpl_net_route *items =
        reallocarray(state->routes.items, state->routes.count + 1, sizeof *items);
    if (!items)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for the state");
    state->routes.items = items;
    items[state->routes.count++] = route;
    return DPL_OK;
}

static void read_route(struct vip_state *state, const char *hex)
{
    uint8_t bytes[DPL_NET_ROUTE_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
    size_t size = 0;
    unsigned byte;
    for (; size < sizeof bytes && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        bytes[size++] = (uint8_t)byte;
    (void)dpl_net_nl_walk(bytes, size, add_route, state, NULL); /* a damaged one is none */
}

static void read_line(struct vip_state *state, const char *line)
{
    char address[DPL_NET_ADDR_TEXT];
    if (sscanf(line, "addr %45s", address) == 1)
        (void)dpl_net_addr_parse(address, &state->addr);
    else if (strncmp(line, "route ", 6) == 0)
        read_route(state, line + 6);
    else if (sscanf(line, "index %d", &state->index) != 1)
        (void)!sscanf(line, "prefix %d", &state->prefix);
}

void vip_state_read(const char *path, struct vip_state *state_r)
{
    *state_r = (struct vip_state){0};
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(STATE_BYTES);
    ssize_t size = text ? dpl_fd_read_full(fd, text, STATE_BYTES - 1, NULL) : -1;
    if (size > 0)
        text[size] = '\0';
    for (char *line = text, *end; size > 0 && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        read_line(state_r, line);
    }
    free(text);
}

static void print(FILE *file, const void *of)
{
    const struct vip_state *state = of;
    char address[DPL_NET_ADDR_TEXT];
    fprintf(file, "addr %s\nindex %d\nprefix %d\n", dpl_net_addr_format(&state->addr, address),
            state->index, state->prefix);
    for (size_t i = 0; i < state->routes.count; i++) {
        fprintf(file, "route ");
        for (size_t at = 0; at < state->routes.items[i].size; at++)
            fprintf(file, "%02x", state->routes.items[i].message[at]);
        fprintf(file, "\n");
    }
}

int vip_state_write(const char *path, const struct vip_state *state, struct dpl_err *err)
{
    return dpl_ocf_state_write(path, print, state, err);
}

void vip_state_done(struct vip_state *state)
{
    dpl_net_routes_done(&state->routes);
    *state = (struct vip_state){0};
}
