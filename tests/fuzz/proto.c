/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a peer sends: a stream of frames, each decoded, and decompressed where it says so. What is
 * taken must encode to a message that decodes to the same.
 */
#include "lib/proto/compress.h"
#include "lib/proto/message.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t plain[DPL_FRAME_BODY_MAX], again[DPL_FRAME_BODY_MAX + DPL_FRAME_HEAD];

static void message(unsigned type, struct dpl_view body)
{
    struct dpl_message m, back;
    struct dpl_err err;
    if (dpl_message_decode(&m, type, body.data, body.size, &err) < 0) {
        g_assert(err.text[0] != '\0');
        return;
    }
    ssize_t n = dpl_message_encode(&m, again, sizeof again, NULL);
    g_assert(n > 0 && (size_t)n <= body.size + DPL_FRAME_HEAD);
    g_assert(dpl_message_decode(&back, type, again + DPL_FRAME_HEAD, (size_t)n - DPL_FRAME_HEAD,
                                NULL) == 0);
    g_assert(back.has == m.has);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dpl_codec codec = {.features = DPL_FEATURE_ALL};
    struct dpl_frame_in in;
    struct dpl_frame f;
    int rc = 0;
    dpl_frame_in_init(&in, DPL_FRAME_BODY_MAX);
    for (size_t at = 0; at < size && rc == 0;) {
        uint8_t *to;
        size_t room;
        if (dpl_frame_in_room(&in, &to, &room, NULL) < 0)
            break;
        size_t piece = room < size - at ? room : size - at;
        memcpy(to, data + at, piece);
        dpl_frame_in_added(&in, piece);
        at += piece;
        while ((rc = dpl_frame_in_next(&in, &f, NULL)) > 0) {
            struct dpl_view body = f.body;
            if (f.flags & DPL_FRAME_COMPRESSED) {
                ssize_t n = dpl_codec_unpack(&codec, body, plain, sizeof plain, NULL);
                if (n < 0)
                    continue;
                body = (struct dpl_view){plain, (size_t)n};
            }
            message(f.type, body);
        }
    }
    dpl_frame_in_done(&in);
    return 0;
}
