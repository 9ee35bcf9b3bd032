/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any bytes as events of fanotify: never more than an error, and whatever is reported lies within
 * them.
 */
#include "daemon/capture/bypass.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct span {
    const uint8_t *from, *to;
    int count;
};

static void look_at_handle(const struct span *span, const struct dpl_bypass_handle *handle)
{
    if (handle->size > 0)
        g_assert(handle->bytes >= span->from && handle->bytes + handle->size <= span->to);
}

static void look(void *self, const struct dpl_bypass_change *change)
{
    struct span *span = self;
    span->count++;
    look_at_handle(span, &change->object);
    look_at_handle(span, &change->parent);
    if (change->name)
        g_assert((const uint8_t *)change->name + strlen(change->name) < span->to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exactly this size, so that the sanitizer sees a step too far. */
    g_autofree uint8_t *copy = g_malloc(size + 1);
    memcpy(copy + 1, data, size); /* and not aligned, as nothing says that it is */
    struct span span = {copy + 1, copy + 1 + size, 0};
    struct dpl_err err = {0};
    int rc = dpl_bypass_parse(copy + 1, size, look, &span, &err);
    g_assert(rc < 0 ? rc == DPL_E_CORRUPT && err.code == rc : rc == span.count);
    return 0;
}
