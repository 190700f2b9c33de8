/* SPDX-License-Identifier: Apache-2.0 */
/* faults.c - what strikes, where, and what becomes of an export that meets it. */
#include "otlp_json_read.h"
#include "outage.h"

#include <otel/otlp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static otel_exporter *otlp_http(int protocol, int port, int timeout_ms) {
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    const otel_otlp_options options = {
        .size = sizeof options, .endpoint = url, .timeout_ms = timeout_ms, .protocol = protocol
    };
    return otel_otlp_exporter(&options);
}

static otel_exporter *http_protobuf(int port, int timeout_ms) {
    return otlp_http(OTEL_OTLP_HTTP_PROTOBUF, port, timeout_ms);
}

static otel_exporter *http_json(int port, int timeout_ms) { return otlp_http(OTEL_OTLP_HTTP_JSON, port, timeout_ms); }

static bool count_json(struct counts *counts, const uint8_t *body, size_t len) {
    char problem[256] = "";
    uint8_t *bytes = NULL;
    size_t size = 0;
    const bool counted =
        otlp_json_read((const char *)body, len, &bytes, &size, problem) && counts_add(counts, bytes, size);
    free(bytes);
    return counted;
}

const struct protocol protocols[] = {
    { "http/protobuf", http_protobuf, counts_add },
    { "http/json", http_json, count_json },
};
const unsigned protocol_count = sizeof protocols / sizeof *protocols;

/* Its end is a body. */
static char too_long[5 * 1024 * 1024] = "HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n";

void faults_prepare(void) { memset(too_long + strlen(too_long), 'x', sizeof too_long - 1 - strlen(too_long)); }

#define STATUS(status, more) "HTTP/1.1 " status " Whatever\r\n" more "Content-Length: 0\r\n\r\n"
#define REFUSAL(status, fate)                                                                                          \
    { "HTTP " status, { FAULT_ANSWER, FAULT_BEFORE_ANSWER, STATUS(status, ""), false }, fate }
#define STRIKE(where, point)                                                                                           \
    { "reset " where, { FAULT_RESET, point, NULL, true }, WAITED_OUT },                                                \
        { "closed " where, { FAULT_CLOSE, point, NULL, true }, WAITED_OUT }, {                                         \
        "silence " where, { FAULT_STALL, point, NULL, true }, WAITED_OUT                                               \
    }
#define ANSWER(name, text, takes, fate)                                                                                \
    { name, { FAULT_ANSWER, FAULT_BEFORE_ANSWER, text, takes }, fate }

const struct row rows[] = {
    { "connection refused", { FAULT_REFUSE, FAULT_AT_CONNECT, NULL, false }, WAITED_OUT },
    { "no answer to SYNs", { FAULT_DEAF, FAULT_AT_CONNECT, NULL, false }, WAITED_OUT },
    STRIKE("right after connecting", FAULT_AT_CONNECT),
    STRIKE("inside the request's head", FAULT_IN_HEAD),
    STRIKE("before the request's body", FAULT_BEFORE_BODY),
    STRIKE("inside the request's body", FAULT_IN_BODY),
    STRIKE("before the answer", FAULT_BEFORE_ANSWER),
    STRIKE("inside the answer's head", FAULT_IN_ANSWER_HEAD),
    STRIKE("inside the answer's body", FAULT_IN_ANSWER_BODY),
    { "machine gone right after connecting", { FAULT_GONE, FAULT_AT_CONNECT, NULL, true }, WAITED_OUT },
    { "machine gone inside the request's body", { FAULT_GONE, FAULT_IN_BODY, NULL, true }, WAITED_OUT },
    { "machine gone before the answer", { FAULT_GONE, FAULT_BEFORE_ANSWER, NULL, true }, WAITED_OUT },
    { "idle connections reset", { FAULT_RESET, FAULT_AFTER_ANSWER, NULL, true }, HARMLESS },
    { "idle connections closed", { FAULT_CLOSE, FAULT_AFTER_ANSWER, NULL, true }, HARMLESS },
    ANSWER("HTTP 200 with a web page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
           true, HARMLESS),
    ANSWER("HTTP 200 that rejects all spans",
           "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 4\r\n\r\n\x0a\x02\x08\x0a",
           false, LOST),
    ANSWER("HTTP 200 that rejects them in JSON",
           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 41\r\n\r\n"
           "{\"partialSuccess\":{\"rejectedSpans\":\"10\"}}",
           false, LOST),
    ANSWER("HTTP 307", STATUS("307", "Location: http://127.0.0.1:1/\r\n"), false, LOST),
    REFUSAL("400", LOST),
    REFUSAL("401", LOST),
    REFUSAL("404", LOST),
    REFUSAL("408", LOST),
    REFUSAL("413", LOST),
    REFUSAL("429", WAITED_OUT),
    ANSWER("HTTP 429, Retry-After: 1", STATUS("429", "Retry-After: 1\r\n"), false, WAITED_OUT),
    REFUSAL("500", LOST),
    REFUSAL("502", WAITED_OUT),
    REFUSAL("503", WAITED_OUT),
    ANSWER("HTTP 503, Retry-After: 1", STATUS("503", "Retry-After: 1\r\n"), false, WAITED_OUT),
    ANSWER("HTTP 503, Retry-After: 3600", STATUS("503", "Retry-After: 3600\r\n"), false, LOST),
    REFUSAL("504", WAITED_OUT),
    ANSWER("something that is no HTTP", "220 mail.example ESMTP\r\n", false, LOST),
    ANSWER("an answer of more than 4 MiB", too_long, true, LOST),
};
const unsigned row_count = sizeof rows / sizeof *rows;
