/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/greet.h"

#include "lib/base/clock.h"
#include "lib/base/uuid.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define NS_PER_S 1000000000LL

static const struct {
    const char *name;
    unsigned code;
} refusals[] = {
#define DPL_REFUSAL(name, number, again, text) {#name, number},
#include "lib/proto/message.tbl.h"
#undef DPL_REFUSAL
};

unsigned dpl_refusal_by_name(const char *name)
{
    g_autofree char *upper = g_ascii_strup(name ? name : "", -1);
    g_strdelimit(upper, "-", '_');
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (strcmp(refusals[i].name, upper) == 0)
            return refusals[i].code;
    }
    return DPL_REFUSE_INTERNAL;
}

const char *dpl_refusal_name(unsigned code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (refusals[i].code == code)
            return refusals[i].name;
    }
    return "INTERNAL";
}

static int poll_until(struct pollfd *fds, nfds_t count, int64_t deadline_ns)
{
    int n;
    do
        n = poll(fds, count, dpl_clock_left_ms(&dpl_clock_system, deadline_ns));
    while (n < 0 && errno == EINTR);
    return n;
}

int dpl_greet_tell(struct dpl_channel *channel, const struct dpl_doc *doc)
{
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + NS_PER_S;
    int rc = dpl_channel_send(channel, doc, NULL, 0, NULL);
    while (rc == DPL_OK && dpl_channel_wants_write(channel)) {
        struct pollfd p = {.fd = dpl_channel_fd(channel), .events = POLLOUT};
        if (poll_until(&p, 1, deadline_ns) <= 0)
            return DPL_E_TIMEOUT;
        rc = dpl_channel_flush(channel, NULL);
    }
    return rc;
}

/* Waits for the peer's events or a document of doppeld, which the caller owns. Without events the
 * peer's end alone is looked for. */
static int wait_for(struct dpl_greet *greet, int events, struct dpl_doc **doc_r,
                    struct dpl_err *err)
{
    struct pollfd fds[2] = {
        {.fd = greet->stream->fd, .events = (short)(events ? events : POLLRDHUP)},
        {.fd = dpl_channel_fd(greet->channel), .events = POLLIN}};
    int n = poll_until(fds, 2, greet->deadline_ns);
    if (n < 0)
        return dpl_err_sys(err, errno, "poll");
    if (n == 0)
        return dpl_err_set(err, DPL_E_TIMEOUT, "the greeting with %s took too long",
                           greet->address);
    if (fds[1].revents) {
        int rc = dpl_channel_receive(greet->channel, doc_r, NULL);
        if (rc < 0)
            return dpl_err_set(err, DPL_E_INTERRUPTED, "doppeld ended");
    }
    if (!events && fds[0].revents)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the peer closed the connection");
    return DPL_OK;
}

int dpl_greet_wait(struct dpl_greet *greet, int events, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) unasked = NULL;
    return wait_for(greet, events, &unasked, err);
}

int dpl_greet_await(struct dpl_greet *greet, struct dpl_doc **doc_r, struct dpl_err *err)
{
    *doc_r = NULL;
    for (int rc = DPL_OK; !*doc_r;)
        if ((rc = wait_for(greet, 0, doc_r, err)) < 0)
            return rc;
    return DPL_OK;
}

int dpl_greet_handshake(struct dpl_greet *greet, struct dpl_err *err)
{
    for (;;) {
        int rc = dpl_stream_handshake(greet->stream, err);
        if (rc != 0)
            return rc < 0 ? rc : DPL_OK;
        rc = dpl_greet_wait(greet, greet->stream->events, err);
        if (rc < 0)
            return rc;
    }
}

static int send_all(struct dpl_greet *greet, const void *data, size_t size, struct dpl_err *err)
{
    const uint8_t *at = data;
    for (;;) {
        ssize_t n = size > 0 ? dpl_stream_write(greet->stream, at, size, err)
                             : dpl_stream_flush(greet->stream, err);
        if (n < 0)
            return (int)n;
        if (n > 0 && size == 0)
            return DPL_OK;
        if (n > 0) {
            at += n;
            size -= (size_t)n;
            continue;
        }
        int rc = dpl_greet_wait(greet, greet->stream->events, err);
        if (rc < 0)
            return rc;
    }
}

int dpl_greet_send(struct dpl_greet *greet, const struct dpl_message *message, struct dpl_err *err)
{
    size_t room = dpl_message_frame_bytes(message);
    g_autofree uint8_t *frame = g_malloc(room);
    ssize_t n = dpl_message_encode(message, frame, room, err);
    return n < 0 ? (int)n : send_all(greet, frame, (size_t)n, err);
}

/* The next frame of the peer, decoded; its views live until more is read. */
static int read_message(struct dpl_greet *greet, struct dpl_message *message, struct dpl_err *err)
{
    struct dpl_frame frame;
    for (;;) {
        int rc = dpl_frame_in_next(&greet->frames, &frame, err);
        if (rc > 0)
            break;
        uint8_t *at;
        size_t room;
        if (rc == 0)
            rc = dpl_frame_in_room(&greet->frames, &at, &room, err);
        if (rc < 0)
            return rc;
        ssize_t n = dpl_stream_read(greet->stream, at, room, err);
        if (n < 0)
            return (int)n;
        dpl_frame_in_added(&greet->frames, (size_t)n);
        if (n == 0 && greet->stream->peer_closed)
            return dpl_err_set(err, DPL_E_UNREACHABLE, "the peer closed the connection");
        rc = n > 0 ? DPL_OK : dpl_greet_wait(greet, greet->stream->events, err);
        if (rc < 0)
            return rc;
    }
    if (frame.flags & DPL_FRAME_COMPRESSED)
        return dpl_err_set(err, DPL_E_CORRUPT, "a greeting may not be compressed");
    return dpl_message_decode(message, frame.type, frame.body.data, frame.body.size, err);
}

static void fill_ours(const struct dpl_greet *greet, struct dpl_message *message)
{
    static const char product[] = "doppel " PACKAGE_VERSION;
    message->product = dpl_view_text(product);
    message->site = dpl_view_text(greet->start->site);
    message->node = dpl_view_text(greet->start->node);
    message->generation = greet->start->generation;
    message->time_ns = (uint64_t)dpl_clock_wall_ns(&dpl_clock_system);
}

static int send_hello(struct dpl_greet *greet, struct dpl_err *err)
{
    struct dpl_message hello = {.type = DPL_MSG_HELLO,
                                .version_min = dpl_hello_ours.version_min,
                                .version_max = dpl_hello_ours.version_max,
                                .features = dpl_hello_ours.features,
                                .direction = greet->start->direction,
                                .set = dpl_view_text(greet->start->set)};
    uint64_t optional;
    dpl_message_fields(hello.type, &hello.has, &optional);
    fill_ours(greet, &hello);
    if (greet->start->epoch > 0) {
        hello.has |= DPL_M(EPOCH) | DPL_M(FS_UUID);
        hello.epoch = greet->start->epoch;
        hello.fs_uuid = (struct dpl_view){greet->start->fs_uuid, sizeof greet->start->fs_uuid};
    }
    return dpl_greet_send(greet, &hello, err);
}

static int send_welcome(struct dpl_greet *greet, uint64_t generation, struct dpl_err *err)
{
    struct dpl_message welcome = {.type = DPL_MSG_WELCOME,
                                  .version = greet->agreed.version,
                                  .features = greet->agreed.features};
    uint64_t optional;
    dpl_message_fields(welcome.type, &welcome.has, &optional);
    fill_ours(greet, &welcome);
    welcome.generation = generation;
    return dpl_greet_send(greet, &welcome, err);
}

static void put_view(struct dpl_doc *to, const char *key, struct dpl_view view)
{
    g_autofree char *text = g_strndup((const char *)view.data, view.size);
    dpl_doc_set_text(to, key, text);
}

/* What the peer does, as a connector with this direction, or as the acceptor of one. */
static const char *direction_text(uint32_t direction, bool connector)
{
    if (direction == DPL_I_TALK)
        return "talk";
    return (direction == DPL_I_SEND) == connector ? "send" : "receive";
}

/* The journal that a source has, if it said one. */
static void put_journal(struct dpl_doc *peer, const struct dpl_message *hello)
{
    char disk[DPL_UUID_TEXT];
    if (!(hello->has & DPL_M(EPOCH)))
        return;
    struct dpl_doc *journal = dpl_doc_set_tree(peer, "journal");
    dpl_uuid_format(hello->fs_uuid.data, disk);
    dpl_doc_set_int(journal, "epoch", hello->epoch > INT64_MAX ? INT64_MAX : (int64_t)hello->epoch);
    dpl_doc_set_text(journal, "disk", disk);
}

/* Tells doppeld who the peer is; the message is its hello or its welcome. */
static void tell_peer(struct dpl_greet *greet, const struct dpl_message *message)
{
    const struct dpl_tls_peer *tls = dpl_tls_peer(greet->stream->tls);
    int64_t now_s = dpl_clock_wall_ns(&dpl_clock_system) / NS_PER_S;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *peer = dpl_doc_set_tree(doc, "peer");
    dpl_doc_set_text(peer, "site", tls->cert.site);
    dpl_doc_set_text(peer, "node", tls->cert.node);
    dpl_doc_set_text(peer, "serial", tls->cert.serial);
    dpl_doc_set_text(peer, "fingerprint", tls->pin);
    dpl_doc_set_int(peer, "days_left", dpl_cert_days_left(&tls->cert, now_s));
    dpl_doc_set_text(peer, "address", greet->address);
    if (tls->link)
        dpl_doc_set_text(peer, "link", tls->link);
    if (message->type == DPL_MSG_HELLO) {
        put_view(peer, "set", message->set);
        dpl_doc_set_text(peer, "direction", direction_text(message->direction, true));
        put_journal(peer, message);
    } else {
        dpl_doc_set_text(peer, "set", greet->start->set);
        dpl_doc_set_text(peer, "direction", direction_text(greet->start->direction, false));
    }
    put_view(peer, "product", message->product);
    dpl_doc_set_int(peer, "generation", (int64_t)message->generation);
    dpl_doc_set_int(peer, "version", greet->agreed.version);
    dpl_doc_set_int(peer, "features", (int64_t)greet->agreed.features);
    dpl_greet_tell(greet->channel, doc);
}

/* What doppeld says to it: DPL_OK with the descriptor and the generation, or REFUSED. */
static int await_word(struct dpl_greet *greet, uint64_t *generation, struct dpl_err *err)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        int rc = dpl_greet_await(greet, &doc, err);
        if (rc < 0)
            return rc;
        const char *refuse = dpl_doc_text(doc, "refuse"), *text = dpl_doc_text(doc, "text");
        if (refuse) {
            dpl_greet_refuse(greet->stream, dpl_refusal_by_name(refuse), text ? text : "",
                             greet->deadline_ns);
            return dpl_err_set(err, DPL_E_REFUSED, "refused: %s", text ? text : refuse);
        }
        if (!dpl_doc_bool(doc, "go", false))
            continue;
        *generation = (uint64_t)dpl_doc_int(dpl_doc_tree(doc, "hello"), "generation",
                                            (int64_t)greet->start->generation);
        if (greet->talks)
            return DPL_OK;
        greet->data_fd = dpl_channel_take_fd(greet->channel);
        return greet->data_fd >= 0
                   ? DPL_OK
                   : dpl_err_set(err, DPL_E_PARAM, "doppeld gave no descriptor for the data");
    }
}

static bool same(struct dpl_view view, const char *text)
{
    return view.size == strlen(text) && memcmp(view.data, text, view.size) == 0;
}

static int check_names(const struct dpl_greet *greet, const struct dpl_message *message,
                       struct dpl_err *err)
{
    const struct dpl_cert_info *cert = &dpl_tls_peer(greet->stream->tls)->cert;
    if (same(message->site, cert->site) && same(message->node, cert->node))
        return DPL_OK;
    return dpl_err_set(err, DPL_E_CORRUPT,
                       "the peer says another name than its certificate (node %s of site %s)",
                       cert->node, cert->site);
}

static int accept_hello(struct dpl_greet *greet, struct dpl_err *err)
{
    struct dpl_message hello = {0};
    uint64_t generation;
    int rc = read_message(greet, &hello, err);
    if (rc == DPL_OK && hello.type != DPL_MSG_HELLO)
        rc = dpl_err_set(err, DPL_E_CORRUPT, "the peer did not begin with hello");
    if (rc == DPL_OK)
        rc = check_names(greet, &hello, err);
    if (rc < 0)
        return rc;
    rc = dpl_hello_choose(&hello, &dpl_hello_ours, &greet->agreed, err);
    if (rc < 0) {
        dpl_greet_refuse(greet->stream, DPL_REFUSE_VERSION, err->text, greet->deadline_ns);
        return rc;
    }
    greet->peer_from = hello.direction == DPL_I_SEND ? DPL_FROM_SOURCE : DPL_FROM_TARGET;
    greet->talks = hello.direction == DPL_I_TALK;
    if (greet->talks && !(greet->agreed.features & DPL_FEATURE_TALK))
        return dpl_err_set(err, DPL_E_CORRUPT, "the peer wants to talk without the feature");
    tell_peer(greet, &hello);
    rc = await_word(greet, &generation, err);
    return rc < 0 ? rc : send_welcome(greet, generation, err);
}

static int take_refusal(struct dpl_greet *greet, const struct dpl_message *message,
                        struct dpl_err *err)
{
    char text[481];
    dpl_view_copy_text(message->text, text, sizeof text);
    greet->refused = message->code;
    const char *known = dpl_refusal_text(message->code);
    return dpl_err_set(err, DPL_E_REFUSED, "the peer refused: %s (%s)",
                       known ? known : "for a reason that is unknown here", text);
}

int dpl_greet_read(struct dpl_greet *greet, struct dpl_message *message, struct dpl_err *err)
{
    int rc = read_message(greet, message, err);
    if (rc == DPL_OK && message->type == DPL_MSG_REFUSE)
        return take_refusal(greet, message, err);
    return rc;
}

static int connect_hello(struct dpl_greet *greet, struct dpl_err *err)
{
    struct dpl_message welcome = {0};
    uint64_t generation;
    int rc = send_hello(greet, err);
    if (rc == DPL_OK)
        rc = dpl_greet_read(greet, &welcome, err);
    if (rc < 0)
        return rc;
    if (welcome.type != DPL_MSG_WELCOME)
        return dpl_err_set(err, DPL_E_CORRUPT, "the peer did not answer with welcome");
    rc = check_names(greet, &welcome, err);
    if (rc == DPL_OK)
        rc = dpl_hello_check(&welcome, &dpl_hello_ours, &greet->agreed, err);
    greet->talks = greet->start->direction == DPL_I_TALK;
    if (rc == DPL_OK && greet->talks && !(greet->agreed.features & DPL_FEATURE_TALK))
        rc = dpl_err_set(err, DPL_E_CORRUPT, "the peer takes a question, and knows no answers");
    if (rc < 0)
        return rc;
    greet->peer_from = greet->start->direction == DPL_I_SEND ? DPL_FROM_TARGET : DPL_FROM_SOURCE;
    tell_peer(greet, &welcome);
    return await_word(greet, &generation, err);
}

int dpl_greet_hello(struct dpl_greet *greet, struct dpl_err *err)
{
    dpl_frame_in_init(&greet->frames, DPL_FRAME_HELLO_MAX);
    greet->data_fd = -1;
    return greet->start->how == DPL_DOOR_CONNECT ? connect_hello(greet, err)
                                                 : accept_hello(greet, err);
}

void dpl_greet_refuse(struct dpl_stream *stream, unsigned code, const char *text,
                      int64_t deadline_ns)
{
    uint8_t frame[DPL_FRAME_HEAD + 1024];
    uint64_t optional;
    g_autofree char *plain = g_strdup(text);
    for (char *c = plain; *c; c++) {
        if ((unsigned char)*c < 32 || *c == 127)
            *c = '?';
    }
    struct dpl_message refuse = {
        .type = DPL_MSG_REFUSE, .code = code, .text = dpl_view_text(plain)};
    if (refuse.text.size > 480)
        refuse.text.size = 480;
    dpl_message_fields(refuse.type, &refuse.has, &optional);
    ssize_t size = dpl_message_encode(&refuse, frame, sizeof frame, NULL), n = 0;
    for (ssize_t at = 0; at < size || n == 0;) {
        n = at < size ? dpl_stream_write(stream, frame + at, (size_t)(size - at), NULL)
                      : dpl_stream_flush(stream, NULL);
        struct pollfd p = {.fd = stream->fd, .events = (short)stream->events};
        if (n < 0 || (n == 0 && poll_until(&p, 1, deadline_ns) <= 0))
            return;
        at += at < size ? n : 0;
    }
}
