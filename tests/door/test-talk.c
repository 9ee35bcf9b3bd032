/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A question and its answer between two doors, and what somebody who is known and means no good
 * makes of it: nothing but whole documents comes out of a door, and it ends.
 */
#include "lib/proto/frame.h"
#include "tests/door/client.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 128 * 1024 };

static struct rig_side a, b;
static uint8_t frame[ROOM], greeting[1024]; /* what is said; what is heard */

static int open_door(struct rig_door *door)
{
    uint16_t port;
    int listener = rig_listen(&port), client = rig_connect(port), tcp = rig_accept(listener, NULL);
    rig_door_start(door, rig_start(&a, "accept"), tcp);
    close(tcp);
    close(listener);
    return client;
}

static void tell(struct rig_door *door, const char *key, struct dpl_doc *tree)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    if (tree)
        dpl_doc_set(doc, key, tree);
    else
        dpl_doc_set_bool(doc, key, true);
    g_assert(dpl_channel_send(door->channel, doc, NULL, 0, NULL) == 0);
}

static void expect_talker(struct rig_door *door)
{
    g_autoptr(dpl_doc_auto) doc = rig_door_read(door);
    const struct dpl_doc *peer = dpl_doc_tree(doc, "peer");
    CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(peer, "direction"), "talk");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(peer, "set"), "mail");
    tell(door, "go", NULL);
}

static void expect_failed(struct rig_door *door, const char *words)
{
    g_autoptr(dpl_doc_auto) doc = rig_door_read(door);
    const char *why = dpl_doc_text(doc, "failed");
    CU_ASSERT_PTR_NOT_NULL_FATAL(why);
    if (!strstr(why, words))
        printf("\n    it said: %s\n", why);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, words));
    CU_ASSERT_EQUAL(rig_door_wait(door), 1);
}

/* Two doors that have greeted each other. */
static void two_doors(struct rig_door *asks, struct rig_door *answers)
{
    uint16_t port;
    int listener = rig_listen(&port);
    struct dpl_doc *connect = rig_start(&b, "connect");
    rig_start_connect(connect, "site-a", port, "talk");
    rig_door_start(asks, connect, -1);
    int tcp = rig_accept(listener, asks);
    rig_door_start(answers, rig_start(&a, "accept"), tcp);
    close(tcp);
    close(listener);
    expect_talker(answers);
    expect_talker(asks);
}

static void question(void)
{
    struct rig_door asks, answers;
    two_doors(&asks, &answers);
    g_autoptr(dpl_doc_auto) ask = rig_door_read(&answers);
    CU_ASSERT_STRING_EQUAL_FATAL(dpl_doc_text(dpl_doc_tree(ask, "ask"), "ask"), "state");
    struct dpl_doc *tree = dpl_doc_new();
    dpl_doc_set_text(tree, "role", "standby");
    tell(&answers, "answer", tree);
    g_autoptr(dpl_doc_auto) answer = rig_door_read(&asks);
    CU_ASSERT_STRING_EQUAL_FATAL(dpl_doc_text(dpl_doc_tree(answer, "answer"), "role"), "standby");
    CU_ASSERT_EQUAL(rig_door_wait(&asks), 0);
    CU_ASSERT_EQUAL(rig_door_wait(&answers), 0);
}

static void refused(void)
{
    struct rig_door asks, answers;
    uint16_t port;
    int listener = rig_listen(&port);
    struct dpl_doc *connect = rig_start(&b, "connect");
    rig_start_connect(connect, "site-a", port, "talk");
    rig_door_start(&asks, connect, -1);
    int tcp = rig_accept(listener, &asks);
    rig_door_start(&answers, rig_start(&a, "accept"), tcp);
    close(tcp);
    close(listener);
    g_autoptr(dpl_doc_auto) peer = rig_door_read(&answers), no = dpl_doc_new();
    CU_ASSERT_PTR_NOT_NULL(dpl_doc_tree(peer, "peer"));
    dpl_doc_set_text(no, "refuse", "unknown-set");
    dpl_doc_set_text(no, "text", "none");
    dpl_channel_send(answers.channel, no, NULL, 0, NULL);
    g_autoptr(dpl_doc_auto) said = rig_door_read(&asks);
    CU_ASSERT_STRING_EQUAL_FATAL(dpl_doc_text(said, "refused"), "UNKNOWN_SET");
    CU_ASSERT_EQUAL(rig_door_wait(&asks), 1);
    CU_ASSERT_EQUAL(rig_door_wait(&answers), 1);
}

/* An answer that is too large to send is a failure that both hear of. */
static void large_answer(void)
{
    struct rig_door asks, answers;
    two_doors(&asks, &answers);
    g_autoptr(dpl_doc_auto) ask = rig_door_read(&answers);
    g_autofree char *text = g_strnfill(DPL_TALK_BYTES_MAX, 'x');
    struct dpl_doc *tree = dpl_doc_new();
    dpl_doc_set_text(tree, "text", text);
    tell(&answers, "answer", tree);
    expect_failed(&answers, "at most 65536");
    expect_failed(&asks, "at most 65536");
}

/* A client of ours that was let in to ask. */
static void let_in(struct rig_door *door, struct client *client)
{
    unsigned type, flags;
    size_t body;
    client_init(client, &b, "site-a", open_door(door));
    CU_ASSERT_TRUE_FATAL(client_handshake(client));
    client_write(client, greeting,
                 client_hello_talk(greeting, sizeof greeting, "site-b", DPL_FEATURE_ALL));
    expect_talker(door);
    CU_ASSERT_EQUAL_FATAL(client_read(client, greeting, DPL_FRAME_HEAD), DPL_FRAME_HEAD);
    CU_ASSERT_EQUAL_FATAL(dpl_frame_head_decode(greeting, 1000, &type, &flags, &body, NULL), 0);
    CU_ASSERT_EQUAL(type, DPL_MSG_WELCOME);
    CU_ASSERT_EQUAL_FATAL(client_read(client, greeting, body), body);
}

/* What is said in place of a question gets a refusal, and doppeld hears nothing but that. */
static void say(const void *bytes, size_t size, const char *words)
{
    struct rig_door door;
    struct client client;
    let_in(&door, &client);
    client_write(&client, bytes, size);
    CU_ASSERT_EQUAL_FATAL(client_read(&client, greeting, DPL_FRAME_HEAD), DPL_FRAME_HEAD);
    CU_ASSERT_EQUAL(greeting[5], DPL_MSG_REFUSE);
    client_done(&client);
    expect_failed(&door, words);
}

static size_t message(unsigned type, const void *data, size_t size)
{
    struct dpl_message m = {.type = (uint16_t)type, .has = DPL_M(DATA), .data = {data, size}};
    ssize_t n = dpl_message_encode(&m, frame, ROOM, NULL);
    g_assert(n > 0);
    return (size_t)n;
}

static void nonsense(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    uint8_t said[DPL_FRAME_HEAD];
    size_t size;
    dpl_doc_set_text(doc, "ask", "state");
    g_assert(dpl_doc_encode(doc, &data, &size, NULL) == 0);
    say(frame, message(DPL_MSG_ANSWER, data, size), "in place of");
    say(frame, message(DPL_MSG_ASK, data, size - 1), "");
    say(frame, message(DPL_MSG_ASK, "\x07zzz", 4), "version");
    dpl_frame_head_encode(said, DPL_MSG_ASK, 0, DPL_TALK_BYTES_MAX + 7);
    say(said, sizeof said, "at most");
    dpl_frame_head_encode(said, DPL_MSG_ASK, DPL_FRAME_COMPRESSED, 0);
    say(said, sizeof said, "");
}

/* As deep as a document may be, and one deeper than what it is told in. */
static void deep(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    struct dpl_doc *at = doc;
    size_t size;
    for (int i = 1; i < DPL_DOC_DEPTH_MAX - 1; i++)
        at = dpl_doc_set_tree(at, "x");
    dpl_doc_set_bool(at, "x", true);
    g_assert(dpl_doc_encode(doc, &data, &size, NULL) == 0);
    say(frame, message(DPL_MSG_ASK, data, size), "cannot be told");
}

static void early(void)
{
    struct rig_door door;
    struct client client;
    client_init(&client, &b, "site-a", open_door(&door));
    CU_ASSERT_TRUE_FATAL(client_handshake(&client));
    client_write(&client, frame, message(DPL_MSG_ASK, "\x01", 1));
    expect_failed(&door, "begin with hello");
    client_done(&client);
    client_init(&client, &b, "site-a", open_door(&door));
    CU_ASSERT_TRUE_FATAL(client_handshake(&client));
    client_write(&client, frame,
                 client_hello_talk(frame, ROOM, "site-b", DPL_FEATURE_ALL & ~DPL_FEATURE_TALK));
    expect_failed(&door, "without the feature");
    client_done(&client);
}

static void leaves(void)
{
    struct rig_door door;
    struct client client;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    size_t size;
    dpl_doc_set_text(doc, "ask", "state");
    g_assert(dpl_doc_encode(doc, &data, &size, NULL) == 0);
    let_in(&door, &client);
    client_write(&client, frame, message(DPL_MSG_ASK, data, size));
    g_autoptr(dpl_doc_auto) ask = rig_door_read(&door);
    CU_ASSERT_PTR_NOT_NULL(dpl_doc_tree(ask, "ask"));
    client_done(&client);
    expect_failed(&door, "closed");
}

/* It is let in and says nothing. */
static void silent(void)
{
    struct rig_door door;
    struct client client;
    let_in(&door, &client);
    expect_failed(&door, "too long");
    client_done(&client);
}

static const struct unit_test tests[] = {
    {"a question is answered, and both doors end", question},
    {"a refusal reaches the one that asks, by its name", refused},
    {"an answer that is too large is a failure at both ends", large_answer},
    {"no question is heard before the greeting, or without the feature", early},
    {"what is no question is refused, and doppeld does not hear it", nonsense},
    {"a question that is too deep to be told is refused", deep},
    {"one that leaves before its answer leaves nothing behind", leaves},
    {"one that asks nothing is gone after ten seconds", silent},
};

int main(void)
{
    if (!rig_network()) {
        printf("SKIP: no right to make a network namespace\n");
        return 77;
    }
    rig_side_make(&a, "a", "site-a", 0);
    rig_side_make(&b, "b", "site-b", 0);
    rig_trust(&a, &b);
    rig_trust(&b, &a);
    int rc = unit_main(__FILE__, tests, G_N_ELEMENTS(tests));
    rig_side_done(&a);
    rig_side_done(&b);
    return rc;
}
