/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/holder.h"

#include "lib/base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENING = 0x0a, LINE = 512 };

unsigned long dpl_holder_parse(const char *line, unsigned port, unsigned *backlog_r)
{
    unsigned local, state, backlog;
    unsigned long inode;
    if (sscanf(line,
               " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*8[0-9A-Fa-f]:%x %*[0-9A-Fa-f:] %*x "
               "%*u %*u %lu",
               &local, &state, &backlog, &inode) != 4)
        return 0;
    *backlog_r = backlog;
    return local == port && state == LISTENING ? inode : 0;
}

/* The first socket that listens on the port, and the sum of what waits there. */
static unsigned long read_table(const char *path, unsigned port, unsigned *backlog)
{
    char line[LINE];
    unsigned long first = 0, inode;
    unsigned waiting = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if ((inode = dpl_holder_parse(line, port, &waiting))) {
            first = first ? first : inode;
            *backlog += waiting;
        }
    if (file)
        fclose(file);
    return first;
}

unsigned dpl_holder_backlog(unsigned port)
{
    unsigned backlog = 0;
    read_table("/proc/net/tcp", port, &backlog);
    read_table("/proc/net/tcp6", port, &backlog);
    return backlog;
}

static bool has_socket(pid_t pid, const char *want)
{
    char path[320], link[64];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    struct dirent *entry;
    while (dir && !found && (entry = readdir(dir))) {
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        found = strcmp(link, want) == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}

bool dpl_holder_find(unsigned port, struct dpl_proc *proc_r)
{
    char want[64];
    struct dpl_procs procs;
    bool found = false;
    unsigned ignored = 0;
    unsigned long inode = read_table("/proc/net/tcp", port, &ignored);
    if (inode == 0)
        inode = read_table("/proc/net/tcp6", port, &ignored);
    snprintf(want, sizeof want, "socket:[%lu]", inode);
    if (inode == 0 || dpl_procs_read(&procs, NULL) < 0)
        return false;
    /* Those that began first: the master, not who inherited it. */
    for (size_t i = 0; i < procs.count; i++)
        if ((!found || procs.items[i].start < proc_r->start) &&
            has_socket(procs.items[i].pid, want)) {
            *proc_r = procs.items[i];
            found = true;
        }
    dpl_procs_done(&procs);
    return found;
}

/* What an administrator would know it by. */
static const char *origin_of(const struct dpl_proc *proc)
{
    if (strcmp(proc->name, "master") == 0)
        return dpl_proc_has_variable(proc->pid, "MAIL_CONFIG=/etc/postfix")
                   ? ", the distribution's Postfix: systemctl disable --now postfix"
                   : ", another Postfix";
    if (strcmp(proc->name, "dovecot") == 0)
        return dpl_proc_has_argument(proc->pid, "-c")
                   ? ", another Dovecot"
                   : ", the distribution's Dovecot: systemctl disable --now dovecot";
    return "";
}

static int taken(const struct dpl_service_listen *listen, struct dpl_err *err)
{
    struct dpl_proc proc;
    const char *host = listen->host[0] ? listen->host : "all addresses";
    if (!dpl_holder_find(listen->port, &proc))
        return dpl_err_set(err, DPL_E_REFUSED, "port %u of %s is taken", listen->port, host);
    return dpl_err_set(err, DPL_E_REFUSED, "port %u of %s is taken by process %d (%s)%s",
                       listen->port, host, (int)proc.pid, proc.name, origin_of(&proc));
}

static int try_bind(const struct dpl_service_listen *listen, const char *host, struct dpl_err *err)
{
    struct dpl_address address;
    int one = 1;
    if (!dpl_address_make(host, listen->port, &address))
        return DPL_OK; /* a name: the service will find out */
    if (!listen->host[0] && address.socket.any.sa_family == AF_INET)
        address.socket.in.sin_addr.s_addr = INADDR_ANY;
    dpl_autofd int fd = socket(address.socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return DPL_OK;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &address.socket.any, address.size) == 0)
        return DPL_OK;
    if (errno == EADDRINUSE)
        return taken(listen, err);
    if (errno == EADDRNOTAVAIL)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "it shall listen on %s, which is no address of this node: is its "
                           "virtual-ip started before it?",
                           host);
    return DPL_OK;
}

int dpl_holder_check(const struct dpl_service_listen *listen, struct dpl_err *err)
{
    return try_bind(listen, listen->host[0] ? listen->host : "127.0.0.1", err);
}
