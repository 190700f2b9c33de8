/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_loan.c - see roundtrip_loan.h. */
#include "roundtrip_loan.h"

otel_str roundtrip_lend(struct roundtrip_loan *loan, otel_str text) {
    return text.ptr ? roundtrip_copy(&loan->pool, text) : text;
}

const char *roundtrip_lend_string(struct roundtrip_loan *loan, const char *text) {
    return text ? roundtrip_copy(&loan->pool, otel_strn(text, strlen(text) + 1)).ptr : NULL;
}

const char *roundtrip_lend_terminated(struct roundtrip_loan *loan, otel_str text) {
    if (!text.ptr || memchr(text.ptr, '\0', text.len))
        return NULL;
    char *copy = roundtrip_make(&loan->pool, text.len + 1);
    memcpy(copy, text.ptr, text.len);
    return copy;
}

static size_t element_size(otel_type type) {
    switch (type) {
    case OTEL_TYPE_STRING:
    case OTEL_TYPE_BYTES:
    case OTEL_TYPE_BOOLS:
        return 1;
    case OTEL_TYPE_INTS:
        return sizeof(int64_t);
    case OTEL_TYPE_DOUBLES:
        return sizeof(double);
    case OTEL_TYPE_STRINGS:
        return sizeof(otel_str);
    case OTEL_TYPE_ARRAY:
        return sizeof(otel_value);
    default:
        return 0;
    }
}

static otel_value lend_value(struct roundtrip_loan *loan, otel_value value) {
    size_t size = element_size(value.type);
    if (value.type == OTEL_TYPE_MAP)
        return otel_map(roundtrip_lend_attrs(loan, (otel_attrs){ value.u.p, value.len }));
    if (size == 0 || !value.u.p)
        return value;
    value.u.p = roundtrip_copy(&loan->pool, otel_strn(value.u.p, value.len * size)).ptr;
    if (value.type == OTEL_TYPE_ARRAY) {
        otel_value *values = (otel_value *)value.u.p;
        for (size_t i = 0; i < value.len; i++)
            values[i] = lend_value(loan, values[i]);
    }
    if (value.type == OTEL_TYPE_STRINGS) {
        otel_str *strings = (otel_str *)value.u.p;
        for (size_t i = 0; i < value.len; i++)
            strings[i] = roundtrip_lend(loan, strings[i]);
    }
    return value;
}

otel_attrs roundtrip_lend_attrs(struct roundtrip_loan *loan, otel_attrs attributes) {
    if (!attributes.items)
        return attributes;
    otel_attr *items = roundtrip_make(&loan->pool, attributes.count * sizeof *items);
    for (size_t i = 0; i < attributes.count; i++)
        items[i] =
            (otel_attr){ roundtrip_lend(loan, attributes.items[i].key), lend_value(loan, attributes.items[i].value) };
    return (otel_attrs){ items, attributes.count };
}

void roundtrip_loan_end(struct roundtrip_loan *loan) { roundtrip_pool_spoil(&loan->pool); }
