/* SPDX-License-Identifier: Apache-2.0 */
/* Received text, made safe to show. */
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const uint32_t replacement = 0xFFFD;
static const char replacement_utf8[] = "\xEF\xBF\xBD";

static bool is_continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Length and smallest code point of the sequence that a lead byte announces; length 0 for other bytes. */
static size_t sequence_length(uint8_t lead, uint32_t *smallest) {
    if (lead >= 0xC2 && lead <= 0xDF) {
        *smallest = 0x80;
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *smallest = 0x800;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *smallest = 0x10000;
        return 4;
    }
    return 0;
}

size_t view_utf8_next(const uint8_t *text, size_t len, uint32_t *code_point) {
    if (text[0] < 0x80) {
        *code_point = text[0];
        return 1;
    }
    uint32_t smallest = 0;
    size_t count = sequence_length(text[0], &smallest);
    *code_point = replacement;
    if (count == 0 || count > len) {
        return 1;
    }
    uint32_t value = text[0] & (0xFFu >> (count + 1));
    for (size_t i = 1; i < count; i++) {
        if (!is_continuation(text[i])) {
            return 1;
        }
        value = value << 6 | (text[i] & 0x3Fu);
    }
    if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 1;
    }
    *code_point = value;
    return count;
}

char *view_utf8_repair(const uint8_t *text, size_t len, size_t *repaired_len) {
    char *copy = NULL;
    FILE *out = open_memstream(&copy, repaired_len);
    if (!out) {
        return NULL;
    }
    for (size_t at = 0; at < len;) {
        uint32_t code_point;
        size_t count = view_utf8_next(text + at, len - at, &code_point);
        if (code_point == replacement && count == 1) {
            fputs(replacement_utf8, out);
        } else {
            fwrite(text + at, 1, count, out);
        }
        at += count;
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(copy);
        return NULL;
    }
    return copy;
}

/* One code point as it is shown. */
struct unit {
    char bytes[16];
    size_t len;
    size_t columns;
};

/* Characters that reorder or hide what stands around them. */
static bool is_deceptive(uint32_t c) {
    return (c >= 0x200B && c <= 0x200C) || (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0x061C || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

static void escape_unit(struct unit *unit, uint32_t code_point) {
    int written;
    switch (code_point) {
    case '\n':
        written = snprintf(unit->bytes, sizeof unit->bytes, "\\n");
        break;
    case '\r':
        written = snprintf(unit->bytes, sizeof unit->bytes, "\\r");
        break;
    case '\t':
        written = snprintf(unit->bytes, sizeof unit->bytes, "\\t");
        break;
    default:
        written =
            snprintf(unit->bytes, sizeof unit->bytes, code_point < 0x80 ? "\\x%02x" : "\\u{%x}", (unsigned)code_point);
    }
    unit->len = (size_t)written;
    unit->columns = unit->len;
}

/* Fills the unit for the front of the text and returns the bytes that it stands for. */
static size_t next_unit(const uint8_t *text, size_t len, bool utf8, struct unit *unit) {
    uint32_t code_point;
    size_t count = view_utf8_next(text, len, &code_point);
    bool ill_formed = code_point == replacement && count == 1;
    if (code_point >= 0x20 && code_point < 0x7F) {
        *unit = (struct unit){ .bytes = { (char)code_point }, .len = 1, .columns = 1 };
        return count;
    }
    if (ill_formed) {
        int written = snprintf(unit->bytes, sizeof unit->bytes, "\\x%02x", text[0]);
        unit->len = unit->columns = (size_t)written;
        return 1;
    }
    int columns = utf8 && code_point >= 0xA0 && !is_deceptive(code_point) ? wcwidth((wchar_t)code_point) : -1;
    if (columns < 0) {
        escape_unit(unit, code_point);
        return count;
    }
    memcpy(unit->bytes, text, count);
    unit->len = count;
    unit->columns = (size_t)columns;
    return count;
}

/* Characters without a width could go on for ever inside one column. */
static size_t most_bytes(size_t columns) { return columns > SIZE_MAX / 8 ? SIZE_MAX : columns * 8; }

/* Walks the text as far as it fits; writes it when `out` is given. Returns the columns, and through `whole` whether
 * nothing was left over. */
static size_t walk(FILE *out, const uint8_t *text, size_t len, size_t max_columns, bool utf8, bool *whole) {
    size_t columns = 0;
    size_t written = 0;
    *whole = true;
    for (size_t at = 0; at < len;) {
        struct unit unit;
        size_t count = next_unit(text + at, len - at, utf8, &unit);
        if (unit.columns > max_columns - columns || unit.len > most_bytes(max_columns) - written) {
            *whole = false;
            return columns;
        }
        if (out) {
            fwrite(unit.bytes, 1, unit.len, out);
        }
        columns += unit.columns;
        written += unit.len;
        at += count;
    }
    return columns;
}

size_t view_text_columns(const uint8_t *text, size_t len, size_t max_columns, bool utf8) {
    bool whole;
    size_t columns = walk(NULL, text, len, max_columns, utf8, &whole);
    return whole ? columns : max_columns;
}

size_t view_text_put(FILE *out, const uint8_t *text, size_t len, size_t max_columns, bool utf8) {
    const char *ellipsis = utf8 ? "…" : "..";
    size_t ellipsis_columns = utf8 ? 1 : 2;
    bool whole;
    size_t columns = walk(NULL, text, len, max_columns, utf8, &whole);
    if (whole) {
        walk(out, text, len, max_columns, utf8, &whole);
        return columns;
    }
    if (max_columns < ellipsis_columns) {
        return 0;
    }
    columns = walk(out, text, len, max_columns - ellipsis_columns, utf8, &whole);
    fputs(ellipsis, out);
    return columns + ellipsis_columns;
}
