/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-door: the only process that touches what a peer sends, one for each TCP connection.
 *
 * It is started as root by doppeld with a channel (lib/ctl/channel.h) as descriptor 3, reads what
 * it is to do and this node's key, gives up everything (confine.h), and only then reads the first
 * byte of a peer. All that is said over the channel are documents:
 *
 *   to it    {start: {...}}, with the TCP connection where how is "accept":
 *              how         "accept", "connect" or "pair" (connects, to exchange authorities)
 *              site, node  ours
 *              key, cert   paths of this node's files; read before rights are given up
 *              user        whom to become: a name, or a number
 *              sites       tree: NAME to the site's document (lib/tls/site.h)
 *              address     of an accepted connection, as text
 *              addresses   list of HOST[:PORT], tried in turn; or host and port alone
 *              bind        local address to connect from
 *              peer        the site that must answer
 *              hello       {set, direction: "send", "receive" or "talk", generation,
 *                          journal: {epoch, disk}, of a source that has one}; for "connect"
 *              ask         the question, for "talk"
 *              compression 0 to 9
 *              pairing     true: strangers may offer themselves; with site_cert, our authority
 *              run_dir     where an empty directory may be made for a moment
 *   from it  {reached: true} when a machine has taken the connection (connect, pair)
 *   from it  {peer: {...}} when the peer is authenticated and has said hello (accept) or welcome
 *            (connect): site, node, serial, fingerprint (of the pin), days_left, set, direction,
 *            generation, version, features, product, address; link, if it sent one; journal,
 *            if it said one
 *   to it    {go: true, hello: {generation}} with the data's descriptor, or {refuse: NAME, text};
 *            NAME is one of doppel-protocol(5) in small letters: "unknown-set", "taken", ...
 *            For "talk" no descriptor. Then of an accepted one:
 *   from it  {ask: {...}}, the peer's question, and
 *   to it    {answer: {...}}, within a minute, after which it ends; of one that connects:
 *   from it  {answer: {...}}, the peer's, after which it ends
 *   from it  {offer: {...}} instead of peer: the peer's authority (lib/tls/site.h); then it ends
 *   from it  {stats: {...}} at most every 2 seconds: sent_bytes, received_bytes (of TLS records'
 *            contents), plain_bytes, packed_bytes (what was to be compressed, and became of it)
 *   from it  {failed: text} before it ends, where it knows why; refused: NAME and again: BOOLEAN if
 *            the peer refused
 *
 * The peer's messages reach the engine decoded strictly and encoded anew, decompressed, from the
 * side that may send them; never a part of one. In memory are at most one frame in each direction
 * and its other form, 4 MiB each, and TLS's own 512 KiB: below 20 MiB. Who does not read stops the
 * other from sending, in both directions.
 */
#ifndef DPL_PRIV_DOOR_H
#define DPL_PRIV_DOOR_H

/* Runs a door on the channel that is descriptor 3. The exit status. */
int dpl_door_run(void);

#endif
