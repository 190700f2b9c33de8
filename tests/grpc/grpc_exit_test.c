/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_exit_test.c - processes that exit, or fork, at any moment of an export over gRPC: none crashes or hangs, whether the
 * exit finds the worker in a call, the server answers or not.
 */
#include "authority.h"
#include "grpc_server_process.h"

#include "base/clock.h"
#include "sanitizers.h"

#include <otel/sdk.h>
#include <otel/trace.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = UNDER_TSAN ? 5 : UNDER_ASAN ? 12 : 60, THREADS = 2, LONGEST_S = 60 };

OTEL_TRACER(tracer, "grpc_exit_test");

static char folder[] = "/tmp/grpc_exit_XXXXXX", ca[64], key[64], certificate[64];
static char *key_text, *certificate_text;

/* ---- what the processes do --------------------------------------------------------------------------------------- */

static void *record_for_ever(void *unused) {
    (void)unused;
    for (;;) {
        otel_span span = otel_span_start(tracer, OTEL_START("span"));
        otel_span_end(&span);
        usleep(300);
    }
    return NULL;
}

static void start_threads(const struct grpc_server_process *server, const char *scheme) {
    char endpoint[64];
    pthread_t thread;
    snprintf(endpoint, sizeof endpoint, "%s://127.0.0.1:%d", scheme, server->port);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint, 1);
    if (otel_sdk_start(NULL) != OTEL_OK)
        _exit(2);
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, record_for_ever, NULL) != 0)
            _exit(3);
}

static otel_ledger_processor counts(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0];
}

/* Where there will be no answer, an export is under way by then. */
static void exit_in_the_middle(const struct grpc_server_process *server, const char *scheme, unsigned round,
                               bool silent) {
    alarm(LONGEST_S);
    start_threads(server, scheme);
    while (silent && counts().in_flight == 0)
        usleep(1000);
    usleep(round * 977 % 40000);
    exit(0);
}

/* In a child of an exporting process: its span is lost, and counted so. */
static void be_a_grandchild(void) {
    alarm(LONGEST_S);
    const otel_ledger_processor before = counts();
    otel_span span = otel_span_start(tracer, OTEL_START("lost"));
    otel_span_end(&span);
    otel_sdk_flush(10000);
    const otel_ledger_processor after = counts();
    exit(after.exported == before.exported && after.dropped_failed == before.dropped_failed + 1 ? 0 : 4);
}

static void fork_in_the_middle(const struct grpc_server_process *server, const char *scheme) {
    alarm(LONGEST_S);
    start_threads(server, scheme);
    while (counts().exported == 0)
        usleep(1000);
    for (unsigned round = 0; round < ROUNDS; round++) {
        usleep(round * 977 % 5000);
        pid_t child = fork();
        int status = -1;
        if (child == 0)
            be_a_grandchild();
        if (waitpid(child, &status, 0) != child || status != 0)
            _exit(5);
    }
    exit(otel_sdk_flush(10000) == OTEL_OK ? 0 : 6);
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static double ms_since(uint64_t before) { return (double)(otel__clock_monotonic() - before) / 1e6; }

static void assert_ends_well(pid_t child, const char *what) {
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status != 0)
        fail_msg("%s: ended with the wait status %#x", what, (unsigned)status);
}

static void check_exits(const struct grpc_server_plan *plan, const char *scheme, unsigned rounds) {
    double longest = 0;
    struct grpc_server_process server = grpc_server_process_start(plan);
    assert_true(server.port > 0);
    for (unsigned round = 0; round < rounds; round++) {
        uint64_t before = otel__clock_monotonic();
        pid_t child = fork();
        if (child == 0)
            exit_in_the_middle(&server, scheme, round, plan->silent);
        assert_ends_well(child, scheme);
        longest = ms_since(before) > longest ? ms_since(before) : longest;
    }
    const int requests = grpc_server_process_stop(&server);
    printf("measured: %s%s: %u exits under load, the longest life %.0f ms, %d requests\n", scheme,
           plan->silent ? ", no answer" : "", rounds, longest, requests);
    assert_true(requests > 0);
}

static void exits_find_the_worker_in_a_call(void **state) {
    (void)state;
    const struct grpc_server_plan plan = { .silent = false };
    check_exits(&plan, "http", ROUNDS);
}

static void exits_find_the_worker_in_tls(void **state) {
    (void)state;
    const struct grpc_server_plan plan = { .certificate = certificate_text, .key = key_text };
    check_exits(&plan, "https", ROUNDS);
}

static void exits_do_not_wait_for_a_server_for_ever(void **state) {
    (void)state;
    const struct grpc_server_plan plan = { .silent = true };
    check_exits(&plan, "http", 2);
}

static void children_of_an_exporting_process_lose_their_spans_only(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    const struct grpc_server_plan plans[] = { { .silent = false },
                                              { .certificate = certificate_text, .key = key_text } };
    for (size_t i = 0; i < 2; i++) {
        struct grpc_server_process server = grpc_server_process_start(&plans[i]);
        pid_t child = fork();
        if (child == 0)
            fork_in_the_middle(&server, i == 0 ? "http" : "https");
        assert_ends_well(child, "a process that forks");
        assert_true(grpc_server_process_stop(&server) > 0);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static char *read_text(const char *path) {
    char *text = calloc(1, 8192);
    FILE *file = fopen(path, "r");
    if (!text || !file || fread(text, 1, 8191, file) == 0)
        abort();
    fclose(file);
    return text;
}

static void make_files(void) {
    if (!mkdtemp(folder))
        abort();
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
    struct identity authority = authority_create("authority");
    struct identity server = authority_issue(&authority, "server", "IP:127.0.0.1", -60, 3600);
    write_certificate(ca, &authority);
    write_certificate(certificate, &server);
    write_key(key, &server, NULL);
    key_text = read_text(key);
    certificate_text = read_text(certificate);
    identity_free(&authority);
    identity_free(&server);
}

static void remove_files(void) {
    unlink(ca);
    unlink(key);
    unlink(certificate);
    rmdir(folder);
    free(key_text);
    free(certificate_text);
}

int main(void) {
    make_files();
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", ca, 1);
    setenv("OTEL_SERVICE_NAME", "grpc_exit_test", 1);
    setenv("OTEL_BSP_SCHEDULE_DELAY", "1", 1);
    setenv("OTEL_LOG_LEVEL", "none", 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exits_find_the_worker_in_a_call),
        cmocka_unit_test(exits_find_the_worker_in_tls),
        cmocka_unit_test(exits_do_not_wait_for_a_server_for_ever),
        cmocka_unit_test(children_of_an_exporting_process_lose_their_spans_only),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_files();
    return failed;
}
