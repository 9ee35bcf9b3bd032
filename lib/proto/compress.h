/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Compression of frames, levels 0 to 9: 0 none, 1 to 3 LZ4, 4 to 9 Zstandard.
 *
 * The body of a compressed frame is: algorithm (1 byte), length of the plain body (4 bytes), the
 * compressed bytes. The plain length is bounded before anything is made, and must come out exactly,
 * so a small body cannot become a large one: the bound is that of every frame. Only messages that
 * the table allows are compressed, and only when that makes them smaller.
 *
 * struct dpl_codec owns the compressors' memory, made at the first use of each and kept. Errors:
 * CORRUPT, TOO_LARGE, UNSUPPORTED (an algorithm that was not agreed), NO_MEMORY.
 */
#ifndef DPL_PROTO_COMPRESS_H
#define DPL_PROTO_COMPRESS_H

#include "lib/base/err.h"
#include "lib/proto/frame.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum dpl_algorithm { DPL_ALGORITHM_LZ4 = 1, DPL_ALGORITHM_ZSTD = 2 };

enum {
    DPL_COMPRESS_LEVEL_MAX = 9,
    DPL_COMPRESS_HEAD = 5, /* in front of the compressed bytes */
};

struct dpl_codec {
    uint64_t features; /* of enum dpl_feature: the algorithms that both sides know */
    void *lz4_state, *zstd_c, *zstd_d;
    uint64_t plain_bytes, packed_bytes; /* of what was compressed or would not become smaller */
};

void dpl_codec_init(struct dpl_codec *codec, uint64_t features);
void dpl_codec_done(struct dpl_codec *codec);

/* Compresses a plain body at that level into `out`, which must have room for `size` bytes. Returns
 * the size of the frame's compressed body, which is less than size; 0 if it is better sent plain
 * (level 0, an algorithm that the peer has not, no gain); or NO_MEMORY. */
ssize_t dpl_codec_pack(struct dpl_codec *codec, unsigned level, const void *plain, size_t size,
                       void *out, struct dpl_err *err);
/* The length that the plain body will have, at most `max`: for the caller to make room. */
ssize_t dpl_codec_plain_bytes(struct dpl_view packed, size_t max, struct dpl_err *err);
/* Makes the plain body again, in room for plain_bytes. Returns its size, exactly plain_bytes. */
ssize_t dpl_codec_unpack(struct dpl_codec *codec, struct dpl_view packed, void *plain,
                         size_t plain_bytes, struct dpl_err *err);

#endif
