/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * durability=remote: the page by which the link tells the capture up to where the target has the
 * journal on its disk, so that an fsync can wait for it.
 *
 * The file RUN_DIR/SET/remote is made by the capture, for root alone. The link writes it: first the
 * configuration with mode on, then the position as it advances, and its heartbeat at least once per
 * timeout. The capture looks, and believes nothing that cannot be: a position of another epoch, or
 * beyond what was journalled, counts as none; numbers out of bounds as the default.
 *
 * An fsync arrives when the journal's head is at H. It is answered when the target has all below H;
 * when the timeout has passed since its arrival, or the link gives no sign for that long, by the
 * policy: as the source's own disk answered (local), or with an error (refuse).
 */
#ifndef DPL_CAPSTAT_REMOTE_H
#define DPL_CAPSTAT_REMOTE_H

#include "lib/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DPL_REMOTE_MAGIC  0x4450524d4f544531ULL /* "DPRMOTE1" */
#define DPL_REMOTE_LAYOUT 1U
#define DPL_REMOTE_NAME   "remote"

enum {
    DPL_REMOTE_TIMEOUT_MS = 5000,
    DPL_REMOTE_TIMEOUT_MS_MAX = 3600 * 1000,
    DPL_REMOTE_ERROR_MAX = 133,
};

enum dpl_remote_mode {
    DPL_REMOTE_OFF = 0,      /* an fsync is answered by the source's own disk */
    DPL_REMOTE_ON = 1,       /* it waits for the target */
    DPL_REMOTE_FALLBACK = 2, /* it should, but the set is not protected: the policy at once */
};

enum dpl_remote_policy {
    DPL_REMOTE_LOCAL = 0,
    DPL_REMOTE_REFUSE = 1,
};

/* The file. Only the link writes it, but for the bell. */
struct dpl_remote_page {
    _Atomic uint64_t magic; /* another value: another capture has another page */
    uint32_t layout;
    uint32_t bytes; /* of the page */
    _Atomic uint32_t mode;
    _Atomic uint32_t policy;
    _Atomic uint32_t timeout_ms;
    _Atomic uint32_t error;        /* an errno, for refuse */
    _Atomic uint64_t heartbeat_ns; /* CLOCK_BOOTTIME */
    _Atomic uint64_t epoch_tag;    /* dpl_epoch_tag(): of which epoch durable_lsn is */
    _Atomic uint64_t durable_lsn;  /* all below it is on the target's disk */
    _Atomic uint32_t bell;         /* a futex: moves whenever something here did */
    uint32_t reserved;
};

struct dpl_remote_config {
    enum dpl_remote_mode mode;
    enum dpl_remote_policy policy;
    uint32_t timeout_ms; /* 0: the default */
    uint32_t error;      /* 0: EIO */
};

/* The capture's: makes the page, mode off, or maps the one that is there. */
int dpl_remote_create(int dir_fd, struct dpl_remote_page **page_r, struct dpl_err *err);
/* Of a capture that starts anew: makes it anew, with what is in force until a link has come, as if
 * one had given a sign now. */
int dpl_remote_begin(int dir_fd, const struct dpl_remote_config *config, int64_t now_ns,
                     struct dpl_remote_page **page_r, struct dpl_err *err);
/* The link's. NOT_RUNNING, CORRUPT, VERSION as for the status page. */
int dpl_remote_open(struct dpl_remote_page **page_r, const char *run_dir, const char *set,
                    struct dpl_err *err);
/* Whether it is still the capture's: one that started anew has another. */
bool dpl_remote_stands(const struct dpl_remote_page *page);
void dpl_remote_unmap(struct dpl_remote_page *page);

void dpl_remote_configure(struct dpl_remote_page *page, const struct dpl_remote_config *config);
/* The target has all of this epoch below lsn; also a heartbeat. now_ns: CLOCK_BOOTTIME. */
void dpl_remote_advance(struct dpl_remote_page *page, uint64_t epoch_tag, uint64_t lsn,
                        int64_t now_ns);
void dpl_remote_beat(struct dpl_remote_page *page, int64_t now_ns);

/* What the page says to the capture of this epoch, in bounds. */
struct dpl_remote_view {
    enum dpl_remote_mode mode;
    enum dpl_remote_policy policy;
    int64_t timeout_ns;
    int error;
    uint64_t durable_lsn; /* 0 unless it is of this epoch */
    int64_t stale_ns;     /* when the link counts as gone, if it gives no sign */
};
void dpl_remote_look(const struct dpl_remote_page *page, uint64_t epoch_tag,
                     struct dpl_remote_view *view_r);

void dpl_remote_ring(struct dpl_remote_page *page);
/* Waits until the bell is not at seen any more, for at most this long. */
void dpl_remote_wait(struct dpl_remote_page *page, uint32_t seen, int64_t bound_ns);

#endif
