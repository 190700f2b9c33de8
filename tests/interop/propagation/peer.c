/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.c - the propagators of otel-c for exchange_test.py, which describes the questions and answers.
 */
#include <otel/baggage.h>
#include <otel/context.h>
#include <otel/propagation.h>
#include <otel/trace.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const otel_context empty;

static void die(const char *what) {
    fprintf(stderr, "propagation_peer: %s\n", what);
    exit(1);
}

static otel_str text_of(const json_t *string) {
    return otel_strn(json_string_value(string), json_string_length(string));
}

static otel_str member(const json_t *object, const char *name) { return text_of(json_object_get(object, name)); }

static json_t *json_of(otel_str text) {
    json_t *string = json_stringn(text.len > 0 ? text.ptr : "", text.len);
    if (string == NULL)
        die("what arrived is not UTF-8");
    return string;
}

/* ---- a carrier: an array of [name, value] ------------------------------------------------------------------------ */

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    size_t i;
    const json_t *header;
    json_array_foreach((json_t *)carrier, i, header) {
        if (strcasecmp(json_string_value(json_array_get(header, 0)), key) == 0 && index-- == 0) {
            *value = text_of(json_array_get(header, 1));
            return true;
        }
    }
    return false;
}

static bool name_of(const void *carrier, size_t index, otel_str *key) {
    const json_t *header = json_array_get((const json_t *)carrier, index);
    *key = text_of(json_array_get(header, 0));
    return header != NULL;
}

static void set(void *carrier, const char *key, const char *value, size_t length) {
    json_array_append_new(carrier, json_pack("[s, o]", key, json_of(otel_strn(value, length))));
}

static const otel_getter getter = { .size = sizeof getter, .get = get, .key = name_of };
static const otel_setter setter = { .size = sizeof setter, .set = set };

static const otel_propagator *propagator_of(const json_t *question) {
    static const otel_propagator *const all[] = { &otel_propagator_tracecontext, &otel_propagator_baggage,
                                                  &otel_propagator_b3, &otel_propagator_b3multi,
                                                  &otel_propagator_jaeger };
    const char *format = json_string_value(json_object_get(question, "format"));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (format != NULL && strcmp(all[i]->name, format) == 0)
            return all[i];
    }
    die("no such format");
    return NULL;
}

/* ---- contexts in JSON -------------------------------------------------------------------------------------------- */

static void read_hex(otel_str text, uint8_t *bytes) {
    for (size_t i = 0; i < text.len / 2; i++) {
        const char digits[] = { text.ptr[2 * i], text.ptr[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtol(digits, NULL, 16);
    }
}

static otel_context with_span(const json_t *said) {
    otel_tracestate state = otel_tracestate_parse(member(said, "tracestate"));
    otel_span_context of = { .size = sizeof of, .tracestate = &state };
    of.flags = (uint8_t)json_integer_value(json_object_get(said, "flags"));
    read_hex(member(said, "trace_id"), of.trace_id);
    read_hex(member(said, "span_id"), of.span_id);
    const otel_span span = otel_span_wrap(&of);
    otel_context context = otel_span_valid(&span) ? otel_context_with_span(&empty, &span) : otel_context_retain(&empty);
    otel_tracestate_release(&state);
    return context;
}

static otel_context context_of(const json_t *said) {
    size_t i;
    const json_t *entry;
    otel_baggage baggage = otel_baggage_retain(NULL);
    json_array_foreach(json_object_get(said, "baggage"), i, entry) {
        otel_baggage next = otel_baggage_set(&baggage, text_of(json_array_get(entry, 0)),
                                             text_of(json_array_get(entry, 1)), text_of(json_array_get(entry, 2)));
        otel_baggage_release(&baggage);
        baggage = next;
    }
    otel_context bare = with_span(said);
    otel_context context = otel_context_with_baggage(&bare, &baggage);
    otel_context_release(&bare);
    otel_baggage_release(&baggage);
    return context;
}

static json_t *baggage_in(const otel_context *context) {
    otel_baggage baggage = otel_context_baggage(context);
    json_t *entries = json_array();
    for (size_t i = 0; i < otel_baggage_count(&baggage); i++) {
        const otel_baggage_entry entry = otel_baggage_at(&baggage, i);
        json_array_append_new(
            entries, json_pack("[o, o, o]", json_of(entry.name), json_of(entry.value), json_of(entry.metadata)));
    }
    otel_baggage_release(&baggage);
    return entries;
}

static json_t *say(const otel_context *context) {
    char trace_id[33], span_id[17];
    const otel_span span = otel_context_span(context);
    const bool valid = otel_span_hex(&span, trace_id, span_id);
    otel_tracestate state = otel_span_tracestate(&span);
    json_t *said = json_pack("{s:s, s:s, s:i, s:b, s:o, s:o}", "trace_id", valid ? trace_id : "", "span_id",
                             valid ? span_id : "", "flags", otel_span_flags(&span), "remote", otel_span_remote(&span),
                             "tracestate", json_of(otel_tracestate_text(&state)), "baggage", baggage_in(context));
    otel_tracestate_release(&state);
    return said;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

static json_t *answer(const json_t *question) {
    const otel_propagator *propagator = propagator_of(question);
    const json_t *headers = json_object_get(question, "extract"), *said = json_object_get(question, "inject");
    otel_context context = said != NULL ? context_of(said) : propagator->extract(&empty, &getter, headers);
    json_t *sent = json_array();
    propagator->inject(&context, &setter, sent);
    json_t *all = json_pack("{s:o, s:o}", "context", say(&context), "headers", sent);
    otel_context_release(&context);
    return all;
}

int main(void) {
    json_error_t error;
    json_t *question;
    while ((question = json_loadf(stdin, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, &error)) != NULL) {
        json_t *said = answer(question);
        json_dumpf(said, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(said);
        json_decref(question);
    }
    return 0;
}
