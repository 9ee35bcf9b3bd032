/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A comparison at the target: whatever frames a source sends within one, nothing of the replica
 * changes. The replica is a root with a directory and a file, whose ids are sixteen times R, D, F.
 */
#include "daemon/apply/mirror-private.h"
#include "lib/proto/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID = 16, OBJECTS = 3 };

static struct dpl_apply *apply;
static int root = -1, reserve = -1;
static char *top;
static const char *const names[OBJECTS] = {".", "dir", "dir/file"};

static void clean(void)
{
    dpl_apply_close(apply);
    static const char *const all[] = {"root/dir/file", "root/dir", "root", "reserve", "."};
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autofree char *path = g_strdup_printf("%s/%s", top, all[i]);
        if (remove(path) < 0 && i + 1 == G_N_ELEMENTS(all))
            (void)rmdir(top);
    }
}

static struct dpl_view id_of(char letter)
{
    static uint8_t ids[256][ID];
    uint8_t *id = ids[(uint8_t)letter];
    memset(id, letter, ID);
    return (struct dpl_view){id, ID};
}

static bool tag(char letter, const char *name)
{
    struct dpl_object *object;
    struct dpl_err err;
    return dpl_objects_tag(dpl_apply_objects(apply), id_of(letter), root, name, &object, &err) == 0;
}

static int made(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s", top, name);
    g_assert(mkdir(path, 0755) == 0);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* False: only root may mark files. */
static bool begin(void)
{
    struct dpl_err err;
    top = g_dir_make_tmp("fuzz-compare-XXXXXX", NULL);
    g_assert(top);
    root = made("root");
    reserve = made("reserve");
    struct dpl_apply_root one = {.number = 7, .fd = root};
    struct dpl_apply_options options = {.reserve_fd = reserve, .roots = &one, .count = 1};
    g_assert(mkdirat(root, "dir", 0755) == 0);
    int fd = openat(root, "dir/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    g_assert(fd >= 0 && write(fd, "content", 7) == 7);
    close(fd);
    g_assert(dpl_apply_open(&apply, &options, &err) == 0);
    atexit(clean);
    struct dpl_record r = {.type = DPL_R_ROOT,
                           .outcome = DPL_OUTCOME_OK,
                           .has = DPL_F_OBJECT | DPL_F_NUMBER | DPL_F_PATH | DPL_F_ATTR,
                           .object = id_of('R'),
                           .number = 7,
                           .path = {(const uint8_t *)"/r", 2}};
    return dpl_apply_record(apply, 1, &r, &err) >= 0 && tag('D', "dir") && tag('F', "dir/file");
}

static int hear(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    (void)self;
    (void)err;
    g_assert(dpl_message_frame_bytes(m) > 0);
    return 0;
}

static void feed(struct dpl_mirror_target *target, const uint8_t *data, size_t size)
{
    struct dpl_err err;
    unsigned type, flags;
    size_t body;
    for (size_t at = 0; at + DPL_FRAME_HEAD <= size;) {
        struct dpl_message m = {0};
        if (dpl_frame_head_decode(data + at, DPL_FRAME_BODY_MAX, &type, &flags, &body, &err) < 0 ||
            body > size - at - DPL_FRAME_HEAD)
            return;
        if (dpl_message_decode(&m, type, data + at + DPL_FRAME_HEAD, body, &err) == 0 &&
            dpl_mirror_target_message(target, 1, 8, &m, &err) != 0)
            return;
        at += DPL_FRAME_HEAD + body;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int can = -1;
    struct stat before[OBJECTS], after;
    struct dpl_mirror_target *target;
    struct dpl_err err;
    if (can < 0)
        can = begin();
    if (!can)
        return 0;
    const struct dpl_mirror_target_options options = {.apply = apply,
                                                      .seed = 1,
                                                      .orphans_fd = reserve,
                                                      .set_aside = size % 2,
                                                      .max_delete = 100,
                                                      .send = hear};
    const struct dpl_message m = {.type = DPL_MSG_MIRROR_BEGIN,
                                  .mirror = 1,
                                  .kind = DPL_MIRROR_CHECKSUM,
                                  .orphans = DPL_ORPHANS_DELETE,
                                  .flags = DPL_MIRROR_TEST};
    for (int i = 0; i < OBJECTS; i++)
        g_assert(fstatat(root, names[i], &before[i], 0) == 0);
    g_assert(dpl_mirror_target_open(&target, &options, &m, &err) == 0);
    feed(target, data, size);
    dpl_mirror_target_close(target);
    for (int i = 0; i < OBJECTS; i++) {
        g_assert(fstatat(root, names[i], &after, 0) == 0 && after.st_ino == before[i].st_ino);
        g_assert(after.st_ctim.tv_sec == before[i].st_ctim.tv_sec &&
                 after.st_ctim.tv_nsec == before[i].st_ctim.tv_nsec);
    }
    return 0;
}
