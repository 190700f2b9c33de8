/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - see page.h. */
#include "prometheus/page.h"

#include "base/utf8.h"

#include <stdlib.h>

enum { FIRST = 16 * 1024, MOST = 256 * 1024 * 1024 };

static bool grow(struct otel__page *page, size_t size) {
    size_t capacity = page->capacity > 0 ? page->capacity : FIRST;
    while (capacity <= MOST && capacity - page->len < size)
        capacity *= 2;
    char *text = capacity <= MOST ? realloc(page->text, capacity) : NULL;
    if (!text)
        return false;
    page->text = text;
    page->capacity = capacity;
    return true;
}

void otel__page_bytes(struct otel__page *page, const void *bytes, size_t len) {
    if (len == 0 || page->failed)
        return;
    if (page->capacity - page->len < len && !grow(page, len)) {
        page->failed = true;
        return;
    }
    memcpy(page->text + page->len, bytes, len);
    page->len += len;
}

void otel__page_text(struct otel__page *page, const char *text) { otel__page_bytes(page, text, strlen(text)); }

void otel__page_str(struct otel__page *page, otel_str text) { otel__page_bytes(page, text.ptr, text.len); }

static void escaped_char(struct otel__page *page, const char *at, size_t size, const char *quoted) {
    if (size == 0)
        otel__page_text(page, "\xef\xbf\xbd");
    else if (*at == '\n')
        otel__page_text(page, "\\n");
    else if (*at == '\\' || (*at && strchr(quoted, *at)))
        otel__page_bytes(page, (const char[]){ '\\', *at }, 2);
    else
        otel__page_bytes(page, at, size);
}

void otel__page_escaped(struct otel__page *page, otel_str text, const char *quoted) {
    for (size_t i = 0; i < text.len && !page->failed;) {
        const size_t size = otel__utf8_char(text.ptr + i, text.len - i);
        escaped_char(page, text.ptr + i, size, quoted);
        i += size ? size : 1;
    }
}

void otel__page_free(struct otel__page *page) {
    free(page->text);
    *page = (struct otel__page){ 0 };
}
