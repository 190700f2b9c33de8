/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers.h - hostile headers for the propagators whose formats have more than one field. Each line of the input is
 * `name:value`. Whatever they are: what is extracted is a valid remote span or none, and baggage that is text; what is
 * injected of it is valid in headers; and it means the same when it is extracted and injected once more.
 */
#ifndef OTEL_FUZZ_HEADERS_H
#define OTEL_FUZZ_HEADERS_H

#include "must.h"
#include "utf8_char.h"

#include <otel/baggage.h>
#include <otel/propagation.h>
#include <otel/trace.h>

enum { FUZZ_LINES = 200 };

struct headers {
    size_t count;
    struct {
        otel_str name, value;
        char *copies[2]; /* of exact size, so that a sanitizer sees a step too far */
    } lines[FUZZ_LINES];
};

static inline otel_str exact_copy(otel_str text, char **copy) {
    *copy = malloc(text.len > 0 ? text.len : 1);
    if (text.len > 0) {
        memcpy(*copy, text.ptr, text.len);
    }
    return otel_strn(*copy, text.len);
}

static inline void add_line(struct headers *headers, otel_str name, otel_str value) {
    if (headers->count < FUZZ_LINES) {
        const size_t at = headers->count++;
        headers->lines[at].name = exact_copy(name, &headers->lines[at].copies[0]);
        headers->lines[at].value = exact_copy(value, &headers->lines[at].copies[1]);
    }
}

static inline void clear_headers(struct headers *headers) {
    while (headers->count-- > 0) {
        free(headers->lines[headers->count].copies[0]);
        free(headers->lines[headers->count].copies[1]);
    }
    headers->count = 0;
}

static inline char fold(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static inline bool is_named(otel_str name, const char *key) {
    for (size_t i = 0; i < name.len; i++) {
        if (key[i] == '\0' || fold(name.ptr[i]) != fold(key[i])) {
            return false;
        }
    }
    return key[name.len] == '\0';
}

static inline bool headers_get(const void *carrier, const char *key, size_t index, otel_str *value) {
    const struct headers *headers = carrier;
    for (size_t i = 0; i < headers->count; i++) {
        if (is_named(headers->lines[i].name, key) && index-- == 0) {
            *value = headers->lines[i].value;
            return true;
        }
    }
    return false;
}

static inline bool headers_key(const void *carrier, size_t index, otel_str *key) {
    const struct headers *headers = carrier;
    if (index < headers->count) {
        *key = headers->lines[index].name;
    }
    return index < headers->count;
}

static inline void headers_set(void *carrier, const char *key, const char *value, size_t length) {
    MUST(*key != '\0' && value[length] == '\0');
    for (const char *at = key; *at != '\0'; at++) {
        MUST(*at > ' ' && *at <= '~' && *at != ':');
    }
    for (size_t i = 0; i < length; i++) {
        MUST((value[i] >= ' ' && value[i] <= '~') || value[i] == '\t');
    }
    add_line(carrier, otel_cstr(key), otel_strn(value, length));
}

static const otel_getter fuzz_getter = { .size = sizeof fuzz_getter, .get = headers_get, .key = headers_key };
static const otel_setter fuzz_setter = { .size = sizeof fuzz_setter, .set = headers_set };
static const otel_context fuzz_empty;

static inline void split_lines(struct headers *headers, const char *text, size_t size) {
    const char *end = text + size;
    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        const char *colon = memchr(at, ':', (size_t)(stop - at));
        if (colon != NULL) {
            add_line(headers, otel_strn(at, (size_t)(colon - at)), otel_strn(colon + 1, (size_t)(stop - colon - 1)));
        }
        at = stop + 1;
    }
}

static inline void check_text(otel_str text) {
    for (size_t at = 0; at < text.len;) {
        const size_t length = otel__utf8_char(text.ptr + at, text.len - at);
        MUST(length > 0);
        at += length;
    }
}

static inline void check_context(const otel_context *context) {
    const otel_span span = otel_context_span(context);
    MUST(otel_span_valid(&span) == otel_span_remote(&span) && (otel_span_flags(&span) & ~OTEL_FLAG_SAMPLED) == 0);
    otel_baggage baggage = otel_context_baggage(context);
    MUST(otel_baggage_count(&baggage) <= 64);
    for (size_t i = 0; i < otel_baggage_count(&baggage); i++) {
        const otel_baggage_entry entry = otel_baggage_at(&baggage, i);
        MUST(entry.name.len > 0 && entry.value.ptr[entry.value.len] == '\0');
        check_text(entry.name);
        check_text(entry.value);
    }
    otel_baggage_release(&baggage);
}

static inline bool same(otel_str a, otel_str b) { return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }

static inline void pass_on(const otel_propagator *reader, const otel_propagator *writer, const struct headers *from,
                           struct headers *to) {
    otel_context context = reader->extract(&fuzz_empty, &fuzz_getter, from);
    check_context(&context);
    writer->inject(&context, &fuzz_setter, to);
    otel_context_release(&context);
}

static inline void check_propagator(const otel_propagator *propagator, const uint8_t *data, size_t size) {
    static struct headers in, out, again;
    split_lines(&in, (const char *)data, size);
    pass_on(propagator, propagator, &in, &out);
    pass_on(propagator, propagator, &out, &again);
    MUST(out.count == again.count);
    for (size_t i = 0; i < out.count; i++) {
        MUST(same(out.lines[i].name, again.lines[i].name) && same(out.lines[i].value, again.lines[i].value));
    }
    clear_headers(&in);
    clear_headers(&out);
    clear_headers(&again);
}

#endif
