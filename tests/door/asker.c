/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * asker SITE KEY CERT EXPORT PEER PORT SET QUESTION COUNT: asks another site's daemon by doors of
 * its own, with this site's key, COUNT times, four at once. EXPORT is what "store export" printed
 * here. It prints a line for each: "answer ROLE", "error CODE", "refused NAME" or "failed".
 */
#include "daemon/store/table.h"
#include "tests/door/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum { AT_ONCE = 4 };
#define HEAD "doppel store 1\n"

/* The documents of the sites that are known here. */
static struct dpl_doc *known_sites(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(dpl_doc_auto) export = NULL;
    struct dpl_doc *sites = dpl_doc_new();
    size_t size;
    if (!g_file_get_contents(path, &text, NULL, NULL) || !g_str_has_prefix(text, HEAD))
        exit(2);
    g_autofree guchar *data = g_base64_decode(text + strlen(HEAD), &size);
    if (dpl_doc_decode(data, size, &export, NULL) < 0)
        exit(2);
    const struct dpl_doc *list = dpl_doc_list(export, "documents");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        struct dpl_store_item item;
        if (dpl_item_read(dpl_doc_at(list, i), &item, NULL) == 0 && strcmp(item.kind, "site") == 0)
            dpl_doc_set(sites, item.name, dpl_doc_copy(item.doc));
    }
    return sites;
}

static void begin(struct rig_door *door, const struct rig_side *side, char **argv)
{
    struct dpl_doc *doc = rig_start(side, "connect");
    struct dpl_doc *start = dpl_doc_get_mutable(doc, "start");
    struct utsname host;
    uname(&host);
    rig_start_connect(doc, argv[5], (uint16_t)atoi(argv[6]), "talk");
    dpl_doc_set_text(start, "node", host.nodename);
    dpl_doc_set_text(dpl_doc_get_mutable(start, "hello"), "set", argv[7]);
    struct dpl_doc *ask = dpl_doc_set_tree(start, "ask");
    dpl_doc_set_text(ask, "ask", argv[8]);
    dpl_doc_set_text(ask, "set", argv[7]);
    rig_door_start(door, doc, -1);
}

static void go(struct rig_door *door)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_bool(doc, "go", true);
    dpl_channel_send(door->channel, doc, NULL, 0, NULL);
}

/* What a document of the door says in the end; the caller frees. NULL: nothing yet. */
static char *result_of(const struct dpl_doc *doc)
{
    const struct dpl_doc *answer = dpl_doc_tree(doc, "answer");
    const char *role = dpl_doc_text(dpl_doc_tree(answer, "answer"), "role");
    if (answer && role)
        return g_strdup_printf("answer %s", role);
    if (answer)
        return g_strdup_printf("error %d", (int)dpl_doc_int(answer, "error", 0));
    const char *refused = dpl_doc_text(doc, "refused");
    return refused ? g_strdup_printf("refused %s", refused) : NULL;
}

static void finish(struct rig_door *door)
{
    struct dpl_doc *doc;
    g_autofree char *result = NULL;
    for (; (doc = rig_door_read(door)); dpl_doc_free(doc)) {
        if (dpl_doc_tree(doc, "peer")) {
            go(door);
            continue;
        }
        char *now = result_of(doc);
        if (now) {
            g_free(result);
            result = now;
        }
    }
    puts(result ? result : "failed");
    rig_door_wait(door);
}

int main(int argc, char **argv)
{
    struct rig_door doors[AT_ONCE];
    if (argc != 10)
        return 2;
    struct rig_side side = {.name = argv[1],
                            .key_path = argv[2],
                            .cert_path = argv[3],
                            .keys = {.site_cert = (char *)(uintptr_t) ""},
                            .knows = known_sites(argv[4])};
    for (int left = atoi(argv[9]); left > 0; left -= AT_ONCE) {
        int n = left < AT_ONCE ? left : AT_ONCE;
        for (int i = 0; i < n; i++)
            begin(&doors[i], &side, argv);
        for (int i = 0; i < n; i++)
            finish(&doors[i]);
    }
    dpl_doc_free(side.knows);
    return 0;
}
