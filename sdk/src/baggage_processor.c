/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baggage_processor.c - copies entries of the baggage to attributes as spans start (otel_baggage_processor() of
 * otel/extend.h). A processor like one of the user's own.
 */
#include "base/str.h"

#include <otel/baggage.h>
#include <otel/extend.h>

#include <stdlib.h>
#include <string.h>

/* The next pattern of the list. False: there is none. */
static bool next_pattern(otel_str *rest, otel_str *out) {
    while (otel__str_next(rest, ',', out)) {
        *out = otel__str_trim(*out);
        if (out->len)
            return true;
    }
    return false;
}

static bool matches(otel_str pattern, otel_str name) {
    const bool open_ended = pattern.ptr[pattern.len - 1] == '*';
    const size_t len = open_ended ? pattern.len - 1 : pattern.len;
    return (open_ended ? name.len >= len : name.len == len) && (len == 0 || memcmp(name.ptr, pattern.ptr, len) == 0);
}

static bool is_chosen(const char *keys, otel_str name) {
    otel_str rest = otel_cstr(keys), pattern;
    while (next_pattern(&rest, &pattern))
        if (matches(pattern, name))
            return true;
    return false;
}

static void on_start(void *self, const otel_span *span, const otel_context *parent) {
    otel_baggage baggage = otel_context_baggage(parent);
    const size_t count = otel_baggage_count(&baggage);
    for (size_t i = 0; i < count; i++) {
        const otel_baggage_entry entry = otel_baggage_at(&baggage, i);
        const otel_value value = otel__str(entry.value);
        if (is_chosen(self, entry.name))
            otel_span_set_value(span, entry.name, &value);
    }
    otel_baggage_release(&baggage);
}

otel_processor *otel_baggage_processor(const char *keys) {
    static const otel_processor_ops ops = {
        .size = sizeof ops, .name = "baggage", .on_start = on_start, .destroy = free
    };
    otel_str rest = otel_cstr(keys), first;
    if (!next_pattern(&rest, &first)) {
        otel_report(OTEL_LOG_ERROR, "baggage processor", "the baggage processor is given no key; \"*\" stands for all");
        return NULL;
    }
    const size_t size = strlen(keys) + 1;
    char *copy = malloc(size);
    if (!copy)
        return NULL;
    memcpy(copy, keys, size);
    return otel_processor_create(&ops, copy);
}
