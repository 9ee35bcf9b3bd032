/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From an op to its record, see recorder.h.
 */
#include "daemon/capture/recorder.h"

#include "daemon/capture/renew.h"
#include "lib/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void recorder_begin(struct op *op, bool inside, enum dpl_record_type type)
{
    op->recording = inside && op->journals;
    memset(&op->record, 0, sizeof(op->record));
    op->record.type = (uint16_t)type;
    op->oid_count = 0;
}

struct dpl_view recorder_oid(struct op *op, uint32_t index)
{
    const struct node *node = op_node(op, index);
    struct dpl_oid *oid = &op->oids[op->oid_count++ % OP_OIDS];

    dpl_oid_make(oid, node->handle_type, 0, node->handle, node->handle_bytes, NULL);
    return dpl_oid_view(oid);
}

struct dpl_view recorder_oid_room(struct op *op)
{
    static const uint8_t zeros[SHARED_HANDLE_BYTES];
    struct dpl_oid *oid = &op->oids[op->oid_count++ % OP_OIDS];

    /* A file system's handles have one size. */
    dpl_oid_make(oid, 1, 0, zeros, op_node(op, 1 + op->root_index)->handle_bytes, NULL);
    return dpl_oid_view(oid);
}

void recorder_object(struct op *op, uint32_t index)
{
    if (!op->recording)
        return;
    op->record.object = index != 0 ? recorder_oid(op, index) : recorder_oid_room(op);
    op->record.has |= DPL_F_OBJECT;
}

static struct dpl_view oid_of_handle(struct op *op, const struct node_handle *handle)
{
    struct dpl_oid *oid = &op->oids[op->oid_count++ % OP_OIDS];

    dpl_oid_make(oid, handle->type, 0, handle->bytes, handle->size, NULL);
    return dpl_oid_view(oid);
}

void recorder_object_handle(struct op *op, const struct node_handle *handle)
{
    if (!op->recording)
        return;
    op->record.object = oid_of_handle(op, handle);
    op->record.has |= DPL_F_OBJECT;
}

void recorder_whiteout_handle(struct op *op, const struct node_handle *handle)
{
    if (!op->recording)
        return;
    op->record.whiteout = oid_of_handle(op, handle);
    op->record.has |= DPL_F_WHITEOUT;
}

void recorder_object2(struct op *op, uint32_t index)
{
    if (!op->recording)
        return;
    op->record.object2 = index != 0 ? recorder_oid(op, index) : recorder_oid_room(op);
    op->record.has |= DPL_F_OBJECT2;
}

static struct dpl_view text_view(const char *text)
{
    return (struct dpl_view){.data = (const uint8_t *)text, .size = strlen(text)};
}

void recorder_parent(struct op *op, uint32_t dir, const char *name)
{
    if (!op->recording)
        return;
    op->record.parent = recorder_oid(op, dir);
    op->record.name = text_view(name);
    op->record.has |= DPL_F_PARENT | DPL_F_NAME;
}

void recorder_parent2(struct op *op, uint32_t dir, const char *name)
{
    if (!op->recording)
        return;
    op->record.parent2 = recorder_oid(op, dir);
    op->record.name2 = text_view(name);
    op->record.has |= DPL_F_PARENT2 | DPL_F_NAME2;
}

static struct dpl_attr *attr_of(struct op *op, uint32_t field)
{
    switch (field) {
    case DPL_F_ATTR:
        return &op->record.attr;
    case DPL_F_ATTR2:
        return &op->record.attr2;
    case DPL_F_PARENT_ATTR:
        return &op->record.parent_attr;
    case DPL_F_PARENT2_ATTR:
        return &op->record.parent2_attr;
    case DPL_F_WHITEOUT_ATTR:
        return &op->record.whiteout_attr;
    default:
        return NULL;
    }
}

void recorder_attr_room(struct op *op, uint32_t fields)
{
    static const uint32_t all[] = {DPL_F_ATTR, DPL_F_ATTR2, DPL_F_PARENT_ATTR, DPL_F_PARENT2_ATTR,
                                   DPL_F_WHITEOUT_ATTR};

    if (!op->recording)
        return;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if ((fields & all[i]) != 0)
            attr_of(op, all[i])->has = DPL_A_ALL & ~(unsigned)DPL_A_IFLAGS;
    op->record.has |= fields;
}

void recorder_attr(struct op *op, uint32_t field, const struct statx *stx)
{
    if (!op->recording)
        return;
    stat_to_record(stx, attr_of(op, field));
    op->record.has |= field;
}

void recorder_attr_fd(struct op *op, uint32_t field, int fd)
{
    struct statx stx;

    if (op->recording && stat_fd(fd, &stx) == 0)
        recorder_attr(op, field, &stx);
}

void recorder_without(struct op *op, uint32_t fields)
{
    op->record.has &= ~fields;
}

static uint64_t wall_ns(void)
{
    return (uint64_t)dpl_clock_wall_ns(&dpl_clock_system);
}

/* Why a record is not in the journal as it should be: said once each. */
enum why { WHY_NO_PLACE, WHY_NO_FORM, WHY_NO_ROOM };

__attribute__((format(printf, 2, 3))) static void say_once(enum why why, const char *format, ...)
{
    static _Atomic uint32_t said;
    va_list args;
    char text[256];

    if ((atomic_fetch_or(&said, 1U << why) & 1U << why) != 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "doppel-capture: %s\n", text);
}

static int reserve(struct op *op, const struct dpl_arena_request *request,
                   struct dpl_arena_res *res)
{
    struct dpl_arena *arena = &op->worker->arena;
    uint32_t journal = atomic_load(&op->worker->shared->journal);
    int code = dpl_arena_reserve(arena, request, res);

    if (code == 0)
        return 0;
    renew_ended(op->worker, journal);
    if (dpl_arena_state(arena) != DPL_JOURNAL_CLOSED)
        say_once(WHY_NO_PLACE,
                 "no place in the journal for a %s record of %zu bytes (%s): going on unjournalled",
                 dpl_record_type_text(request->type), request->head_bytes + request->data_bytes,
                 dpl_journal_end_text(dpl_arena_state(arena)));
    return code;
}

static void commit(struct dpl_arena *arena, const struct dpl_arena_res *res, unsigned type,
                   enum dpl_outcome outcome, struct dpl_view body, struct dpl_view data)
{
    if (dpl_arena_commit(arena, res, outcome, body.data, body.size, data.data, data.size) ==
        DPL_E_TOO_LARGE)
        say_once(WHY_NO_ROOM,
                 "a %s record of %zu bytes does not fit its reservation: going on unjournalled",
                 dpl_record_type_text(type), body.size + data.size);
}

/* Returns the size. The op has happened, so a record that cannot be written down is never void: its
 * outcome becomes unknown and it names what the target must ask for. If not even that can be said
 * the journal ends here. */
static uint32_t encode(struct op *op, struct dpl_record *record, uint8_t *body, size_t room)
{
    const uint32_t named =
        DPL_F_OBJECT | DPL_F_OBJECT2 | DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT2 | DPL_F_NAME2;
    struct dpl_err err = {0};
    ssize_t size = dpl_record_encode_head(record, body, room, &err);

    if (size >= 0)
        return (uint32_t)size;
    record->outcome = DPL_OUTCOME_UNKNOWN;
    record->has &= named;
    record->data.size = 0;
    size = record->has == 0 ? -1 : dpl_record_encode_head(record, body, room, NULL);
    say_once(WHY_NO_FORM, "%s: %s", err.text,
             size < 0 ? "going on unjournalled" : "its objects are to be asked for");
    if (size >= 0)
        return (uint32_t)size;
    dpl_arena_end(&op->worker->arena, DPL_JOURNAL_TOO_LARGE);
    return 0;
}

void recorder_reserve(struct op *op)
{
    struct slot *slot = op->slot;
    struct dpl_arena_request request = {
        .type = op->record.type,
        .slot = op->thread->index,
        .tag = slot->unique,
        .time_ns = wall_ns(),
        .head_bytes = dpl_record_head_bytes(&op->record),
        .data_bytes = op->record.data.size,
        .buffer = -1,
    };

    if (slot->lsn != SLOT_NO_RECORD && slot->lsn_epoch == dpl_epoch_tag(&op->worker->shared->epoch))
        return;
    if (request.data_bytes > DPL_ARENA_COPY_BYTES) {
        request.buffer = slot->buffer;
        request.buffer_offset = slot->data_offset;
    }
    if (reserve(op, &request, &op->res) != 0) {
        op->recording = false;
        return;
    }
    slot->lsn_index = op->res.index;
    slot->lsn_epoch = op->res.epoch_tag;
    slot->lsn = op->res.lsn;
}

void recorder_encode(struct op *op, enum dpl_outcome outcome)
{
    struct slot *slot = op->slot;

    slot->outcome = outcome;
    slot->body_bytes = slot->data_bytes = 0;
    op->record.outcome = (uint8_t)outcome;
    if (outcome == DPL_OUTCOME_VOID)
        return;
    slot->body_bytes = encode(op, &op->record, slot->body, sizeof(slot->body));
    slot->outcome = op->record.outcome;
    slot->data_bytes = (uint32_t)op->record.data.size;
}

void recorder_commit(struct worker *worker, struct slot *slot)
{
    struct dpl_arena_res res = {slot->lsn, slot->lsn_index, slot->lsn_epoch};
    const uint8_t *buffer;

    if (slot->lsn == SLOT_NO_RECORD)
        return;
    buffer = dpl_arena_buffer(&worker->arena, slot->buffer, NULL);
    commit(&worker->arena, &res, slot->record_type, (enum dpl_outcome)slot->outcome,
           (struct dpl_view){.data = slot->body, .size = slot->body_bytes},
           (struct dpl_view){.data = buffer + slot->data_offset, .size = slot->data_bytes});
}

static struct dpl_arena_request request_of(const struct op *op, const struct dpl_record *record)
{
    return (struct dpl_arena_request){
        .type = record->type,
        .slot = op->thread->index,
        .tag = op->slot->unique,
        .time_ns = wall_ns(),
        .head_bytes = dpl_record_head_bytes(record),
        .data_bytes = record->data.size,
        .buffer = -1,
    };
}

static void commit_whole(struct op *op, struct dpl_record *record, const struct dpl_arena_res *res)
{
    uint8_t *body = op->thread->out;
    struct dpl_view encoded = {.data = body};

    record->outcome = DPL_OUTCOME_OK;
    encoded.size = encode(op, record, body, SHARED_BUFFER);
    commit(&op->worker->arena, res, record->type, (enum dpl_outcome)record->outcome, encoded,
           record->data);
}

void recorder_extra(struct op *op, struct dpl_record *record)
{
    const struct dpl_arena_request request = request_of(op, record);
    struct dpl_arena_res res;

    if (op->journals && reserve(op, &request, &res) == 0)
        commit_whole(op, record, &res);
}

void recorder_first(struct op *op, struct dpl_record *record)
{
    const struct dpl_arena_request request = request_of(op, record);
    struct dpl_arena_res res;

    if (dpl_arena_reserve(&op->worker->arena, &request, &res) == 0)
        commit_whole(op, record, &res);
}

int recorder_note(struct worker *worker, struct dpl_record *record, uint64_t *lsn_r)
{
    uint8_t body[64];
    const struct dpl_arena_request request = {
        .type = record->type,
        .slot = SHARED_SLOTS, /* a successor takes what it finds open for void */
        .time_ns = wall_ns(),
        .head_bytes = dpl_record_head_bytes(record),
        .buffer = -1,
    };
    struct dpl_view encoded = {.data = body};
    struct dpl_arena_res res;
    ssize_t size;

    record->outcome = DPL_OUTCOME_OK;
    size = dpl_record_encode_head(record, body, sizeof(body), NULL);
    if (size < 0)
        return (int)size;
    if (atomic_load(&worker->shared->mode) != MODE_JOURNAL ||
        dpl_arena_reserve(&worker->arena, &request, &res) != 0)
        return DPL_E_NO_SPACE;
    encoded.size = (size_t)size;
    commit(&worker->arena, &res, record->type, DPL_OUTCOME_OK, encoded, (struct dpl_view){0});
    if (lsn_r != NULL)
        *lsn_r = res.lsn;
    return 0;
}
