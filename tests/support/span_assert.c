/* SPDX-License-Identifier: Apache-2.0 */
/* span_assert.c - see span_assert.h. */
#include "span_assert.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void put_quoted(FILE *out, const char *bytes, size_t len) {
    fputc('"', out);
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\')
            fputc(c, out);
        else
            fprintf(out, "\\x%02x", c);
    }
    fputc('"', out);
}

static void put_str(FILE *out, otel_str text) {
    if (text.len)
        fwrite(text.ptr, 1, text.len, out);
}

static const char *type_name(otel_type type) {
    static const char *const names[] = { "none",    "string", "bool", "int",     "uint",  "double", "bytes",
                                         "strings", "bools",  "ints", "doubles", "array", "map" };
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "?";
}

static void put_element(FILE *out, const otel_value *value, size_t i) {
    if (value->type == OTEL_TYPE_STRINGS)
        put_quoted(out, ((const otel_str *)value->u.p)[i].ptr, ((const otel_str *)value->u.p)[i].len);
    else if (value->type == OTEL_TYPE_BOOLS)
        fputs(((const bool *)value->u.p)[i] ? "true" : "false", out);
    else if (value->type == OTEL_TYPE_INTS)
        fprintf(out, "%" PRId64, ((const int64_t *)value->u.p)[i]);
    else
        fprintf(out, "%.17g", ((const double *)value->u.p)[i]);
}

static void put_attrs(FILE *out, otel_attrs attributes);

static void put_value(FILE *out, const otel_value *value);

static void put_values(FILE *out, const otel_value *values, size_t count) {
    fputc('[', out);
    for (size_t i = 0; i < count; i++) {
        if (i)
            fputc(',', out);
        put_value(out, &values[i]);
    }
    fputc(']', out);
}

static void put_value(FILE *out, const otel_value *value) {
    fprintf(out, "%s:", type_name(value->type));
    switch (value->type) {
    case OTEL_TYPE_STRING:
    case OTEL_TYPE_BYTES:
        put_quoted(out, value->u.p, value->len);
        break;
    case OTEL_TYPE_BOOL:
        fputs(value->u.i == 1 ? "true" : value->u.i == 0 ? "false" : "neither", out);
        break;
    case OTEL_TYPE_INT:
    case OTEL_TYPE_UINT:
        fprintf(out, "%" PRId64, value->u.i);
        break;
    case OTEL_TYPE_DOUBLE:
        fprintf(out, "%.17g", value->u.d);
        break;
    case OTEL_TYPE_STRINGS:
    case OTEL_TYPE_BOOLS:
    case OTEL_TYPE_INTS:
    case OTEL_TYPE_DOUBLES:
        for (size_t i = 0; i < value->len; i++) {
            fputc(i ? ',' : '[', out);
            put_element(out, value, i);
        }
        fputs(value->len ? "]" : "[]", out);
        break;
    case OTEL_TYPE_ARRAY:
        put_values(out, value->u.p, value->len);
        break;
    case OTEL_TYPE_MAP:
        fputc('{', out);
        put_attrs(out, (otel_attrs){ value->u.p, value->len });
        fputc('}', out);
        break;
    default:
        break;
    }
}

static void put_attrs(FILE *out, otel_attrs attrs) {
    for (size_t i = 0; i < attrs.count; i++) {
        if (i)
            fputc(' ', out);
        put_str(out, attrs.items[i].key);
        fputc('=', out);
        put_value(out, &attrs.items[i].value);
    }
}

static void put_events(FILE *out, const otel_span_data *span) {
    for (size_t i = 0; i < span->event_count; i++) {
        const otel_event_data *event = &span->events[i];
        put_str(out, event->name);
        fprintf(out, "@%" PRIu64 "{", event->time);
        put_attrs(out, event->attributes);
        fprintf(out, "}%u\n", (unsigned)event->dropped_attributes);
    }
}

static void put_links(FILE *out, const otel_span_data *span) {
    for (size_t i = 0; i < span->link_count; i++) {
        const otel_link_data *link = &span->links[i];
        char trace_id[33], span_id[17];
        otel_span_hex(link->span, trace_id, span_id);
        fprintf(out, "%s-%s/%02x;", trace_id, span_id, otel_span_flags(link->span));
        put_str(out, link->tracestate);
        fputc('{', out);
        put_attrs(out, link->attributes);
        fprintf(out, "}%u\n", (unsigned)link->dropped_attributes);
    }
}

static void put_scope(FILE *out, const otel_scope_data *scope) {
    put_str(out, scope->name);
    fputc('/', out);
    put_str(out, scope->version);
    fputc('/', out);
    put_str(out, scope->schema_url);
    fputc('{', out);
    put_attrs(out, scope->attributes);
    fputc('}', out);
}

/* What the statement writes to `out`, as a string of its own. */
#define TEXT_OF(variable, statement)                                                                                   \
    do {                                                                                                               \
        size_t length_;                                                                                                \
        FILE *out = open_memstream(&(variable), &length_);                                                             \
        if (out) {                                                                                                     \
            statement;                                                                                                 \
            fclose(out);                                                                                               \
        }                                                                                                              \
    } while (0)

char *attrs_text(otel_attrs attrs) {
    char *text = NULL;
    TEXT_OF(text, put_attrs(out, attrs));
    return text;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static void copy_parent(struct span_copy *copy, const otel_span_data *span) {
    copy->is_root = span->parent == NULL && span->parent_id == NULL;
    if (copy->is_root)
        return;
    otel_tracestate state = otel_span_tracestate(span->parent);
    TEXT_OF(copy->parent_tracestate, put_str(out, otel_tracestate_text(&state)));
    otel_tracestate_release(&state);
    memcpy(copy->parent_id, span->parent_id, sizeof copy->parent_id);
    copy->parent_remote = otel_span_remote(span->parent);
    copy->parent_flags = otel_span_flags(span->parent);
}

struct span_copy *span_copy_make(const otel_span_data *span) {
    struct span_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy->trace_id, span->trace_id, sizeof copy->trace_id);
    memcpy(copy->span_id, span->span_id, sizeof copy->span_id);
    copy_parent(copy, span);
    copy->ended = span->ended;
    copy->flags = span->flags;
    copy->start = span->start_time;
    copy->end = span->end_time;
    copy->kind = span->kind;
    copy->status = span->status;
    copy->attribute_count = span->attributes.count;
    copy->event_count = span->event_count;
    copy->link_count = span->link_count;
    copy->dropped_attributes = span->dropped_attributes;
    copy->dropped_events = span->dropped_events;
    copy->dropped_links = span->dropped_links;
    TEXT_OF(copy->name, put_str(out, span->name));
    TEXT_OF(copy->status_text, put_str(out, span->status_text));
    TEXT_OF(copy->tracestate, put_str(out, span->tracestate));
    TEXT_OF(copy->attributes, put_attrs(out, span->attributes));
    TEXT_OF(copy->events, put_events(out, span));
    TEXT_OF(copy->links, put_links(out, span));
    TEXT_OF(copy->scope, put_scope(out, span->scope));
    TEXT_OF(copy->resource, put_attrs(out, span->resource->attributes));
    return copy;
}

void span_copy_free(struct span_copy *copy) {
    if (!copy)
        return;
    char *texts[] = { copy->name,   copy->status_text, copy->tracestate, copy->parent_tracestate, copy->attributes,
                      copy->events, copy->links,       copy->scope,      copy->resource };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    free(copy);
}

/* ---- ledgers ----------------------------------------------------------------------------------------------------- */

void assert_ledger_at(otel_ledger *ledger, const char *file, int line) {
    char why[512];
    ledger->size = sizeof *ledger;
    otel_sdk_ledger(ledger);
    if (!ledger_balances(ledger, why, sizeof why)) {
        print_error("the ledger does not balance: %s\n", why);
        _fail(file, line);
    }
}
