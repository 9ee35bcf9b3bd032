/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The commands of doppel(8), once: DPL_COMMAND(words, right, place, arguments, help).
 *
 * The right is LOOK (doppel-monitor may) or CHANGE (doppel-admin alone); the place is DAEMON where
 * doppeld answers, LOCAL where the command needs none. Arguments are written as people read them,
 * and read by program just so: NAME, [NAME], NAME..., [--flag], [--option=VALUE],
 * [--option=VALUE]... . The parser, the daemon's check, the help, the completion and the test of
 * the manual page are all made from these rows.
 */
/* clang-format off */
DPL_COMMAND("status",        LOOK,   DAEMON, "[SET] [--watch] [--check]",
            "who serves, how old the replica is, what is wrong, what to type next")
DPL_COMMAND("stats",         LOOK,   DAEMON, "[SET]", "all figures of a set")
DPL_COMMAND("wait",          LOOK,   DAEMON,
            "SET [--idle] [--queue-empty] [--consistent] [--timeout=TIME]",
            "wait until a set has nothing left to send or to apply, or its replica is consistent")
DPL_COMMAND("set create",    CHANGE, DAEMON, "SET PATH... [--exclude=PATH]... [--flat]",
            "make a set that is served here")
DPL_COMMAND("set accept",    CHANGE, DAEMON, "SET --from=SITE [--map=SRC:DST]...",
            "permit a site to send a set here")
DPL_COMMAND("set add",       CHANGE, DAEMON, "SET PATH... [--exclude] [--flat]",
            "add rules for paths to a set")
DPL_COMMAND("set remove",    CHANGE, DAEMON, "SET PATH...", "take the rules for paths out of a set")
DPL_COMMAND("set show",      LOOK,   DAEMON, "SET", "what was agreed on a set")
DPL_COMMAND("set list",      LOOK,   DAEMON, "", "the sets of this site")
DPL_COMMAND("set delete",    CHANGE, DAEMON, "SET", "forget a set; its files stay")
DPL_COMMAND("connect",       CHANGE, DAEMON, "SET [--equal]", "let a set connect, after disconnect")
DPL_COMMAND("disconnect",    CHANGE, DAEMON, "SET", "end a set's connection until connect")
DPL_COMMAND("connection start", CHANGE, DAEMON,
            "SET --target=SITE [--route=ADDRESS] [--mirror=KIND] [--orphans=WHAT] [--compression=LEVEL] "
            "[--bandwidth=RATE] [--schedule=TEXT] [--durability=WHERE] [--durability-timeout=TIME] "
            "[--durability-policy=WHAT] [--lag-warn=TIME] [--flush-timeout=TIME]",
            "capture and connect a set on this node, as source-connection asks")
DPL_COMMAND("connection stop", CHANGE, DAEMON, "SET [--timeout=TIME]",
            "end a set's capture on this node, and send what is left")
DPL_COMMAND("replica start", CHANGE, DAEMON, "SET --device=UUID [--lag-warn=TIME]",
            "let this node write the replica of a set, as replica asks")
DPL_COMMAND("replica stop",  CHANGE, DAEMON, "SET", "end the writing of a set's replica on this node")
DPL_COMMAND("pause",         CHANGE, DAEMON, "SET", "let the target receive, and not apply")
DPL_COMMAND("resume",        CHANGE, DAEMON, "SET", "let the target apply again")
DPL_COMMAND("limit",         CHANGE, DAEMON, "SET [--bandwidth=RATE] [--schedule=TEXT] [--none]",
            "bound the bandwidth of a set until the daemon's next start")
DPL_COMMAND("mirror start",  CHANGE, DAEMON,
            "SET [--kind=KIND] [--orphans=WHAT] [--anew] [--plan] [--test] [--accept-empty] [--accept-deletes] "
            "[--accept-filesystem]", "make the replica equal to the source")
DPL_COMMAND("mirror stop",   CHANGE, DAEMON, "SET", "stop a mirror; none begins by itself until the next start, or connect")
DPL_COMMAND("mirror status", LOOK,   DAEMON, "SET", "how far a mirror is")
DPL_COMMAND("verify",        CHANGE, DAEMON, "SET [--repair]",
            "compare both sides of a set while it is served, and say what differs")
DPL_COMMAND("orphans",       CHANGE, DAEMON, "SET ACTION",
            "list, move or delete files that the source has not")
DPL_COMMAND("failover",      CHANGE, DAEMON,
            "SET [--graceful] [--immediate] [--wait=TIME] [--then=WHAT] [--accept-incomplete] "
            "[--source-is-down] [--confirm=SET] [--wan] [--plan] [--test]",
            "let this site serve a set in place of the other one")
DPL_COMMAND("restore",       CHANGE, DAEMON, "SET [--discard-target] [--ask] [--yes] [--plan] [--test]",
            "make the site that served before a target of this one, which serves")
DPL_COMMAND("failback",      CHANGE, DAEMON, "SET [--wait=TIME] [--yes] [--plan] [--test]",
            "let the site that served before serve again, and stand by here")
DPL_COMMAND("procedure show", LOOK,  DAEMON, "[ID]", "the procedures of this site, or how far one is")
DPL_COMMAND("procedure resume", CHANGE, DAEMON,
            "[ID] [--then=WHAT] [--wait=TIME] [--accept-incomplete] [--yes] [--source-is-down] "
            "[--confirm=SET] [--plan]",
            "go on with a procedure that rests")
DPL_COMMAND("procedure undo", CHANGE, DAEMON, "[ID] [--source-is-down] [--confirm=SET] [--plan]",
            "take back what a procedure has done")
DPL_COMMAND("procedure stop", CHANGE, DAEMON, "[ID]", "let a procedure rest after the step that runs")
DPL_COMMAND("site init",     CHANGE, DAEMON, "", "make this site's keys and certificates")
DPL_COMMAND("site offer",    LOOK,   DAEMON, "[--address=HOST]...",
            "print what another site needs to pair with this one")
DPL_COMMAND("site pair",     CHANGE, DAEMON,
            "SITE [--address=HOST]... [--offer=FILE] [--fingerprint=TEXT]", "trust another site")
DPL_COMMAND("site list",     LOOK,   DAEMON, "", "the sites that are known, and their fingerprints")
DPL_COMMAND("site rotate",   CHANGE, DAEMON, "", "make new keys, beside the old ones")
DPL_COMMAND("site revoke",   CHANGE, DAEMON, "SITE [--serial=HEX]",
            "trust a site, or one of its certificates, no more")
DPL_COMMAND("site address",  CHANGE, DAEMON, "SITE HOST...", "where a site is reached")
DPL_COMMAND("site confirm",  CHANGE, DAEMON, "SET", "let this site serve a set that it holds back")
DPL_COMMAND("node add",      CHANGE, DAEMON, "NODE", "give a node of this cluster its certificate, signed by the site's authority")
DPL_COMMAND("node remove",   CHANGE, DAEMON, "NODE", "forget a node that has left the cluster")
DPL_COMMAND("node check",    LOOK,   DAEMON, "", "the nodes of this cluster: who is there, and whose certificate ends")
DPL_COMMAND("store show",    LOOK,   DAEMON, "", "the nodes that hold the store, and its documents")
DPL_COMMAND("store export",  LOOK,   DAEMON, "", "print all documents of the store, for store import")
DPL_COMMAND("store import",  CHANGE, DAEMON, "FILE [--replace]", "put documents into the store that were exported")
DPL_COMMAND("store join",    CHANGE, DAEMON, "", "give up this node's documents, and take those of the other nodes")
DPL_COMMAND("store confirm-down", CHANGE, DAEMON, "NODE", "say that a node for which the store waits is down")
DPL_COMMAND("journal show",  LOOK,   LOCAL,  "[SET] [--dir=DIR] [--epoch=N] [--from=LSN] [--count=N] [--raw]",
            "print what was captured and is not acknowledged yet")
DPL_COMMAND("emergency detach", CHANGE, LOCAL, "SET [--plan] [--test] [--yes]",
            "root alone: take doppel out from under a set on this node; its service goes on")
DPL_COMMAND("emergency attach", CHANGE, LOCAL, "SET [--yes]",
            "root alone: give a set that was detached back to doppel")
DPL_COMMAND("completion",    LOOK,   LOCAL,  "", "print the completion for bash")
/* clang-format on */
