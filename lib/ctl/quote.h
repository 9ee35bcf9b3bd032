/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names of any bytes in lines for people: nothing in them can end the line or command a terminal.
 */
#ifndef DPL_CTL_QUOTE_H
#define DPL_CTL_QUOTE_H

#include <glib.h>
#include <stddef.h>

/* The bytes in double quotes: \" \\ \n \t as in C, every other control character and every byte
 * that is not part of valid UTF-8 as \xNN. The caller frees (g_free). */
char *dpl_quote(const char *bytes, size_t size);
/* The same without quotes around it, and with those in it as they are, at the end of out. */
void dpl_quote_into(GString *out, const char *bytes, size_t size);

#endif
