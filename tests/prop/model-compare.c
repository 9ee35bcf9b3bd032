/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/model.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static unsigned differ(const char *what, const char *name, int object)
{
    printf("  object %d (\"%s\"): %s differs\n", object, name, what);
    return 1;
}

static unsigned compare_data(const struct model_object *o, int dir, const char *name, int id)
{
    static uint8_t data[MODEL_DATA + 1];
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof data);
    if (fd >= 0)
        close(fd);
    if (n != (ssize_t)o->attr.size)
        return differ("size", name, id);
    return memcmp(data, o->data, o->attr.size) == 0 ? 0 : differ("data", name, id);
}

static unsigned compare_xattrs(const struct model_object *o, int dir, const char *name, int id)
{
    char path[100], xattr[20], value[16];
    unsigned bad = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
    for (int i = 0; i < MODEL_XATTRS; i++) {
        snprintf(xattr, sizeof xattr, "user.x%d", i);
        ssize_t n = lgetxattr(path, xattr, value, sizeof value - 1);
        value[n > 0 ? n : 0] = '\0';
        if (atoi(value) != o->value[i])
            bad += differ("an attribute", name, id);
    }
    return bad;
}

static unsigned compare_one(struct model *m, int id, int dir, const char *name, unsigned names,
                            ino_t inodes[])
{
    const struct model_object *o = &m->objects[id];
    struct stat st;
    unsigned bad = 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return differ("being there", name, id);
    if (inodes[id] && inodes[id] != st.st_ino)
        bad += differ("identity", name, id);
    inodes[id] = st.st_ino;
    if (st.st_mode != o->attr.mode)
        bad += differ("mode", name, id);
    if (st.st_uid != o->attr.uid || st.st_gid != o->attr.gid)
        bad += differ("owner", name, id);
    if (st.st_mtim.tv_sec != o->attr.mtime.sec ||
        (uint32_t)st.st_mtim.tv_nsec != o->attr.mtime.nsec)
        bad += differ("mtime", name, id);
    if (!S_ISDIR(st.st_mode) && st.st_nlink != names)
        bad += differ("number of links", name, id);
    if (S_ISLNK(st.st_mode)) {
        char target[32] = {0};
        (void)!readlinkat(dir, name, target, sizeof target - 1);
        if (strcmp(target, o->target) != 0)
            bad += differ("target", name, id);
    }
    if (S_ISREG(st.st_mode))
        bad += compare_data(o, dir, name, id);
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        bad += compare_xattrs(o, dir, name, id);
    return bad;
}

static unsigned compare_dir(struct model *m, int id, int fd, ino_t inodes[])
{
    unsigned bad = 0, want = 0, have = 0;
    for (int i = 0; i < MODEL_ENTRIES; i++) {
        const struct model_entry *e = &m->entries[i];
        if (e->object < 0 || e->parent != id)
            continue;
        unsigned names = 0;
        for (int k = 0; k < MODEL_ENTRIES; k++)
            names += m->entries[k].object == e->object;
        want++;
        bad += compare_one(m, e->object, fd, e->name, names, inodes);
        if (S_ISDIR(m->objects[e->object].attr.mode)) {
            int child = openat(fd, e->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            bad += child < 0 ? 1 : compare_dir(m, e->object, child, inodes);
            if (child >= 0)
                close(child);
        }
    }
    DIR *dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct dirent *d;
    while (dir && (d = readdir(dir)))
        have += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return bad + (have == want ? 0 : differ("number of names in", "", id));
}

unsigned model_compare(struct model *m, const int roots[MODEL_ROOTS])
{
    static ino_t inodes[MODEL_OBJECTS];
    unsigned bad = 0;
    memset(inodes, 0, sizeof inodes);
    for (int i = 0; i < MODEL_ROOTS; i++) {
        bad += compare_one(m, i, roots[i], ".", 1, inodes);
        bad += compare_dir(m, i, roots[i], inodes);
    }
    return bad;
}
