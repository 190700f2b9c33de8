/* SPDX-License-Identifier: Apache-2.0 */
/* Jaeger's Thrift, as our exporter writes it, becomes what OTLP would have brought; damaged bytes are refused as a whole. */
#include "jaeger.h"
#include "fixture.h"
#include "program.h"

#include "jaeger/jaeger_thrift.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define THRIFT "Content-Type: application/x-thrift"

static const char *const no_arguments[] = { NULL };

/* ---- what is sent -------------------------------------------------------------------------------------------------- */

static struct otel__buffer out;
static struct otel__line text;

static otel_span linked(void) {
    otel_span_context context = { .size = sizeof context, .flags = 1 };
    memset(context.trace_id, 0x77, sizeof context.trace_id);
    memset(context.span_id, 0x78, sizeof context.span_id);
    return otel_span_wrap(&context);
}

/* One span with everything, of trace 4b4b... */
static void write_batch(bool compact, bool in_message) {
    static uint8_t trace_id[16];
    static const uint8_t span_id[8] = { 0x80, 0, 0, 0, 0, 0, 0, 10 }, parent_id[8] = { 0, 0, 0, 0, 0, 0, 0, 7 };
    memset(trace_id, 0x4b, sizeof trace_id);
    const otel_scope_data scope = { .name = otel_cstr("lib"), .version = otel_cstr("2") };
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop"),
                                                                   OTEL_ATTR("process.pid", 42)) };
    const otel_event_data event = { otel_cstr("full"), FIXTURE_EPOCH + 3000, OTEL_ATTRS(OTEL_ATTR("n", 7)), 2 };
    const otel_span far = linked();
    const otel_link_data link = { .span = &far };
    const otel_span_data span = {
        .trace_id = trace_id,
        .span_id = span_id,
        .parent_id = parent_id,
        .flags = 1,
        .name = otel_cstr("call"),
        .kind = OTEL_CLIENT,
        .tracestate = otel_cstr("a=1"),
        .start_time = FIXTURE_EPOCH + 1000,
        .end_time = FIXTURE_EPOCH + 26000,
        .status = OTEL_CODE_ERROR,
        .status_text = otel_cstr("disk full"),
        .attributes = OTEL_ATTRS(OTEL_ATTR("s", "v"), OTEL_ATTR("d", 1.5), OTEL_ATTR("b", otel_bool(true)),
                                 OTEL_ATTR("y", otel_bytes("\xff", 1))),
        .dropped_events = 4,
        .events = &event,
        .event_count = 1,
        .links = &link,
        .link_count = 1,
        .scope = &scope,
    };
    struct otel__jaeger_writer writer = { { &out, compact }, &text };
    otel__buffer_reset(&out, 1 << 20);
    otel__jaeger_batch_tail(&writer, 1, in_message);
    otel__jaeger_span(&writer, &span);
    otel__jaeger_batch_head(&writer, &resource, 1, in_message);
    assert_int_equal(out.status, OTEL_OK);
}

static int free_batch(void **state) {
    (void)state;
    otel__buffer_free(&out);
    otel__line_free(&text);
    return 0;
}

/* ---- decoding ------------------------------------------------------------------------------------------------------ */

static struct view_store *new_store(void) {
    struct view_store *store = view_store_new(100, 1 << 20);
    assert_non_null(store);
    return store;
}

static void assert_text(ProtobufCBinaryData found, const char *expected) {
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.data, expected, found.len);
}

static void check_span(const struct view_span *stored, struct view_arena *arena) {
    const Otel__Otlp__Span *span = view_unpack_span(stored, arena);
    const Otel__Otlp__ScopeSpans *scope = view_unpack_scope(stored, arena);
    const Otel__Otlp__ResourceSpans *resource = view_unpack_resource(stored, arena);
    assert_int_equal(stored->id[0], 0x80);
    assert_int_equal(stored->parent_id[7], 7);
    assert_int_equal(stored->start, FIXTURE_EPOCH + 1000);
    assert_int_equal(stored->end - stored->start, 25000);
    assert_text(span->name, "call");
    assert_int_equal(span->kind, OTEL__OTLP__SPAN__SPAN_KIND__SPAN_KIND_CLIENT);
    assert_text(span->trace_state, "a=1");
    assert_int_equal(span->flags, 1);
    assert_int_equal(span->dropped_events_count, 4);
    assert_int_equal(span->status->code, OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR);
    assert_text(span->status->message, "disk full");
    assert_int_equal(span->n_attributes, 4);
    assert_text(span->attributes[0]->key, "s");
    assert_text(span->attributes[0]->value->string_value, "v");
    assert_true(span->attributes[1]->value->double_value == 1.5);
    assert_true(span->attributes[2]->value->bool_value);
    assert_text(span->attributes[3]->value->bytes_value, "\xff");
    assert_int_equal(span->n_events, 1);
    assert_text(span->events[0]->name, "full");
    assert_int_equal(span->events[0]->time_unix_nano, FIXTURE_EPOCH + 3000);
    assert_int_equal(span->events[0]->dropped_attributes_count, 2);
    assert_int_equal(span->events[0]->n_attributes, 1);
    assert_int_equal(span->n_links, 1);
    assert_int_equal(span->links[0]->trace_id.data[0], 0x77);
    assert_int_equal(span->links[0]->span_id.data[7], 0x78);
    assert_text(scope->scope->name, "lib");
    assert_text(scope->scope->version, "2");
    assert_int_equal(resource->resource->n_attributes, 2);
    assert_text(resource->resource->attributes[0]->value->string_value, "shop");
    assert_int_equal(resource->resource->attributes[1]->value->int_value, 42);
}

static void test_a_span_is_what_otlp_would_have_brought(void **state) {
    (void)state;
    for (int form = 0; form < 3; form++) {
        struct view_store *store = new_store();
        struct view_arena arena;
        view_arena_init(&arena, 1 << 20);
        write_batch(form == 1, form < 2);
        const size_t len = otel__buffer_length(&out);
        const struct view_decode_result result = form < 2 ? view_decode_jaeger_message(out.cursor, len, store, 0)
                                                          : view_decode_jaeger(out.cursor, len, store, 0);
        assert_int_equal(result.status, VIEW_DECODE_OK);
        assert_int_equal(result.spans, 1);
        check_span(fixture_trace(store, 0x4b)->first, &arena);
        view_arena_clear(&arena);
        view_store_free(store);
    }
}

static void test_a_part_of_a_message_is_none(void **state) {
    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        write_batch(compact != 0, true);
        for (size_t len = 0; len < otel__buffer_length(&out); len++) {
            struct view_store *store = new_store();
            uint8_t *part = malloc(len + 1); /* of its own, so that a sanitizer sees what is read behind it */
            memcpy(part, out.cursor, len);
            part = realloc(part, len > 0 ? len : 1);
            assert_int_equal(view_decode_jaeger_message(part, len, store, 0).status, VIEW_DECODE_MALFORMED);
            assert_int_equal(view_store_stats(store).spans, 0);
            free(part);
            view_store_free(store);
        }
    }
}

/* Whatever comes of it, it comes to an end and stays within its memory. */
static void test_damaged_messages_do_no_harm(void **state) {
    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        write_batch(compact != 0, true);
        const size_t len = otel__buffer_length(&out);
        for (size_t at = 0; at < len; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                struct view_store *store = new_store();
                out.cursor[at] ^= (uint8_t)(1u << bit);
                view_decode_jaeger_message(out.cursor, len, store, 0);
                view_decode_jaeger(out.cursor, len, store, 0);
                out.cursor[at] ^= (uint8_t)(1u << bit);
                view_store_free(store);
            }
        }
    }
}

/* ---- the program --------------------------------------------------------------------------------------------------- */

static void post(const struct program *program, const char *type, size_t len, long status) {
    const char *const headers[] = { type, NULL };
    struct reply reply = program_request(program, "/api/traces", headers, out.cursor, len);
    assert_int_equal(reply.status, status);
    reply_clear(&reply);
}

static void test_a_post_is_answered(void **state) {
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    write_batch(false, false);
    const size_t len = otel__buffer_length(&out);
    post(&program, THRIFT, len, 202);
    post(&program, "Content-Type: application/vnd.apache.thrift.binary", len, 202);
    post(&program, THRIFT, len - 1, 400);
    post(&program, "Content-Type: application/json", len, 415);
    assert_int_equal(program_stat(&program, "spans", "received"), 2);
    struct reply reply = program_get(&program, "/api/traces");
    assert_int_equal(reply.status, 200);
    reply_clear(&reply);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    assert_non_null(strstr(program.output, "call"));
    program_clear(&program);
}

static void send_datagram(const struct program *program, size_t len) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in place = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)program->port),
                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(sendto(fd, out.cursor, len, 0, (const struct sockaddr *)&place, sizeof place), (ssize_t)len);
    close(fd);
}

static void test_datagrams_are_taken(void **state) {
    (void)state;
    struct program program;
    program_start(&program, no_arguments);
    for (int compact = 0; compact < 2; compact++) {
        write_batch(compact != 0, true);
        send_datagram(&program, otel__buffer_length(&out));
        send_datagram(&program, 5);
    }
    for (int i = 0; i < 1000 && program_stat(&program, "requests", "received") < 4; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
    }
    assert_int_equal(program_stat(&program, "requests", "rejected"), 2);
    assert_int_equal(program_stat(&program, "spans", "received"), 2);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    program_clear(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_span_is_what_otlp_would_have_brought),
        cmocka_unit_test(test_a_part_of_a_message_is_none),
        cmocka_unit_test(test_damaged_messages_do_no_harm),
        cmocka_unit_test(test_a_post_is_answered),
        cmocka_unit_test(test_datagrams_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, free_batch);
}
