/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tables of the protocol between two sites, once: what encodes, decodes, checks and prints
 * messages is made from these rows, and doppel-protocol(5) says what they mean. Rows may be added;
 * none may change its number.
 *
 * DPL_MFIELD(NAME, member, kind, tag, min, max, text)
 *   kind: U32, U64, LSN (a multiple of 8): min and max bound the value; ID (16 bytes), OID, WORD,
 *   TEXT, BYTES: they bound the size. The tags ascend, DATA is the last of all.
 * DPL_MESSAGE(NAME, number, text, from, compressed, payload, flags, required fields, optional ones)
 *   from: who may send it (CONNECTOR, ACCEPTOR, SOURCE, TARGET, BOTH, ANY); payload: what DATA is;
 *   flags: the bits that FLAGS may have.
 * DPL_REFUSAL(NAME, number, again, text)
 *   again: whether trying again later, without anybody having done something, may help.
 */
/* clang-format off */
#ifdef DPL_MFIELD
#define LSN_END   (UINT64_MAX - 7)
#define OFF_END   ((uint64_t)INT64_MAX)
/*         name          member       kind   tag  min max            text */
DPL_MFIELD(VERSION_MIN,  version_min, U32,     1, 1,  65535,         "version-min")
DPL_MFIELD(VERSION_MAX,  version_max, U32,     2, 1,  65535,         "version-max")
DPL_MFIELD(VERSION,      version,     U32,     3, 1,  65535,         "version")
DPL_MFIELD(FEATURES,     features,    U64,     4, 0,  UINT64_MAX,    "features")
DPL_MFIELD(PRODUCT,      product,     TEXT,    5, 1,  64,            "product")
DPL_MFIELD(SITE,         site,        WORD,    6, 1,  64,            "site")
DPL_MFIELD(NODE,         node,        WORD,    7, 1,  255,           "node")
DPL_MFIELD(SET,          set,         WORD,    8, 1,  255,           "set")
DPL_MFIELD(DIRECTION,    direction,   U32,     9, 1,  3,             "direction")
DPL_MFIELD(GENERATION,   generation,  U64,    10, 0,  UINT64_MAX,    "generation")
DPL_MFIELD(TIME,         time_ns,     U64,    11, 0,  UINT64_MAX,    "time")
DPL_MFIELD(CODE,         code,        U32,    12, 1,  65535,         "code")
DPL_MFIELD(TEXT,         text,        TEXT,   13, 0,  480,           "text")
DPL_MFIELD(EPOCH,        epoch,       U64,    14, 0,  UINT64_MAX,    "epoch")
DPL_MFIELD(EPOCH_ID,     epoch_id,    ID,     15, 16, 16,            "epoch-id")
DPL_MFIELD(PARENT_ID,    parent_id,   ID,     16, 16, 16,            "parent-id")
DPL_MFIELD(FS_UUID,      fs_uuid,     ID,     17, 16, 16,            "fs-uuid")
DPL_MFIELD(REPLICA,      replica,     ID,     18, 16, 16,            "replica")
DPL_MFIELD(EPOCH_TAG,    epoch_tag,   U64,    19, 0,  UINT64_MAX,    "epoch-tag")
DPL_MFIELD(LSN,          lsn,         LSN,    20, 0,  LSN_END,       "lsn")
DPL_MFIELD(CHAIN,        chain,       U32,    21, 0,  UINT32_MAX,    "chain")
DPL_MFIELD(RECEIVED,     received,    LSN,    22, 0,  LSN_END,       "received")
DPL_MFIELD(DURABLE,      durable,     LSN,    23, 0,  LSN_END,       "durable")
DPL_MFIELD(APPLIED,      applied,     LSN,    24, 0,  LSN_END,       "applied")
DPL_MFIELD(CHECKPOINT,   checkpoint,  LSN,    25, 0,  LSN_END,       "checkpoint")
DPL_MFIELD(HEAD,         head,        LSN,    26, 0,  LSN_END,       "head")
DPL_MFIELD(SYNCED,       synced,      LSN,    27, 0,  LSN_END,       "synced")
DPL_MFIELD(QUEUE_BYTES,  queue_bytes, U64,    28, 0,  OFF_END,       "queue-bytes")
DPL_MFIELD(WINDOW,       window,      U64,    29, 65536, 1U << 30,   "window")
DPL_MFIELD(FLAGS,        flags,       U32,    30, 0,  UINT32_MAX,    "flags")
DPL_MFIELD(REASON,       reason,      U32,    31, 0,  65535,         "reason")
DPL_MFIELD(COMMAND,      command,     U32,    32, 1,  3,             "command")
DPL_MFIELD(ANSWER,       answer,      U32,    33, 1,  2,             "answer")
DPL_MFIELD(OBJECT,       object,      OID,    34, 12, 140,           "object")
DPL_MFIELD(MIRROR,       mirror,      U64,    35, 1,  UINT64_MAX,    "mirror")
DPL_MFIELD(KIND,         kind,        U32,    36, 1,  3,             "kind")
DPL_MFIELD(ORPHANS,      orphans,     U32,    37, 1,  4,             "orphans")
DPL_MFIELD(OFFSET,       offset,      U64,    38, 0,  OFF_END,       "offset")
DPL_MFIELD(LENGTH,       length,      U64,    39, 0,  OFF_END,       "length")
DPL_MFIELD(BLOCK,        block,       U32,    40, 4096, 1U << 20,    "block")
DPL_MFIELD(LEVEL,        level,       U32,    41, 1,  3,             "level")
DPL_MFIELD(CURSOR,       cursor,      BYTES,  42, 0,  4096,          "cursor")
DPL_MFIELD(OBJECTS,      objects,     U64,    43, 0,  OFF_END,       "objects")
DPL_MFIELD(BYTES,        bytes,       U64,    44, 0,  OFF_END,       "bytes")
DPL_MFIELD(CREATED,      created,     U64,    45, 0,  OFF_END,       "created")
DPL_MFIELD(CHANGED,      changed,     U64,    46, 0,  OFF_END,       "changed")
DPL_MFIELD(FOUND,        found,       U64,    47, 0,  OFF_END,       "orphans-found")
DPL_MFIELD(REMOVED,      removed,     U64,    48, 0,  OFF_END,       "orphans-removed")
DPL_MFIELD(ROOT,         root,        U32,    49, 0, UINT32_MAX,   "root")
DPL_MFIELD(PROMISE,      promise,     U32,    50, 0, UINT32_MAX,   "promise")
DPL_MFIELD(UNSETTLED,    unsettled,   U64,    51, 0,  OFF_END,       "unsettled")
DPL_MFIELD(ROOM,         room,        U64,    52, 0,  OFF_END,       "room")
DPL_MFIELD(DATA,         data,        BYTES, 0x7fff, 0, 4U << 20,    "data")
#undef LSN_END
#undef OFF_END
#endif
#ifdef DPL_MESSAGE
#define M(name) DPL_MFIELD_BIT(DPL_MFIELD_##name)
/*          name      number text        from  compressed  payload flags */
DPL_MESSAGE(HELLO,         1, "hello",        CONNECTOR, 0, NONE, 0,
    M(VERSION_MIN) | M(VERSION_MAX) | M(FEATURES) | M(PRODUCT) | M(SITE) | M(NODE) | M(SET) | M(DIRECTION) |
    M(GENERATION) | M(TIME), M(EPOCH) | M(FS_UUID))
DPL_MESSAGE(WELCOME,       2, "welcome",      ACCEPTOR, 0, NONE, 0,
    M(VERSION) | M(FEATURES) | M(PRODUCT) | M(SITE) | M(NODE) | M(GENERATION) | M(TIME), 0)
DPL_MESSAGE(REFUSE,        3, "refuse",       ANY, 0, NONE, 0, M(CODE) | M(TEXT), 0)
DPL_MESSAGE(TARGET_STATE,  4, "target-state", TARGET, 0, NONE, DPL_STATE_ALL,
    M(REPLICA) | M(WINDOW) | M(FLAGS),
    M(EPOCH) | M(EPOCH_ID) | M(DURABLE) | M(CHAIN) | M(APPLIED) | M(CHECKPOINT) | M(REASON) | M(MIRROR) | M(CURSOR))
DPL_MESSAGE(EPOCH,         5, "epoch",        SOURCE, 0, NONE, DPL_EPOCH_ALL,
    M(SET) | M(EPOCH) | M(EPOCH_ID) | M(PARENT_ID) | M(FS_UUID) | M(LSN) | M(CHAIN) | M(FLAGS), 0)
DPL_MESSAGE(EPOCH_ANSWER,  6, "epoch-answer", TARGET, 0, NONE, 0, M(EPOCH_TAG) | M(ANSWER), M(TEXT) | M(REASON))
DPL_MESSAGE(RECORDS,       7, "records",      SOURCE, 1, RECORDS, 0,
    M(EPOCH_TAG) | M(LSN) | M(CHAIN) | M(DATA), 0)
DPL_MESSAGE(ACK,           8, "ack",          TARGET, 0, NONE, DPL_STATE_ALL,
    M(EPOCH_TAG) | M(RECEIVED) | M(DURABLE) | M(QUEUE_BYTES) | M(FLAGS),
    M(APPLIED) | M(CHECKPOINT) | M(TIME) | M(ROOM))
DPL_MESSAGE(HEARTBEAT,     9, "heartbeat",    BOTH, 0, NONE, 0, M(TIME),
    M(EPOCH_TAG) | M(HEAD) | M(SYNCED) | M(PROMISE))
DPL_MESSAGE(ENDED,        10, "ended",        SOURCE, 0, NONE, DPL_ENDED_ALL,
    M(EPOCH_TAG) | M(LSN) | M(FLAGS) | M(REASON), 0)
DPL_MESSAGE(CONTROL,      11, "control",      BOTH, 0, NONE, 0, M(COMMAND), 0)
DPL_MESSAGE(WANT,         12, "want",         TARGET, 0, NONE, 0, M(REASON), M(EPOCH_TAG) | M(LSN) | M(OBJECT))
DPL_MESSAGE(MIRROR_BEGIN, 20, "mirror-begin", SOURCE, 1, RULES, DPL_MIRROR_BEGIN_ALL,
    M(MIRROR) | M(KIND) | M(ORPHANS) | M(FLAGS), M(OBJECT) | M(CURSOR) | M(DATA))
DPL_MESSAGE(MIRROR_DIR,   21, "mirror-dir",   SOURCE, 1, ENTRIES, DPL_MIRROR_MORE_ALL,
    M(MIRROR) | M(OBJECT) | M(FLAGS) | M(DATA), 0)
DPL_MESSAGE(MIRROR_ITEM,  22, "mirror-item",  SOURCE, 1, ITEM, 0, M(MIRROR) | M(DATA), M(ROOT))
DPL_MESSAGE(MIRROR_SUMS,  23, "mirror-sums",  SOURCE, 1, SUMS, DPL_MIRROR_MORE_ALL,
    M(MIRROR) | M(OBJECT) | M(OFFSET) | M(LENGTH) | M(BLOCK) | M(FLAGS) | M(DATA), 0)
DPL_MESSAGE(MIRROR_NEED,  24, "mirror-need",  TARGET, 1, RANGES, 0,
    M(MIRROR) | M(OBJECT) | M(LEVEL) | M(DATA), 0)
DPL_MESSAGE(MIRROR_DATA,  25, "mirror-data",  SOURCE, 1, CONTENT, DPL_MIRROR_DATA_ALL,
    M(MIRROR) | M(OBJECT) | M(OFFSET) | M(LENGTH) | M(FLAGS), M(DATA))
DPL_MESSAGE(MIRROR_PROGRESS, 26, "mirror-progress", TARGET, 0, NONE, DPL_MIRROR_MORE_ALL,
    M(MIRROR) | M(OBJECTS) | M(BYTES), M(CURSOR) | M(FLAGS))
DPL_MESSAGE(MIRROR_END,   27, "mirror-end",   SOURCE, 0, NONE, 0, M(MIRROR) | M(EPOCH_TAG) | M(LSN), 0)
DPL_MESSAGE(MIRROR_RESULT, 28, "mirror-result", TARGET, 1, PATHS, DPL_MIRROR_MORE_ALL,
    M(MIRROR) | M(FLAGS) | M(OBJECTS) | M(BYTES) | M(CREATED) | M(CHANGED) | M(FOUND) | M(REMOVED),
    M(EPOCH) | M(LSN) | M(UNSETTLED) | M(DATA))
DPL_MESSAGE(MIRROR_STOP,  29, "mirror-stop",  BOTH, 0, NONE, 0, M(MIRROR) | M(REASON), M(TEXT))
DPL_MESSAGE(MIRROR_FILES, 30, "mirror-files", SOURCE, 1, FILES, 0, M(MIRROR) | M(DATA), 0)
DPL_MESSAGE(ASK,          40, "ask",          CONNECTOR, 0, DOCUMENT, 0, M(DATA), 0)
DPL_MESSAGE(ANSWER,       41, "answer",       ACCEPTOR, 0, DOCUMENT, 0, M(DATA), 0)
#undef M
#endif
#ifdef DPL_REFUSAL
/*          name        number again text */
DPL_REFUSAL(VERSION,     1, 0, "no version in common")
DPL_REFUSAL(UNKNOWN_SITE, 2, 0, "this site is not paired with us")
DPL_REFUSAL(CERTIFICATE, 3, 0, "the certificate is not valid any more")
DPL_REFUSAL(UNKNOWN_SET, 4, 0, "no such set here")
DPL_REFUSAL(NOT_ALLOWED, 5, 0, "this site may not do that with this set")
DPL_REFUSAL(ROLE,        6, 1, "the set's role here does not allow it now")
DPL_REFUSAL(GENERATION,  7, 1, "the other side has a higher generation of the set")
DPL_REFUSAL(TAKEN,       8, 1, "another connection for this set is alive")
DPL_REFUSAL(BUSY,        9, 1, "too many connections, or not ready yet")
DPL_REFUSAL(PROTOCOL,   10, 1, "what was received breaks the protocol")
DPL_REFUSAL(SILENCE,    11, 1, "nothing was heard for too long")
DPL_REFUSAL(STORAGE,    12, 1, "the replica cannot be written")
DPL_REFUSAL(LEAVING,    13, 1, "going away: a restart, or an operator's command")
DPL_REFUSAL(INTERNAL,   14, 1, "a fault of our own")
#endif
/* clang-format on */
