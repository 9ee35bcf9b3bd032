/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/cap_super.h"

#include "lib/base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ext4: the super block at 1024, little-endian. */
#define EXT4_AT             1024
#define EXT4_MAGIC_AT       (EXT4_AT + 0x38)
#define EXT4_INCOMPAT_AT    (EXT4_AT + 0x60)
#define EXT4_RO_COMPAT_AT   (EXT4_AT + 0x64)
#define EXT4_INCOMPAT_CRYPT 0x10000u
#define EXT4_INCOMPAT_CASE  0x20000u
#define EXT4_RO_COMPAT_PROJ 0x2000u
/* XFS: at 0, big-endian. */
#define XFS_VERSION_AT   100
#define XFS_VERSION_BORG 0x4000u /* the name that its authors gave to ASCII case folding */

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned parse_ext4(const uint8_t *bytes)
{
    uint32_t incompat = le32(bytes + EXT4_INCOMPAT_AT);
    uint32_t ro_compat = le32(bytes + EXT4_RO_COMPAT_AT);
    return (incompat & EXT4_INCOMPAT_CASE ? DPL_SUPER_CASEFOLD : 0u) |
           (incompat & EXT4_INCOMPAT_CRYPT ? DPL_SUPER_ENCRYPT : 0u) |
           (ro_compat & EXT4_RO_COMPAT_PROJ ? DPL_SUPER_PROJECT : 0u);
}

unsigned dpl_super_parse(const uint8_t *bytes, size_t size)
{
    if (size < DPL_SUPER_BYTES)
        return 0;
    if (bytes[EXT4_MAGIC_AT] == 0x53 && bytes[EXT4_MAGIC_AT + 1] == 0xEF)
        return parse_ext4(bytes);
    if (memcmp(bytes, "XFSB", 4) == 0)
        return ((unsigned)bytes[XFS_VERSION_AT] << 8 & XFS_VERSION_BORG) != 0 ? DPL_SUPER_CASEFOLD
                                                                              : 0;
    return 0;
}

/* The block device, by the name it was mounted by or by its number; never another one. */
static int device_open(const struct dpl_mount *mount)
{
    char by_number[48];
    snprintf(by_number, sizeof by_number, "/dev/block/%u:%u", major(mount->dev), minor(mount->dev));
    const char *const names[] = {mount->source, by_number};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        struct stat st;
        if (names[i][0] != '/' || stat(names[i], &st) < 0 || !S_ISBLK(st.st_mode) ||
            st.st_rdev != mount->dev)
            continue;
        int fd = open(names[i], O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            return fd;
    }
    return -1;
}

bool dpl_super_read(const struct dpl_mount *mount, unsigned *features_r)
{
    uint8_t bytes[DPL_SUPER_BYTES];
    if (strcmp(mount->type, "ext4") != 0 && strcmp(mount->type, "xfs") != 0)
        return false;
    dpl_autofd int fd = device_open(mount);
    if (fd < 0 || pread(fd, bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    *features_r = dpl_super_parse(bytes, sizeof bytes);
    return true;
}

/* FS_IOC_GETFSUUID, of kernel 6.9. */
struct fs_uuid {
    uint8_t len;
    uint8_t uuid[16];
};

static bool uuid_of_kernel(int fd, char uuid[DPL_UUID_SIZE])
{
    struct fs_uuid u = {0};
    if (ioctl(fd, _IOR(0x15, 0, struct fs_uuid), &u) < 0 || u.len != sizeof u.uuid)
        return false;
    char *to = uuid;
    for (size_t i = 0; i < sizeof u.uuid; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        to += snprintf(to, 4, dash ? "-%02x" : "%02x", u.uuid[i]);
    }
    return true;
}

static bool uuid_of_names(const char *dir_path, dev_t dev, char uuid[DPL_UUID_SIZE])
{
    DIR *dir = opendir(dir_path);
    if (!dir)
        return false;
    bool found = false;
    const struct dirent *entry;
    while (!found && (entry = readdir(dir))) {
        struct stat st;
        if (strlen(entry->d_name) != DPL_UUID_SIZE - 1 ||
            fstatat(dirfd(dir), entry->d_name, &st, 0) < 0 || !S_ISBLK(st.st_mode) ||
            st.st_rdev != dev)
            continue;
        g_strlcpy(uuid, entry->d_name, DPL_UUID_SIZE);
        found = true;
    }
    closedir(dir);
    return found;
}

bool dpl_super_uuid(int fd, dev_t dev, const char *by_uuid_dir, char uuid[DPL_UUID_SIZE])
{
    return uuid_of_kernel(fd, uuid) || uuid_of_names(by_uuid_dir, dev, uuid);
}
