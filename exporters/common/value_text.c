/* SPDX-License-Identifier: Apache-2.0 */
/* value_text.c - see value_text.h. */
#include "common/value_text.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>

enum { DEPTH_MAX = 64 };

/* ---- strings and bytes ------------------------------------------------------------------------------------------- */

static uint32_t point_of(const char *text, size_t size) {
    const unsigned char *s = (const unsigned char *)text;
    uint32_t point = size == 1 ? s[0] : s[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++)
        point = point << 6 | (s[i] & 0x3fu);
    return point;
}

/* Control characters, and what breaks a line or turns its direction. */
static bool is_escaped(uint32_t point) {
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029 ||
           (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static void add_json_character(struct otel__line *line, const char *text, size_t size) {
    const uint32_t point = point_of(text, size);
    if (is_escaped(point)) {
        otel__line_format(line, "\\u%04x", (unsigned)point);
        return;
    }
    otel__line_add(line, point == '"' || point == '\\' ? "\\" : "");
    otel__line_bytes(line, text, size);
}

static void add_json_text(struct otel__line *line, otel_str text) {
    otel__line_add(line, "\"");
    for (size_t i = 0; i < text.len && !line->cut;) {
        const size_t size = otel__utf8_char(text.ptr + i, text.len - i);
        add_json_character(line, size ? text.ptr + i : "\xef\xbf\xbd", size ? size : 3);
        i += size ? size : 1;
    }
    otel__line_add(line, "\"");
}

static void add_base64(struct otel__line *line, const uint8_t *bytes, size_t len) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len && !line->cut; i += 3) {
        const size_t left = len - i;
        const uint32_t group =
            (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
        const char text[] = { digits[group >> 18], digits[group >> 12 & 63], left > 1 ? digits[group >> 6 & 63] : '=',
                              left > 2 ? digits[group & 63] : '=', '\0' };
        otel__line_add(line, text);
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void add_json(struct otel__line *line, const otel_value *value, unsigned depth);

static void add_json_attributes(struct otel__line *line, otel_attrs attributes, unsigned depth) {
    otel__line_add(line, "{");
    for (size_t i = 0; i < attributes.count; i++) {
        otel__line_add(line, i > 0 ? "," : "");
        add_json_text(line, attributes.items[i].key);
        otel__line_add(line, ":");
        add_json(line, &attributes.items[i].value, depth);
    }
    otel__line_add(line, "}");
}

static otel_value element(const otel_value *list, size_t i) {
    switch (list->type) {
    case OTEL_TYPE_STRINGS: {
        const otel_str text = ((const otel_str *)list->u.p)[i];
        return text.ptr ? otel_stringn(text.ptr, text.len) : otel_none();
    }
    case OTEL_TYPE_BOOLS:
        return otel_bool(((const bool *)list->u.p)[i]);
    case OTEL_TYPE_INTS:
        return otel_int(((const int64_t *)list->u.p)[i]);
    case OTEL_TYPE_DOUBLES:
        return otel_double(((const double *)list->u.p)[i]);
    default:
        return ((const otel_value *)list->u.p)[i];
    }
}

static void add_json_list(struct otel__line *line, const otel_value *list, unsigned depth) {
    otel__line_add(line, "[");
    for (size_t i = 0; i < list->len; i++) {
        const otel_value item = element(list, i);
        otel__line_add(line, i > 0 ? "," : "");
        add_json(line, &item, depth);
    }
    otel__line_add(line, "]");
}

/* What looks the same alone and in JSON; false: it is none of those. */
static bool add_number(struct otel__line *line, const otel_value *value) {
    if (value->type == OTEL_TYPE_BOOL)
        otel__line_add(line, value->u.i ? "true" : "false");
    else if (value->type == OTEL_TYPE_INT)
        otel__line_format(line, "%" PRId64, value->u.i);
    else if (value->type == OTEL_TYPE_UINT)
        otel__line_format(line, "%" PRIu64, (uint64_t)value->u.i);
    else if (value->type == OTEL_TYPE_DOUBLE && isfinite(value->u.d))
        otel__line_double(line, value->u.d);
    else
        return false;
    return true;
}

static void add_json(struct otel__line *line, const otel_value *value, unsigned depth) {
    if (add_number(line, value))
        return;
    switch (value->type) {
    case OTEL_TYPE_NONE:
        otel__line_add(line, "null");
        break;
    case OTEL_TYPE_STRING:
        add_json_text(line, otel_strn(value->u.p, value->len));
        break;
    case OTEL_TYPE_BYTES:
    case OTEL_TYPE_DOUBLE:
        otel__line_add(line, "\"");
        otel__line_value(line, value);
        otel__line_add(line, "\"");
        break;
    case OTEL_TYPE_MAP:
        add_json_attributes(line, (otel_attrs){ value->u.p, depth < DEPTH_MAX ? value->len : 0 }, depth + 1);
        break;
    default:
        if (depth < DEPTH_MAX)
            add_json_list(line, value, depth + 1);
        else
            otel__line_add(line, "[]");
    }
}

void otel__line_json(struct otel__line *line, const otel_value *value) { add_json(line, value, 0); }

void otel__line_json_object(struct otel__line *line, otel_attrs attributes) {
    add_json_attributes(line, attributes, 0);
}

void otel__line_value(struct otel__line *line, const otel_value *value) {
    if (value->type == OTEL_TYPE_STRING)
        otel__line_bytes(line, value->u.p, value->len);
    else if (value->type == OTEL_TYPE_BYTES)
        add_base64(line, value->u.p, value->len);
    else if (value->type == OTEL_TYPE_DOUBLE)
        otel__line_double(line, value->u.d);
    else if (value->type != OTEL_TYPE_NONE)
        add_json(line, value, 0);
}
