/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared by the parts of load: what all workers know of each other, and the measured calls.
 */
#ifndef DPL_TESTS_LOAD_H
#define DPL_TESTS_LOAD_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LOAD_WORKERS  64
#define LOAD_NAMES    8
#define LOAD_TOKENS   16
#define LOAD_PAIRS    4
#define LOAD_PAGES    64
#define LOAD_STABLE   150
#define LOAD_STALLS   4096
#define LOAD_STALL_NS 5000000
#define LOAD_BUCKETS  1024
#define LOAD_WAIT_NS  2000000

/* Ways to make a name (or an attribute) that exactly one of many can make. */
enum load_way {
    LOAD_OPEN,
    LOAD_MKDIR,
    LOAD_SYMLINK,
    LOAD_LINK,
    LOAD_MKNOD,
    LOAD_XATTR,
    LOAD_RENAME,
    LOAD_TMPFILE,
    LOAD_WAYS
};

struct load_stall {
    int64_t at_ns; /* CLOCK_MONOTONIC, when it ended */
    int64_t ns;
    const char *call;
};

struct load_name {
    _Atomic int owner;  /* worker + 1 */
    _Atomic int active; /* workers that try or hold it */
    _Atomic long tries;
    _Atomic long made; /* of the free-for-all: made and removed must tell whether it is there */
    _Atomic long removed;
};

struct load_shared {
    _Atomic long ops, errors, won, busy;
    _Atomic long histogram[LOAD_BUCKETS];
    _Atomic long stall_count;
    _Atomic int64_t longest_ns;
    struct load_stall stalls[LOAD_STALLS];
    _Atomic long wait_count; /* of the watcher */
    int64_t waits_ns[LOAD_STALLS];
    _Atomic int64_t end_ns;
    _Atomic long ops_wanted; /* 0: until end_ns */

    struct load_name locks[LOAD_WAYS][LOAD_NAMES];
    struct load_name free_for_all[LOAD_WAYS][LOAD_NAMES];
    _Atomic int token_owner[LOAD_TOKENS];
    _Atomic long exchanges[LOAD_PAIRS];
    _Atomic long appended[LOAD_WORKERS];
    _Atomic long victims, victim_records;
    _Atomic long counted; /* increments of the counter file, under a lock of the file system */
    pthread_mutex_t pages_mutex, extent_mutex, copy_mutex;
    uint32_t page_versions[LOAD_PAGES];
    long extent_pages;
    uint8_t copy_values[16];
};
extern struct load_shared *load_shared;

/* One thread. Its private files stay open the whole time. */
struct load_worker {
    int id;
    uint64_t random;
    long round;
    int dir_fd;
    int append_fd;
    int orphan_fd; /* unlinked at once */
    long orphan_size;
    int locks_fd; /* POSIX lock of the process' byte held */
    int own_fd;
    uint8_t *own_map;
    char names[16][256];
    unsigned next_name;
    char data[16384];
};

/* Reports what should not be. */
void load_bad(const struct load_worker *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
uint32_t load_random(struct load_worker *w, uint32_t below);
/* A name built in one of sixteen places of the worker, valid until sixteen more were built. */
const char *load_name(struct load_worker *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int64_t load_now_ns(void);
void load_took(const char *call, int64_t ns);
int64_t load_median_ns(void);

/* Makes a call and measures it. */
#define LOAD_TIMED(call)                                                                           \
    ({                                                                                             \
        int64_t load_start_ns = load_now_ns();                                                     \
        long load_result = (long)(call);                                                           \
        int load_errno = errno;                                                                    \
        load_took(#call, load_now_ns() - load_start_ns);                                           \
        errno = load_errno;                                                                        \
        load_result;                                                                               \
    })
/* The same for a call that may not fail. */
#define LOAD_MUST(w, call)                                                                         \
    ({                                                                                             \
        long load_must = LOAD_TIMED(call);                                                         \
        if (load_must < 0)                                                                         \
            load_bad(w, "%s: %s", #call, strerrordesc_np(errno));                                  \
        load_must;                                                                                 \
    })

struct load_game {
    const char *name;
    unsigned weight;
    void (*play)(struct load_worker *w);
};
extern const struct load_game load_name_games[];
extern const struct load_game load_data_games[];
extern const struct load_game load_odd_games[];

/* Before the workers begin, and after all ended. */
void load_names_prepare(struct load_worker *w);
void load_names_check(struct load_worker *w);
void load_data_prepare(struct load_worker *w);
void load_data_check(struct load_worker *w, int workers);
/* Callers that are killed, until finished() says so. */
void load_victims(struct load_worker *w, bool (*finished)(void));
void load_victims_check(struct load_worker *w);
/* One call after the other, until finished() says so; then what the waits were. */
void load_watch(struct load_worker *w, bool (*finished)(void));
void load_watch_print(void);
/* At the beginning and the end of each worker. */
void load_data_begin(struct load_worker *w);
void load_data_end(struct load_worker *w);

#endif
