/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_core_test.c - gRPC core in a process that only the exporter starts it in. */
#include "grpc/grpc_core.h"

#include "batch_double.h"
#include "grpc_server_process.h"
#include "reports.h"

#include <otel/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct grpc_server_process server;

static otel_status export_one(const char *scheme) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    const otel_span_data span = { .trace_id = id, .span_id = id, .name = { "s", 1 }, .scope = &scope };
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "%s://127.0.0.1:%d", scheme, server.port);
    const otel_otlp_options options = { .size = sizeof options, .endpoint = endpoint, .retry_disabled = true };
    otel_exporter *exporter = otel_otlp_grpc_exporter(&options);
    assert_non_null(exporter);
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    otel_status status = batch_double_export(exporter, batch, 0, NULL);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    return status;
}

/* How much came to standard error. */
static long export_and_listen(const char *scheme) {
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    export_one(scheme);
    dup2(before, STDERR_FILENO);
    close(before);
    fseek(file, 0, SEEK_END);
    long len = ftell(file);
    fclose(file);
    return len;
}

static void making_an_exporter_does_not_start_it(void **state) {
    (void)state;
    otel_exporter_destroy(otel_otlp_grpc_exporter(NULL));
    pid_t child = fork();
    if (child == 0)
        _exit(export_one("http") == OTEL_OK ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void what_it_says_goes_to_the_diagnostics(void **state) {
    (void)state;
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(export_and_listen("https"), 0);
    reports_stop();
    assert_true(reports_mention("gRPC core: Handshake failed", NULL));
}

static void a_child_of_who_started_it_may_not(void **state) {
    (void)state;
    assert_int_equal(export_one("http"), OTEL_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(otel__grpc_core_inherited() && !otel__grpc_core_start() ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(export_one("http"), OTEL_OK);
}

static pid_t always;

/* Instead of the C library's: to make process numbers come twice takes a machine of one's own. */
pid_t getpid(void) { return always ? always : (pid_t)syscall(SYS_getpid); }

static void a_child_with_its_number_may_not_either(void **state) {
    (void)state;
    always = getpid();
    assert_int_equal(export_one("http"), OTEL_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(otel__grpc_core_inherited() && !otel__grpc_core_start() ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    always = 0;
    assert_int_equal(status, 0);
}

int main(void) {
    const struct grpc_server_plan plan = { .silent = false };
    unsetenv("GRPC_VERBOSITY");
    server = grpc_server_process_start(&plan);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_an_exporter_does_not_start_it),
        cmocka_unit_test(what_it_says_goes_to_the_diagnostics),
        cmocka_unit_test(a_child_of_who_started_it_may_not),
        cmocka_unit_test(a_child_with_its_number_may_not_either),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    grpc_server_process_stop(&server);
    return failed;
}
