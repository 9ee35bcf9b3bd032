/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which handler serves which opcode. OPEN, OPENDIR and FLUSH have none: answered ENOSYS once, they
 * are never asked again.
 */
#include "daemon/capture/op.h"

static const op_handler handlers[REQUEST_OPCODES] = {
    [FUSE_LOOKUP] = op_lookup,
    [FUSE_FORGET] = op_forget,
    [FUSE_GETATTR] = op_getattr,
    [FUSE_SETATTR] = op_setattr,
    [FUSE_READLINK] = op_readlink,
    [FUSE_SYMLINK] = op_symlink,
    [FUSE_MKNOD] = op_mknod,
    [FUSE_MKDIR] = op_mkdir,
    [FUSE_UNLINK] = op_unlink,
    [FUSE_RMDIR] = op_rmdir,
    [FUSE_RENAME] = op_rename,
    [FUSE_LINK] = op_link,
    [FUSE_READ] = op_read,
    [FUSE_WRITE] = op_write,
    [FUSE_STATFS] = op_statfs,
    [FUSE_RELEASE] = op_release_file,
    [FUSE_FSYNC] = op_fsync,
    [FUSE_SETXATTR] = op_setxattr,
    [FUSE_GETXATTR] = op_getxattr,
    [FUSE_LISTXATTR] = op_listxattr,
    [FUSE_REMOVEXATTR] = op_removexattr,
    [FUSE_INIT] = op_init,
    [FUSE_READDIR] = op_readdir,
    [FUSE_RELEASEDIR] = op_release_file,
    [FUSE_FSYNCDIR] = op_fsyncdir,
    [FUSE_CREATE] = op_create,
    [FUSE_INTERRUPT] = op_interrupt,
    [FUSE_DESTROY] = op_destroy,
    [FUSE_IOCTL] = op_ioctl,
    [FUSE_BATCH_FORGET] = op_batch_forget,
    [FUSE_FALLOCATE] = op_fallocate,
    [FUSE_READDIRPLUS] = op_readdirplus,
    [FUSE_RENAME2] = op_rename2,
    [FUSE_LSEEK] = op_lseek,
    [FUSE_COPY_FILE_RANGE] = op_copy_file_range,
    [FUSE_SYNCFS] = op_syncfs,
    [FUSE_TMPFILE] = op_tmpfile,
    [FUSE_STATX] = op_statx,
};

op_handler op_handler_of(uint32_t opcode)
{
    return opcode < REQUEST_OPCODES ? handlers[opcode] : NULL;
}
