/* SPDX-License-Identifier: Apache-2.0 */
/* http_post.h - one request from its beginning to its end, for tests of the HTTP client. */
#ifndef HTTP_POST_H
#define HTTP_POST_H

#include "common/http/http_client.h"

/* Sends the `len` bytes in the first lane, until `deadline` at the latest, and receives the response. */
static inline enum otel__http_result http_post(struct otel__http_client *client, const void *body, size_t len,
                                               uint64_t deadline) {
    unsigned lane = 0;
    enum otel__http_result result = otel__http_begin(client, 0, body, len, deadline);
    if (result != OTEL__HTTP_UNDER_WAY)
        return result;
    result = otel__http_run(client, deadline, &lane);
    if (result == OTEL__HTTP_UNDER_WAY || result == OTEL__HTTP_CANCELLED)
        otel__http_give_up(client, 0);
    return result == OTEL__HTTP_UNDER_WAY ? OTEL__HTTP_TIMED_OUT : result;
}

static inline const struct otel__http_response *http_response(const struct otel__http_client *client) {
    return otel__http_response(client, 0);
}

#endif
