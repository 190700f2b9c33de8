/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_pairs.h - walks through "name=value,name=value", the form that resource attributes and headers share.
 */
#ifndef OTEL_SDK_CONFIG_PAIRS_H
#define OTEL_SDK_CONFIG_PAIRS_H

#include <otel/types.h>

/* Zero it, then set `rest`. */
struct otel__pairs {
    otel_str rest;
    size_t number; /* of the last item, from 1 */
};

struct otel__pair {
    otel_str item; /* as written, without the spaces around it */
    otel_str name; /* both trimmed, and decoded where the problem is NULL */
    otel_str value;
    const char *problem; /* NULL, or what is wrong, such as "has no '='" */
};

/*
 * The next item; false past the last. Percent escapes are decoded in the value, and with `decode_name` in the name,
 * into `room`, which needs as many bytes as the whole text has and moves behind what was written. The first '='
 * separates; an empty value is a value; '+' is no space.
 */
bool otel__pairs_next(struct otel__pairs *pairs, bool decode_name, char **room, struct otel__pair *pair);

#endif
