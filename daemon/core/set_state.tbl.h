/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The states of a set, and the commands that are allowed in each.
 *
 * SET_STATE(name, text as people see it)
 * SET_COMMAND(name, text as it is typed, states in which it is allowed)
 *
 * A state stands in the lists of SET_COMMAND as one letter, in the order of SET_STATE:
 *   u unprotected       the set has no connection at this site, or it was never made
 *   m mirroring         connected; the replica is being made equal
 *   p protected         connected; the replica follows
 *   d disconnected      the connection is wanted and not there, or was switched off
 *   n mirror needed     what was not sent is not known op by op any more
 *   f failing over
 *   o failed over       (restore required)
 *   r restoring
 *   b failing back
 *   e on another node   of this site's cluster, which alone knows how it is
 */
/* clang-format off */
SET_STATE(UNPROTECTED,   'u', "unprotected")
SET_STATE(MIRRORING,     'm', "mirroring")
SET_STATE(PROTECTED,     'p', "protected")
SET_STATE(DISCONNECTED,  'd', "disconnected")
SET_STATE(MIRROR_NEEDED, 'n', "mirror needed")
SET_STATE(FAILING_OVER,  'f', "failing over")
SET_STATE(FAILED_OVER,   'o', "failed over (restore required)")
SET_STATE(RESTORING,     'r', "restoring")
SET_STATE(FAILING_BACK,  'b', "failing back")
SET_STATE(ELSEWHERE,     'e', "on another node")

SET_COMMAND(STATUS,       "status",        "umpdnforbe")
SET_COMMAND(STATS,        "stats",         "umpdnforbe")
SET_COMMAND(WAIT,         "wait",          "umpdnforb")
SET_COMMAND(SET_SHOW,     "set show",      "umpdnforbe")
SET_COMMAND(SET_ADD,      "set add",       "umpdne")
SET_COMMAND(SET_REMOVE,   "set remove",    "umpdne")
SET_COMMAND(SET_DELETE,   "set delete",    "udn")
SET_COMMAND(CONNECT,      "connect",       "updnore")
SET_COMMAND(DISCONNECT,   "disconnect",    "mpdnore")
SET_COMMAND(PAUSE,        "pause",         "mpdnr")
SET_COMMAND(RESUME,       "resume",        "mpdnfr")
SET_COMMAND(LIMIT,        "limit",         "umpdnor")
SET_COMMAND(MIRROR_START, "mirror start",  "pnr")
SET_COMMAND(MIRROR_STOP,  "mirror stop",   "mpr")
SET_COMMAND(MIRROR_STATUS,"mirror status", "umpdnforb")
SET_COMMAND(ORPHANS,      "orphans",       "mpdnor")
SET_COMMAND(FAILOVER,     "failover",      "umpdnfe")
SET_COMMAND(RESTORE,      "restore",       "umpdnore")
SET_COMMAND(FAILBACK,     "failback",      "umpdnore")
SET_COMMAND(VERIFY,       "verify",        "p")
/* clang-format on */
