/* SPDX-License-Identifier: Apache-2.0 */
/* thrift_dump.c - see thrift_dump.h. */
#include "thrift_dump.h"

#include "thrift.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void dump(FILE *out, struct view_thrift *reader, enum view_thrift_type type);

static void dump_text(FILE *out, struct view_thrift_text text) {
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++)
        if (isprint((unsigned char)text.ptr[i]))
            fputc(text.ptr[i], out);
        else
            fprintf(out, "\\x%02x", (unsigned char)text.ptr[i]);
    fputc('"', out);
}

static void dump_struct(FILE *out, struct view_thrift *reader) {
    struct view_thrift_field field = { 0 };
    const char *separator = "{";
    while (view_thrift_next(reader, &field)) {
        fprintf(out, "%s%d:", separator, field.id);
        separator = " ";
        dump(out, reader, field.type);
    }
    fputs(*separator == '{' ? "{}" : "}", out);
}

static void dump_list(FILE *out, struct view_thrift *reader) {
    enum view_thrift_type type;
    const size_t count = view_thrift_list(reader, &type);
    fputc('[', out);
    for (size_t i = 0; i < count && !reader->bad; i++) {
        fputs(i > 0 ? " " : "", out);
        dump(out, reader, type);
    }
    fputc(']', out);
}

static void dump(FILE *out, struct view_thrift *reader, enum view_thrift_type type) {
    switch (type) {
    case VIEW_THRIFT_BOOL:
        fputs(view_thrift_bool(reader) ? "true" : "false", out);
        break;
    case VIEW_THRIFT_DOUBLE:
        fprintf(out, "%.17gd", view_thrift_double(reader));
        break;
    case VIEW_THRIFT_STRING:
        dump_text(out, view_thrift_string(reader));
        break;
    case VIEW_THRIFT_STRUCT:
        dump_struct(out, reader);
        break;
    case VIEW_THRIFT_LIST:
        dump_list(out, reader);
        break;
    default:
        fprintf(out, "%" PRId64, view_thrift_int(reader, type));
    }
}

/* With what is left over, which is always a mistake. */
static char *finish(FILE *out, char **text, const struct view_thrift *reader) {
    if (reader->bad)
        fputs("(bad)", out);
    if (reader->at != reader->end)
        fprintf(out, "(and %zd bytes)", reader->end - reader->at);
    fclose(out);
    return *text;
}

char *thrift_dump_message(const uint8_t *bytes, size_t len) {
    struct view_thrift reader;
    char *text = NULL;
    size_t size;
    int kind;
    uint32_t sequence;
    if (!view_thrift_begin(&reader, bytes, len))
        return strdup("(bad)");
    FILE *out = open_memstream(&text, &size);
    const struct view_thrift_text name = view_thrift_message(&reader, &kind, &sequence);
    fprintf(out, "%.*s/%d", (int)name.len, name.ptr, kind);
    dump_struct(out, &reader);
    return finish(out, &text, &reader);
}

char *thrift_dump_struct(const uint8_t *bytes, size_t len, bool compact) {
    struct view_thrift reader = { .at = bytes, .end = bytes + len, .compact = compact };
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    dump_struct(out, &reader);
    return finish(out, &text, &reader);
}

static long count_in_batch(struct view_thrift *reader, int64_t *number) {
    struct view_thrift_field field = { 0 };
    long count = -1;
    while (view_thrift_next(reader, &field)) {
        if (field.id == 2 && field.type == VIEW_THRIFT_LIST) {
            struct view_thrift peek = *reader;
            enum view_thrift_type type;
            count = (long)view_thrift_list(&peek, &type);
        }
        if (field.id == 3 && field.type == VIEW_THRIFT_I64)
            *number = view_thrift_int(reader, field.type);
        else
            view_thrift_skip(reader, field.type);
    }
    return count;
}

long thrift_count_spans(const uint8_t *bytes, size_t len, int64_t *number) {
    struct view_thrift reader;
    struct view_thrift_field field = { 0 };
    int kind;
    uint32_t sequence;
    if (!view_thrift_begin(&reader, bytes, len))
        return -1;
    const struct view_thrift_text name = view_thrift_message(&reader, &kind, &sequence);
    if (name.len != 9 || memcmp(name.ptr, "emitBatch", 9) != 0 || !view_thrift_next(&reader, &field) || field.id != 1)
        return -1;
    const long count = count_in_batch(&reader, number);
    return view_thrift_next(&reader, &field) || reader.bad || reader.at != reader.end ? -1 : count;
}
