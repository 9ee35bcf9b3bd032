/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a service's configuration says of it that a monitor needs: found out once, at start, by the
 * service's own programs, so that no monitor runs one.
 */
#ifndef DPL_SERVICE_FACTS_H
#define DPL_SERVICE_FACTS_H

#include "lib/service/address.h"

#include <glib.h>

enum { DPL_FACTS_POINTS = 4, DPL_FACTS_PATH = 512, DPL_FACTS_POINT = DPL_ADDRESS_TEXT + 12 };

struct dpl_service_facts {
    /* "PROTOCOL:ADDRESS", those to be probed, the most telling first. */
    char points[DPL_FACTS_POINTS][DPL_FACTS_POINT];
    size_t point_count;
    char pid_file[DPL_FACTS_PATH]; /* of its master, or empty */
    char data[DPL_FACTS_PATH];     /* a directory of its data, or empty */
};

/* An address that it will listen on; the host is empty for all. */
struct dpl_service_listen {
    char host[64];
    unsigned port;
};

/* With what only a start needs. End with dpl_service_learnt_done. */
struct dpl_service_learnt {
    struct dpl_service_facts facts;
    GArray *listens;        /* of struct dpl_service_listen */
    GPtrArray *warnings;    /* sentences for the log */
    GPtrArray *socket_dirs; /* directories in which it will make sockets, outside its own */
    /* Its first process, to be started at once: its own checks would find nothing that is to be
     * made or mended first. NULL: it is not known to be so. */
    char *direct;
};

void dpl_service_learnt_init(struct dpl_service_learnt *learnt);
void dpl_service_learnt_done(struct dpl_service_learnt *learnt);
/* A point more, the first of each protocol; what does not fit is left out. */
void dpl_service_learnt_point(struct dpl_service_learnt *learnt, const char *protocol,
                              const char *address);
void dpl_service_learnt_listen(struct dpl_service_learnt *learnt, const char *host, unsigned port);
void dpl_service_learnt_warn(struct dpl_service_learnt *learnt, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
