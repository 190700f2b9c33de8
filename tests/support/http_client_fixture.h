/* SPDX-License-Identifier: Apache-2.0 */
/* http_client_fixture.h - an HTTP client and a server for it. */
#ifndef HTTP_CLIENT_FIXTURE_H
#define HTTP_CLIENT_FIXTURE_H

#include "common/http/http_client.h"

#include "base/clock.h"
#include "http_double.h"
#include "http_post.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define START(...)                                                                                                     \
    http_double_start((const struct http_step[]){ __VA_ARGS__ },                                                       \
                      sizeof((const struct http_step[]){ __VA_ARGS__ }) / sizeof(struct http_step))

static const struct otel__http_header two_headers[] = {
    { { "Authorization", 13 }, { "Basic abc", 9 } },
    { { "Content-Type", 12 }, { "text/plain", 10 } },
    { { "X-Empty", 7 }, { NULL, 0 } },
};

static struct otel__http_client *client_for_limit(const char *url, size_t response_limit) {
    struct otel__http_settings settings = { .url = url,
                                            .content_type = "application/x-protobuf",
                                            .user_agent = "Test/1",
                                            .headers = two_headers,
                                            .header_count = 3,
                                            .response_limit = response_limit };
    otel_error error;
    struct otel__http_client *client = otel__http_create(&settings, &error);
    if (!client)
        fail_msg("%s", error.text);
    return client;
}

static struct otel__http_client *client_for(http_double *server) {
    return client_for_limit(http_double_url(server, "/v1/traces?q=1"), 4096);
}

static uint64_t in_ms(uint64_t ms) { return otel__clock_monotonic() + ms * OTEL__MILLISECOND; }

static enum otel__http_result post(struct otel__http_client *client) {
    return http_post(client, "hello", 5, in_ms(20000));
}

static void assert_header(http_double *server, size_t index, const char *name, const char *expected) {
    char *value = http_double_header(server, index, name);
    if (expected)
        assert_string_equal(value ? value : "(absent)", expected);
    else
        assert_null(value);
    free(value);
}

#endif
