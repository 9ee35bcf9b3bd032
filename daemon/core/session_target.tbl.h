/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The target's side of a session, as a table.
 *
 * TARGET_STATE(NAME, text)
 * TARGET_EVENT(NAME, by, text)             by: PEER (a message) or OWN
 * TARGET_STEP(state, event, next, action)  what is not here: from the peer it breaks the protocol,
 *                                          of our own it is refused and changes nothing
 *
 * EPOCH's answer decides between next and COMPARE: it is two events.
 */
/* clang-format off */
#ifdef TARGET_STATE
TARGET_STATE(OFFLINE,   "offline")
TARGET_STATE(AGREEING,  "waiting for an epoch")
TARGET_STATE(STREAMING, "receiving")
TARGET_STATE(COMPARE,   "waiting for a mirror")
TARGET_STATE(CLOSING,   "closing")
#endif
#ifdef TARGET_EVENT
TARGET_EVENT(CONNECTED,    OWN,  "the greeting is over")
TARGET_EVENT(CLOSE,        OWN,  "we leave")
TARGET_EVENT(STORAGE,      OWN,  "the replica cannot be written")
TARGET_EVENT(SILENCE,      OWN,  "nothing was heard for too long")
TARGET_EVENT(LOST,         OWN,  "the connection is gone")
TARGET_EVENT(EPOCH,        PEER, "epoch, and it follows")
TARGET_EVENT(EPOCH_OTHER,  PEER, "epoch, and everything must be compared")
TARGET_EVENT(RECORDS,      PEER, "records")
TARGET_EVENT(ENDED,        PEER, "ended")
TARGET_EVENT(ENDED_GAP,    PEER, "ended before the changes did")
TARGET_EVENT(HEARTBEAT,    PEER, "heartbeat")
TARGET_EVENT(PAUSE,        PEER, "control: pause or resume")
TARGET_EVENT(MIRROR_SET,   PEER, "mirror-begin, of the set")
TARGET_EVENT(OF_MIRROR,    PEER, "a message of a mirror")
TARGET_EVENT(LEAVES,       PEER, "control: close")
TARGET_EVENT(REFUSE,       PEER, "refuse")
#endif
#ifdef TARGET_STEP
TARGET_STEP(OFFLINE,   CONNECTED,   AGREEING,  send_state)

TARGET_STEP(AGREEING,  EPOCH,       STREAMING, accept)
TARGET_STEP(AGREEING,  EPOCH_OTHER, COMPARE,   compare)
TARGET_STEP(AGREEING,  HEARTBEAT,   AGREEING,  take_heartbeat)
TARGET_STEP(AGREEING,  PAUSE,       AGREEING,  take_pause)
TARGET_STEP(AGREEING,  OF_MIRROR,   AGREEING,  of_mirror)
TARGET_STEP(AGREEING,  LEAVES,      OFFLINE,   answer_close)
TARGET_STEP(AGREEING,  REFUSE,      OFFLINE,   refused)
TARGET_STEP(AGREEING,  CLOSE,       CLOSING,   send_close)
TARGET_STEP(AGREEING,  STORAGE,     OFFLINE,   refuse_storage)
TARGET_STEP(AGREEING,  SILENCE,     OFFLINE,   refuse_silence)
TARGET_STEP(AGREEING,  LOST,        OFFLINE,   lost)

TARGET_STEP(STREAMING, RECORDS,     STREAMING, take_records)
TARGET_STEP(STREAMING, ENDED,       AGREEING,  take_ended)
TARGET_STEP(STREAMING, ENDED_GAP,   COMPARE,   take_ended)
TARGET_STEP(STREAMING, HEARTBEAT,   STREAMING, take_heartbeat)
TARGET_STEP(STREAMING, PAUSE,       STREAMING, take_pause)
TARGET_STEP(STREAMING, MIRROR_SET,  STREAMING, mirror_here)
TARGET_STEP(STREAMING, OF_MIRROR,   STREAMING, of_mirror)
TARGET_STEP(STREAMING, LEAVES,      OFFLINE,   answer_close)
TARGET_STEP(STREAMING, REFUSE,      OFFLINE,   refused)
TARGET_STEP(STREAMING, CLOSE,       CLOSING,   send_close)
TARGET_STEP(STREAMING, STORAGE,     OFFLINE,   refuse_storage)
TARGET_STEP(STREAMING, SILENCE,     OFFLINE,   refuse_silence)
TARGET_STEP(STREAMING, LOST,        OFFLINE,   lost)

TARGET_STEP(COMPARE,   EPOCH,       STREAMING, accept)
TARGET_STEP(COMPARE,   EPOCH_OTHER, COMPARE,   compare)
TARGET_STEP(COMPARE,   MIRROR_SET,  STREAMING, mirror_anew)
TARGET_STEP(COMPARE,   HEARTBEAT,   COMPARE,   take_heartbeat)
TARGET_STEP(COMPARE,   PAUSE,       COMPARE,   take_pause)
TARGET_STEP(COMPARE,   OF_MIRROR,   COMPARE,   of_mirror)
TARGET_STEP(COMPARE,   LEAVES,      OFFLINE,   answer_close)
TARGET_STEP(COMPARE,   REFUSE,      OFFLINE,   refused)
TARGET_STEP(COMPARE,   CLOSE,       CLOSING,   send_close)
TARGET_STEP(COMPARE,   STORAGE,     OFFLINE,   refuse_storage)
TARGET_STEP(COMPARE,   SILENCE,     OFFLINE,   refuse_silence)
TARGET_STEP(COMPARE,   LOST,        OFFLINE,   lost)

TARGET_STEP(CLOSING,   RECORDS,     CLOSING,   nothing)
TARGET_STEP(CLOSING,   EPOCH,       CLOSING,   nothing)
TARGET_STEP(CLOSING,   EPOCH_OTHER, CLOSING,   nothing)
TARGET_STEP(CLOSING,   ENDED,       CLOSING,   nothing)
TARGET_STEP(CLOSING,   ENDED_GAP,   CLOSING,   nothing)
TARGET_STEP(CLOSING,   HEARTBEAT,   CLOSING,   nothing)
TARGET_STEP(CLOSING,   PAUSE,       CLOSING,   nothing)
TARGET_STEP(CLOSING,   MIRROR_SET,  CLOSING,   nothing)
TARGET_STEP(CLOSING,   OF_MIRROR,   CLOSING,   nothing)
TARGET_STEP(CLOSING,   LEAVES,      OFFLINE,   closed)
TARGET_STEP(CLOSING,   REFUSE,      OFFLINE,   refused)
TARGET_STEP(CLOSING,   STORAGE,     OFFLINE,   closed)
TARGET_STEP(CLOSING,   SILENCE,     OFFLINE,   closed)
TARGET_STEP(CLOSING,   LOST,        OFFLINE,   closed)
#endif
/* clang-format on */
