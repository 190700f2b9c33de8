/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_dump.c - see jaeger_dump.h. */
#include "jaeger_dump.h"

#include "jaeger.pb-c.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void dump_hex(FILE *out, ProtobufCBinaryData bytes) {
    for (size_t i = 0; i < bytes.len; i++)
        fprintf(out, "%02x", bytes.data[i]);
}

static void dump_text(FILE *out, ProtobufCBinaryData bytes) {
    if (bytes.len > 0)
        fwrite(bytes.data, 1, bytes.len, out);
}

static void assert_known(const ProtobufCMessage *message) { assert_int_equal(message->n_unknown_fields, 0); }

static void dump_value(FILE *out, const Otel__Jaeger__KeyValue *tag) {
    switch (tag->v_type) {
    case OTEL__JAEGER__KEY_VALUE__TYPE__STRING:
        fputc('"', out);
        dump_text(out, tag->v_str);
        fputc('"', out);
        break;
    case OTEL__JAEGER__KEY_VALUE__TYPE__BOOL:
        fputs(tag->v_bool ? "true" : "false", out);
        break;
    case OTEL__JAEGER__KEY_VALUE__TYPE__INT64:
        fprintf(out, "%" PRId64, tag->v_int64);
        break;
    case OTEL__JAEGER__KEY_VALUE__TYPE__FLOAT64:
        fprintf(out, "%.17gd", tag->v_float64);
        break;
    case OTEL__JAEGER__KEY_VALUE__TYPE__BINARY:
        fputc('x', out);
        dump_hex(out, tag->v_binary);
        break;
    default:
        fail_msg("a tag has the type %d", (int)tag->v_type);
    }
}

static void dump_tags(FILE *out, Otel__Jaeger__KeyValue **tags, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const Otel__Jaeger__KeyValue *tag = tags[i];
        assert_known(&tag->base);
        assert_true((tag->v_str.len > 0) + tag->v_bool + (tag->v_int64 != 0) + (tag->v_float64 != 0) +
                        (tag->v_binary.len > 0) <=
                    1);
        fputs(i > 0 ? " " : "", out);
        dump_text(out, tag->key);
        fputc('=', out);
        dump_value(out, tag);
    }
}

static void dump_time(FILE *out, const Otel__Jaeger__Time *time) {
    assert_non_null(time);
    assert_known(&time->base);
    assert_true(time->nanos >= 0 && time->nanos < 1000000000);
    fprintf(out, "%" PRId64 ".%09d", time->seconds, (int)time->nanos);
}

static void dump_ids(FILE *out, ProtobufCBinaryData trace_id, ProtobufCBinaryData span_id) {
    assert_int_equal(trace_id.len, 16);
    assert_int_equal(span_id.len, 8);
    dump_hex(out, trace_id);
    fputc('/', out);
    dump_hex(out, span_id);
}

static void dump_references(FILE *out, const Otel__Jaeger__Span *span) {
    for (size_t i = 0; i < span->n_references; i++) {
        const Otel__Jaeger__SpanRef *reference = span->references[i];
        assert_known(&reference->base);
        fprintf(out, "%s%d:", i > 0 ? " " : "", (int)reference->ref_type);
        dump_ids(out, reference->trace_id, reference->span_id);
    }
}

static void dump_logs(FILE *out, const Otel__Jaeger__Span *span) {
    for (size_t i = 0; i < span->n_logs; i++) {
        assert_known(&span->logs[i]->base);
        fputs(i > 0 ? " " : "", out);
        dump_time(out, span->logs[i]->timestamp);
        fputc('(', out);
        dump_tags(out, span->logs[i]->fields, span->logs[i]->n_fields);
        fputc(')', out);
    }
}

static void dump_span(FILE *out, const Otel__Jaeger__Span *span) {
    assert_known(&span->base);
    assert_null(span->process);
    assert_int_equal(span->process_id.len, 0);
    assert_int_equal(span->n_warnings, 0);
    dump_ids(out, span->trace_id, span->span_id);
    fputc(' ', out);
    dump_text(out, span->operation_name);
    fputs(" <", out);
    dump_references(out, span);
    fprintf(out, "> %u ", (unsigned)span->flags);
    dump_time(out, span->start_time);
    fputc('+', out);
    dump_time(out, span->duration);
    fputs(" [", out);
    dump_tags(out, span->tags, span->n_tags);
    fputs("] [", out);
    dump_logs(out, span);
    fputs("]\n", out);
}

char *jaeger_dump(const uint8_t *bytes, size_t len) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    Otel__Jaeger__PostSpansRequest *request = otel__jaeger__post_spans_request__unpack(NULL, len, bytes);
    assert_non_null(request);
    assert_known(&request->base);
    assert_non_null(request->batch);
    assert_known(&request->batch->base);
    const Otel__Jaeger__Process *process = request->batch->process;
    assert_non_null(process);
    assert_known(&process->base);
    dump_text(out, process->service_name);
    fputs(" [", out);
    dump_tags(out, process->tags, process->n_tags);
    fputs("]\n", out);
    for (size_t i = 0; i < request->batch->n_spans; i++)
        dump_span(out, request->batch->spans[i]);
    fclose(out);
    otel__jaeger__post_spans_request__free_unpacked(request, NULL);
    return text;
}
