/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Key files of any content: a key, or one line that names the file.
 */
#include "lib/dns/key.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char path[] = "/k/Ka.b.+163+1.private";
    struct dpl_dns_key key;
    struct dpl_err err = {0};
    if (size > DPL_DNS_KEY_FILE_MAX)
        return 0;
    g_autofree char *text = g_strndup((const char *)data, size);
    int code = dpl_dns_key_parse(path, text, &key, &err);
    if (code == DPL_OK)
        g_assert(key.algorithm && key.secret_size > 0 && key.secret_size <= sizeof key.secret &&
                 key.name[0]);
    else
        g_assert(code == DPL_E_CONFIG && strstr(err.text, path) && !strchr(err.text, '\n') &&
                 key.secret_size == 0);
    return 0;
}
