/* SPDX-License-Identifier: Apache-2.0 */
/* value_element.h - the elements of arrays, as values. */
#ifndef OTEL_EXPORTERS_VALUE_ELEMENT_H
#define OTEL_EXPORTERS_VALUE_ELEMENT_H

#include <otel/types.h>

/* Element `i` of a homogeneous array or an array of values; a string that is null is the empty value. */
static inline otel_value otel__value_element(const otel_value *array, size_t i) {
    switch (array->type) {
    case OTEL_TYPE_STRINGS: {
        const otel_str text = ((const otel_str *)array->u.p)[i];
        return text.ptr ? otel_stringn(text.ptr, text.len) : otel_none();
    }
    case OTEL_TYPE_BOOLS:
        return otel_bool(((const bool *)array->u.p)[i]);
    case OTEL_TYPE_INTS:
        return otel_int(((const int64_t *)array->u.p)[i]);
    case OTEL_TYPE_DOUBLES:
        return otel_double(((const double *)array->u.p)[i]);
    default:
        return ((const otel_value *)array->u.p)[i];
    }
}

#endif
