/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_otlp_response.c - hostile answers of an OTLP server. The first byte of the input picks status and media type, the
 * others are the body. Whatever it is: the words for the log are one clean line, only a success refuses spans, and
 * only a success can be of something other than an OTLP server.
 */
#include "must.h"
#include "otlp/otlp_response.h"

#include <stdio.h>

static const int statuses[] = { 200, 204, 299, 300, 400, 413, 429, 503 };
static const char *const types[] = {
    "application/x-protobuf",   "application/x-protobuf; charset=utf-8", "application/json", "text/html", "text/", "",
    "application/x-protobuffy",
};

static void check_message(const char *message, size_t room) {
    const size_t len = strnlen(message, room);
    MUST(len < room);
    for (size_t i = 0; i < len; i++) {
        MUST((unsigned char)message[i] >= 0x20 && message[i] != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t pick = size > 0 ? data[0] : 0;
    struct otel__http_response response = { .status = statuses[pick % 8], .body_len = size > 0 ? size - 1 : 0 };
    snprintf(response.content_type, sizeof response.content_type, "%s", types[pick / 8 % 7]);
    response.body = malloc(response.body_len); /* to the byte, so that reading on is seen */
    MUST(response.body != NULL || response.body_len == 0);
    if (response.body_len > 0) {
        memcpy(response.body, data + 1, response.body_len);
    }
    struct otel__otlp_answer answer;
    otel__otlp_read_answer(&response, &answer);
    const bool success = response.status >= 200 && response.status < 300;
    check_message(answer.message, sizeof answer.message);
    MUST(success || (answer.rejected == 0 && !answer.foreign));
    MUST(!answer.foreign || (answer.rejected == 0 && answer.message[0] == '\0'));
    MUST(answer.rejected <= INT64_MAX);
    free(response.body);
    return 0;
}
