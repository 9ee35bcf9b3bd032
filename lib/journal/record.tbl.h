/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tables of journal records, once: what encodes, decodes, checks, prints and documents them is
 * made from these rows. Numbers are part of the format (doppel-journal(5)): rows may be added, none
 * may change its number.
 *
 * DPL_FIELD(NAME, member, kind, tag, text)
 *   kind: OID (an object's id), BYTES (a view with an upper bound by its kind), U32, U64, ATTR.
 *   The lower 15 bits of the tags are in ascending order, DATA is the last of all. Bit 15: who
 *   does not know the field skips it.
 * DPL_RECORD(NAME, number, text, required fields, optional fields)
 */
/* clang-format off */
#ifdef DPL_FIELD
/*        name           member        kind    tag     text */
DPL_FIELD(LSN,           of_lsn,       U64,    1,      "of-lsn")
DPL_FIELD(OF_TYPE,       of_type,      U32,    2,      "of-type")
DPL_FIELD(OBJECT,        object,       OID,    3,      "object")
DPL_FIELD(OBJECT2,       object2,      OID,    4,      "object2")
DPL_FIELD(PARENT,        parent,       OID,    5,      "parent")
DPL_FIELD(NAME,          name,         NAME,   6,      "name")
DPL_FIELD(PARENT2,       parent2,      OID,    7,      "parent2")
DPL_FIELD(NAME2,         name2,        NAME,   8,      "name2")
DPL_FIELD(WHITEOUT,      whiteout,     OID,    9,      "whiteout")
DPL_FIELD(FLAGS,         flags,        U32,    10,     "flags")
DPL_FIELD(ATTR,          attr,         ATTR,   11,     "attr")
DPL_FIELD(ATTR2,         attr2,        ATTR,   12,     "attr2")
DPL_FIELD(PARENT_ATTR,   parent_attr,  ATTR,   13,     "parent-attr")
DPL_FIELD(PARENT2_ATTR,  parent2_attr, ATTR,   14,     "parent2-attr")
DPL_FIELD(WHITEOUT_ATTR, whiteout_attr, ATTR,  15,     "whiteout-attr")
DPL_FIELD(TARGET,        target,       TARGET, 16,     "target")
DPL_FIELD(RDEV,          rdev,         U64,    17,     "rdev")
DPL_FIELD(OFFSET,        offset,       U64,    18,     "offset")
DPL_FIELD(LENGTH,        length,       U64,    19,     "length")
DPL_FIELD(OFFSET2,       offset2,      U64,    20,     "offset2")
DPL_FIELD(MODE,          mode,         U32,    21,     "mode")
DPL_FIELD(XATTR,         xattr,        XNAME,  22,     "xattr")
DPL_FIELD(VALUE,         value,        VALUE,  23,     "value")
DPL_FIELD(XATTRS,        xattrs,       XATTRS, 24,     "xattrs")
DPL_FIELD(PATH,          path,         TARGET, 25,     "path")
DPL_FIELD(NUMBER,        number,       U32,    26,     "number")
DPL_FIELD(SYNCED,        synced,       U64,    0x801b, "synced")
DPL_FIELD(DATA,          data,         DATA,   0x7fff, "data")
#endif
#ifdef DPL_RECORD
#define F(name) DPL_F_##name
#define TIMES (F(ATTR) | F(PARENT_ATTR))
/*         name         number  text */
DPL_RECORD(ROOT,         1, "root",        F(OBJECT) | F(NUMBER) | F(PATH) | F(ATTR), F(XATTRS))
DPL_RECORD(CREATE,       2, "create",      F(OBJECT) | F(PARENT) | F(NAME) | TIMES,
                                           F(TARGET) | F(RDEV) | F(XATTRS) | F(FLAGS))
DPL_RECORD(TMPFILE,      3, "tmpfile",     F(OBJECT) | F(ATTR), F(XATTRS))
DPL_RECORD(WRITE,        4, "write",       F(OBJECT) | F(OFFSET) | F(ATTR) | F(DATA), F(FLAGS))
DPL_RECORD(TRUNCATE,     5, "truncate",    F(OBJECT) | F(LENGTH) | F(ATTR), F(FLAGS))
DPL_RECORD(FALLOCATE,    6, "fallocate",   F(OBJECT) | F(MODE) | F(OFFSET) | F(LENGTH) | F(ATTR), F(FLAGS))
DPL_RECORD(COPY,         7, "copy",        F(OBJECT) | F(OFFSET) | F(OBJECT2) | F(OFFSET2) | F(LENGTH) | F(ATTR),
                                           F(FLAGS))
DPL_RECORD(SETATTR,      8, "setattr",     F(OBJECT) | F(ATTR), F(FLAGS) | F(XATTRS))
DPL_RECORD(SETXATTR,     9, "setxattr",    F(OBJECT) | F(XATTR) | F(VALUE) | F(ATTR), F(FLAGS))
DPL_RECORD(REMOVEXATTR, 10, "removexattr", F(OBJECT) | F(XATTR) | F(ATTR), F(FLAGS))
DPL_RECORD(LINK,        11, "link",        F(OBJECT) | F(PARENT) | F(NAME) | TIMES, 0)
DPL_RECORD(REMOVE,      12, "remove",      F(OBJECT) | F(PARENT) | F(NAME) | TIMES, 0)
DPL_RECORD(RENAME,      13, "rename",      F(OBJECT) | F(PARENT2) | F(NAME2) | F(ATTR) | F(PARENT2_ATTR),
                                           F(PARENT) | F(NAME) | F(PARENT_ATTR) | F(OBJECT2) | F(ATTR2) |
                                           F(FLAGS) | F(WHITEOUT) | F(WHITEOUT_ATTR) | F(XATTRS))
DPL_RECORD(LEAVE,       14, "leave",       F(OBJECT) | F(PARENT) | F(NAME) | F(PARENT_ATTR), F(ATTR))
DPL_RECORD(DROP,        15, "drop",        F(OBJECT), 0)
DPL_RECORD(ENTER,       16, "enter",       F(OBJECT) | F(ATTR),
                                           F(PARENT) | F(NAME) | F(TARGET) | F(RDEV) | F(XATTRS))
DPL_RECORD(MIRROR,      17, "mirror",      F(NUMBER), F(OBJECT) | F(PATH) | F(OFFSET) | F(LENGTH))
DPL_RECORD(BARRIER,     18, "barrier",     F(NUMBER), F(SYNCED))
DPL_RECORD(OUTCOME,     19, "outcome",     F(LSN) | F(OF_TYPE), DPL_F_ALL)
#undef F
#undef TIMES
#endif
/* clang-format on */
