/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The kinds of services, in one table: how each is started, stopped, found among the processes and
 * probed. A further kind that stays in the foreground, and whose command line names its
 * configuration, is one row.
 */
#ifndef DPL_SERVICE_KIND_H
#define DPL_SERVICE_KIND_H

#include "lib/base/clock.h"
#include "lib/service/facts.h"
#include "lib/service/proc.h"

enum dpl_service_config {
    DPL_SERVICE_CONFIG_NONE,
    DPL_SERVICE_CONFIG_DIR,
    DPL_SERVICE_CONFIG_FILE,
};

/* One service as a resource has it. All texts are borrowed. */
struct dpl_service {
    const struct dpl_service_kind *kind;
    const char *config;     /* absolute: the directory or file; NULL for none */
    const char *binary;     /* its program */
    const char *pid_file;   /* NULL: as the configuration says */
    const char *unit;       /* of systemd; NULL but for that kind */
    const char *parameters; /* further arguments, as for a shell; NULL: none */
};

/* How long something may take. */
struct dpl_service_time {
    const struct dpl_clock *clock;
    int64_t deadline_ns;
};

struct dpl_service_kind {
    const char *name;
    const char *binary;
    enum dpl_service_config config;
    const char *config_default; /* the package's */
    /* Behind the program to start it, ends with NULL; "%c" stands for the configuration. */
    const char *const *arguments;
    /* Behind learnt->direct, and what its environment gets ("%c" as above), where that is not NULL
     * and no further arguments are given; warns is then what its own checks would only warn of:
     * arguments behind the program, run beside it at the lowest priority. */
    const char *const *direct;
    const char *direct_variable;
    const char *const *warns;
    bool foreground;  /* it stays what was started; else it goes to the background by itself */
    const char *user; /* who runs it, where it does not change that itself; or NULL */
    int stop_signal, reload_signal;
    const char *protocol; /* of a probe_address that names none */
    const char *point;    /* to be probed where learn says none; NULL: none */
    /* Whether the process is the first of this service: NULL: its program is the service's, and an
     * argument of it is the configuration. */
    bool (*is_master)(const struct dpl_service *service, pid_t pid);
    /* Asks the service's own programs what its configuration says; a configuration that they do not
     * take is DPL_E_CONFIG. NULL: nothing to ask. */
    int (*learn)(const struct dpl_service *service, const struct dpl_service_time *time,
                 struct dpl_service_learnt *learnt, struct dpl_err *err);
    /* Before each start; moved: its data came from another site or disk. May be NULL. */
    int (*prepare)(const struct dpl_service *service, const struct dpl_service_time *time,
                   const struct dpl_service_learnt *learnt, bool moved, struct dpl_err *err);
    /* What runs beside it for a while, once it runs on data that came from elsewhere, at the lowest
     * priority: arguments as above, the first is the program. NULL: nothing. */
    const char *const *afterwards;
    /* Before it is asked to end: lets come to an end what would be done twice otherwise. procs
     * marks its processes; its master may be left stopped. NULL: there is nothing like that. */
    void (*settle)(struct dpl_procs *procs, const struct dpl_service_time *time);
    /* Names of processes that are asked to end, too (SIGTERM), where they live on a moment after
     * its first one was: they may wait for each other then. NULL: none. */
    const char *const *nudged;
    /* The name of one that ends by itself behind the first one, which only lets time pass when no
     * other is left. NULL: there is none. last_ms: what the first one has to end since it was
     * asked; then, if no other is left, it is killed. */
    const char *last;
    int last_ms;
};

extern const struct dpl_service_kind dpl_service_kinds[];
extern const size_t dpl_service_kind_count;

/* NULL if there is none of this name. */
const struct dpl_service_kind *dpl_service_kind_find(const char *name);
/* "postfix, dovecot, ...". */
const char *dpl_service_kind_names(void);

bool dpl_service_is_master(const struct dpl_service *service, pid_t pid);
/* Whether its pid_file, the one that was given, names this process, and that runs its program. */
bool dpl_service_is_named(const struct dpl_service *service, pid_t named, pid_t pid);
/* "NAME=VALUE" in the environment of what is started in the foreground, for those that write
 * something else over their arguments. The caller frees it. */
char *dpl_service_mark(const struct dpl_service *service);
/* "%c" in the text, or NULL where there is none; the caller frees it. */
char *dpl_service_fill(const struct dpl_service *service, const char *text);
/* The command line of a start, or of afterwards: argv is the caller's (g_strfreev). */
int dpl_service_argv(const struct dpl_service *service, const char *program,
                     const char *const *arguments, const char *more, char ***argv_r,
                     struct dpl_err *err);

/* Rows of the table that need code. */
bool dpl_service_postfix_is_master(const struct dpl_service *service, pid_t pid);
int dpl_service_postfix_learn(const struct dpl_service *service,
                              const struct dpl_service_time *time,
                              struct dpl_service_learnt *learnt, struct dpl_err *err);
int dpl_service_postfix_prepare(const struct dpl_service *service,
                                const struct dpl_service_time *time,
                                const struct dpl_service_learnt *learnt, bool moved,
                                struct dpl_err *err);
int dpl_service_dovecot_learn(const struct dpl_service *service,
                              const struct dpl_service_time *time,
                              struct dpl_service_learnt *learnt, struct dpl_err *err);
int dpl_service_dovecot_prepare(const struct dpl_service *service,
                                const struct dpl_service_time *time,
                                const struct dpl_service_learnt *learnt, bool moved,
                                struct dpl_err *err);
void dpl_service_dovecot_settle(struct dpl_procs *procs, const struct dpl_service_time *time);
void dpl_service_postfix_settle(struct dpl_procs *procs, const struct dpl_service_time *time);

/* The value of "name = value" among the lines of an output of postconf, or "". */
char *dpl_service_postfix_setting(char **lines, const char *name);
/* The program of Postfix's first process, if "postfix start" would find nothing to make or to mend
 * but what prepare mends: all directories that the installation's lists (postfix-files) have it
 * make are there. Else NULL. settings, services: as for dpl_service_postfix_parse. */
char *dpl_service_postfix_direct(const char *settings, const char *services);

/* What the two parse, for tests: the outputs of "postconf NAME...", "postconf -M" and "doveconf
 * -S". */
void dpl_service_postfix_parse(const char *settings, const char *services,
                               struct dpl_service_learnt *learnt);
void dpl_service_dovecot_parse(const char *settings, struct dpl_service_learnt *learnt);

#endif
