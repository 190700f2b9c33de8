/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baggage_processor.c - copies entries of the baggage to attributes as spans start (otel_baggage_processor() of
 * otel/extend.h). A processor like one of the user's own: it uses nothing but the public API.
 */
#include <otel/baggage.h>
#include <otel/extend.h>

#include <stdlib.h>
#include <string.h>

/* The next pattern of the list behind `*at`, without the blanks around it. False: there is none. */
static bool next_pattern(const char **at, otel_str *out) {
    static const char blanks[] = " \t";
    const char *begin = *at;
    while (*begin == ',' || (*begin && strchr(blanks, *begin)))
        begin++;
    size_t len = strcspn(begin, ",");
    *at = begin + len;
    while (len && strchr(blanks, begin[len - 1]))
        len--;
    *out = otel_strn(begin, len);
    return len != 0;
}

static bool matches(otel_str pattern, otel_str name) {
    const bool open_ended = pattern.ptr[pattern.len - 1] == '*';
    const size_t len = open_ended ? pattern.len - 1 : pattern.len;
    return (open_ended ? name.len >= len : name.len == len) && (len == 0 || memcmp(name.ptr, pattern.ptr, len) == 0);
}

static bool is_chosen(const char *keys, otel_str name) {
    otel_str pattern;
    for (const char *at = keys; next_pattern(&at, &pattern);)
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
    otel_str first;
    keys = keys ? keys : "";
    const char *at = keys;
    if (!next_pattern(&at, &first)) {
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
