/* SPDX-License-Identifier: Apache-2.0 */
/* http_request.c - see http_request.h. */
#include "common/http/http_request.h"

#include "base/clock.h"
#include "base/escape.h"
#include "common/http/http_status.h"

#include <stdio.h>
#include <stdlib.h>

enum { COMPRESS_STEP = 256 * 1024 /* between two looks at whether an export is over */ };

bool otel__http_request_is_over(struct otel__http_client *client, uint64_t deadline,
                                struct otel__export_failure *failure) {
    if (otel__http_cancelled(client))
        failure->status = OTEL_ERR_CANCELLED;
    else if (otel__clock_monotonic() >= deadline)
        otel__export_failure_problem(failure, OTEL_ERR_TIMEOUT, OTEL__HTTP_NO_TIME_LEFT, NULL);
    return failure->status != OTEL_OK;
}

otel_status otel__http_request_encode(struct otel__http_request *request, const struct otel__http_format *format,
                                      const struct otel__http_cargo *cargo, size_t limit) {
    if (!request->encoder && format->encoder_size > 0)
        request->encoder = calloc(1, format->encoder_size);
    if (!request->encoder && format->encoder_size > 0)
        return OTEL_ERR_MEMORY;
    otel__buffer_reset(&request->body, limit);
    const struct otel__http_range part = request->part;
    if (cargo->batch)
        return format->encode(request->encoder, cargo->batch, part.first, part.count, &request->body);
    return format->encode_metrics(cargo->metrics, part.first, part.count, &request->body);
}

bool otel__http_request_compress(struct otel__http_request *request, struct otel__http_client *client,
                                 uint64_t deadline) {
    struct otel__gzip *gzip = &request->gzip;
    const struct otel__buffer *body = &request->body;
    bool fine = otel__gzip_begin(gzip);
    for (const uint8_t *at = body->cursor; fine && at < body->end;) {
        if (otel__http_request_is_over(client, deadline, &request->failure))
            return false;
        size_t left = (size_t)(body->end - at), step = left < COMPRESS_STEP ? left : COMPRESS_STEP;
        fine = otel__gzip_add(gzip, at, step, step == left);
        at += step;
    }
    if (!fine)
        otel__export_failure_memory(&request->failure);
    return fine;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

void otel__http_read_text(const struct otel__http_response *response, char words[OTEL__HTTP_WORDS_SIZE]) {
    otel_str text = otel_strn((const char *)response->body, response->body_len);
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    otel__escape(text, words, OTEL__HTTP_WORDS_SIZE);
}

static const char *find_hint(const struct otel__http_hint *hints, int status) {
    for (; hints->text; hints++)
        if (hints->status == status)
            return hints->text;
    return NULL;
}

static const char *hint_for(const struct otel__http_format *format, int status) {
    static const char moved[] = "Redirects are not followed: set the endpoint to the new address.";
    static const struct otel__http_hint common[] = { { 301, moved },
                                                     { 302, moved },
                                                     { 307, moved },
                                                     { 308, moved },
                                                     { 407, "See http_proxy and HTTPS_PROXY." },
                                                     { 413, "Later requests will be smaller." },
                                                     { 0, NULL } };
    const char *own = find_hint(format->hints, status);
    return own ? own : find_hint(common, status);
}

void otel__http_request_refused(struct otel__http_request *request, const struct otel__http_format *format,
                                const struct otel__http_response *response, const char *words) {
    struct otel__export_failure *failure = &request->failure;
    const char *name = otel__http_status_name(response->status);
    char location[256] = "", pause[2 * sizeof response->retry_after] = "";
    otel__escape(otel_cstr(response->location), location, sizeof location);
    otel__escape(otel_cstr(response->retry_after), pause, sizeof pause);
    const bool moved = response->status >= 300 && response->status < 400 && location[0];
    snprintf(failure->cause, sizeof failure->cause, "HTTP %d%s%s%s%s%s%s%s%s%s", response->status, name[0] ? " " : "",
             name, moved ? " to " : "", moved ? location : "", pause[0] ? " (Retry-After: " : "", pause,
             pause[0] ? ")" : "", words[0] ? ": " : "", words);
    failure->hint = hint_for(format, response->status);
    failure->status = OTEL_ERR_EXPORT;
}

void otel__http_request_free(struct otel__http_request *request, const struct otel__http_format *format) {
    if (request->encoder)
        format->free_encoder(request->encoder);
    free(request->encoder);
    otel__buffer_free(&request->body);
    otel__gzip_free(&request->gzip);
}
