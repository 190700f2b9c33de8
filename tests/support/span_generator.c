/* SPDX-License-Identifier: Apache-2.0 */
/* span_generator.c - see span_generator.h. */
#include "span_generator.h"

#include "backend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct chunk {
    struct chunk *next;
    _Alignas(max_align_t) char bytes[];
};

enum { SCOPES = 5 };

struct span_set {
    uint64_t random;
    struct chunk *chunks;
    otel_span_data *spans;
    size_t count;
    otel_scope_data scopes[SCOPES];
    otel_resource_data resource;
};

/* ---- random numbers and memory ----------------------------------------------------------------------------------- */

static uint64_t next(span_set *set) {
    uint64_t z = set->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static size_t below(span_set *set, size_t n) { return (size_t)(next(set) % n); }
static bool one_in(span_set *set, size_t n) { return below(set, n) == 0; }

static void *make(span_set *set, size_t size) {
    struct chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        abort();
    chunk->next = set->chunks;
    set->chunks = chunk;
    return chunk->bytes;
}

static uint8_t *make_bytes(span_set *set, size_t len) {
    uint8_t *bytes = make(set, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)next(set);
    return bytes;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* Mostly short, now and then around the lengths at which a varint grows. */
static size_t text_length(span_set *set) {
    static const size_t edges[] = { 0, 1, 126, 127, 128, 129, 16382, 16383, 16384, 16400 };
    if (one_in(set, 200))
        return edges[below(set, sizeof edges / sizeof *edges)];
    return below(set, 40);
}

static otel_str make_text(span_set *set, size_t len) {
    static const char *const letters[] = {
        "a", "Z", "0", " ", "/", "\"", "\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x92\xa9"
    };
    char *text = make(set, len + 4);
    size_t at = 0;
    while (at < len) {
        const char *letter = letters[below(set, sizeof letters / sizeof *letters)];
        if (at + strlen(letter) > len)
            letter = "x";
        memcpy(text + at, letter, strlen(letter));
        at += strlen(letter);
    }
    return otel_strn(text, len);
}

static otel_str some_text(span_set *set) { return make_text(set, text_length(set)); }

/* Different for every `number`. */
static otel_str some_key(span_set *set, size_t number) {
    char *key = make(set, 48);
    int len = snprintf(key, 48, "key.%zu.%.*s", number, (int)below(set, 20), "abcdefghijklmnopqrst");
    return otel_strn(key, (size_t)len);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int64_t some_int(span_set *set) {
    static const int64_t edges[] = { 0, 1, -1, 127, 128, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN };
    return one_in(set, 2) ? edges[below(set, sizeof edges / sizeof *edges)] : (int64_t)next(set);
}

static double some_double(span_set *set) {
    const double edges[] = { 0.0, -0.0, 1.5, -2.25, 1e308, 5e-324, INFINITY, -INFINITY, NAN };
    return edges[below(set, sizeof edges / sizeof *edges)];
}

static otel_value some_bytes(span_set *set) {
    size_t len = below(set, 30);
    uint8_t *bytes = make_bytes(set, len + 1);
    bytes[0] = 0xff; /* never UTF-8 */
    return otel_bytes(bytes, len + 1);
}

static otel_value some_array(span_set *set, otel_type type) {
    size_t count = below(set, 6);
    size_t size = type == OTEL_TYPE_STRINGS ? sizeof(otel_str)
                  : type == OTEL_TYPE_BOOLS ? sizeof(bool)
                                            : sizeof(int64_t);
    char *items = make(set, (count + 1) * size);
    for (size_t i = 0; i < count; i++)
        if (type == OTEL_TYPE_STRINGS)
            ((otel_str *)(void *)items)[i] = some_text(set);
        else if (type == OTEL_TYPE_BOOLS)
            ((bool *)(void *)items)[i] = one_in(set, 2);
        else if (type == OTEL_TYPE_INTS)
            ((int64_t *)(void *)items)[i] = some_int(set);
        else
            ((double *)(void *)items)[i] = some_double(set);
    return (otel_value){ .type = type, .len = count, .u.p = items };
}

static otel_value some_value(span_set *set) {
    switch (below(set, 12)) {
    case 0:
        return otel_bool(one_in(set, 2));
    case 1:
        return otel_int(some_int(set));
    case 2:
        return otel_double(some_double(set));
    case 3:
        return some_bytes(set);
    case 4:
        return some_array(set, OTEL_TYPE_STRINGS);
    case 5:
        return some_array(set, OTEL_TYPE_BOOLS);
    case 6:
        return some_array(set, OTEL_TYPE_INTS);
    case 7:
        return some_array(set, OTEL_TYPE_DOUBLES);
    case 8:
        return otel_none();
    default: {
        otel_str text = some_text(set);
        return otel_stringn(text.ptr, text.len);
    }
    }
}

static otel_attrs some_attributes(span_set *set, size_t most) {
    size_t count = below(set, most + 1);
    otel_attr *items = make(set, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (otel_attr){ some_key(set, i), some_value(set) };
    return (otel_attrs){ items, count };
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static otel_str some_tracestate(span_set *set) {
    static const char *const texts[] = { "ot=th:8", "vendor=opaque,ot=rv:00000000000001", "a=1,b=2,c=3" };
    return one_in(set, 4) ? otel_cstr(texts[below(set, 3)]) : otel_strn(NULL, 0);
}

static uint32_t some_drops(span_set *set) {
    static const uint32_t counts[] = { 1, 127, 128, 70000, UINT32_MAX };
    return one_in(set, 6) ? counts[below(set, 5)] : 0;
}

static otel_span *some_context(span_set *set, bool remote) {
    otel_span_context context = { .size = sizeof context, .flags = (uint8_t)below(set, 4), .remote = remote };
    memcpy(context.trace_id, make_bytes(set, 16), 16);
    memcpy(context.span_id, make_bytes(set, 8), 8);
    context.trace_id[15] |= 1;
    context.span_id[7] |= 1;
    otel_span *span = make(set, sizeof *span);
    *span = otel_span_wrap(&context);
    return span;
}

static uint64_t some_time(span_set *set) { return UINT64_C(1700000000000000000) + next(set) % UINT64_C(100000000000); }

static void add_events(span_set *set, otel_span_data *span) {
    span->event_count = one_in(set, 2) ? below(set, 5) : 0;
    otel_event_data *events = make(set, (span->event_count + 1) * sizeof *events);
    for (size_t i = 0; i < span->event_count; i++)
        events[i] = (otel_event_data){ some_text(set), some_time(set), some_attributes(set, 3), some_drops(set) };
    span->events = events;
}

static void add_links(span_set *set, otel_span_data *span) {
    span->link_count = one_in(set, 3) ? below(set, 4) : 0;
    otel_link_data *links = make(set, (span->link_count + 1) * sizeof *links);
    for (size_t i = 0; i < span->link_count; i++)
        links[i] = (otel_link_data){ some_context(set, one_in(set, 2)), some_tracestate(set), some_attributes(set, 3),
                                     some_drops(set) };
    span->links = links;
}

static void add_parent(span_set *set, otel_span_data *span) {
    if (one_in(set, 3))
        return;
    otel_span *parent = some_context(set, one_in(set, 2));
    memcpy(parent->opaque_, span->trace_id, 16);
    uint8_t *id = make(set, 8);
    otel_span_id(parent, id);
    span->parent = parent;
    span->parent_id = id;
}

static void add_status(span_set *set, otel_span_data *span) {
    span->status = (otel_code)below(set, 3);
    if (span->status == OTEL_CODE_ERROR)
        span->status_text = some_text(set);
}

static void fill_span(span_set *set, otel_span_data *span) {
    uint8_t *trace_id = make(set, 16), *span_id = make(set, 8);
    span->size = sizeof *span;
    span->span = some_context(set, false);
    otel_span_trace_id(span->span, trace_id);
    otel_span_id(span->span, span_id);
    span->trace_id = trace_id;
    span->span_id = span_id;
    span->flags = otel_span_flags(span->span);
    span->tracestate = some_tracestate(set);
    span->name = some_text(set);
    span->start_time = some_time(set);
    span->end_time = span->start_time + next(set) % 1000000000;
    span->ended = true;
    span->kind = (otel_kind)below(set, 5);
    span->attributes = some_attributes(set, 12);
    span->dropped_attributes = some_drops(set);
    span->dropped_events = some_drops(set);
    span->dropped_links = some_drops(set);
    span->scope = &set->scopes[below(set, SCOPES)];
    span->resource = &set->resource;
    add_parent(set, span);
    add_status(set, span);
    add_events(set, span);
    add_links(set, span);
}

static void fill_scopes(span_set *set) {
    for (size_t i = 0; i < SCOPES; i++) {
        set->scopes[i].name = some_key(set, i);
        if (i > 0)
            set->scopes[i].version = otel_cstr("1.2.3");
        if (i > 1)
            set->scopes[i].schema_url = otel_cstr("https://example.test/schemas/1.0");
        if (i > 2)
            set->scopes[i].attributes = some_attributes(set, 4);
        set->scopes[i].dropped_attributes = some_drops(set);
    }
    set->scopes[4].name = otel_strn(NULL, 0); /* unknown */
}

span_set *span_set_create(uint64_t seed, size_t count) {
    span_set *set = calloc(1, sizeof *set);
    if (!set)
        abort();
    set->random = seed;
    set->count = count;
    set->resource.attributes = some_attributes(set, 8);
    set->resource.dropped_attributes = some_drops(set);
    if (one_in(set, 2))
        set->resource.schema_url = otel_cstr("https://example.test/schemas/resource");
    fill_scopes(set);
    set->spans = make(set, (count + 1) * sizeof *set->spans);
    for (size_t i = 0; i < count; i++)
        fill_span(set, &set->spans[i]);
    return set;
}

void span_set_free(span_set *set) {
    if (!set)
        return;
    for (struct chunk *chunk = set->chunks, *after; chunk; chunk = after) {
        after = chunk->next;
        free(chunk);
    }
    free(set);
}

const otel_span_data *span_set_spans(const span_set *set) { return set->spans; }
size_t span_set_count(const span_set *set) { return set->count; }
const otel_resource_data *span_set_resource(const span_set *set) { return &set->resource; }
