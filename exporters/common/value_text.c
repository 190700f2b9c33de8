/* SPDX-License-Identifier: Apache-2.0 */
/* value_text.c - see value_text.h. */
#include "common/value_text.h"

#include "common/base64.h"
#include "common/value_element.h"

#include <inttypes.h>
#include <math.h>

/* Values nested deeper are written as null; the SDK records nothing that deep. */
enum { DEPTH_MAX = 64 };

static void add_json(struct otel__line *line, const otel_value *value, int depth);

static void add_base64(struct otel__line *line, const unsigned char *bytes, size_t len) {
    for (size_t i = 0; i < len && !line->cut; i += 3) {
        char four[4];
        otel__base64_four(bytes + i, len - i, four);
        otel__line_bytes(line, four, sizeof four);
    }
}

static void add_number(struct otel__line *line, double number) {
    const char *quote = isfinite(number) ? "" : "\"";
    otel__line_add(line, quote);
    otel__line_double(line, number);
    otel__line_add(line, quote);
}

static void add_map(struct otel__line *line, otel_attrs map, int depth) {
    otel__line_add(line, "{");
    for (size_t i = 0; i < map.count && !line->cut; i++) {
        otel__line_add(line, i > 0 ? "," : "");
        otel__line_json(line, map.items[i].key);
        otel__line_add(line, ":");
        add_json(line, &map.items[i].value, depth);
    }
    otel__line_add(line, "}");
}

static void add_array(struct otel__line *line, const otel_value *array, int depth) {
    otel__line_add(line, "[");
    for (size_t i = 0; i < array->len && !line->cut; i++) {
        const otel_value item = otel__value_element(array, i);
        otel__line_add(line, i > 0 ? "," : "");
        add_json(line, &item, depth);
    }
    otel__line_add(line, "]");
}

static bool is_list(otel_type type) { return type >= OTEL_TYPE_STRINGS && type <= OTEL_TYPE_MAP; }

static void add_list(struct otel__line *line, const otel_value *list, int depth) {
    if (depth >= DEPTH_MAX)
        otel__line_add(line, "null");
    else if (list->type == OTEL_TYPE_MAP)
        add_map(line, (otel_attrs){ list->u.p, list->len }, depth + 1);
    else
        add_array(line, list, depth + 1);
}

static void add_json(struct otel__line *line, const otel_value *value, int depth) {
    switch (value->type) {
    case OTEL_TYPE_STRING:
        otel__line_json(line, otel_strn(value->u.p, value->len));
        break;
    case OTEL_TYPE_BYTES:
        otel__line_add(line, "\"");
        add_base64(line, value->u.p, value->len);
        otel__line_add(line, "\"");
        break;
    case OTEL_TYPE_BOOL:
        otel__line_add(line, value->u.i ? "true" : "false");
        break;
    case OTEL_TYPE_INT:
        otel__line_format(line, "%" PRId64, value->u.i);
        break;
    case OTEL_TYPE_UINT:
        otel__line_format(line, "%" PRIu64, (uint64_t)value->u.i);
        break;
    case OTEL_TYPE_DOUBLE:
        add_number(line, value->u.d);
        break;
    default:
        if (is_list(value->type))
            add_list(line, value, depth);
        else
            otel__line_add(line, "null");
    }
}

void otel__value_json(struct otel__line *line, const otel_value *value) { add_json(line, value, 0); }

void otel__attrs_json(struct otel__line *line, otel_attrs attributes) { add_map(line, attributes, 0); }

void otel__value_text(struct otel__line *line, const otel_value *value) {
    switch (value->type) {
    case OTEL_TYPE_NONE:
        break;
    case OTEL_TYPE_STRING:
        otel__line_bytes(line, value->u.p, value->len);
        break;
    case OTEL_TYPE_BYTES:
        add_base64(line, value->u.p, value->len);
        break;
    case OTEL_TYPE_DOUBLE:
        otel__line_double(line, value->u.d);
        break;
    default:
        add_json(line, value, 0);
    }
}
