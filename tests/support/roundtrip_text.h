/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_text.h - UTF-8 by the arithmetic of RFC 3629, to check the library's state machine against. */
#ifndef ROUNDTRIP_TEXT_H
#define ROUNDTRIP_TEXT_H

#include "roundtrip_random.h"

bool roundtrip_is_utf8(otel_str text);
/* `text` with U+FFFD for each byte that belongs to no character; `text` itself where nothing is wrong with it. */
otel_str roundtrip_repaired(struct roundtrip_pool *pool, otel_str text);

#endif
