/* SPDX-License-Identifier: Apache-2.0 */
/* random_context.c - see random_context.h. */
#include "random_context.h"

#include <otel/context.h>
#include <stdio.h>
#include <string.h>

static const char TOKEN[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
static const char KEY[] = "0123456789abcdefghijklmnopqrstuvwxyz_*/@-";
static const char VISIBLE[] =
    "!\"#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/* Text as it grows; whoever uses it knows that it is long enough. */
struct growing {
    size_t length;
    char text[RANDOM_MEMBERS * 520];
};

static void put(struct growing *text, otel_str piece) {
    memcpy(text->text + text->length, piece.ptr, piece.len);
    text->length += piece.len;
}

static void put_some(struct roundtrip_source *source, struct growing *text, const char *alphabet, size_t most) {
    const size_t letters = strlen(alphabet);
    for (size_t i = roundtrip_below(source, most + 1); i > 0; i--) {
        text->text[text->length++] = alphabet[roundtrip_below(source, letters)];
    }
}

static otel_str done(struct roundtrip_source *source, const struct growing *text) {
    return roundtrip_copy(source->pool, otel_strn(text->text, text->length));
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static void fill(struct roundtrip_source *source, uint8_t *id, size_t size) {
    const size_t zeros = roundtrip_one_in(source, 4) ? roundtrip_below(source, size) : 0;
    for (size_t i = zeros; i < size; i++) {
        id[i] = (uint8_t)roundtrip_next(source);
    }
    id[size - 1] |= 1;
}

/* Keys begin with their number and an underscore, so that they differ. */
static void put_member(struct roundtrip_source *source, struct growing *text, size_t number, bool wide) {
    char start[32];
    snprintf(start, sizeof start, "%s%s%zu_", number > 0 ? "," : "", roundtrip_one_in(source, 2) ? "k" : "", number);
    put(text, otel_cstr(start));
    put_some(source, text, KEY, wide ? 250 : 12);
    put(text, otel_cstr("="));
    for (size_t i = roundtrip_below(source, wide ? 256 : 12); i > 0; i--) {
        put_some(source, text, roundtrip_one_in(source, 4) ? " " : VISIBLE, 1);
    }
    put(text, otel_cstr("!"));
}

static otel_str tracestate(struct roundtrip_source *source) {
    static const size_t counts[] = { 0, 1, 2, 5, RANDOM_MEMBERS };
    struct growing text = { .length = 0 };
    const size_t count = counts[roundtrip_below(source, roundtrip_one_in(source, 8) ? 5 : 3)];
    const bool all_wide = roundtrip_one_in(source, 20);
    for (size_t i = 0; i < count; i++) {
        put_member(source, &text, i, all_wide || roundtrip_one_in(source, 20));
    }
    return done(source, &text);
}

/* ---- baggage ----------------------------------------------------------------------------------------------------- */

static otel_str name(struct roundtrip_source *source, size_t number) {
    static const char *const odd[] = { "two words", "caf\xc3\xa9", "a,b", "a=b", "a;b", "(x)", "\t", "\"", "\xff" };
    struct growing text = { .length = 0 };
    char end[32];
    snprintf(end, sizeof end, "-%zu", number);
    put_some(source, &text, TOKEN, roundtrip_one_in(source, 50) ? 200 : 12);
    if (roundtrip_one_in(source, 8)) {
        put(&text, otel_cstr(odd[roundtrip_below(source, sizeof odd / sizeof odd[0])]));
    }
    put(&text, otel_cstr(end));
    return done(source, &text);
}

static void put_byte(struct roundtrip_source *source, struct growing *text) {
    text->text[text->length++] = (char)roundtrip_next(source);
}

/* Visible, or any bytes, or characters of all lengths, with broken ones among them. All six fit in what may be sent. */
static otel_str value(struct roundtrip_source *source) {
    static const char *const characters[] = {
        "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "%41", "+", " ", "\xe6\x97", "\xed\xa0\x80",
        "\t"
    };
    struct growing text = { .length = 0 };
    const size_t kind = roundtrip_below(source, 3);
    for (size_t i = roundtrip_below(source, 32); i > 0; i--) {
        if (kind == 0) {
            put_some(source, &text, VISIBLE, 2);
        } else if (kind == 1) {
            put_byte(source, &text);
        } else {
            put(&text, otel_cstr(characters[roundtrip_below(source, sizeof characters / sizeof characters[0])]));
        }
    }
    return done(source, &text);
}

static otel_str metadata(struct roundtrip_source *source) {
    static const char *const all[] = { "", "", "flag", "key=value", "a=1;b;c=%20", "k=" };
    return otel_cstr(all[roundtrip_below(source, sizeof all / sizeof all[0])]);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

struct random_context random_context(struct roundtrip_source *source) {
    struct random_context plan = { .span = { .size = sizeof plan.span } };
    if (!roundtrip_one_in(source, 10)) {
        fill(source, plan.span.trace_id, sizeof plan.span.trace_id);
        fill(source, plan.span.span_id, sizeof plan.span.span_id);
        plan.span.flags = (uint8_t)roundtrip_below(source, 4);
        plan.tracestate = tracestate(source);
    }
    plan.count = roundtrip_one_in(source, 2) ? 0 : roundtrip_below(source, RANDOM_ENTRIES + 1);
    for (size_t i = 0; i < plan.count; i++) {
        plan.entries[i] = (otel_baggage_entry){ name(source, i), value(source), metadata(source) };
    }
    return plan;
}

static otel_context make_span(const struct random_context *plan) {
    static const otel_context empty;
    otel_tracestate state = otel_tracestate_parse(plan->tracestate);
    otel_span_context span = plan->span;
    span.tracestate = &state;
    const otel_span wrapped = otel_span_wrap(&span);
    otel_context context =
        otel_span_valid(&wrapped) ? otel_context_with_span(&empty, &wrapped) : otel_context_retain(&empty);
    otel_tracestate_release(&state);
    return context;
}

otel_context random_context_make(const struct random_context *plan) {
    otel_baggage baggage = otel_baggage_retain(NULL);
    for (size_t i = 0; i < plan->count; i++) {
        const otel_baggage_entry *entry = &plan->entries[i];
        otel_baggage next = otel_baggage_set(&baggage, entry->name, entry->value, entry->metadata);
        otel_baggage_release(&baggage);
        baggage = next;
    }
    otel_context bare = make_span(plan);
    otel_context context = otel_context_with_baggage(&bare, &baggage);
    otel_context_release(&bare);
    otel_baggage_release(&baggage);
    return context;
}
