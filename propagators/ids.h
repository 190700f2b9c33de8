/* SPDX-License-Identifier: Apache-2.0 */
/* ids.h - ids in the formats that shorten them. Inline, since libotel-xray needs it too. */
#ifndef OTEL_PROPAGATORS_IDS_H
#define OTEL_PROPAGATORS_IDS_H

#include "hex.h"

#include <otel/types.h>

/* Reads 1 to 2 * `size` lowercase digits, as if there were zeros in front; false when it is anything else. */
static inline bool otel__id_read(uint8_t *id, size_t size, otel_str text) {
    memset(id, 0, size);
    if (text.len == 0 || text.len > 2 * size) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const unsigned digit = otel__hex_digit(text.ptr[text.len - 1 - i]);
        if (digit > 15) {
            return false;
        }
        id[size - 1 - i / 2] = (uint8_t)(id[size - 1 - i / 2] | digit << (i % 2 * 4));
    }
    return true;
}

#endif
