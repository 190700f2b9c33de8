/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - the text of an answer while it grows.
 *
 * When memory is short or the page passes 256 MiB it fails, and takes nothing more: the writer looks at `failed` once, at
 * its end. Half an answer would be taken for a whole one. One thread at a time.
 */
#ifndef OTEL_PROMETHEUS_PAGE_H
#define OTEL_PROMETHEUS_PAGE_H

#include <otel/types.h>

struct otel__page {
    char *text; /* not NUL-terminated */
    size_t len, capacity;
    bool failed;
};

void otel__page_bytes(struct otel__page *page, const void *bytes, size_t len);
void otel__page_text(struct otel__page *page, const char *text);
void otel__page_str(struct otel__page *page, otel_str text);
/*
 * Foreign text: a backslash, a line feed and the characters of `quoted` get a backslash, and a byte that is not UTF-8
 * becomes U+FFFD.
 */
void otel__page_escaped(struct otel__page *page, otel_str text, const char *quoted);
void otel__page_free(struct otel__page *page);

#endif
