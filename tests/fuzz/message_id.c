/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Heads of mails: what is answered is a Message-ID that stands in them, printable and bounded.
 */
#include "daemon/apply/message-id.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[DPL_MESSAGE_ID_MAX + 1];
    char *head = malloc(size ? size : 1); /* a read behind its end is seen */
    if (!head)
        return 0;
    memcpy(head, data, size);
    if (dpl_message_id(head, size, text)) {
        size_t length = strlen(text);
        assert(length >= 2 && length <= DPL_MESSAGE_ID_MAX);
        assert(text[0] == '<' && text[length - 1] == '>');
        for (size_t i = 0; i < length; i++)
            assert(text[i] > ' ' && text[i] <= '~');
        assert(memmem(head, size, text, length));
    }
    free(head);
    return 0;
}
