/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baggage.c - the W3C Baggage propagator: field `baggage`, `name=value;metadata,name=value`.
 *
 * Values are percent-encoded, names never are, metadata is opaque. Carriers may be hostile: what is read of them is
 * bounded by the limits that the format has anyway, and a bad member costs only itself.
 */
#include "baggage.h"

#include "context.h"
#include "fields.h"
#include "options.h"
#include "text.h"
#include "utf8_char.h"

static const char BAGGAGE[] = "baggage";

enum { MOST_MEMBERS = 64, MOST_BYTES = 8192 };

static const char *field(size_t index) { return index == 0 ? BAGGAGE : NULL; }

/* ---- grammar ----------------------------------------------------------------------------------------------------- */

static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* What a value may hold as it is; `%` begins an escape. */
static bool is_plain(char c) { return c > ' ' && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\'; }

static bool is_token(otel_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.ptr[i]) && (text.ptr[i] == '\0' || strchr("!#$%&'*+-.^_`|~", text.ptr[i]) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

/* Of either case; 16: none. */
static unsigned hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10u : 16u;
}

static bool is_value(otel_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain(text.ptr[i])) {
            return false;
        }
        if (text.ptr[i] == '%') {
            if (text.len - i < 3 || (hex_digit(text.ptr[i + 1]) | hex_digit(text.ptr[i + 2])) > 15) {
                return false;
            }
            i += 2;
        }
    }
    return true;
}

/* ---- inject ------------------------------------------------------------------------------------------------------ */

/* The header as it grows. `length` goes on counting where the text no longer fits. */
struct header {
    size_t length;
    size_t members;
    char text[MOST_BYTES + 1];
};

static void put(struct header *header, const char *bytes, size_t count) {
    if (header->length + count <= MOST_BYTES) {
        memcpy(header->text + header->length, bytes, count);
    }
    header->length += count;
}

/* Writes what may stand in a value as it is, and the rest in escapes; `escape` itself too, if that is a character. */
static void put_encoded(struct header *header, otel_str text, char escape) {
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char byte = (unsigned char)text.ptr[i];
        const char code[] = { '%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15] };
        if (is_plain(text.ptr[i]) && text.ptr[i] != escape) {
            put(header, &text.ptr[i], 1);
        } else {
            put(header, code, sizeof code);
        }
    }
}

/* `text` up to the first `c`, which is taken off with it; the whole when there is none. */
static otel_str split(otel_str *text, char c) {
    const char *at = text->len > 0 ? memchr(text->ptr, c, text->len) : NULL;
    const size_t length = at != NULL ? (size_t)(at - text->ptr) : text->len;
    const otel_str first = { text->ptr, length };
    *text = otel_strn(at != NULL ? at + 1 : NULL, text->len - length - (at != NULL));
    return first;
}

/*
 * A property goes out as it came, as far as a header can hold it: one without a proper key is left out, what is not
 * allowed in its value is escaped, and white space around both goes. Its own escapes were never decoded.
 */
static void put_property(struct header *header, otel_str property) {
    otel_str value = property;
    const otel_str key = otel__trimmed(split(&value, '='));
    if (!is_token(key)) {
        return;
    }
    put(header, ";", 1);
    put(header, key.ptr, key.len);
    if (value.ptr != NULL) {
        put(header, "=", 1);
        put_encoded(header, otel__trimmed(value), '\0');
    }
}

static void put_member(struct header *header, const otel_baggage_entry *entry) {
    put(header, entry->name.ptr, entry->name.len);
    put(header, "=", 1);
    put_encoded(header, entry->value, '%');
    for (otel_str rest = entry->metadata; rest.len > 0;) {
        put_property(header, split(&rest, ';'));
    }
}

/* Appends the entry if it can be sent at all; false when there is no room for it. */
static bool add_member(struct header *header, const otel_baggage_entry *entry) {
    const size_t before = header->length;
    if (header->members > 0) {
        put(header, ",", 1);
    }
    const size_t start = header->length;
    put_member(header, entry);
    if (header->members < MOST_MEMBERS && header->length <= MOST_BYTES) {
        header->members++;
        return true;
    }
    const bool too_long_for_any = header->length - start > MOST_BYTES;
    header->length = before;
    return too_long_for_any;
}

/* False: something was left out. */
static bool write_header(struct header *header, const struct otel__baggage *baggage) {
    header->length = header->members = 0;
    for (size_t i = 0; i < baggage->count; i++) {
        const otel_baggage_entry *entry = &baggage->entries[i];
        if (is_token(entry->name) && !add_member(header, entry)) {
            break;
        }
    }
    header->text[header->length] = '\0';
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
        setter->set(carrier, BAGGAGE, header.text, header.length);
    }
}

/* ---- extract ----------------------------------------------------------------------------------------------------- */

/* What is read, borrowed from the carrier, and not decoded yet. */
struct list {
    size_t room; /* bytes that may yet be read, with a comma behind each member */
    bool complete;
    size_t count;
    otel_baggage_entry items[MOST_MEMBERS];
};

/* The place for an entry of this name, of which the last one counts; NULL: no room. */
static otel_baggage_entry *place_for(struct list *list, otel_str name) {
    for (size_t i = 0; i < list->count; i++) {
        if (otel__same_text(list->items[i].name, name)) {
            return &list->items[i];
        }
    }
    return list->count < MOST_MEMBERS ? &list->items[list->count++] : NULL;
}

/* False: there is no room for more. */
static bool read_member(struct list *list, otel_str member) {
    otel_str metadata = member;
    otel_str value = split(&metadata, ';');
    const otel_str name = otel__trimmed(split(&value, '='));
    value = otel__trimmed(value);
    if (value.ptr == NULL || !is_token(name) || !is_value(value)) {
        list->complete = list->complete && otel__trimmed(member).len == 0;
        return true;
    }
    otel_baggage_entry *entry = place_for(list, name);
    if (entry != NULL) {
        *entry = (otel_baggage_entry){ name, value, otel__trimmed(metadata) };
    }
    return entry != NULL;
}

/* False: there is no room for more. */
static bool read_field(struct list *list, otel_str rest) {
    while (rest.ptr != NULL) {
        otel_str near = { rest.ptr, rest.len < list->room ? rest.len : list->room };
        const otel_str member = split(&near, ',');
        if (member.len >= list->room || !read_member(list, member)) {
            return false;
        }
        list->room -= member.len + 1;
        rest = near.ptr != NULL ? otel_strn(near.ptr, rest.len - member.len - 1) : near;
    }
    return true;
}

/* Several fields are one list, in the order received. */
static void read_fields(struct list *list, const otel_getter *getter, const void *carrier) {
    otel_str value = { NULL, 0 };
    list->room = MOST_BYTES + 1;
    list->count = 0;
    list->complete = true;
    for (size_t i = 0; otel__field_next(getter, carrier, BAGGAGE, i, &value); i++) {
        if (i == OTEL__FIELDS_MOST || !read_field(list, value)) {
            list->complete = false;
            return;
        }
    }
}

/* Takes a byte off the text, which is a checked value. */
static char take_byte(otel_str *text) {
    const char *at = text->ptr;
    char byte = *at;
    size_t length = 1;
    if (byte == '%') {
        byte = (char)(hex_digit(at[1]) << 4 | hex_digit(at[2]));
        length = 3;
    }
    *text = otel_strn(at + length, text->len - length);
    return byte;
}

/*
 * Decodes a checked value where it is and gives its new length. A byte that is not UTF-8 becomes U+FFFD, which is no
 * longer than the escape that it came from.
 */
static size_t decode(char *text, size_t length) {
    otel_str rest = { text, length };
    char *out = text;
    char ahead[4]; /* the longest character */
    size_t held = 0;
    while (held > 0 || rest.len > 0) {
        while (held < sizeof ahead && rest.len > 0) {
            ahead[held++] = take_byte(&rest);
        }
        const size_t good = otel__utf8_char(ahead, held);
        const size_t used = good > 0 ? good : 1;
        const otel_str character = good > 0 ? otel_strn(ahead, good) : otel_cstr("\xef\xbf\xbd");
        memcpy(out, character.ptr, character.len);
        out += character.len;
        held -= used;
        memmove(ahead, ahead + used, held);
    }
    *out = '\0';
    return (size_t)(out - text);
}

static struct otel__baggage *make(const struct list *list) {
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        bytes += list->items[i].name.len + list->items[i].value.len + list->items[i].metadata.len;
    }
    struct otel__baggage *made = otel__baggage_new(list->count, bytes);
    for (size_t i = 0; made != NULL && i < list->count; i++) {
        otel_str *value = &otel__baggage_add(made, &list->items[i])->value;
        value->len = decode((char *)value->ptr, value->len);
    }
    return made;
}

static otel_context extract(const otel_context *base, const otel_getter *getter, const void *carrier) {
    struct list list;
    if (getter == NULL || !OTEL__HAS(getter, get)) {
        return otel_context_retain(base);
    }
    read_fields(&list, getter, carrier);
    if (!list.complete) {
        otel__tell(OTEL__MISUSE_BAGGAGE_READ);
    }
    struct otel__baggage *made = list.count > 0 ? make(&list) : NULL;
    if (made != NULL) {
        return otel__context_with_made(base, made);
    }
    if (list.count > 0) {
        otel__tell(OTEL__MISUSE_NO_MEMORY);
    }
    return otel_context_retain(base);
}

const otel_propagator otel_propagator_baggage = {
    .size = sizeof otel_propagator_baggage,
    .name = "baggage",
    .field = field,
    .inject = inject,
    .extract = extract,
};
