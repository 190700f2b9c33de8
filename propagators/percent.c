/* SPDX-License-Identifier: Apache-2.0 */
/* percent.c - see percent.h. */
#include "percent.h"

static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool otel__is_plain(char c) { return c > ' ' && c <= '~' && c != '"' && c != ',' && c != ';' && c != '\\'; }

bool otel__is_token(otel_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.ptr[i]) && (text.ptr[i] == '\0' || strchr("!#$%&'*+-.^_`|~", text.ptr[i]) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

unsigned otel__percent_digit(char c) {
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10u : 16u;
}

bool otel__is_percent_coded(otel_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if (!otel__is_plain(text.ptr[i])) {
            return false;
        }
        if (text.ptr[i] == '%') {
            if (text.len - i < 3 ||
                (otel__percent_digit(text.ptr[i + 1]) | otel__percent_digit(text.ptr[i + 2])) > 15) {
                return false;
            }
            i += 2;
        }
    }
    return true;
}

void otel__header_put(struct otel__header_text *line, const char *bytes, size_t count) {
    if (line->length + count <= OTEL__HEADER_MOST) {
        memcpy(line->text + line->length, bytes, count);
    }
    line->length += count;
}

void otel__header_encode(struct otel__header_text *line, otel_str text, bool (*plain)(char c)) {
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char byte = (unsigned char)text.ptr[i];
        const char code[] = { '%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15] };
        if (plain(text.ptr[i])) {
            otel__header_put(line, &text.ptr[i], 1);
        } else {
            otel__header_put(line, code, sizeof code);
        }
    }
}
