/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every probe against a server that says anything: the first byte chooses the probe, the second its
 * level, the rest is what the server sends before it closes. Each ends, and says why in one line if
 * it fails.
 */
#include "lib/base/fd.h"
#include "lib/service/probe.h"

#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const protocols[] = {"smtp",   "lmtp", "imap",  "pop3",   "http",
                                        "rspamd", "ldap", "pgsql", "milter", "mysql"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2];
    struct dpl_talk talk;
    struct dpl_err err = {0};
    struct dpl_clock_fake fake;
    const struct dpl_clock clock = dpl_clock_fake_init(&fake, 1);
    struct dpl_probe probe = {.name = "test", .user = "u\"\\@x", .mark = "m.1"};
    if (size < 2 || size > 100000)
        return 0;
    const char *protocol = protocols[data[0] % G_N_ELEMENTS(protocols)];
    probe.level = data[1] % 3 * 10;
    probe.password = data[1] & 0x80 ? NULL : "secret";
    if (strcmp(protocol, "imap") == 0 && !probe.password)
        probe.level = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
        return 0;
    /* The clock stands still: what would wait ends at once, as its time is over. */
    dpl_talk_use(&talk, ends[0], &clock, 0);
    (void)!write(ends[1], data + 2, size - 2);
    shutdown(ends[1], SHUT_WR);
    int code = dpl_probe_find(protocol, strlen(protocol))->run(&talk, &probe, &err);
    g_assert(code == DPL_OK || (code < 0 && err.text[0] && !strchr(err.text, '\n')));
    g_assert(strlen(probe.queue_id) < sizeof probe.queue_id);
    dpl_talk_close(&talk);
    dpl_fd_clear(&ends[1]);
    return 0;
}
