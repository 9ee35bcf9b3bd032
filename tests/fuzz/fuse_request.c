/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests of the kernel, of any content: the parser's view lies within the buffer, always.
 */
#include "daemon/capture/request.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sink;

/* Touches every byte of what the view claims to hold. */
static void touch(const void *from, size_t size)
{
    const uint8_t *at = from;

    for (size_t i = 0; i < size; i++)
        sink += at[i];
}

static void touch_name(const char *name)
{
    if (name != NULL)
        touch(name, strlen(name) + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int ext = 0; ext < 2; ext++) {
        g_autofree uint8_t *copy = g_malloc(size + 1);
        struct request view;

        memcpy(copy, data, size);
        if (size >= sizeof(uint32_t)) {
            uint32_t length = (uint32_t)size;

            memcpy(copy, &length, sizeof(length)); /* else hardly any input gets past the header */
        }
        if (request_parse(copy, size, ext != 0, &view) != 0)
            continue;
        g_assert(view.kind != NULL && view.in != NULL);
        touch(view.fixed, view.kind->fixed);
        touch_name(view.name);
        touch_name(view.name2);
        touch(view.data, view.data_size);
        touch(view.groups, view.group_count * sizeof(uint32_t));
        if (view.in->opcode == FUSE_WRITE)
            touch(view.data, ((const struct fuse_write_in *)view.fixed)->size);
        g_assert(view.kind->names < 1 || view.name != NULL);
        g_assert(view.kind->names < 2 || view.name2 != NULL);
    }
    return 0;
}
