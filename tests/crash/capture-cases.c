/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Single cases of a captured directory that random calls meet too seldom.
 *
 *     capture-cases DIRECTORY
 *
 * The directory is captured, empty, and on ext4. Prints what is wrong; exit status 0 if nothing is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SOMEBODY 1000

static unsigned failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: not %s (%s)\n", __LINE__, #condition, strerror(errno));               \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static bool lists(const char *list, ssize_t size, const char *name)
{
    for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1)
        if (strcmp(list + at, name) == 0)
            return true;
    return false;
}

static void list_as_somebody(void)
{
    char list[256] = "";
    ssize_t size = listxattr("listed", list, sizeof(list));

    CHECK(size == (ssize_t)sizeof("user.a") && lists(list, size, "user.a"));
    CHECK(listxattr("listed", NULL, 0) == size);
    CHECK(listxattr("listed", list, sizeof("user.a")) == size);
    CHECK(listxattr("listed", list, sizeof("user.a") - 1) == -1 && errno == ERANGE);
}

/* Only root sees that there are trusted attributes. */
static void listing(void)
{
    char list[256];
    ssize_t size;
    int status = -1;
    int fd = open("listed", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    pid_t child;

    CHECK(fsetxattr(fd, "trusted.t", "x", 1, 0) == 0);
    CHECK(fsetxattr(fd, "user.a", "x", 1, 0) == 0);
    size = flistxattr(fd, list, sizeof(list));
    CHECK(lists(list, size, "trusted.t") && lists(list, size, "user.a"));
    CHECK(flistxattr(fd, NULL, 0) == size);
    CHECK(flistxattr(fd, list, 3) == -1 && errno == ERANGE);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        CHECK(setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0);
        list_as_somebody();
        fflush(stdout);
        _exit(failures != 0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1]) != 0 || chmod(".", 0755) != 0) {
        fprintf(stderr, "capture-cases DIRECTORY\n");
        return 2;
    }
    umask(022);
    listing();
    return failures != 0;
}
