/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a running capture says of itself, once: DPL_CAPSTAT(member, kind, text).
 * kind: COUNT, BYTES, LSN, AT (nanoseconds of CLOCK_BOOTTIME), SPAN (nanoseconds), FLAG, MODE,
 * REASON. The page, its reading, text and JSON of `doppel-capture --status` and its manual page are
 * made from or held against these rows. A row that is added, moved or taken away changes
 * DPL_CAPSTAT_LAYOUT.
 */
/* clang-format off */
DPL_CAPSTAT(heartbeat_ns,      AT,     "when the worker's guard last ran")
DPL_CAPSTAT(figures_ns,        AT,     "since when what follows is true: taken no earlier")
DPL_CAPSTAT(mode,              MODE,   "whether changes are journalled")
DPL_CAPSTAT(mirror_reason,     REASON, "why the journal ended")
DPL_CAPSTAT(next_lsn,          LSN,    "position of the next change")
DPL_CAPSTAT(lowest_open_lsn,   LSN,    "below it no change is under way")
DPL_CAPSTAT(spilled_lsn,       LSN,    "below it all is in segments")
DPL_CAPSTAT(synced_lsn,        LSN,    "below it all is on the source's own disk")
DPL_CAPSTAT(memory_records,    COUNT,  "records of the journal in memory")
DPL_CAPSTAT(memory_bytes,      BYTES,  "their bytes")
DPL_CAPSTAT(journal_bytes,     BYTES,  "segments on disk")
DPL_CAPSTAT(requests,          COUNT,  "requests of the kernel served")
DPL_CAPSTAT(threads,           COUNT,  "threads of the worker")
DPL_CAPSTAT(worker,            COUNT,  "process id of the worker")
DPL_CAPSTAT(incarnation,       COUNT,  "workers so far")
DPL_CAPSTAT(takeovers,         COUNT,  "workers that died and were replaced")
DPL_CAPSTAT(takeover_last_ns,  SPAN,   "how long the last takeover took")
DPL_CAPSTAT(takeover_max_ns,   SPAN,   "the longest")
DPL_CAPSTAT(keepers_replaced,  COUNT,  "keepers that died and were replaced")
DPL_CAPSTAT(given_up,          COUNT,  "requests that were answered EIO, having killed every worker")
DPL_CAPSTAT(bypass_watched,    FLAG,   "whether changes past the mount are seen")
DPL_CAPSTAT(bypasses,          COUNT,  "changes past the mount")
DPL_CAPSTAT(remote_waiting,    COUNT,  "syncs that wait for the target")
DPL_CAPSTAT(remote_answered,   COUNT,  "syncs that the target had in time")
DPL_CAPSTAT(journal_ends,      COUNT,  "journals that ended before the changes did")
DPL_CAPSTAT(remote_fallbacks,  COUNT,  "syncs that were answered by the policy instead")
/* clang-format on */
