/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/proto/compress.h"

#include "lib/proto/message.h"
#include "lib/wire/writer.h"

#include <lz4.h>
#include <lz4hc.h>
#include <stdlib.h>
#include <zstd.h>

/* What each level is. LZ4: acceleration, or a level of its slower search if high is set. */
static const struct {
    uint8_t algorithm;
    uint8_t high;
    int parameter;
} levels[DPL_COMPRESS_LEVEL_MAX + 1] = {
    {0, 0, 0},
    {DPL_ALGORITHM_LZ4, 0, 8},
    {DPL_ALGORITHM_LZ4, 0, 1},
    {DPL_ALGORITHM_LZ4, 1, LZ4HC_CLEVEL_MIN},
    {DPL_ALGORITHM_ZSTD, 0, 1},
    {DPL_ALGORITHM_ZSTD, 0, 2},
    {DPL_ALGORITHM_ZSTD, 0, 3},
    {DPL_ALGORITHM_ZSTD, 0, 6},
    {DPL_ALGORITHM_ZSTD, 0, 9},
    {DPL_ALGORITHM_ZSTD, 0, 15},
};

void dpl_codec_init(struct dpl_codec *codec, uint64_t features)
{
    *codec = (struct dpl_codec){.features = features};
}

void dpl_codec_done(struct dpl_codec *codec)
{
    free(codec->lz4_state);
    ZSTD_freeCCtx(codec->zstd_c);
    ZSTD_freeDCtx(codec->zstd_d);
    *codec = (struct dpl_codec){0};
}

static bool agreed(const struct dpl_codec *codec, unsigned algorithm)
{
    uint64_t feature = algorithm == DPL_ALGORITHM_LZ4    ? DPL_FEATURE_LZ4
                       : algorithm == DPL_ALGORITHM_ZSTD ? DPL_FEATURE_ZSTD
                                                         : 0;
    return (codec->features & feature) != 0;
}

/* Bytes written, 0 if they do not fit, or NO_MEMORY. */
static ssize_t lz4_pack(struct dpl_codec *codec, unsigned level, const void *plain, size_t size,
                        uint8_t *out, size_t room)
{
    if (!codec->lz4_state) {
        int fast = LZ4_sizeofState(), high = LZ4_sizeofStateHC();
        codec->lz4_state = malloc((size_t)(fast > high ? fast : high));
        if (!codec->lz4_state)
            return DPL_E_NO_MEMORY;
    }
    if (levels[level].high)
        return LZ4_compress_HC_extStateHC(codec->lz4_state, plain, (char *)out, (int)size,
                                          (int)room, levels[level].parameter);
    return LZ4_compress_fast_extState(codec->lz4_state, plain, (char *)out, (int)size, (int)room,
                                      levels[level].parameter);
}

static ssize_t zstd_pack(struct dpl_codec *codec, unsigned level, const void *plain, size_t size,
                         uint8_t *out, size_t room)
{
    if (!codec->zstd_c && !(codec->zstd_c = ZSTD_createCCtx()))
        return DPL_E_NO_MEMORY;
    size_t n = ZSTD_compressCCtx(codec->zstd_c, out, room, plain, size, levels[level].parameter);
    return ZSTD_isError(n) ? 0 : (ssize_t)n;
}

ssize_t dpl_codec_pack(struct dpl_codec *codec, unsigned level, const void *plain, size_t size,
                       void *out, struct dpl_err *err)
{
    if (level > DPL_COMPRESS_LEVEL_MAX)
        level = DPL_COMPRESS_LEVEL_MAX;
    unsigned algorithm = levels[level].algorithm;
    if (algorithm == 0 || !agreed(codec, algorithm) || size <= DPL_COMPRESS_HEAD + 1 ||
        size > DPL_FRAME_BODY_MAX)
        return 0;
    uint8_t *bytes = out;
    size_t room = size - DPL_COMPRESS_HEAD - 1;
    ssize_t n = algorithm == DPL_ALGORITHM_LZ4
                    ? lz4_pack(codec, level, plain, size, bytes + DPL_COMPRESS_HEAD, room)
                    : zstd_pack(codec, level, plain, size, bytes + DPL_COMPRESS_HEAD, room);
    if (n < 0)
        return dpl_err_set(err, (int)n, "memory for compression");
    codec->plain_bytes += size;
    codec->packed_bytes += n > 0 ? DPL_COMPRESS_HEAD + (size_t)n : size;
    if (n == 0)
        return 0;
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, DPL_COMPRESS_HEAD);
    dpl_writer_u8(&w, (uint8_t)algorithm);
    dpl_writer_u32(&w, (uint32_t)size);
    return DPL_COMPRESS_HEAD + n;
}

ssize_t dpl_codec_plain_bytes(struct dpl_view packed, size_t max, struct dpl_err *err)
{
    struct dpl_reader r;
    dpl_reader_init(&r, packed.data, packed.size);
    dpl_reader_u8(&r);
    size_t plain = dpl_reader_u32(&r);
    if (r.code || r.left == 0 || plain <= packed.size)
        return dpl_err_set(err, DPL_E_CORRUPT, "a compressed frame of %zu bytes makes no sense",
                           packed.size);
    if (plain > max || plain > DPL_FRAME_BODY_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE,
                           "a compressed frame says that it becomes %zu bytes, allowed are %zu",
                           plain, max);
    return (ssize_t)plain;
}

static ssize_t zstd_unpack(struct dpl_codec *codec, struct dpl_view in, void *plain, size_t size)
{
    if (!codec->zstd_d && !(codec->zstd_d = ZSTD_createDCtx()))
        return DPL_E_NO_MEMORY;
    size_t n = ZSTD_decompressDCtx(codec->zstd_d, plain, size, in.data, in.size);
    return ZSTD_isError(n) ? DPL_E_CORRUPT : (ssize_t)n;
}

ssize_t dpl_codec_unpack(struct dpl_codec *codec, struct dpl_view packed, void *plain,
                         size_t plain_bytes, struct dpl_err *err)
{
    ssize_t said = dpl_codec_plain_bytes(packed, plain_bytes, err);
    if (said < 0)
        return said;
    unsigned algorithm = packed.data[0];
    if (!agreed(codec, algorithm))
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "compression %u was not agreed", algorithm);
    struct dpl_view in = {packed.data + DPL_COMPRESS_HEAD, packed.size - DPL_COMPRESS_HEAD};
    ssize_t n = algorithm == DPL_ALGORITHM_LZ4
                    ? LZ4_decompress_safe((const char *)in.data, plain, (int)in.size, (int)said)
                    : zstd_unpack(codec, in, plain, (size_t)said);
    if (n == DPL_E_NO_MEMORY && algorithm == DPL_ALGORITHM_ZSTD)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "memory for decompression");
    if (n != said)
        return dpl_err_set(err, DPL_E_CORRUPT, "a compressed frame does not become %zd bytes",
                           said);
    return n;
}
