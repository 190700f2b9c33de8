/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tracecontext.c - hostile headers for the W3C propagator. The first line is `traceparent`, each further one a
 * `tracestate`. Whatever they are: what was extracted is valid, is injected in the one right form, and is extracted
 * from that once more; and changing the tracestate gives a valid one.
 */
#include "must.h"
#include "tracestate.h"

#include <otel/propagation.h>
#include <string.h>

enum { LINES = 100 };

struct headers {
    size_t count;
    otel_str lines[LINES];
    char *copies[LINES]; /* of exact size, so that a sanitizer sees a step too far */
};

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    const struct headers *headers = carrier;
    const size_t line = strcmp(key, "traceparent") == 0 ? index : index + 1;
    if ((line == 0) != (strcmp(key, "traceparent") == 0) || line >= headers->count) {
        return false;
    }
    *value = headers->lines[line];
    return true;
}

static void add(struct headers *headers, const char *text, size_t length) {
    if (headers->count < LINES) {
        char *copy = malloc(length > 0 ? length : 1);
        memcpy(copy, text, length);
        headers->copies[headers->count] = copy;
        headers->lines[headers->count++] = otel_strn(copy, length);
    }
}

static void set(void *carrier, const char *key, const char *value, size_t length) {
    struct headers *headers = carrier;
    MUST(strcmp(key, "traceparent") == 0 ? headers->count == 0 : headers->count == 1);
    MUST(value[length] == '\0' && length > 0);
    add(headers, value, length);
}

static const otel_getter getter = { .size = sizeof getter, .get = get };
static const otel_setter setter = { .size = sizeof setter, .set = set };

static void clear(struct headers *headers) {
    while (headers->count > 0) {
        free(headers->copies[--headers->count]);
    }
}

static otel_context extract(const struct headers *headers) {
    static const otel_context empty;
    return otel_propagator_tracecontext.extract(&empty, &getter, headers);
}

static void split(struct headers *headers, const char *text, size_t size) {
    const char *end = text + size;
    for (const char *at = text; at <= end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        add(headers, at, (size_t)(stop - at));
        at = stop + 1;
    }
}

static void change_state(const otel_tracestate *state, otel_str key, otel_str value) {
    bool ok;
    otel_tracestate changed = otel_tracestate_set(state, key, value, &ok);
    otel_tracestate parsed = otel_tracestate_parse(otel_tracestate_text(&changed));
    const otel_str text = otel_tracestate_text(&changed), again = otel_tracestate_text(&parsed);
    MUST(text.len == again.len && text.len <= OTEL__TRACESTATE_LONGEST);
    MUST(text.len == 0 || memcmp(text.ptr, again.ptr, text.len) == 0);
    if (ok) {
        const otel_str stored = otel_tracestate_get(&changed, key);
        MUST(stored.len == value.len && memcmp(stored.ptr, value.ptr, value.len) == 0);
    }
    otel_tracestate removed = otel_tracestate_remove(&changed, key);
    MUST(otel_tracestate_get(&removed, key).ptr == NULL);
    otel_tracestate_release(&removed);
    otel_tracestate_release(&parsed);
    otel_tracestate_release(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct headers in, out;
    split(&in, (const char *)data, size);
    otel_context context = extract(&in);
    const otel_span span = otel_context_span(&context);
    otel_propagator_tracecontext.inject(&context, &setter, &out);
    MUST((out.count > 0) == otel_span_valid(&span) && otel_span_remote(&span) == otel_span_valid(&span));
    if (out.count > 0) {
        MUST(out.lines[0].len == 55);
        otel_context again = extract(&out);
        const otel_span second = otel_context_span(&again);
        MUST(memcmp(&span, &second, OTEL__W_STATE * sizeof(uint64_t)) == 0);
        otel_context_release(&again);
    }
    otel_tracestate state = otel_span_tracestate(&span);
    change_state(&state, in.lines[0], in.lines[in.count - 1]);
    otel_tracestate_release(&state);
    otel_context_release(&context);
    clear(&in);
    clear(&out);
    return 0;
}
