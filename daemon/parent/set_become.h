/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The role of a set in its document: everything that changes role or generation goes through here,
 * on a copy of the document that is then put by compare-and-swap (dpl_change).
 *
 * With the role the side changes: a set that stands by is a target and knows the rules of its
 * source (peer_rules, in that site's paths) and the map; when it serves these become its own rules,
 * and the site that it came from its peer. A set that served keeps that peer when it stands by.
 */
#ifndef DPL_PARENT_SET_BECOME_H
#define DPL_PARENT_SET_BECOME_H

#include "daemon/core/set_role.h"
#include "lib/ctl/doc.h"

/* What the document says of the role. */
void dpl_set_side_read(const struct dpl_doc *doc, struct dpl_set_side *side_r);
/* As dpl_set_role_become, for the document. What it had for the other role is gone from it. REFUSED
 * too where the rules of the source were never heard, or do not lie in the map. */
int dpl_set_become(struct dpl_doc *doc, enum dpl_set_event event, int64_t generation,
                   struct dpl_err *err);
/* The text of rules whose paths are those of the other site, with this one's: each moves as the map
 * says, a list of {source: there, target: here}; no map: they are the same. The caller frees.
 * What is excluded and lies in nothing of the map is left out: all that is included lies elsewhere.
 * REFUSED with an included path that lies in nothing of the map, and where the text is none of
 * rules any more. */
int dpl_set_rules_here(const char *rules, const struct dpl_doc *map, char **rules_r,
                       struct dpl_err *err);
/* Those of the rules that lie in the map, with the paths of the other site. The caller frees. */
char *dpl_set_rules_mapped(const char *rules, const struct dpl_doc *map);
/* The map as the other site needs it: there and here change places. The caller owns it. */
struct dpl_doc *dpl_set_map_there(const struct dpl_doc *map);

#endif
