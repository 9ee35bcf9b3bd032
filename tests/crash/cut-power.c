/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cut-power DIR: the file system of DIR (ext4, XFS) forgets what is not on its disk, as when the
 * power goes. It answers EIO until it is mounted anew.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define FS_SHUTDOWN _IOR('X', 125, uint32_t)

int main(int argc, char **argv)
{
    uint32_t no_log_flush = 2;
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 || ioctl(fd, FS_SHUTDOWN, &no_log_flush) < 0) {
        fprintf(stderr, "cut-power: %s: %m\n", argc == 2 ? argv[1] : "usage: cut-power DIR");
        return 1;
    }
    return 0;
}
