/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_faults.c - the matrix of faults for gRPC: what strikes, where, and what becomes of an export that meets it. */
#include "outage.h"

#include <otel/grpc.h>
#include <stdio.h>

static otel_exporter *grpc(int port, int timeout_ms) {
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    const otel_otlp_options options = { .size = sizeof options, .endpoint = url, .timeout_ms = timeout_ms };
    return otel_otlp_grpc_exporter(&options);
}

const struct protocol protocols[] = { { "grpc", grpc, counts_add } };
const unsigned protocol_count = sizeof protocols / sizeof *protocols;

void faults_prepare(void) {}

#define ANSWER(name, text, takes, fate)                                                                                \
    { name, { FAULT_ANSWER, FAULT_BEFORE_ANSWER, text, takes }, fate }
#define STATUS(number, name, fate) ANSWER("status " number " " name, number, false, fate)
#define STRIKE(where, point)                                                                                           \
    { "reset " where, { FAULT_RESET, point, NULL, true }, WAITED_OUT },                                                \
        { "closed " where, { FAULT_CLOSE, point, NULL, true }, WAITED_OUT }, {                                         \
        "silence " where, { FAULT_STALL, point, NULL, true }, WAITED_OUT                                               \
    }

const struct row rows[] = {
    { "connection refused", { FAULT_REFUSE, FAULT_AT_CONNECT, NULL, false }, WAITED_OUT },
    { "no answer to SYNs", { FAULT_DEAF, FAULT_AT_CONNECT, NULL, false }, WAITED_OUT },
    STRIKE("right after connecting", FAULT_AT_CONNECT),
    STRIKE("before HTTP/2 has begun", FAULT_IN_HEAD),
    STRIKE("inside the request", FAULT_IN_BODY),
    STRIKE("before the answer", FAULT_BEFORE_ANSWER),
    STRIKE("inside the answer", FAULT_IN_ANSWER_BODY),
    { "something that is no HTTP/2",
      { FAULT_ANSWER, FAULT_AT_CONNECT, "220 mail.example ESMTP\r\n", false },
      WAITED_OUT },
    ANSWER("OK with a web page", "0 page", true, HARMLESS),
    ANSWER("OK that rejects all spans", "0 reject", false, LOST),
    STATUS("1", "CANCELLED", WAITED_OUT),
    STATUS("2", "UNKNOWN", LOST),
    STATUS("3", "INVALID_ARGUMENT", LOST),
    STATUS("4", "DEADLINE_EXCEEDED", WAITED_OUT),
    STATUS("5", "NOT_FOUND", LOST),
    STATUS("6", "ALREADY_EXISTS", LOST),
    STATUS("7", "PERMISSION_DENIED", LOST),
    STATUS("8", "RESOURCE_EXHAUSTED", LOST),
    ANSWER("status 8 RESOURCE_EXHAUSTED, RetryInfo 1 s", "8 1", false, WAITED_OUT),
    STATUS("9", "FAILED_PRECONDITION", LOST),
    STATUS("10", "ABORTED", WAITED_OUT),
    STATUS("11", "OUT_OF_RANGE", WAITED_OUT),
    STATUS("12", "UNIMPLEMENTED", LOST),
    STATUS("13", "INTERNAL", LOST),
    STATUS("14", "UNAVAILABLE", WAITED_OUT),
    ANSWER("status 14 UNAVAILABLE, RetryInfo 1 s", "14 1", false, WAITED_OUT),
    ANSWER("status 14 UNAVAILABLE, RetryInfo 3600 s", "14 3600", false, LOST),
    STATUS("15", "DATA_LOSS", WAITED_OUT),
    STATUS("16", "UNAUTHENTICATED", LOST),
    ANSWER("an answer of more than 4 MiB", "0 large", true, LOST),
};
const unsigned row_count = sizeof rows / sizeof *rows;
