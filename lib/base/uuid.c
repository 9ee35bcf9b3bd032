/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/uuid.h"

#include <glib.h>
#include <string.h>

static bool dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void dpl_uuid_format(const uint8_t uuid[16], char text[DPL_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i))
            *text++ = '-';
        *text++ = digits[uuid[i] >> 4];
        *text++ = digits[uuid[i] & 15];
    }
    *text = '\0';
}

bool dpl_uuid_parse(const char *text, uint8_t uuid_r[16])
{
    uint8_t uuid[16];
    if (strlen(text) != DPL_UUID_TEXT - 1)
        return false;
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i) && *text++ != '-')
            return false;
        int high = g_ascii_xdigit_value(text[0]), low = g_ascii_xdigit_value(text[1]);
        if (high < 0 || low < 0)
            return false;
        uuid[i] = (uint8_t)(high * 16 + low);
        text += 2;
    }
    memcpy(uuid_r, uuid, sizeof uuid);
    return true;
}
