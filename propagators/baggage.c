/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baggage.c - the W3C Baggage propagator: field `baggage`, `name=value;metadata,name=value`.
 *
 * Values are percent-encoded, names never are, metadata is opaque. Carriers may be hostile: what is read of them is
 * bounded by the limits that the format has anyway, and a bad member costs only itself.
 */
#include "baggage.h"

#include "context.h"
#include "entries.h"
#include "fields.h"
#include "options.h"
#include "percent.h"
#include "text.h"

static const char BAGGAGE[] = "baggage";

static const char *field(size_t index) { return index == 0 ? BAGGAGE : NULL; }

/* ---- inject ------------------------------------------------------------------------------------------------------ */

struct header {
    size_t members;
    struct otel__header_text line;
};

/* What stands for itself where no escape may begin, and for everybody: some read `+` as a space, as in forms. */
static bool is_plain_in_value(char c) { return c != '%' && c != '+' && otel__is_plain(c); }

/*
 * A property goes out as it came, as far as a header can hold it: one without a proper key is left out, what is not
 * allowed in its value is escaped, and white space around both goes. Its own escapes were never decoded.
 */
static void put_property(struct otel__header_text *line, otel_str property) {
    otel_str value = property;
    const otel_str key = otel__trimmed(otel__split(&value, '='));
    if (!otel__is_token(key)) {
        return;
    }
    otel__header_put(line, ";", 1);
    otel__header_put(line, key.ptr, key.len);
    if (value.ptr != NULL) {
        otel__header_put(line, "=", 1);
        otel__header_encode(line, otel__trimmed(value), otel__is_plain);
    }
}

static void put_member(struct otel__header_text *line, const otel_baggage_entry *entry) {
    otel__header_put(line, entry->name.ptr, entry->name.len);
    otel__header_put(line, "=", 1);
    otel__header_encode(line, entry->value, is_plain_in_value);
    for (otel_str rest = entry->metadata; rest.len > 0;) {
        put_property(line, otel__split(&rest, ';'));
    }
}

/* Appends the entry if it can be sent at all; false when there is no room for it. */
static bool add_member(struct header *header, const otel_baggage_entry *entry) {
    struct otel__header_text *line = &header->line;
    const size_t before = line->length;
    if (header->members > 0) {
        otel__header_put(line, ",", 1);
    }
    const size_t start = line->length;
    put_member(line, entry);
    if (header->members < OTEL__ENTRIES_MOST && line->length <= OTEL__HEADER_MOST) {
        header->members++;
        return true;
    }
    const bool too_long_for_any = line->length - start > OTEL__HEADER_MOST;
    line->length = before;
    return too_long_for_any;
}

/* False: something was left out. */
static bool write_header(struct header *header, const struct otel__baggage *baggage) {
    header->line.length = header->members = 0;
    for (size_t i = 0; i < baggage->count; i++) {
        const otel_baggage_entry *entry = &baggage->entries[i];
        if (otel__is_token(entry->name) && !add_member(header, entry)) {
            break;
        }
    }
    header->line.text[header->line.length] = '\0';
    return header->members == baggage->count;
}

static void inject(const otel_context *context, const otel_setter *setter, void *carrier) {
    const struct otel__baggage *baggage = otel__baggage_of(context);
    if (baggage == NULL || setter == NULL || !OTEL__HAS(setter, set)) {
        return;
    }
    struct header header;
    if (!write_header(&header, baggage)) {
        otel__tell(OTEL__MISUSE_BAGGAGE_SENT);
    }
    if (header.members > 0) {
        setter->set(carrier, BAGGAGE, header.line.text, header.line.length);
    }
}

/* ---- extract ----------------------------------------------------------------------------------------------------- */

/* False: there is no room for more. */
static bool read_member(struct otel__entries *list, otel_str member) {
    otel_str metadata = member;
    otel_str value = otel__split(&metadata, ';');
    const otel_str name = otel__trimmed(otel__split(&value, '='));
    value = otel__trimmed(value);
    if (value.ptr == NULL || !otel__is_token(name) || !otel__is_percent_coded(value)) {
        list->complete = list->complete && otel__trimmed(member).len == 0;
        return true;
    }
    otel_baggage_entry *entry = otel__entries_place(list, name);
    if (entry != NULL) {
        *entry = (otel_baggage_entry){ name, value, otel__trimmed(metadata) };
    }
    return entry != NULL;
}

/* False: there is no room for more. */
static bool read_field(struct otel__entries *list, otel_str rest) {
    while (rest.ptr != NULL) {
        otel_str near = { rest.ptr, rest.len < list->room ? rest.len : list->room };
        const otel_str member = otel__split(&near, ',');
        if (member.len >= list->room || !read_member(list, member)) {
            return false;
        }
        list->room -= member.len + 1;
        rest = near.ptr != NULL ? otel_strn(near.ptr, rest.len - member.len - 1) : near;
    }
    return true;
}

/* Several fields are one list, in the order received. */
static void read_fields(struct otel__entries *list, const otel_getter *getter, const void *carrier) {
    otel_str value = { NULL, 0 };
    otel__entries_clear(list);
    for (size_t i = 0; otel__field_next(getter, carrier, BAGGAGE, i, &value); i++) {
        if (i == OTEL__FIELDS_MOST || !read_field(list, value)) {
            list->complete = false;
            return;
        }
    }
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    struct otel__entries list;
    if (getter == NULL || !OTEL__HAS(getter, get)) {
        return otel_context_retain(base);
    }
    read_fields(&list, getter, carrier);
    return otel__entries_into(base, &list);
}

const otel_propagator otel_propagator_baggage = {
    .size = sizeof otel_propagator_baggage,
    .name = "baggage",
    .field = field,
    .inject = inject,
    .extract = extract,
};
