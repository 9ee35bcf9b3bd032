/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * faultdisk: a disk that fails when told to, for tests of what lies above it.
 *
 *     faultdisk IMAGE MOUNTPOINT      serves IMAGE as MOUNTPOINT/disk, and MOUNTPOINT/ctl beside it
 *     losetup -f --show MOUNTPOINT/disk
 *     echo 'write eio' >MOUNTPOINT/ctl
 *
 * A line in ctl is OPERATION MODE. Operations: read, write, fsync. Modes: ok; eio; enospc; delay
 * MS; hang (until the next line for this operation); after N MODE (the mode begins after N more
 * calls). Wrong lines are answered by EINVAL. The process stays in the foreground and ends when the
 * file system is unmounted; killing it answers every call above with ENOTCONN or EIO, as a lost
 * disk does.
 *
 * It is the kernel's only way to a failing disk where there is no device mapper.
 */
#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Calls that hang, as many as a loop device has under way, leave others their threads. */
#define THREADS 512

enum inode { INO_ROOT = FUSE_ROOT_ID, INO_DISK, INO_CTL };
enum operation { OP_READ, OP_WRITE, OP_FSYNC, OP_COUNT };
enum mode { MODE_OK, MODE_ERROR, MODE_DELAY, MODE_HANG };

static const char *const operation_names[OP_COUNT] = {"read", "write", "fsync"};

struct fault {
    enum mode mode;
    int error;
    long delay_ms;
    long after;    /* calls that still pass */
    unsigned turn; /* counts the lines: who hangs waits for another turn */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct fault faults[OP_COUNT];
static int image_fd = -1;

static void wait_ms(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&ts, NULL);
}

/* Does to this call what was ordered for its operation. Returns the errno to answer, or 0. */
static int suffer(enum operation op)
{
    pthread_mutex_lock(&lock);
    struct fault *f = &faults[op];
    struct fault now = *f;
    if (f->mode != MODE_OK && f->after > 0) {
        f->after--;
        now.mode = MODE_OK;
    }
    while (now.mode == MODE_HANG && f->turn == now.turn)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (now.mode == MODE_DELAY)
        wait_ms(now.delay_ms);
    return now.mode == MODE_ERROR ? now.error : 0;
}

static bool parse_mode(char *text, struct fault *f)
{
    char word[16];
    long number = 0;
    int used = 0;
    if (sscanf(text, "after %ld %n", &number, &used) == 1 && used > 0 && number >= 0) {
        f->after = number;
        text += used;
    }
    int fields = sscanf(text, "%15s %ld", word, &number);
    if (fields < 1)
        return false;
    if (strcmp(word, "ok") == 0)
        f->mode = MODE_OK;
    else if (strcmp(word, "hang") == 0)
        f->mode = MODE_HANG;
    else if (strcmp(word, "delay") == 0 && fields == 2 && number >= 0)
        f->mode = MODE_DELAY, f->delay_ms = number;
    else if (strcmp(word, "eio") == 0)
        f->mode = MODE_ERROR, f->error = EIO;
    else if (strcmp(word, "enospc") == 0)
        f->mode = MODE_ERROR, f->error = ENOSPC;
    else
        return false;
    return true;
}

static int command(char *line)
{
    for (int op = 0; op < OP_COUNT; op++) {
        size_t n = strlen(operation_names[op]);
        struct fault next = {.mode = MODE_OK};
        if (strncmp(line, operation_names[op], n) != 0 || line[n] != ' ' ||
            !parse_mode(line + n + 1, &next))
            continue;
        pthread_mutex_lock(&lock);
        next.turn = faults[op].turn + 1;
        faults[op] = next;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
        return 0;
    }
    return EINVAL;
}

static int attributes(fuse_ino_t ino, struct stat *st)
{
    struct stat image;
    *st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_mode = S_IFREG | 0600};
    if (ino == INO_ROOT)
        st->st_mode = S_IFDIR | 0700;
    else if (ino == INO_DISK && fstat(image_fd, &image) == 0)
        st->st_size = image.st_size;
    return ino >= INO_ROOT && ino <= INO_CTL ? 0 : ENOENT;
}

static void disk_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e = {.attr_timeout = 1, .entry_timeout = 1};
    e.ino = strcmp(name, "disk") == 0 ? INO_DISK : strcmp(name, "ctl") == 0 ? INO_CTL : 0;
    if (parent != INO_ROOT || e.ino == 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    attributes(e.ino, &e.attr);
    fuse_reply_entry(req, &e);
}

static void disk_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)fi;
    struct stat st;
    int error = attributes(ino, &st);
    if (error)
        fuse_reply_err(req, error);
    else
        fuse_reply_attr(req, &st, 1);
}

static void disk_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                         struct fuse_file_info *fi)
{
    (void)attr;
    (void)to_set; /* a truncation of ctl by the shell; the disk keeps its size */
    disk_getattr(req, ino, fi);
}

static void disk_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fi->direct_io = 1; /* every call above is a call here */
    fuse_reply_open(req, fi);
}

static void disk_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *fi)
{
    (void)fi;
    if (ino != INO_DISK) {
        fuse_reply_buf(req, NULL, 0);
        return;
    }
    int error = suffer(OP_READ);
    char *data = error ? NULL : malloc(size);
    ssize_t n = data ? pread(image_fd, data, size, offset) : -1;
    if (error)
        fuse_reply_err(req, error);
    else if (n < 0)
        fuse_reply_err(req, data ? errno : ENOMEM);
    else
        fuse_reply_buf(req, data, (size_t)n);
    free(data);
}

static void ctl_write(fuse_req_t req, const char *data, size_t size)
{
    char line[128];
    if (size >= sizeof line) {
        fuse_reply_err(req, EINVAL);
        return;
    }
    memcpy(line, data, size);
    line[size] = '\0';
    line[strcspn(line, "\n")] = '\0';
    int error = command(line);
    if (error)
        fuse_reply_err(req, error);
    else
        fuse_reply_write(req, size);
}

static void disk_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    (void)fi;
    if (ino == INO_CTL) {
        ctl_write(req, data, size);
        return;
    }
    int error = suffer(OP_WRITE);
    ssize_t n = error ? -1 : pwrite(image_fd, data, size, offset);
    if (n < 0)
        fuse_reply_err(req, error ? error : errno);
    else
        fuse_reply_write(req, (size_t)n);
}

static void disk_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)datasync;
    (void)fi;
    int error = ino == INO_DISK ? suffer(OP_FSYNC) : 0;
    if (!error && ino == INO_DISK && fdatasync(image_fd) < 0)
        error = errno;
    fuse_reply_err(req, error);
}

static const struct fuse_lowlevel_ops operations = {
    .lookup = disk_lookup,
    .getattr = disk_getattr,
    .setattr = disk_setattr,
    .open = disk_open,
    .read = disk_read,
    .write = disk_write,
    .fsync = disk_fsync,
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "Usage: faultdisk IMAGE MOUNTPOINT\n");
        return 2;
    }
    image_fd = open(argv[1], O_RDWR | O_CLOEXEC);
    if (image_fd < 0) {
        fprintf(stderr, "faultdisk: open \"%s\": %s\n", argv[1], strerror(errno));
        return 1;
    }
    char *fuse_argv[] = {argv[0], NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, fuse_argv);
    struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
    if (!session || fuse_session_mount(session, argv[2]) != 0)
        return 1;
    fuse_set_signal_handlers(session);
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_max_threads(config, THREADS);
    int rc = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return rc == 0 ? 0 : 1;
}
