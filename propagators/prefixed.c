/* SPDX-License-Identifier: Apache-2.0 */
/* prefixed.c - see prefixed.h. */
#include "prefixed.h"

#include "baggage.h"
#include "context.h"
#include "options.h"
#include "percent.h"
#include "text.h"

/* The name of a field, with a NUL. */
struct name {
    char text[OTEL__PREFIXED_NAME + 1];
};

/* What the values of HTTP fields may hold; those that are not coded keep to it. */
static bool is_field_value(otel_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] > '~') {
            return false;
        }
    }
    return otel__trimmed(text).len == text.len;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* What follows the prefix in the name of a field; empty when it is another field. */
static otel_str after_prefix(const struct otel__prefixed *format, otel_str field) {
    const size_t length = strlen(format->prefix);
    const bool ours = field.ptr != NULL && field.len > length && field.len <= OTEL__PREFIXED_NAME &&
                      otel__same_name(otel_strn(field.ptr, length), otel_strn(format->prefix, length));
    return ours ? otel_strn(field.ptr + length, field.len - length) : otel_strn(NULL, 0);
}

/* The first value of the field counts, as for other fields. */
static bool read_entry(struct otel__entries *list, otel_str field, otel_str name, const otel_getter *getter,
                       const void *carrier) {
    struct name copy;
    otel_str value = { NULL, 0 };
    memcpy(copy.text, field.ptr, field.len);
    copy.text[field.len] = '\0';
    if (!otel__is_token(name) || !getter->get(carrier, copy.text, 0, &value) || value.ptr == NULL ||
        value.len > OTEL__ENTRIES_BYTES) {
        return false;
    }
    value = otel__trimmed(value);
    const bool proper = list->coding == OTEL__CODING_NONE ? is_field_value(value) : otel__is_percent_coded(value);
    const size_t bytes = name.len + value.len + 1;
    otel_baggage_entry *entry = proper && bytes <= list->room ? otel__entries_place(list, name) : NULL;
    if (entry != NULL) {
        *entry = (otel_baggage_entry){ name, value, { "", 0 } };
        list->room -= bytes;
    }
    return entry != NULL;
}

void otel__prefixed_read(const struct otel__prefixed *format, struct otel__entries *list, const otel_getter *getter,
                         const void *carrier) {
    otel_str field = { NULL, 0 };
    for (size_t i = 0; OTEL__HAS(getter, key) && getter->key(carrier, i, &field); i++) {
        if (i == OTEL__PREFIXED_FIELDS) {
            list->complete = false;
            return;
        }
        const otel_str name = after_prefix(format, field);
        if (name.len > 0 && !read_entry(list, field, name, getter, carrier)) {
            list->complete = false;
        }
        field = otel_strn(NULL, 0);
    }
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool is_unreserved(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

/* False: the value cannot be sent. */
static bool write_value(const struct otel__prefixed *format, struct otel__header_text *line, otel_str value) {
    line->length = 0;
    if (format->coded) {
        otel__header_encode(line, value, is_unreserved);
    } else if (is_field_value(value)) {
        otel__header_put(line, value.ptr, value.len);
    } else {
        return false;
    }
    if (line->length <= OTEL__HEADER_MOST) {
        line->text[line->length] = '\0';
    }
    return line->length <= OTEL__HEADER_MOST;
}

static bool write_name(const struct otel__prefixed *format, struct name *out, otel_str name) {
    const size_t length = strlen(format->prefix);
    if (!otel__is_token(name) || length + name.len > OTEL__PREFIXED_NAME) {
        return false;
    }
    memcpy(out->text, format->prefix, length);
    memcpy(out->text + length, name.ptr, name.len);
    out->text[length + name.len] = '\0';
    return true;
}

void otel__prefixed_write(const struct otel__prefixed *format, const otel_context *context, const otel_setter *setter,
                          void *carrier) {
    const struct otel__baggage *baggage = otel__baggage_of(context);
    size_t sent = 0, room = OTEL__ENTRIES_BYTES;
    struct otel__header_text line;
    struct name name;
    for (size_t i = 0; baggage != NULL && i < baggage->count && sent < OTEL__ENTRIES_MOST; i++) {
        const otel_baggage_entry *entry = &baggage->entries[i];
        if (write_name(format, &name, entry->name) && write_value(format, &line, entry->value) &&
            entry->name.len + line.length < room) {
            setter->set(carrier, name.text, line.text, line.length);
            room -= entry->name.len + line.length + 1;
            sent++;
        }
    }
    if (baggage != NULL && sent < baggage->count) {
        otel__tell(OTEL__MISUSE_BAGGAGE_SENT);
    }
}
