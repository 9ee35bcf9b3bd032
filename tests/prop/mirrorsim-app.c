/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's application: each change is made by a system call and said by a record with its
 * result, as a capture does.
 */
#include "daemon/link/mirror_object.h"
#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "tests/prop/mirrorsim.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <xxhash.h>

enum { NAMES = 6, DEPTH = 3, WRITE_MAX = 9000 };
static const struct dpl_segment_limits limits = {.segment_bytes = DPL_SEGMENT_MIN,
                                                 .max_bytes = 1ULL << 30};

/* A name in a directory, both as the source has them. */
struct place {
    int dir; /* owned */
    struct dpl_oid dir_oid;
    char name[8];
};

static struct dpl_view text_view(const char *text)
{
    return (struct dpl_view){(const uint8_t *)text, strlen(text)};
}

static struct dpl_oid oid_of(int fd)
{
    struct dpl_mirror_handle handle;
    struct dpl_oid oid = {0};
    if (dpl_mirror_handle_get(fd, "", &handle, &oid, NULL) < 0)
        abort();
    return oid;
}

static struct dpl_attr attr_of(int fd)
{
    struct dpl_attr attr = {0};
    struct stat st;
    if (fstat(fd, &st) < 0)
        abort();
    dpl_attr_from_stat(&attr, &st);
    return attr;
}

static void place_take(struct msim *sim, struct place *p)
{
    struct rng *r = &sim->rng;
    p->dir = openat(sim->source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int depth = 0; depth < DEPTH && !rng_one_in(r, 3); depth++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", rng_below(r, NAMES));
        int next = openat(p->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            break;
        close(p->dir);
        p->dir = next;
    }
    p->dir_oid = oid_of(p->dir);
    snprintf(p->name, sizeof p->name, "n%u", rng_below(r, NAMES));
}

/* What stands there, as a path; -1: nothing. */
static int open_path(const struct place *p)
{
    return openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static void remember(struct msim *sim)
{
    struct msim_state state = {sim->journal.epoch.number, sim->journal.lsn,
                               msim_print_of(sim->source)};
    g_array_append_val(sim->history, state);
}

static void put(struct msim *sim, struct dpl_record *record)
{
    static uint8_t bytes[DPL_RECORD_MAX];
    struct msim_journal *j = &sim->journal;
    struct dpl_err err = {0};
    enum dpl_journal_end reason;
    if (getenv("MSIM_VERBOSE")) {
        uint64_t object =
            record->object.size ? XXH3_64bits(record->object.data, record->object.size) : 0;
        printf("%.3f %s at %llu/%llu%s: %s %04llx %.*s at %llu, %llu bytes\n",
               (double)sim->fake.now_ns / 1e9, dpl_record_type_text(record->type),
               (unsigned long long)j->epoch.number, (unsigned long long)j->lsn,
               j->open ? "" : " (lost)", "object", (unsigned long long)(object & 0xffff),
               (int)record->name.size, (const char *)record->name.data,
               (unsigned long long)record->offset,
               (unsigned long long)record->data.size + record->length);
    }
    if (!j->open)
        return;
    uint8_t *body = bytes + DPL_RECORD_HEADER;
    /* Sometimes nobody knows what became of it: the target asks for what it names. */
    bool known = record->type == DPL_R_ROOT || record->type == DPL_R_DROP ||
                 record->type == DPL_R_MIRROR || !rng_one_in(&sim->rng, sim->doubt);
    record->outcome = known ? DPL_OUTCOME_OK : DPL_OUTCOME_UNKNOWN;
    sim->seen.doubts += !known;
    if (!known && getenv("MSIM_VERBOSE"))
        printf("  its outcome is not known\n");
    ssize_t n = dpl_record_encode(record, body, sizeof bytes - DPL_RECORD_HEADER - 8, &err);
    if (n < 0) {
        msim_fail(sim, "a record cannot be made: %s", err.text);
        return;
    }
    struct dpl_record_header h = {
        .size = (uint32_t)dpl_record_align((uint64_t)DPL_RECORD_HEADER + (uint64_t)n),
        .lsn = j->lsn,
        .epoch_tag = dpl_epoch_tag(&j->epoch),
        .time_ns = (uint64_t)sim->fake.wall_ns,
        .body_bytes = (uint32_t)n,
        .body_crc = dpl_crc32c(0, body, (size_t)n),
        .chain = j->chain,
        .type = record->type,
        .outcome = record->outcome,
    };
    memset(body + n, 0, h.size - DPL_RECORD_HEADER - (size_t)n);
    dpl_record_header_encode(&h, bytes);
    struct iovec iov = {bytes, h.size};
    int rc = 0;
    if (dpl_segments_room(&j->segments, j->lsn) < h.size)
        rc = dpl_segments_rotate(&j->segments, j->lsn, j->chain, &reason, &err);
    if (rc == 0)
        rc = dpl_segments_append(&j->segments, j->lsn, &iov, 1, &err);
    if (rc < 0)
        msim_fail(sim, "the journal cannot be written: %s", err.text);
    j->lsn += h.size;
    j->chain = h.crc;
    remember(sim);
}

static void on_object(struct msim *sim, int fd, struct dpl_record *r)
{
    struct dpl_oid oid = oid_of(fd);
    r->object = dpl_oid_view(&oid);
    r->attr = attr_of(fd);
    r->has |= DPL_F_OBJECT | DPL_F_ATTR;
    put(sim, r);
    r->object = (struct dpl_view){0}; /* of our stack */
}

static void named(struct dpl_record *r, const struct place *p)
{
    r->parent = dpl_oid_view(&p->dir_oid);
    r->name = text_view(p->name);
    r->parent_attr = attr_of(p->dir);
    r->has |= DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR;
}

static void make(struct msim *sim, struct place *p)
{
    struct dpl_record r = {.type = DPL_R_CREATE};
    const char *target = "n1/elsewhere";
    int rc = 0;
    switch (rng_below(&sim->rng, 7)) {
    case 0:
    case 1:
        rc = mkdirat(p->dir, p->name, 0755);
        break;
    case 2:
        rc = symlinkat(target, p->dir, p->name);
        r.target = text_view(target);
        r.has = DPL_F_TARGET;
        break;
    case 3:
        rc = mkfifoat(p->dir, p->name, 0600);
        break;
    default:
        rc = openat(p->dir, p->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        break;
    }
    if (rc < 0)
        return;
    if (rc > 0)
        close(rc);
    dpl_autofd int fd = open_path(p);
    named(&r, p);
    on_object(sim, fd, &r);
}

/* The kernel's own time may be the same for two changes, and hide one from a mirror that goes by
 * size and time. */
static void mark(struct msim *sim, int fd)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {1600000000, (long)sim->seen.ops}};
    if (futimens(fd, times) < 0)
        abort();
}

static void write_some(struct msim *sim, const struct place *p)
{
    static uint8_t data[WRITE_MAX];
    struct rng *rng = &sim->rng;
    dpl_autofd int fd = openat(p->dir, p->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    uint64_t at = rng_below(rng, rng_one_in(rng, 8) ? 2000000 : 20000);
    struct dpl_record r = {.has = DPL_F_OFFSET, .offset = at};
    size_t size = 1 + rng_below(rng, WRITE_MAX);
    switch (rng_below(rng, 6)) {
    case 0:
        r = (struct dpl_record){.type = DPL_R_TRUNCATE, .has = DPL_F_LENGTH, .length = at};
        if (ftruncate(fd, (off_t)at) < 0)
            return;
        break;
    case 1:
        r.type = DPL_R_FALLOCATE;
        r.has |= DPL_F_MODE | DPL_F_LENGTH;
        r.mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        r.length = size;
        if (fallocate(fd, (int)r.mode, (off_t)at, (off_t)size) < 0)
            return;
        break;
    default:
        memset(data, (int)rng_below(rng, 256), size);
        r.type = DPL_R_WRITE;
        r.has |= DPL_F_DATA;
        r.data = (struct dpl_view){data, size};
        if (pwrite(fd, data, size, (off_t)at) != (ssize_t)size)
            return;
    }
    mark(sim, fd);
    on_object(sim, fd, &r);
}

static void dress(struct msim *sim, const struct place *p)
{
    struct rng *rng = &sim->rng;
    dpl_autofd int fd = open_path(p);
    char own[64];
    struct stat st;
    struct dpl_record r = {.type = DPL_R_SETATTR};
    if (fd < 0 || fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))
        return;
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {1000000000 + rng_below(rng, 99999), 5}};
    switch (rng_below(rng, 4)) {
    case 0:
        if (chmod(own, rng_below(rng, 01000)) < 0)
            return;
        break;
    case 1:
        if (chown(own, rng_below(rng, 3), rng_below(rng, 3)) < 0)
            return;
        break;
    case 2:
        if (utimensat(AT_FDCWD, own, times, 0) < 0)
            return;
        break;
    default:
        if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) ||
            setxattr(own, "user.one", p->name, strlen(p->name), 0) < 0)
            return;
        r.type = DPL_R_SETXATTR;
        r.has = DPL_F_XATTR | DPL_F_VALUE;
        r.xattr = text_view("user.one");
        r.value = text_view(p->name);
    }
    on_object(sim, fd, &r);
}

static void copy(struct msim *sim, const struct place *from, const struct place *to)
{
    dpl_autofd int in =
        openat(from->dir, from->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    dpl_autofd int out = openat(to->dir, to->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat a, b;
    off_t at = (off_t)rng_below(&sim->rng, 9000), to_at = (off_t)rng_below(&sim->rng, 9000);
    if (in < 0 || out < 0 || fstat(in, &a) < 0 || fstat(out, &b) < 0 || !S_ISREG(a.st_mode) ||
        !S_ISREG(b.st_mode) || a.st_ino == b.st_ino)
        return;
    struct dpl_oid oid = oid_of(in);
    struct dpl_record r = {.type = DPL_R_COPY,
                           .has = DPL_F_OFFSET | DPL_F_OFFSET2 | DPL_F_LENGTH | DPL_F_OBJECT2,
                           .offset = (uint64_t)to_at,
                           .offset2 = (uint64_t)at,
                           .object2 = dpl_oid_view(&oid)};
    ssize_t n = copy_file_range(in, &at, out, &to_at, 1 + rng_below(&sim->rng, 9000), 0);
    if (n <= 0)
        return;
    r.length = (uint64_t)n;
    mark(sim, out);
    on_object(sim, out, &r);
}

static void give_link(struct msim *sim, const struct place *from, struct place *to)
{
    struct dpl_record r = {.type = DPL_R_LINK};
    if (linkat(from->dir, from->name, to->dir, to->name, 0) < 0)
        return;
    dpl_autofd int fd = open_path(to);
    named(&r, to);
    on_object(sim, fd, &r);
}

/* The last name has gone: nobody has it open. */
static void drop_if_gone(struct msim *sim, int fd, const struct dpl_oid *oid)
{
    struct dpl_attr attr = attr_of(fd);
    struct dpl_record r = {.type = DPL_R_DROP, .has = DPL_F_OBJECT, .object = dpl_oid_view(oid)};
    if (attr.nlink == 0)
        put(sim, &r);
}

static void take_away(struct msim *sim, const struct place *p)
{
    struct dpl_record r = {.type = DPL_R_REMOVE};
    dpl_autofd int fd = open_path(p);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    struct dpl_oid oid = oid_of(fd);
    if (unlinkat(p->dir, p->name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0)
        return;
    named(&r, p);
    r.object = dpl_oid_view(&oid);
    r.attr = attr_of(fd);
    r.has |= DPL_F_OBJECT | DPL_F_ATTR;
    put(sim, &r);
    drop_if_gone(sim, fd, &oid);
}

static void move(struct msim *sim, const struct place *from, const struct place *to)
{
    bool exchange = rng_one_in(&sim->rng, 4);
    dpl_autofd int fd = open_path(from);
    dpl_autofd int other = open_path(to);
    struct stat a, b;
    if (fd < 0 || fstat(fd, &a) < 0 ||
        (other >= 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino) ||
        renameat2(from->dir, from->name, to->dir, to->name, exchange ? RENAME_EXCHANGE : 0) < 0)
        return;
    struct dpl_oid oid = oid_of(fd), other_oid = {0};
    struct dpl_record r = {.type = DPL_R_RENAME,
                           .has = DPL_F_OBJECT | DPL_F_ATTR | DPL_F_PARENT2 | DPL_F_NAME2 |
                                  DPL_F_PARENT2_ATTR,
                           .object = dpl_oid_view(&oid),
                           .parent2 = dpl_oid_view(&to->dir_oid),
                           .name2 = text_view(to->name)};
    named(&r, from);
    r.attr = attr_of(fd);
    r.parent2_attr = attr_of(to->dir);
    if (exchange) {
        r.flags = DPL_RF_EXCHANGE;
        r.has |= DPL_F_FLAGS;
    }
    if (other >= 0) {
        other_oid = oid_of(other);
        r.object2 = dpl_oid_view(&other_oid);
        r.attr2 = attr_of(other);
        r.has |= DPL_F_OBJECT2 | DPL_F_ATTR2;
    }
    put(sim, &r);
    if (other >= 0)
        drop_if_gone(sim, other, &other_oid);
}

void msim_app_step(struct msim *sim)
{
    struct place a, b;
    place_take(sim, &a);
    place_take(sim, &b);
    sim->seen.ops++;
    switch (rng_below(&sim->rng, 15)) {
    case 0:
    case 1:
    case 2:
    case 3:
        make(sim, &a);
        break;
    case 4:
        take_away(sim, &a);
        break;
    case 5:
    case 6:
        move(sim, &a, &b);
        break;
    case 7:
        give_link(sim, &a, &b);
        break;
    case 8:
        dress(sim, &a);
        break;
    case 9:
        copy(sim, &a, &b);
        break;
    default:
        write_some(sim, &a);
    }
    close(a.dir);
    close(b.dir);
}

/* The journal. */

void msim_app_figures(struct msim *sim)
{
    struct dpl_capstat_page *page = sim->page;
    uint64_t now = (uint64_t)sim->fake.now_ns;
    page->now.next_lsn = page->now.lowest_open_lsn = sim->journal.lsn;
    page->now.spilled_lsn = page->now.synced_lsn = sim->journal.lsn;
    page->now.mode = sim->journal.open ? DPL_CAPSTAT_JOURNAL : DPL_CAPSTAT_PASS;
    page->now.heartbeat_ns = page->now.figures_ns = now;
}

static void new_page(struct msim *sim)
{
    struct dpl_capstat_what what = {.epoch_number = sim->journal.epoch.number, .set = "mail"};
    struct dpl_err err = {0};
    dpl_capstat_unmap(sim->page);
    sim->page = NULL;
    if (dpl_capstat_create(sim->capture_fd, &what, &sim->page, &err) < 0) {
        msim_fail(sim, "%s", err.text);
        abort();
    }
}

void msim_app_journal(struct msim *sim)
{
    struct msim_journal *j = &sim->journal;
    struct dpl_epoch last = j->epoch;
    struct dpl_err err = {0};
    if (j->open)
        return;
    j->epoch = (struct dpl_epoch){.number = last.number + 1, .set = "mail"};
    for (int i = 0; i < 16; i++)
        j->epoch.id[i] = (uint8_t)(rng_next(&sim->rng) | 1);
    memcpy(j->epoch.parent_id, last.id, 16);
    j->lsn = 0;
    j->chain = dpl_epoch_chain(&j->epoch);
    dpl_segments_close(&j->segments);
    int rc = dpl_segments_create(j->dir_fd, &j->epoch, &limits, &dpl_segment_io_system, &err);
    if (rc == 0)
        rc = dpl_segments_open(&j->segments, j->dir_fd, &j->epoch, &limits, &dpl_segment_io_system,
                               0, &err);
    if (rc < 0) {
        msim_fail(sim, "the journal cannot be begun: %s", err.text);
        abort();
    }
    j->open = true;
    new_page(sim);
    struct dpl_record r = {
        .type = DPL_R_ROOT, .has = DPL_F_NUMBER | DPL_F_PATH, .path = text_view("/source")};
    on_object(sim, sim->source, &r);
    msim_app_figures(sim);
}

void msim_app_overflow(struct msim *sim)
{
    struct msim_journal *j = &sim->journal;
    if (!j->open)
        return;
    (void)dpl_segments_flag(&j->segments, DPL_SEGMENT_MIRROR_NEEDED, DPL_JOURNAL_BOUND, j->lsn,
                            NULL);
    j->open = false;
    sim->seen.overflows++;
}

static int subdir(int base, const char *name)
{
    mkdirat(base, name, 0755);
    return openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void msim_app_init(struct msim *sim)
{
    dpl_autofd int base = open(sim->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dpl_autofd int run = subdir(base, "run");
    sim->source = subdir(base, "source");
    sim->journal.dir_fd = subdir(base, "journal");
    sim->journal.segments.fd = -1;
    sim->capture_fd = subdir(run, "mail");
    sim->history = g_array_new(FALSE, FALSE, sizeof(struct msim_state));
    /* What stood there before: in no journal. */
    for (unsigned n = rng_below(&sim->rng, 200); n > 0; n--)
        msim_app_step(sim);
    msim_app_journal(sim);
}

void msim_app_done(struct msim *sim)
{
    dpl_segments_close(&sim->journal.segments);
    dpl_fd_clear(&sim->journal.dir_fd);
    dpl_fd_clear(&sim->capture_fd);
    dpl_fd_clear(&sim->source);
    dpl_capstat_unmap(sim->page);
    g_array_free(sim->history, TRUE);
}

/* Fingerprints: the sum of all names, each with all that can be seen of what stands there. */

static void feed_file(XXH3_state_t *hash, int dir, const char *name, const struct stat *st)
{
    static uint8_t bytes[65536];
    char own[300];
    ssize_t n;
    snprintf(own, sizeof own, "/proc/self/fd/%d/%s", dir, name);
    if (S_ISLNK(st->st_mode)) {
        n = readlinkat(dir, name, (char *)bytes, sizeof bytes);
        XXH3_64bits_update(hash, bytes, n > 0 ? (size_t)n : 0);
        return;
    }
    n = lgetxattr(own, "user.one", bytes, sizeof bytes);
    XXH3_64bits_update(hash, bytes, n > 0 ? (size_t)n : 0);
    if (!S_ISREG(st->st_mode))
        return;
    dpl_autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
    off_t at = 0;
    /* Zeros and holes look the same: blocks of zeros are left out. */
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0 &&
           (n = pread(fd, bytes, 4096, at = at / 4096 * 4096)) > 0) {
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, (size_t)n - 1) != 0) {
            XXH3_64bits_update(hash, &at, sizeof at);
            XXH3_64bits_update(hash, bytes, (size_t)n);
        }
        at += n;
    }
}

static uint64_t print_one(int dir, const char *name, const char *path, const struct stat *st)
{
    static XXH3_state_t *hash;
    if (!hash)
        hash = XXH3_createState();
    XXH3_64bits_reset_withSeed(hash, XXH3_64bits(path, strlen(path)));
    uint64_t nlink = S_ISDIR(st->st_mode) ? 0 : st->st_nlink;
    uint64_t size = S_ISDIR(st->st_mode) ? 0 : (uint64_t)st->st_size;
    uint64_t facts[] = {st->st_mode,
                        st->st_uid,
                        st->st_gid,
                        nlink,
                        size,
                        (uint64_t)st->st_mtim.tv_sec,
                        (uint64_t)st->st_mtim.tv_nsec};
    XXH3_64bits_update(hash, facts, sizeof facts);
    feed_file(hash, dir, name, st);
    return XXH3_64bits_digest(hash);
}

static uint64_t print_beneath(int dir_fd, const char *path)
{
    DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_NOATIME | O_CLOEXEC));
    struct dirent *d;
    uint64_t sum = 0;
    while (dir && (d = readdir(dir))) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        g_autofree char *full = g_strdup_printf("%s/%s", path, d->d_name);
        sum += print_one(dir_fd, d->d_name, full, &st);
        if (!S_ISDIR(st.st_mode))
            continue;
        dpl_autofd int next =
            openat(dir_fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        sum += print_beneath(next, full);
    }
    if (dir)
        closedir(dir);
    return sum;
}

uint64_t msim_print_of(int dir)
{
    struct stat st;
    return fstat(dir, &st) < 0 ? 0 : print_one(dir, ".", "", &st) + print_beneath(dir, "");
}
