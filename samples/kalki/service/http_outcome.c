/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_outcome.c - see http_outcome.h.
 */
#include "service/http_outcome.h"

#include <stdio.h>

void http_outcome_set(const otel_span *span, unsigned status, unsigned fails_from) {
    otel_set(span, "http.response.status_code", status);
    if (status < fails_from)
        return;
    char type[16];
    snprintf(type, sizeof type, "%u", status);
    otel_span_fail(span, type, NULL);
}
