/* SPDX-License-Identifier: Apache-2.0 */
/* entries.c - see entries.h. */
#include "entries.h"

#include "baggage.h"
#include "context.h"
#include "percent.h"
#include "text.h"
#include "utf8_char.h"

void otel__entries_clear(struct otel__entries *list) {
    list->coding = OTEL__CODING_PERCENT;
    list->any_case = list->lowercase = false;
    list->complete = true;
    list->room = OTEL__ENTRIES_BYTES + 1;
    list->count = 0;
}

otel_baggage_entry *otel__entries_place(struct otel__entries *list, otel_str name) {
    for (size_t i = 0; i < list->count; i++) {
        const otel_str there = list->items[i].name;
        if (list->any_case ? otel__same_name(there, name) : otel__same_text(there, name)) {
            return &list->items[i];
        }
    }
    return list->count < OTEL__ENTRIES_MOST ? &list->items[list->count++] : NULL;
}

/* Takes a byte off the text, which is a checked value. */
static char take_byte(otel_str *text, enum otel__coding coding) {
    const char *at = text->ptr;
    char byte = *at;
    size_t length = 1;
    if (byte == '%' && coding != OTEL__CODING_NONE) {
        byte = (char)(otel__percent_digit(at[1]) << 4 | otel__percent_digit(at[2]));
        length = 3;
    } else if (byte == '+' && coding == OTEL__CODING_FORM) {
        byte = ' ';
    }
    *text = otel_strn(at + length, text->len - length);
    return byte;
}

/*
 * Decodes a checked value where it is and gives its new length. A byte that is not UTF-8 becomes U+FFFD, which is no
 * longer than the escape that it came from; without escapes all is ASCII.
 */
static size_t decode(char *text, size_t length, enum otel__coding coding) {
    otel_str rest = { text, length };
    char *out = text;
    char ahead[4]; /* the longest character */
    size_t held = 0;
    while (held > 0 || rest.len > 0) {
        while (held < sizeof ahead && rest.len > 0) {
            ahead[held++] = take_byte(&rest, coding);
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

static void lower(char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        text[i] = otel__lower(text[i]);
    }
}

static struct otel__baggage *make(const struct otel__entries *list) {
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        bytes += list->items[i].name.len + list->items[i].value.len + list->items[i].metadata.len;
    }
    struct otel__baggage *made = otel__baggage_new(list->count, bytes);
    for (size_t i = 0; made != NULL && i < list->count; i++) {
        otel_baggage_entry *entry = otel__baggage_add(made, &list->items[i]);
        entry->value.len = decode((char *)entry->value.ptr, entry->value.len, list->coding);
        if (list->lowercase) {
            lower((char *)entry->name.ptr, entry->name.len);
        }
    }
    return made;
}

otel_context otel__entries_into(const otel_context *base, const struct otel__entries *list) {
    if (!list->complete) {
        otel__tell(OTEL__MISUSE_BAGGAGE_READ);
    }
    struct otel__baggage *made = list->count > 0 ? make(list) : NULL;
    if (made != NULL) {
        return otel__context_with_made(base, made);
    }
    if (list->count > 0) {
        otel__tell(OTEL__MISUSE_NO_MEMORY);
    }
    return otel_context_retain(base);
}
