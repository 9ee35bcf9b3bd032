/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every opcode of the parser of requests, against a table of its own: what the kernel sends passes
 * to the byte, and no shorter form does. Each request is parsed in a buffer of exactly its size, so
 * that a sanitizer sees a read beyond it.
 */
#include "daemon/capture/request.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 2, ROOM = 8192 };

/* What linux/fuse.h says of the bytes behind the header. */
static const struct form {
    uint32_t opcode;
    size_t fixed;
    unsigned names;
    size_t tail; /* bytes of data in the example; 0: there is none */
} forms[] = {
    {FUSE_LOOKUP, 0, 1, 0},
    {FUSE_FORGET, sizeof(struct fuse_forget_in), 0, 0},
    {FUSE_GETATTR, sizeof(struct fuse_getattr_in), 0, 0},
    {FUSE_SETATTR, sizeof(struct fuse_setattr_in), 0, 0},
    {FUSE_READLINK, 0, 0, 0},
    {FUSE_SYMLINK, 0, 2, 0},
    {FUSE_MKNOD, sizeof(struct fuse_mknod_in), 1, 0},
    {FUSE_MKDIR, sizeof(struct fuse_mkdir_in), 1, 0},
    {FUSE_UNLINK, 0, 1, 0},
    {FUSE_RMDIR, 0, 1, 0},
    {FUSE_RENAME, sizeof(struct fuse_rename_in), 2, 0},
    {FUSE_LINK, sizeof(struct fuse_link_in), 1, 0},
    {FUSE_READ, sizeof(struct fuse_read_in), 0, 0},
    {FUSE_WRITE, sizeof(struct fuse_write_in), 0, 1000},
    {FUSE_STATFS, 0, 0, 0},
    {FUSE_RELEASE, sizeof(struct fuse_release_in), 0, 0},
    {FUSE_FSYNC, sizeof(struct fuse_fsync_in), 0, 0},
    {FUSE_SETXATTR, FUSE_COMPAT_SETXATTR_IN_SIZE, 1, 100},
    {FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), 1, 0},
    {FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in), 0, 0},
    {FUSE_REMOVEXATTR, 0, 1, 0},
    {FUSE_READDIR, sizeof(struct fuse_read_in), 0, 0},
    {FUSE_RELEASEDIR, sizeof(struct fuse_release_in), 0, 0},
    {FUSE_FSYNCDIR, sizeof(struct fuse_fsync_in), 0, 0},
    {FUSE_CREATE, sizeof(struct fuse_create_in), 1, 0},
    {FUSE_INTERRUPT, sizeof(struct fuse_interrupt_in), 0, 0},
    {FUSE_DESTROY, 0, 0, 0},
    {FUSE_IOCTL, sizeof(struct fuse_ioctl_in), 0, 4},
    {FUSE_BATCH_FORGET, sizeof(struct fuse_batch_forget_in), 0, 3 * sizeof(struct fuse_forget_one)},
    {FUSE_FALLOCATE, sizeof(struct fuse_fallocate_in), 0, 0},
    {FUSE_READDIRPLUS, sizeof(struct fuse_read_in), 0, 0},
    {FUSE_RENAME2, sizeof(struct fuse_rename2_in), 2, 0},
    {FUSE_LSEEK, sizeof(struct fuse_lseek_in), 0, 0},
    {FUSE_COPY_FILE_RANGE, sizeof(struct fuse_copy_file_range_in), 0, 0},
    {FUSE_SYNCFS, sizeof(struct fuse_syncfs_in), 0, 0},
    {FUSE_TMPFILE, sizeof(struct fuse_create_in), 1, 0},
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static uint8_t bytes[ROOM];
static size_t used;

static void put(const void *data, size_t size)
{
    if (size > 0)
        memcpy(bytes + used, data, size);
    used += size;
}

/* Sets the count in the fixed part that says how much data follows. */
static void put_count(const struct form *form, size_t tail)
{
    uint8_t *fixed = bytes + sizeof(struct fuse_in_header);

    if (form->opcode == FUSE_WRITE)
        ((struct fuse_write_in *)(void *)fixed)->size = (uint32_t)tail;
    else if (form->opcode == FUSE_SETXATTR)
        ((struct fuse_setxattr_in *)(void *)fixed)->size = (uint32_t)tail;
    else if (form->opcode == FUSE_IOCTL)
        ((struct fuse_ioctl_in *)(void *)fixed)->in_size = (uint32_t)tail;
    else if (form->opcode == FUSE_BATCH_FORGET)
        ((struct fuse_batch_forget_in *)(void *)fixed)->count =
            (uint32_t)(tail / sizeof(struct fuse_forget_one));
}

/* Builds a request in bytes. Its length is set by parse(). */
static void build(const struct form *form, size_t fixed, const char *const *names, size_t tail)
{
    struct fuse_in_header in = {.opcode = form->opcode, .unique = 5, .nodeid = 1};

    memset(bytes, 0, sizeof bytes);
    used = 0;
    put(&in, sizeof in);
    used += fixed;
    for (unsigned i = 0; i < form->names && i < NAMES; i++)
        put(names[i], strlen(names[i]) + 1);
    memset(bytes + used, 'd', tail);
    used += tail;
    put_count(form, tail);
}

static struct request view;

/* Parses the first `size` bytes, alone in memory. What the view points at is gone afterwards. */
static int parse_as(size_t size, uint32_t length, bool ext)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    int code;

    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    memcpy(copy, bytes, size);
    if (size >= sizeof length)
        memcpy(copy, &length, sizeof length);
    code = request_parse(copy, size, ext, &view);
    free(copy);
    return code;
}

static int parse(size_t size)
{
    return parse_as(size, (uint32_t)size, false);
}

static const char *const plain[NAMES] = {"name", "other"};

static void whole_requests(void)
{
    for (unsigned i = 0; i < FORMS; i++) {
        const struct form *form = &forms[i];

        build(form, form->fixed, plain, form->tail);
        CU_ASSERT_EQUAL(parse(used), 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(view.kind);
        CU_ASSERT_EQUAL(view.kind->fixed, form->fixed);
        CU_ASSERT_EQUAL(view.kind->names, form->names);
        CU_ASSERT_EQUAL(view.kind->tail, form->tail > 0);
        CU_ASSERT_EQUAL(view.data_size, form->tail);
    }
}

static void every_shorter_one(void)
{
    for (unsigned i = 0; i < FORMS; i++) {
        const struct form *form = &forms[i];

        build(form, form->fixed, plain, form->tail);
        for (size_t size = 0; size < used; size++)
            if (parse(size) != -EINVAL) {
                printf("%s of %zu bytes, not %zu: taken\n", request_kind(form->opcode)->name, size,
                       used);
                CU_FAIL("a request that was cut was taken");
            }
    }
}

static void lengths(void)
{
    for (unsigned i = 0; i < FORMS; i++) {
        build(&forms[i], forms[i].fixed, plain, forms[i].tail);
        CU_ASSERT_EQUAL(parse_as(used, (uint32_t)used + 1, false), -EINVAL);
        CU_ASSERT_EQUAL(parse_as(used, (uint32_t)used - 1, false), -EINVAL);
        CU_ASSERT_EQUAL(parse_as(used, 0, false), -EINVAL);
        CU_ASSERT_EQUAL(parse_as(used, UINT32_MAX, false), -EINVAL);
    }
}

/* Later kernels make fixed parts longer: what is behind is left alone, unless data is awaited. */
static void longer_ones(void)
{
    for (unsigned i = 0; i < FORMS; i++) {
        build(&forms[i], forms[i].fixed, plain, forms[i].tail);
        used += 24;
        CU_ASSERT_EQUAL(parse(used), 0);
        CU_ASSERT_EQUAL(view.data_size, forms[i].tail > 0 ? forms[i].tail + 24 : 0);
    }
}

/* Counts say no more than there is. */
static void counts(void)
{
    for (unsigned i = 0; i < FORMS; i++) {
        const struct form *form = &forms[i];
        size_t one = form->opcode == FUSE_BATCH_FORGET ? sizeof(struct fuse_forget_one) : 1;

        if (form->tail == 0)
            continue;
        build(form, form->fixed, plain, form->tail);
        put_count(form, form->tail + one);
        CU_ASSERT_EQUAL(parse(used), -EINVAL);
        put_count(form, UINT32_MAX);
        CU_ASSERT_EQUAL(parse(used), -EINVAL);
        put_count(form, form->tail - one);
        CU_ASSERT_EQUAL(parse(used), 0);
        build(form, form->fixed, plain, 0);
        CU_ASSERT_EQUAL(parse(used), 0);
        CU_ASSERT_EQUAL(view.data_size, 0);
    }
}

/* UINT32_MAX forgets times the size of one is small in 32 bits. */
static void forget_overflow(void)
{
    const struct form form = {FUSE_BATCH_FORGET, sizeof(struct fuse_batch_forget_in), 0, 16};
    struct fuse_batch_forget_in *in = (void *)(bytes + sizeof(struct fuse_in_header));

    build(&form, form.fixed, plain, form.tail);
    in->count = UINT32_MAX / (uint32_t)sizeof(struct fuse_forget_one) + 2;
    CU_ASSERT_EQUAL(parse(used), -EINVAL);
}

static int with_names(uint32_t opcode, const char *first, const char *second)
{
    const char *const names[NAMES] = {first, second};

    for (unsigned i = 0; i < FORMS; i++)
        if (forms[i].opcode == opcode) {
            build(&forms[i], forms[i].fixed, names, forms[i].tail);
            return parse(used);
        }
    CU_FAIL_FATAL("no such opcode");
    return 0;
}

static bool is_xattr(uint32_t opcode)
{
    return opcode == FUSE_SETXATTR || opcode == FUSE_GETXATTR || opcode == FUSE_REMOVEXATTR;
}

static void components(void)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "a/"};
    char longest[NAME_MAX + 2];

    memset(longest, 'n', sizeof longest);
    for (unsigned i = 0; i < FORMS; i++) {
        uint32_t opcode = forms[i].opcode;

        if (forms[i].names == 0)
            continue;
        longest[NAME_MAX] = '\0';
        CU_ASSERT_EQUAL(with_names(opcode, longest, longest), 0);
        if (is_xattr(opcode) || opcode == FUSE_TMPFILE)
            continue;
        for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++)
            CU_ASSERT_EQUAL(with_names(opcode, bad[b], "other"), -EINVAL);
        longest[NAME_MAX] = 'n';
        longest[NAME_MAX + 1] = '\0';
        CU_ASSERT_EQUAL(with_names(opcode, longest, "other"), -ENAMETOOLONG);
        if (opcode != FUSE_RENAME && opcode != FUSE_RENAME2)
            continue;
        for (size_t b = 0; b < sizeof bad / sizeof bad[0]; b++)
            CU_ASSERT_EQUAL(with_names(opcode, "name", bad[b]), -EINVAL);
        CU_ASSERT_EQUAL(with_names(opcode, "name", longest), -ENAMETOOLONG);
    }
    CU_ASSERT_EQUAL(with_names(FUSE_SYMLINK, "name", "../../any/target"), 0);
    CU_ASSERT_EQUAL(with_names(FUSE_TMPFILE, "/", ""), 0);
    CU_ASSERT_EQUAL(with_names(FUSE_GETXATTR, "user.a/b", ""), 0);
}

static void opcodes(void)
{
    unsigned served = 0;

    for (uint32_t opcode = 0; opcode < 4096; opcode++) {
        const struct form form = {opcode, 0, 0, 0};

        served += request_kind(opcode) != NULL;
        if (request_kind(opcode) != NULL)
            continue;
        build(&form, 100, plain, 0);
        CU_ASSERT_EQUAL(parse(used), -ENOSYS);
        CU_ASSERT_PTR_NOT_NULL(view.in);
    }
    /* INIT and STATX are not in the table above: the one is of any size, the other new. */
    CU_ASSERT_EQUAL(served, FORMS + 2);
    CU_ASSERT_PTR_NULL(request_kind(UINT32_MAX));
}

static void extended_setxattr(void)
{
    static const struct form form = {FUSE_SETXATTR, sizeof(struct fuse_setxattr_in), 1, 50};

    build(&form, form.fixed, plain, form.tail);
    CU_ASSERT_EQUAL(parse_as(used, (uint32_t)used, true), 0);
    CU_ASSERT_EQUAL(view.data_size, 50);
    for (size_t size = 0; size < used; size++)
        CU_ASSERT_EQUAL(parse_as(size, (uint32_t)size, true), -EINVAL);
}

/* Groups of the caller at the end of a request that creates. */
static int with_groups(uint32_t header_size, uint32_t type, uint32_t count, uint16_t total)
{
    static const struct form form = {FUSE_MKDIR, sizeof(struct fuse_mkdir_in), 1, 0};
    const uint32_t ext[6] = {header_size, type, count, 7, 8, 0};

    build(&form, form.fixed, plain, 0);
    put(ext, sizeof ext);
    ((struct fuse_in_header *)(void *)bytes)->total_extlen = total;
    return parse(used);
}

static void extensions(void)
{
    CU_ASSERT_EQUAL(with_groups(24, FUSE_EXT_GROUPS, 2, 3), 0);
    CU_ASSERT_EQUAL(view.group_count, 2);
    CU_ASSERT_EQUAL(with_groups(24, FUSE_EXT_GROUPS, 3, 3), 0);
    CU_ASSERT_EQUAL(with_groups(24, FUSE_EXT_GROUPS, 4, 3), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(24, FUSE_EXT_GROUPS, UINT32_MAX, 3), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(25, FUSE_EXT_GROUPS, 2, 3), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(7, FUSE_EXT_GROUPS, 2, 3), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(0, FUSE_EXT_GROUPS, 2, 3), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(8, FUSE_EXT_GROUPS, 2, 3), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(24, FUSE_EXT_GROUPS, 2, 100), -EINVAL);
    CU_ASSERT_EQUAL(with_groups(24, 1, 9, 3), 0);
    CU_ASSERT_EQUAL(view.group_count, 0);
}

static const struct unit_test tests[] = {
    {"every request that the kernel sends is taken as it is", whole_requests},
    {"no request that was cut is taken, at whatever byte", every_shorter_one},
    {"the length in the header is the length", lengths},
    {"what a later kernel puts behind a request is left alone", longer_ones},
    {"no count says more than there is", counts},
    {"a count of forgets does not overflow", forget_overflow},
    {"names are single components, where they are names", components},
    {"an opcode that is not served is said to be so, with its header", opcodes},
    {"the longer form of setxattr is taken to the byte too", extended_setxattr},
    {"groups of the caller lie within their extension", extensions},
};
UNIT_MAIN(tests)
