/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_loaded.c - a program that names nothing of libotel-grpc, and need not be linked with it: its spans go over gRPC
 * because the environment says so, from a child that it forks, and then from itself. With the argument `jaeger` as
 * Jaeger's, otherwise as OTLP.
 */
#include "grpc_server_process.h"

#include <otel/sdk.h>
#include <otel/trace.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool failed;

static void check(bool fine, const char *what) {
    if (!fine)
        fprintf(stderr, "process %d: not so: %s\n", (int)getpid(), what);
    failed = failed || !fine;
}

OTEL_TRACER(tracer, "grpc_loaded");

static void record(const char *name) {
    otel_span span = otel_span_start(tracer, OTEL_START(name));
    otel_span_end(&span);
}

static uint64_t exported(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0].exported;
}

/* Leaves by exit(), which flushes what is left: a second request. */
static void be_a_child(void) {
    record("of the child");
    check(otel_sdk_flush(20000) == OTEL_OK, "the child flushes");
    check(exported() == 1, "the child exports its span");
    record("at exit");
    exit(failed ? 1 : 0);
}

static void check_child(void) {
    pid_t child = fork();
    int status = -1;
    if (child == 0)
        be_a_child();
    waitpid(child, &status, 0);
    check(status == 0, "the child of a process that has not exported exports");
}

/* Where to, and how. */
static void set_exporter(bool jaeger, int port) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", port);
    setenv("OTEL_TRACES_EXPORTER", jaeger ? "jaeger" : "otlp", 1);
    setenv(jaeger ? "OTEL_EXPORTER_JAEGER_ENDPOINT" : "OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, 1);
    setenv(jaeger ? "OTEL_EXPORTER_JAEGER_PROTOCOL" : "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
}

int main(int argc, char **argv) {
    const struct grpc_server_plan plan = { .silent = false };
    struct grpc_server_process server = grpc_server_process_start(&plan);
    set_exporter(argc > 1 && strcmp(argv[1], "jaeger") == 0, server.port);
    check(otel_sdk_start(NULL) == OTEL_OK, "the SDK starts");
    check_child();
    record("of the parent");
    check(otel_sdk_flush(20000) == OTEL_OK, "the parent flushes");
    check(exported() == 1, "the parent exports its span");
    otel_sdk_stop(5000);
    int requests = grpc_server_process_stop(&server);
    check(requests == 3, "three requests came over gRPC");
    return failed ? 1 : 0;
}
