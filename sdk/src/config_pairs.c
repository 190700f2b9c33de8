/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_pairs.c - see config_pairs.h.
 */
#include "config_pairs.h"

#include "base/str.h"

static bool decode(otel_str *text, char **room) {
    size_t len;
    if (!otel__str_percent_decode(*text, *room, &len))
        return false;
    *text = otel_strn(*room, len);
    *room += len;
    return true;
}

bool otel__pairs_next(struct otel__pairs *pairs, bool decode_name, char **room, struct otel__pair *pair) {
    otel_str item;
    if (!otel__str_next(&pairs->rest, ',', &item))
        return false;
    pairs->number++;
    item = otel__str_trim(item);
    *pair = (struct otel__pair){ .item = item };
    otel_str value = item, name;
    otel__str_next(&value, '=', &name);
    pair->name = otel__str_trim(name);
    if (!item.len)
        pair->problem = "is empty";
    else if (!value.ptr)
        pair->problem = "has no '='";
    else if (!pair->name.len)
        pair->problem = "has nothing before its '='";
    if (pair->problem)
        return true;
    pair->value = otel__str_trim(value);
    if (!decode(&pair->value, room) || (decode_name && !decode(&pair->name, room)))
        pair->problem = "has a '%' without two hexadecimal digits behind it";
    return true;
}
