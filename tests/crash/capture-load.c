/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Processes that fight over the same names and files, and check what they are told: for running on
 * a captured directory while its worker is killed.
 *
 *     capture-load DIR PROCESSES SECONDS SEED
 *
 * The rules of the game. A name is a lock: exactly one creation of it succeeds, by whatever call,
 * and EEXIST with nobody else about is a lie. A token moves by rename and is in one place. An
 * exchange changes a parity. Lines are appended once, in order. Pages hold the version last
 * written. A file that is replaced by rename is never seen torn. Locks and unlinked files that are
 * held stay held. Callers that are killed in the middle of a call leave it done or not done. Prints
 * one line of figures; exits 1 if a rule was broken.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define KINDS     7
#define LOCKS     8
#define TOKENS    16
#define PAIRS     4
#define PAGES     64
#define PROCESSES 32
#define VICTIMS   2
#define LINE      30
#define PAGE      4096
#define STALLS    4096

static struct game {
    double end;
    _Atomic long calls, broken, won, lines, killed;
    struct {
        _Atomic int owner, active;
        _Atomic long tries;
    } lock[KINDS][LOCKS];
    _Atomic int token[TOKENS];
    _Atomic long exchanged[PAIRS];
    pthread_mutex_t pages_lock, copy_lock, cut_lock;
    uint64_t version[PAGES];
    uint8_t copied[16];
    _Atomic long appended[PROCESSES], victim_lines[VICTIMS];
    _Atomic uint32_t stalls;
    uint32_t stall_us[STALLS];
} * game;

static const char *dir;
static int me;
static unsigned seed;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned draw(unsigned below)
{
    return (unsigned)rand_r(&seed) % below;
}

__attribute__((format(printf, 1, 2))) static void broken(const char *format, ...)
{
    char text[300];
    va_list args;
    int error = errno;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    atomic_fetch_add(&game->broken, 1);
    fprintf(stderr, "process %d: %s (%s)\n", me, text, strerror(error));
}

__attribute__((format(printf, 1, 2))) static const char *path(const char *format, ...)
{
    static char ring[8][400];
    static unsigned at;
    char name[200];
    va_list args;

    va_start(args, format);
    vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    at = (at + 1) % 8;
    snprintf(ring[at], sizeof(ring[at]), "%s/%s", dir, name);
    return ring[at];
}

/* A call that must succeed. */
static long must(long rc, const char *what)
{
    atomic_fetch_add(&game->calls, 1);
    if (rc < 0)
        broken("%s", what);
    return rc;
}

static int open_must(const char *name, int flags)
{
    return (int)must(open(name, flags | O_CLOEXEC, 0600), name);
}

/* One exclusive creation, by seven means. */
static long acquire(unsigned kind, unsigned lock)
{
    const char *name = path("lock%u.%u", kind, lock);
    char attribute[40];
    long rc;
    int fd;

    atomic_fetch_add(&game->calls, 1);
    switch (kind) {
    case 0:
        fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
        return fd < 0 ? -1 : close(fd);
    case 1:
        return mkdir(name, 0700);
    case 2:
        return symlink("x", name);
    case 3:
        return link(path("base"), name);
    case 4:
        return mknod(name, S_IFIFO | 0600, 0);
    case 5:
        snprintf(attribute, sizeof(attribute), "user.lock%u", lock);
        return setxattr(path("base"), attribute, "v", 1, XATTR_CREATE);
    default: {
        const char *own = path("own%d.%u", me, lock);

        close(open_must(own, O_CREAT | O_RDWR));
        rc = renameat2(AT_FDCWD, own, AT_FDCWD, name, RENAME_NOREPLACE);
        if (rc < 0) {
            int error = errno;

            must(unlink(own), "unlink of what was not renamed");
            errno = error;
        }
        return rc;
    }
    }
}

static void release(unsigned kind, unsigned lock)
{
    const char *name = path("lock%u.%u", kind, lock);
    char attribute[40];

    snprintf(attribute, sizeof(attribute), "user.lock%u", lock);
    if (kind == 1)
        must(rmdir(name), "rmdir of my lock");
    else if (kind == 5)
        must(removexattr(path("base"), attribute), "removexattr of my lock");
    else
        must(unlink(name), "unlink of my lock");
}

static void play_locks(void)
{
    unsigned kind = draw(KINDS), lock = draw(LOCKS);
    int others = atomic_fetch_add(&game->lock[kind][lock].active, 1);
    long tries = atomic_fetch_add(&game->lock[kind][lock].tries, 1);
    long rc = acquire(kind, lock);

    if (rc >= 0) {
        int owner = atomic_exchange(&game->lock[kind][lock].owner, me + 1);

        atomic_fetch_add(&game->won, 1);
        if (owner != 0)
            broken("lock %u.%u won, but it is %d's", kind, lock, owner - 1);
        owner = atomic_exchange(&game->lock[kind][lock].owner, 0);
        if (owner != me + 1)
            broken("lock %u.%u stolen by %d", kind, lock, owner - 1);
        release(kind, lock);
    } else if (errno != EEXIST) {
        broken("lock %u.%u", kind, lock);
    } else if (others == 0 && atomic_load(&game->lock[kind][lock].tries) == tries + 1) {
        broken("lock %u.%u is taken, by nobody", kind, lock);
    }
    atomic_fetch_sub(&game->lock[kind][lock].active, 1);
}

static void play_token(void)
{
    unsigned token = draw(TOKENS);
    const char *mine = path("held%d.%u", me, token);
    const char *common = path("token%u", token);
    int owner;

    atomic_fetch_add(&game->calls, 1);
    if (rename(common, mine) != 0) {
        if (errno != ENOENT)
            broken("token %u", token);
        return;
    }
    owner = atomic_exchange(&game->token[token], me + 1);
    if (owner != 0)
        broken("token %u is also with %d", token, owner - 1);
    if (access(mine, F_OK) != 0)
        broken("token %u is not where it was moved", token);
    if (access(common, F_OK) == 0)
        broken("token %u is in two places", token);
    atomic_store(&game->token[token], 0);
    must(rename(mine, common), "giving the token back");
}

static void play_exchange(void)
{
    unsigned pair = draw(PAIRS);

    if (must(renameat2(AT_FDCWD, path("left%u", pair), AT_FDCWD, path("right%u", pair),
                       RENAME_EXCHANGE),
             "exchange") == 0)
        atomic_fetch_add(&game->exchanged[pair], 1);
}

static long append_line(int fd, int who, long number)
{
    char line[LINE + 1];

    snprintf(line, sizeof(line), "%02d %026ld\n", who, number);
    return write(fd, line, LINE);
}

static void play_append(void)
{
    int fd = open_must(path("lines"), O_WRONLY | O_APPEND);
    long rc = append_line(fd, me, game->appended[me]);

    if (must(rc, "append") == LINE)
        atomic_fetch_add(&game->appended[me], 1);
    else if (rc >= 0)
        broken("append of %ld bytes", rc);
    close(fd);
}

static void play_page(void)
{
    uint64_t page[PAGE / 8];
    int fd = open_must(path("pages"), O_RDWR);
    unsigned at = draw(PAGES);

    pthread_mutex_lock(&game->pages_lock);
    game->version[at]++;
    for (size_t i = 0; i < PAGE / 8; i++)
        page[i] = game->version[at] * PAGES + at;
    if (must(pwrite(fd, page, PAGE, at * PAGE), "write of a page") != PAGE)
        broken("short write");
    at = draw(PAGES);
    if (must(pread(fd, page, PAGE, at * PAGE), "read of a page") == PAGE)
        for (size_t i = 0; i < PAGE / 8 && game->version[at] != 0; i++)
            if (page[i] != game->version[at] * PAGES + at) {
                broken("page %u is old", at);
                break;
            }
    pthread_mutex_unlock(&game->pages_lock);
    close(fd);
}

static void play_replace(unsigned turn)
{
    char content[2 * PAGE];
    const char *temporary = path("new%d.%u", me, turn), *target = path("target%u", draw(3));
    int fd = open_must(temporary, O_CREAT | O_EXCL | O_WRONLY);

    memset(content, 'a' + me % 26, sizeof(content));
    must(write(fd, content, sizeof(content)), "write of a new file");
    close(fd);
    must(rename(temporary, target), "replacing");
    fd = open_must(path("target%u", draw(3)), O_RDONLY);
    if (must(read(fd, content, sizeof(content)), "read of a target") != sizeof(content))
        broken("target is short");
    for (size_t i = 1; i < sizeof(content); i++)
        if (content[i] != content[0]) {
            broken("target is torn");
            break;
        }
    close(fd);
}

static void play_cut(void)
{
    int fd = open_must(path("cut"), O_RDWR);
    off_t size = draw(200000);
    struct stat st;

    pthread_mutex_lock(&game->cut_lock);
    must(ftruncate(fd, size), "ftruncate");
    must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE), "punch");
    must(fchmod(fd, 0600 | draw(0100)), "fchmod");
    must(fallocate(fd, FALLOC_FL_KEEP_SIZE, size, PAGE), "fallocate");
    if (must(fstat(fd, &st), "fstat") == 0 && st.st_size != size)
        broken("size is %ld, not %ld", (long)st.st_size, (long)size);
    pthread_mutex_unlock(&game->cut_lock);
    close(fd);
}

static void play_copy(void)
{
    unsigned from = draw(16), to = (from + 1 + draw(15)) % 16;
    loff_t a = from * PAGE, b = to * PAGE;
    uint8_t page[PAGE];
    int fd = open_must(path("copy"), O_RDWR);

    pthread_mutex_lock(&game->copy_lock);
    if (draw(3) == 0) {
        memset(page, (int)draw(256), PAGE);
        must(pwrite(fd, page, PAGE, from * PAGE), "write before a copy");
        game->copied[from] = page[0];
    }
    if (must(copy_file_range(fd, &a, fd, &b, PAGE, 0), "copy_file_range") == PAGE)
        game->copied[to] = game->copied[from];
    else
        broken("short copy");
    must(pread(fd, page, PAGE, to * PAGE), "read of a copy");
    if (page[0] != game->copied[to] || page[PAGE - 1] != game->copied[to])
        broken("copy is %d, not %d", page[0], game->copied[to]);
    pthread_mutex_unlock(&game->copy_lock);
    close(fd);
}

static void play_list(void)
{
    DIR *list = opendir(dir);
    int count = 0;

    if (list == NULL) {
        broken("opendir");
        return;
    }
    errno = 0;
    while (readdir(list) != NULL)
        count++;
    if (errno != 0 || count < 20)
        broken("listing of %d", count);
    closedir(list);
}

/* A file without a name lives as long as it is held, and a lock on a file likewise. */
static void play_hold(unsigned turn)
{
    const char *name = path("gone%d.%u", me, turn);
    int fd = open_must(name, O_CREAT | O_EXCL | O_RDWR);
    int lock = open_must(path("flock"), O_RDWR);
    char text[8] = {0};
    int nameless;

    must(flock(lock, LOCK_EX), "flock");
    must(unlink(name), "unlink of an open file");
    must(pwrite(fd, "held on", 8, 0), "write to an unlinked file");
    if (must(pread(fd, text, 8, 0), "read of an unlinked file") != 8 ||
        strcmp(text, "held on") != 0)
        broken("an unlinked file has lost its content");
    nameless = open_must(dir, O_TMPFILE | O_RDWR);
    must(write(nameless, text, 8), "write to a nameless file");
    if (draw(2) == 0) {
        must(linkat(nameless, "", AT_FDCWD, name, AT_EMPTY_PATH), "naming a nameless file");
        must(unlink(name), "unlink of a named one");
    }
    must(utimensat(AT_FDCWD, path("base"), NULL, 0), "utimensat");
    close(nameless);
    close(lock);
    close(fd);
}

/* Calls that change nothing, or nothing that others look at, on an object of one's own. */
static void play_odds(unsigned turn)
{
    const char *name = path("odd%d.%u", me, turn), *link = path("oddlink%d.%u", me, turn);
    int fd = open_must(name, O_CREAT | O_EXCL | O_RDWR);
    int list = open_must(dir, O_RDONLY | O_DIRECTORY);
    struct statvfs vfs;
    struct statx stx;
    char text[64];
    int flags = 0;

    must(symlink("somewhere", link), "symlink");
    if (must(readlink(link, text, sizeof(text)), "readlink") != 9)
        broken("a link has changed");
    must(pwrite(fd, "data", 4, 2 * PAGE), "write behind a hole");
    if (must(lseek(fd, 0, SEEK_HOLE), "lseek") != 0)
        broken("a hole is not one");
    must(fsync(fd), "fsync");
    must(fsync(list), "fsync of a directory");
    must(fsetxattr(fd, "user.odd", "value", 5, 0), "setxattr");
    if (must(flistxattr(fd, text, sizeof(text)), "listxattr") != 9)
        broken("a list of attributes is wrong");
    must(fgetxattr(fd, "user.odd", text, sizeof(text)), "getxattr");
    must(statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &stx), "statx");
    must(fstatvfs(fd, &vfs), "statvfs");
    must(ioctl(fd, FS_IOC_GETFLAGS, &flags), "getflags");
    flags |= FS_NODUMP_FL;
    must(ioctl(fd, FS_IOC_SETFLAGS, &flags), "setflags");
    flags = 0;
    must(ioctl(fd, FS_IOC_GETFLAGS, &flags), "getflags");
    if ((flags & FS_NODUMP_FL) == 0)
        broken("a flag was lost");
    must(unlink(link), "unlink of a link");
    must(unlink(name), "unlink");
    close(list);
    close(fd);
}

/* Measures what an application sees of a takeover: calls that need one after the other. */
static void watch_stalls(void)
{
    int fd = open_must(path("watch"), O_CREAT | O_RDWR);

    while (now() < game->end) {
        double begin = now();
        uint32_t us, at;

        must(pwrite(fd, "x", 1, 0), "watching write");
        us = (uint32_t)((now() - begin) * 1e6);
        if (us < 2000)
            continue;
        at = atomic_fetch_add(&game->stalls, 1);
        if (at < STALLS)
            game->stall_us[at] = us;
    }
    close(fd);
}

static void play(void)
{
    for (unsigned turn = 0; now() < game->end; turn++) {
        switch (draw(15)) {
        case 0:
        case 1:
        case 2:
        case 3:
            play_locks();
            break;
        case 4:
            play_token();
            break;
        case 5:
            play_exchange();
            break;
        case 6:
        case 7:
            play_append();
            break;
        case 8:
            play_page();
            break;
        case 9:
            play_replace(turn);
            break;
        case 10:
            play_cut();
            break;
        case 11:
            play_copy();
            break;
        case 12:
            play_list();
            break;
        case 13:
            play_odds(turn);
            break;
        default:
            play_hold(turn);
            break;
        }
    }
}

/* Appends until it is killed. */
static void be_victim(int which)
{
    int fd = open(path("victim%d", which), O_WRONLY | O_APPEND | O_CLOEXEC);

    for (;;) {
        if (append_line(fd, which, game->victim_lines[which]) != LINE) {
            broken("victim's append");
            _exit(1);
        }
        atomic_fetch_add(&game->victim_lines[which], 1);
    }
}

/* After a death the last line is there or not: nothing else. */
static void settle_victim(int which)
{
    const char *name = path("victim%d", which);
    long done = game->victim_lines[which];
    struct stat st;

    if (stat(name, &st) != 0) {
        broken("stat of a victim's file");
    } else if (st.st_size % LINE != 0 && st.st_size % PAGE == 0 && st.st_size > done * LINE) {
        /* A write across a page's end is two requests, and its caller died between them. */
        must(truncate(name, done * LINE), "truncate");
    } else if (st.st_size != done * LINE && st.st_size != (done + 1) * LINE) {
        broken("victim's file has %ld bytes after %ld lines", (long)st.st_size, done);
    }
    game->victim_lines[which] = stat(name, &st) != 0 ? 0 : st.st_size / LINE;
}

static void kill_victims(int which)
{
    while (now() < game->end) {
        pid_t pid = fork();

        if (pid == 0)
            be_victim(which);
        usleep(3000 + draw(30000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        atomic_fetch_add(&game->killed, 1);
        settle_victim(which);
    }
}

static void make(const char *name, const void *content, size_t size)
{
    int fd = open_must(name, O_CREAT | O_TRUNC | O_RDWR);

    if (size > 0)
        must(write(fd, content, size), name);
    close(fd);
}

static void set_up(void)
{
    static uint8_t zeros[PAGES * PAGE];
    static uint8_t content[2 * PAGE];

    memset(content, 'z', sizeof(content));
    make(path("base"), NULL, 0);
    make(path("lines"), NULL, 0);
    make(path("flock"), NULL, 0);
    make(path("cut"), NULL, 0);
    make(path("pages"), zeros, sizeof(zeros));
    make(path("copy"), zeros, 16 * PAGE);
    for (unsigned i = 0; i < TOKENS; i++)
        make(path("token%u", i), &i, sizeof(i));
    for (unsigned i = 0; i < 3; i++)
        make(path("target%u", i), content, sizeof(content));
    for (unsigned i = 0; i < PAIRS; i++) {
        make(path("left%u", i), "L", 1);
        make(path("right%u", i), "R", 1);
    }
    for (int i = 0; i < VICTIMS; i++)
        make(path("victim%d", i), NULL, 0);
}

static void check_lines(int processes)
{
    long count[PROCESSES] = {0}, number;
    FILE *file = fopen(path("lines"), "re");
    int who;

    while (file != NULL && fscanf(file, "%d %ld\n", &who, &number) == 2) {
        if (who < 0 || who >= processes || number != count[who]) {
            broken("line %ld of process %d is lost, or there twice", number, who);
            break;
        }
        count[who]++;
    }
    for (int i = 0; i < processes && file != NULL; i++) {
        atomic_fetch_add(&game->lines, count[i]);
        if (count[i] != game->appended[i])
            broken("process %d has %ld lines, not %ld", i, count[i], (long)game->appended[i]);
    }
    if (file != NULL)
        fclose(file);
}

static void check_end(int processes)
{
    struct dirent *entry;
    DIR *list;

    check_lines(processes);
    for (unsigned i = 0; i < TOKENS; i++) {
        unsigned content = ~0U;
        int fd = open_must(path("token%u", i), O_RDONLY);

        if (read(fd, &content, sizeof(content)) != sizeof(content) || content != i)
            broken("token %u is lost", i);
        close(fd);
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        char side = 0;
        int fd = open_must(path("left%u", i), O_RDONLY);

        if (read(fd, &side, 1) != 1 || side != (game->exchanged[i] % 2 != 0 ? 'R' : 'L'))
            broken("pair %u stands wrong after %ld exchanges", i, (long)game->exchanged[i]);
        close(fd);
    }
    list = opendir(dir);
    while (list != NULL && (entry = readdir(list)) != NULL)
        if (strncmp(entry->d_name, "lock", 4) == 0 || strncmp(entry->d_name, "own", 3) == 0 ||
            strncmp(entry->d_name, "held", 4) == 0 || strncmp(entry->d_name, "gone", 4) == 0)
            broken("'%s' was left over", entry->d_name);
    if (list != NULL)
        closedir(list);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void report(void)
{
    uint32_t count = game->stalls < STALLS ? game->stalls : STALLS;

    qsort(game->stall_us, count, sizeof(game->stall_us[0]), by_size);
    printf("load: calls=%ld broken=%ld won=%ld lines=%ld killed_callers=%ld stalls_over_2ms=%u "
           "stall_median_ms=%.1f stall_max_ms=%.1f\n",
           (long)game->calls, (long)game->broken, (long)game->won, (long)game->lines,
           (long)game->killed, count, count > 0 ? game->stall_us[count / 2] / 1e3 : 0.0,
           count > 0 ? game->stall_us[count - 1] / 1e3 : 0.0);
}

static void init_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &attr);
}

/* Starts process number i of the game. */
static pid_t start(int i, int processes, unsigned first_seed)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    me = i;
    seed = first_seed * 7919U + (unsigned)i;
    if (i < processes)
        play();
    else if (i < processes + VICTIMS)
        kill_victims(i - processes);
    else
        watch_stalls();
    _exit(0);
}

int main(int argc, char **argv)
{
    int processes, left;
    pid_t pids[PROCESSES + VICTIMS + 1];
    double limit;

    if (argc != 5 || atoi(argv[2]) < 1 || atoi(argv[2]) > PROCESSES) {
        fprintf(stderr, "capture-load DIR PROCESSES SECONDS SEED\n");
        return 2;
    }
    dir = argv[1];
    processes = atoi(argv[2]);
    game = mmap(NULL, sizeof(*game), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    init_mutex(&game->pages_lock);
    init_mutex(&game->copy_lock);
    init_mutex(&game->cut_lock);
    me = -1;
    set_up();
    game->end = now() + atof(argv[3]);
    left = processes + VICTIMS + 1;
    for (int i = 0; i < left; i++)
        pids[i] = start(i, processes, (unsigned)atoi(argv[4]));
    limit = game->end + 60;
    for (int i = 0; left > 0 && now() < limit; i++) {
        if (waitpid(-1, NULL, WNOHANG) > 0)
            left--;
        else
            usleep(10000);
    }
    if (left > 0) {
        broken("%d processes hang", left);
        for (int i = 0; i < processes + VICTIMS + 1; i++)
            kill(pids[i], SIGKILL);
    }
    check_end(processes);
    report();
    return game->broken != 0;
}
