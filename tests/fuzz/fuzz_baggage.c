/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_baggage.c - hostile headers for the W3C Baggage propagator. Each line is a field `baggage`. Whatever they are:
 * what was extracted is text, what is injected of it keeps to the limits and to ASCII, and means the same when it is
 * extracted and injected once more; and changing the baggage changes the one entry.
 */
#include "must.h"
#include "utf8_char.h"

#include <otel/baggage.h>
#include <otel/propagation.h>

enum { LINES = 100, MOST_MEMBERS = 64, MOST_BYTES = 8192 };

struct headers {
    size_t count;
    otel_str lines[LINES];
    char *copies[LINES]; /* of exact size, so that a sanitizer sees a step too far */
};

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    const struct headers *headers = carrier;
    MUST(strcmp(key, "baggage") == 0);
    if (index < headers->count) {
        *value = headers->lines[index];
    }
    return index < headers->count;
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
    MUST(strcmp(key, "baggage") == 0 && headers->count == 0);
    MUST(value[length] == '\0' && length > 0 && length <= MOST_BYTES);
    for (size_t i = 0; i < length; i++) {
        MUST(value[i] > ' ' && value[i] <= '~');
    }
    add(headers, value, length);
}

static const otel_getter getter = { .size = sizeof getter, .get = get };
static const otel_setter setter = { .size = sizeof setter, .set = set };
static const otel_context empty;

static void clear(struct headers *headers) {
    while (headers->count > 0) {
        free(headers->copies[--headers->count]);
    }
}

static otel_context extract(const struct headers *headers) {
    return otel_propagator_baggage.extract(&empty, &getter, headers);
}

static bool same(otel_str a, otel_str b) { return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0; }

static void split(struct headers *headers, const char *text, size_t size) {
    const char *end = text + size;
    for (const char *at = text; at <= end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline != NULL ? newline : end;
        add(headers, at, (size_t)(stop - at));
        at = stop + 1;
    }
}

static void check_entries(const otel_baggage *baggage) {
    MUST(otel_baggage_count(baggage) <= MOST_MEMBERS);
    for (size_t i = 0; i < otel_baggage_count(baggage); i++) {
        const otel_baggage_entry entry = otel_baggage_at(baggage, i);
        MUST(entry.name.len > 0 && entry.value.ptr[entry.value.len] == '\0');
        MUST(same(otel_baggage_get(baggage, entry.name), entry.value));
        for (size_t at = 0; at < entry.value.len;) {
            const size_t length = otel__utf8_char(entry.value.ptr + at, entry.value.len - at);
            MUST(length > 0);
            at += length;
        }
    }
}

/* `sent` is what was injected of `baggage`. */
static void check_sent(const otel_baggage *baggage, const struct headers *sent) {
    static struct headers again;
    otel_context context = extract(sent);
    otel_baggage received = otel_context_baggage(&context);
    MUST(otel_baggage_count(&received) <= otel_baggage_count(baggage));
    for (size_t i = 0; i < otel_baggage_count(&received); i++) {
        const otel_baggage_entry entry = otel_baggage_at(&received, i);
        MUST(same(otel_baggage_get(baggage, entry.name), entry.value));
    }
    otel_propagator_baggage.inject(&context, &setter, &again);
    MUST(again.count == sent->count && (sent->count == 0 || same(again.lines[0], sent->lines[0])));
    clear(&again);
    otel_baggage_release(&received);
    otel_context_release(&context);
}

static void change(const otel_baggage *baggage, otel_str name, otel_str value) {
    const bool there = otel_baggage_get(baggage, name).ptr != NULL;
    otel_baggage changed = otel_baggage_set(baggage, name, value, name);
    if (name.len > 0) {
        MUST(same(otel_baggage_get(&changed, name), value));
        MUST(otel_baggage_count(&changed) == otel_baggage_count(baggage) + !there);
    }
    otel_baggage removed = otel_baggage_remove(&changed, name);
    MUST(otel_baggage_get(&removed, name).ptr == NULL);
    MUST(otel_baggage_count(&removed) == otel_baggage_count(baggage) - there);
    otel_baggage_release(&removed);
    otel_baggage_release(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct headers in, out;
    split(&in, (const char *)data, size);
    otel_context context = extract(&in);
    otel_baggage baggage = otel_context_baggage(&context);
    check_entries(&baggage);
    otel_propagator_baggage.inject(&context, &setter, &out);
    check_sent(&baggage, &out);
    change(&baggage, in.lines[0], in.lines[in.count - 1]);
    otel_baggage_release(&baggage);
    otel_context_release(&context);
    clear(&in);
    clear(&out);
    return 0;
}
