/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes worth a line under a span or event. */
#include "attributes.h"

#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { MAX_ATTRIBUTE_COLUMNS = 60, LEAST_ATTRIBUTE_COLUMNS = 8 };

/* Lower ranks come first. Keys that no entry begins are the application's own. */
enum rank { RANK_TELLING, RANK_OWN, RANK_DETAIL, RANK_NOISE, RANK_COUNT };

static const struct {
    const char *prefix;
    enum rank rank;
} ranks[] = {
    { "error.type", RANK_TELLING },
    { "exception.type", RANK_TELLING },
    { "exception.message", RANK_TELLING },
    { "exception.", RANK_NOISE },
    { "http.request.method", RANK_TELLING },
    { "http.method", RANK_TELLING },
    { "http.route", RANK_TELLING },
    { "http.target", RANK_TELLING },
    { "http.response.status_code", RANK_TELLING },
    { "http.status_code", RANK_TELLING },
    { "http.", RANK_DETAIL },
    { "url.path", RANK_TELLING },
    { "url.query", RANK_TELLING },
    { "url.scheme", RANK_NOISE },
    { "url.", RANK_DETAIL },
    { "rpc.", RANK_TELLING },
    { "db.", RANK_TELLING },
    { "messaging.", RANK_TELLING },
    { "server.", RANK_DETAIL },
    { "client.", RANK_NOISE },
    { "network.", RANK_NOISE },
    { "net.", RANK_NOISE },
    { "user_agent.", RANK_NOISE },
    { "thread.", RANK_NOISE },
    { "code.", RANK_NOISE },
};

static enum rank rank_of(const ProtobufCBinaryData *key) {
    for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++) {
        size_t len = strlen(ranks[i].prefix);
        if (key->len >= len && memcmp(key->data, ranks[i].prefix, len) == 0) {
            return ranks[i].rank;
        }
    }
    return RANK_OWN;
}

/* The beginning of a value's text, as received; escaping comes later. */
struct preview {
    char text[512];
    size_t len;
};

static void add_bytes(struct preview *preview, const void *bytes, size_t len) {
    size_t room = sizeof preview->text - preview->len;
    len = len < room ? len : room;
    if (len > 0) {
        memcpy(preview->text + preview->len, bytes, len);
        preview->len += len;
    }
}

__attribute__((format(printf, 2, 3))) static void add_format(struct preview *preview, const char *format, ...) {
    char text[64];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_bytes(preview, text, len > 0 ? (size_t)len : 0);
}

static bool is_full(const struct preview *preview) { return preview->len == sizeof preview->text; }

static void add_text(struct preview *preview, const ProtobufCBinaryData *text) {
    bool quoted = text->len == 0 || memchr(text->data, ' ', text->len);
    add_bytes(preview, "\"", quoted);
    add_bytes(preview, text->data, text->len);
    add_bytes(preview, "\"", quoted);
}

static void add_value(struct preview *preview, const Otel__Otlp__AnyValue *value);

static void add_array(struct preview *preview, const Otel__Otlp__ArrayValue *array) {
    add_bytes(preview, "[", 1);
    for (size_t i = 0; i < array->n_values && !is_full(preview); i++) {
        add_bytes(preview, ", ", i > 0 ? 2 : 0);
        add_value(preview, array->values[i]);
    }
    add_bytes(preview, "]", 1);
}

static void add_map(struct preview *preview, const Otel__Otlp__KeyValueList *map) {
    add_bytes(preview, "{", 1);
    for (size_t i = 0; i < map->n_values && !is_full(preview); i++) {
        add_bytes(preview, ", ", i > 0 ? 2 : 0);
        add_bytes(preview, map->values[i]->key.data, map->values[i]->key.len);
        add_bytes(preview, "=", 1);
        add_value(preview, map->values[i]->value);
    }
    add_bytes(preview, "}", 1);
}

/* Calls itself as deep as the value is nested, which VIEW_MAX_NESTING bounds. */
static void add_value(struct preview *preview, const Otel__Otlp__AnyValue *value) {
    switch (value ? value->value_case : OTEL__OTLP__ANY_VALUE__VALUE__NOT_SET) {
    case OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE:
        add_text(preview, &value->string_value);
        break;
    case OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        add_format(preview, "%s", value->bool_value ? "true" : "false");
        break;
    case OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE:
        add_format(preview, "%" PRId64, value->int_value);
        break;
    case OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        add_format(preview, "%.6g", value->double_value);
        break;
    case OTEL__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        add_array(preview, value->array_value);
        break;
    case OTEL__OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        add_map(preview, value->kvlist_value);
        break;
    case OTEL__OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        add_format(preview, "<%zu bytes>", value->bytes_value.len);
        break;
    default:
        add_format(preview, "<empty>");
    }
}

/* Nothing when too little of it would be left: half a key tells nobody anything. */
static size_t put_attribute(FILE *out, const Otel__Otlp__KeyValue *attribute, bool first, size_t room, bool utf8) {
    const size_t worth_cutting = 32;
    struct preview preview = { .len = 0 };
    add_bytes(&preview, attribute->key.data, attribute->key.len);
    add_bytes(&preview, "=", 1);
    add_value(&preview, attribute->value);
    const uint8_t *text = (const uint8_t *)preview.text;
    size_t columns = view_text_columns(text, preview.len, MAX_ATTRIBUTE_COLUMNS, utf8);
    size_t gap = first ? 0 : 1;
    if (columns + gap > room && room < worth_cutting + gap) {
        return 0;
    }
    fputs(first ? "" : " ", out);
    columns = columns + gap > room ? room - gap : columns;
    return gap + view_text_put(out, text, preview.len, columns, utf8);
}

size_t view_attributes_put(FILE *out, Otel__Otlp__KeyValue *const *attributes, size_t count, size_t columns,
                           bool utf8) {
    const size_t count_columns = 9; /* a space and the number left out */
    size_t used = 0;
    size_t shown = 0;
    for (enum rank rank = RANK_TELLING; rank < RANK_NOISE; rank++) {
        for (size_t i = 0; i < count && used + LEAST_ATTRIBUTE_COLUMNS + count_columns < columns; i++) {
            if (rank_of(&attributes[i]->key) == rank) {
                size_t taken = put_attribute(out, attributes[i], used == 0, columns - count_columns - used, utf8);
                used += taken;
                shown += taken > 0;
            }
        }
    }
    if (shown < count && used + count_columns <= columns) {
        int written = fprintf(out, "%s+%zu", used > 0 ? " " : "", count - shown);
        used += written > 0 ? (size_t)written : 0;
    }
    return used;
}

const ProtobufCBinaryData *view_attribute_text(Otel__Otlp__KeyValue *const *attributes, size_t count, const char *key) {
    for (size_t i = 0; i < count; i++) {
        const Otel__Otlp__KeyValue *attribute = attributes[i];
        if (attribute->key.len == strlen(key) && memcmp(attribute->key.data, key, attribute->key.len) == 0 &&
            attribute->value && attribute->value->value_case == OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE) {
            return &attribute->value->string_value;
        }
    }
    return NULL;
}
