/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Waits for positions of a set's engine, for tests/bench/link.sh.
 *
 *     until INSTANCE SET VALUE KEY...
 *
 * Prints a line "KEY SECONDS" for each key when the status of the engine says VALUE or more of it,
 * in seconds of the monotonic clock, and looks every few milliseconds. Without a key it prints the
 * time alone. Fails after ten minutes.
 */
#include "lib/base/clock.h"
#include "lib/client/client.h"
#include "lib/ctl/doc.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 5, CALL_MS = 10000 };

static double now(void)
{
    return (double)dpl_clock_now_ns(&dpl_clock_system) / 1e9;
}

/* The value of the key in this document or beneath it. */
static int64_t find(const struct dpl_doc *doc, const char *key)
{
    int64_t value = dpl_doc_int(doc, key, -1);
    for (size_t i = 0; value < 0 && i < dpl_doc_count(doc); i++)
        value = find(dpl_doc_at(doc, i), key);
    return value;
}

int main(int argc, char **argv)
{
    struct dpl_client *client;
    struct dpl_err err = {0};
    double end = now() + 600;
    if (argc < 4) {
        fprintf(stderr, "usage: until INSTANCE SET VALUE KEY...\n");
        return 2;
    }
    if (argc == 4)
        printf("%.4f\n", now());
    int rc = argc > 4 ? dpl_client_open(argv[1], NULL, &client, &err) : 0;
    int64_t value = atoll(argv[3]);
    for (int i = 4; i < argc && rc == 0;) {
        g_autoptr(dpl_doc_auto) args = dpl_doc_new(), result = NULL;
        dpl_doc_set_text(args, "set", argv[2]);
        rc = dpl_client_call(client, "status", args, CALL_MS, &result, &err);
        for (double at = now(); i < argc && rc == 0 && find(result, argv[i]) >= value; i++)
            printf("%s %.4f\n", argv[i], at);
        if (now() > end)
            rc = dpl_err_set(&err, DPL_E_TIMEOUT, "%s does not come to %s", argv[i], argv[3]);
        poll(NULL, 0, LOOK_MS);
    }
    if (rc < 0)
        fprintf(stderr, "until: %s\n", err.text);
    return rc < 0;
}
