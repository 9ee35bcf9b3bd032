/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/capstat/owner.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWNER_BYTES = 4096 };

static int open_dir(int at, const char *name, bool make, struct dpl_err *err)
{
    struct stat st;
    if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory \"%s\" beside the roots", name);
    dpl_autofd int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "open the directory \"%s\" beside the roots", name);
    if (st.st_uid != 0 || (st.st_mode & 077))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "\"%s\" beside the roots must belong to root, with mode 0700", name);
    return dpl_fd_steal(&fd);
}

int dpl_owner_open_dir(const char *root, const char *set, bool make, struct dpl_err *err)
{
    g_autofree char *parent = g_path_get_dirname(root);
    dpl_autofd int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", parent);
    dpl_autofd int all = open_dir(dir, ".doppel", make, err);
    return all < 0 ? all : open_dir(all, set, make, err);
}

static bool read_id(const char *text, uint8_t id[16])
{
    for (int i = 0; i < 16; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        id[i] = (uint8_t)(high * 16 + low);
    }
    return text[32] == '\0';
}

/* Which of the lines that must be there this one is. */
enum { HAS_FORMAT = 1, HAS_SET = 2, HAS_EPOCH = 4, HAS_ID = 8, HAS_STATE = 16, HAS_ALL = 31 };

static unsigned read_line(const char *word, const char *value, struct dpl_owner *o)
{
    if (strcmp(word, "doppel-owner") == 0)
        return strcmp(value, "1") == 0 ? HAS_FORMAT : 0;
    if (strcmp(word, "set") == 0)
        return g_strlcpy(o->set, value, sizeof o->set) < sizeof o->set ? HAS_SET : 0;
    if (strcmp(word, "epoch") == 0)
        return sscanf(value, "%" SCNu64, &o->epoch) == 1 && o->epoch > 0 ? HAS_EPOCH : 0;
    if (strcmp(word, "id") == 0)
        return read_id(value, o->id) ? HAS_ID : 0;
    if (strcmp(word, "state") == 0) {
        o->closed = strcmp(value, "closed") == 0;
        return o->closed || strcmp(value, "open") == 0 ? HAS_STATE : 0;
    }
    if (strcmp(word, "role") == 0)
        g_strlcpy(o->role, value, sizeof o->role);
    else if (strcmp(word, "node") == 0)
        g_strlcpy(o->node, value, sizeof o->node);
    else if (strcmp(word, "generation") == 0)
        (void)!sscanf(value, "%" SCNd64, &o->generation);
    else if (strcmp(word, "unsent") == 0)
        (void)!sscanf(value, "%" SCNd64, &o->unsent_bytes);
    return 0;
}

int dpl_owner_read(int dir_fd, const char *set, struct dpl_owner *owner_r, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    unsigned has = 0;
    *owner_r = (struct dpl_owner){.unsent_bytes = -1};
    int rc = dpl_file_read(dir_fd, DPL_OWNER_NAME, OWNER_BYTES, &text, NULL, err);
    if (rc < 0)
        return rc;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        char *value = strchr(line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        has |= read_line(line, value, owner_r);
    }
    if (has != HAS_ALL || strcmp(owner_r->set, set) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "the owner's stamp beside the roots of set \"%s\" is damaged, or "
                           "another set's",
                           set);
    return DPL_OK;
}

int dpl_owner_write(int dir_fd, const struct dpl_owner *o, struct dpl_err *err)
{
    g_autoptr(GString) text = g_string_new("doppel-owner 1\n");
    g_string_append_printf(text, "set %s\nepoch %" PRIu64 "\nid ", o->set, o->epoch);
    for (int i = 0; i < 16; i++)
        g_string_append_printf(text, "%02x", o->id[i]);
    g_string_append_printf(text, "\nrole %s\ngeneration %" PRId64 "\nnode %s\nstate %s\n", o->role,
                           o->generation, o->node, o->closed ? "closed" : "open");
    if (o->unsent_bytes >= 0)
        g_string_append_printf(text, "unsent %" PRId64 "\n", o->unsent_bytes);
    return dpl_file_replace(dir_fd, DPL_OWNER_NAME, text->str, text->len, 0600, err);
}
