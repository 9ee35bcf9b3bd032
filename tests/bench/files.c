/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What tests/bench/mirror.sh copies.
 *
 *     files tree DIR COUNT     COUNT files of 0 to 16.4 KB of noise in a hundred directories
 *     files spoil FILE SEED    of each hundred blocks of 4 KiB one gets 32 other bytes
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 16400, BLOCK = 4096, SHARE = 100, DIRECTORIES = 100 };

static uint64_t state;

static uint32_t noise(void)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(state >> 33);
}

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "files: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void tree(const char *path, long count)
{
    static uint32_t data[LARGEST / 4 + 1];
    char name[64];
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(dir >= 0, path);
    for (int i = 0; i < DIRECTORIES; i++) {
        snprintf(name, sizeof name, "%d", i);
        must(mkdirat(dir, name, 0755) == 0, name);
    }
    for (long i = 0; i < count; i++) {
        size_t size = noise() % LARGEST;
        snprintf(name, sizeof name, "%ld/%ld", i % DIRECTORIES, i);
        for (size_t n = 0; n <= size / 4; n++)
            data[n] = noise();
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        must(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0, name);
    }
}

static void spoil(const char *path)
{
    struct stat st;
    uint32_t data[8];
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && fstat(fd, &st) == 0, path);
    for (off_t block = 0; block < st.st_size / BLOCK; block += SHARE) {
        off_t at = (block + (off_t)(noise() % SHARE)) * BLOCK + (off_t)(noise() % 100) * 32;
        for (size_t n = 0; n < 8; n++)
            data[n] = noise();
        if (at + BLOCK <= st.st_size)
            must(pwrite(fd, data, sizeof data, at) == sizeof data, path);
    }
    must(fsync(fd) == 0, path);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: files tree DIR COUNT, or files spoil FILE SEED\n");
        return 2;
    }
    state = (uint64_t)atoll(argv[3]) + 1;
    if (strcmp(argv[1], "tree") == 0)
        tree(argv[2], atol(argv[3]));
    else
        spoil(argv[2]);
    return 0;
}
