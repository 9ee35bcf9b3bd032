/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/talk.h"

#include "lib/base/clock.h"

#define NS_PER_S 1000000000LL

enum {
    ASK_S = 10,    /* until the question has come */
    ANSWER_S = 60, /* for the side that answers; who asks has a deadline in doppeld */
    SEND_S = 10,
    FIELD_BYTES = 6,
};

static void until(struct dpl_greet *greet, int seconds)
{
    greet->deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + seconds * NS_PER_S;
}

static int send_document(struct dpl_greet *greet, unsigned type, const struct dpl_doc *doc,
                         struct dpl_err *err)
{
    g_autofree uint8_t *data = NULL;
    struct dpl_message message = {.type = (uint16_t)type, .has = DPL_M(DATA)};
    int rc = dpl_doc_encode(doc, &data, &message.data.size, err);
    message.data.data = data;
    if (rc == DPL_OK && message.data.size > DPL_TALK_BYTES_MAX)
        rc = dpl_err_set(err, DPL_E_TOO_LARGE, "%s: %zu bytes, at most %d are sent",
                         dpl_message_text(type), message.data.size, DPL_TALK_BYTES_MAX);
    return rc < 0 ? rc : dpl_greet_send(greet, &message, err);
}

/* Reads a message of this type, and tells doppeld its document under this key. */
static int pass_document(struct dpl_greet *greet, unsigned type, const char *key,
                         struct dpl_err *err)
{
    struct dpl_message message;
    struct dpl_doc *said = NULL;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    int rc = dpl_greet_read(greet, &message, err);
    if (rc == DPL_OK && message.type != type)
        rc = dpl_err_set(err, DPL_E_CORRUPT, "the peer says \"%s\" in place of \"%s\"",
                         dpl_message_text(message.type), dpl_message_text(type));
    if (rc == DPL_OK)
        rc = dpl_doc_decode(message.data.data, message.data.size, &said, err);
    if (rc < 0)
        return rc;
    dpl_doc_set(doc, key, said);
    rc = dpl_greet_tell(greet->channel, doc);
    return rc < 0 ? dpl_err_set(err, rc, "the peer's document cannot be told to doppeld: %s",
                                dpl_err_text(rc))
                  : DPL_OK;
}

static int answer(struct dpl_greet *greet, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    until(greet, ASK_S);
    int rc = pass_document(greet, DPL_MSG_ASK, "ask", err);
    until(greet, ANSWER_S);
    while (rc == DPL_OK && !dpl_doc_tree(doc, "answer")) {
        dpl_doc_free(g_steal_pointer(&doc));
        rc = dpl_greet_await(greet, &doc, err);
    }
    until(greet, SEND_S);
    return rc < 0 ? rc : send_document(greet, DPL_MSG_ANSWER, dpl_doc_tree(doc, "answer"), err);
}

static int ask(struct dpl_greet *greet, struct dpl_err *err)
{
    until(greet, SEND_S);
    int rc = send_document(greet, DPL_MSG_ASK, greet->start->ask, err);
    until(greet, ANSWER_S + SEND_S);
    return rc < 0 ? rc : pass_document(greet, DPL_MSG_ANSWER, "answer", err);
}

int dpl_talk_run(struct dpl_greet *greet, struct dpl_err *err)
{
    greet->frames.body_max = DPL_TALK_BYTES_MAX + FIELD_BYTES;
    int rc = greet->start->how == DPL_DOOR_ACCEPT ? answer(greet, err) : ask(greet, err);
    if (rc == DPL_E_CORRUPT || rc == DPL_E_TOO_LARGE || rc == DPL_E_UNSUPPORTED ||
        rc == DPL_E_TRUNCATED || rc == DPL_E_VERSION) {
        until(greet, SEND_S);
        dpl_greet_refuse(greet->stream, DPL_REFUSE_PROTOCOL, err->text, greet->deadline_ns);
    }
    return rc;
}
