/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ctl/quote.h"

#include <stdbool.h>
#include <string.h>

/* The bytes of the character at p, or 0 when it must be escaped. U+0080 to U+009F command terminals
 * as control characters do; U+2028 and U+2029 end lines in some eyes. */
static size_t plain(const char *p, size_t size)
{
    unsigned char c = (unsigned char)p[0];
    if (c < 0x80)
        return c >= ' ' && c != 0x7f && c != '"' && c != '\\';
    gunichar u = g_utf8_get_char_validated(p, (gssize)size);
    if (u == (gunichar)-1 || u == (gunichar)-2 || u < 0xa0 || u == 0x2028 || u == 0x2029)
        return 0;
    return (size_t)g_unichar_to_utf8(u, NULL);
}

static void escape(GString *out, const char *bytes, size_t size, bool quotes)
{
    for (size_t i = 0; i < size;) {
        size_t n = plain(bytes + i, size - i);
        if (n > 0)
            g_string_append_len(out, bytes + i, (gssize)n);
        else if (bytes[i] == '"' && !quotes)
            g_string_append_c(out, '"');
        else if (bytes[i] == '"' || bytes[i] == '\\')
            g_string_append_printf(out, "\\%c", bytes[i]);
        else if (bytes[i] == '\n')
            g_string_append(out, "\\n");
        else if (bytes[i] == '\t')
            g_string_append(out, "\\t");
        else
            g_string_append_printf(out, "\\x%02x", (unsigned char)bytes[i]);
        i += n > 0 ? n : 1;
    }
}

void dpl_quote_into(GString *out, const char *bytes, size_t size)
{
    escape(out, bytes, size, false);
}

char *dpl_quote(const char *bytes, size_t size)
{
    GString *out = g_string_new("\"");
    escape(out, bytes, size, true);
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}
