/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_negotiate.c - hostile values of Accept and Accept-Encoding. Whatever it is: one of our formats is the answer, and
 * the same each time.
 */
#include "must.h"
#include "prometheus/negotiate.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *const text = strndup((const char *)data, size);
    MUST(text != NULL);
    const struct otel__answer_type type = otel__negotiate(text);
    const char *const begins = type.openmetrics ? "application/openmetrics-text; version=" : "text/plain; version=";
    MUST(strncmp(type.content_type, begins, strlen(begins)) == 0);
    MUST(otel__negotiate(text).content_type == type.content_type);
    if (otel__accepts_gzip(text))
        MUST(strcasestr(text, "gzip") != NULL || strchr(text, '*') != NULL);
    free(text);
    return 0;
}
