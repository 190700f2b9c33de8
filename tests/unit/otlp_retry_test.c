/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_retry_test.c - the OTLP exporter against servers whose failures pass. */
#include "base/clock.h"
#include "otlp_scene.h"
#include "reports.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void transient_failures_are_retried_with_the_same_bytes(void **state) {
    (void)state;
    static const struct http_step steps[][2] = {
        { { .status = 503 }, { .status = 200 } },
        { { .status = 429, .headers = "Retry-After: nonsense\r\n" }, { .status = 200 } },
        { { .status = 502, .headers = "Content-Type: text/html\r\n", .body = "<html>" }, { .status = 200 } },
        { { .status = 504 }, { .status = 200 } },
        { { .action = HTTP_RESET_ON_CONNECT }, { .status = 200 } },
        { { .action = HTTP_RESET }, { .status = 200 } },
        { { .action = HTTP_CLOSE }, { .status = 200 } },
        { { .action = HTTP_RESET_INSIDE_ANSWER, .body = "a longer answer" }, { .status = 200 } },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct scene scene = scene_begin(steps[i], 2);
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        assert_int_equal(http_double_requests(scene.server), 2);
        assert_true(scene_reported(OTEL_LOG_DEBUG, "attempt 1 "));
        assert_int_equal(reports_count(), 1);
        size_t first_len, len;
        const uint8_t *first = http_double_body(scene.server, 0, &first_len);
        const uint8_t *second = http_double_body(scene.server, 1, &len);
        assert_true(len > 0);
        if (steps[i][0].action != HTTP_RESET_ON_CONNECT) {
            assert_int_equal(len, first_len);
            assert_memory_equal(first, second, len);
        }
        scene_end(&scene);
    }
}

static void retry_after_is_a_floor(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 429, .headers = "Retry-After: 1\r\n" }, { .status = 200 }));
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= OTEL__SECOND);
    scene_end(&scene);
}

/* Neither waited for nor forgotten: the next export sends nothing either. */
static void a_retry_after_beyond_the_bound(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503, .headers = "Retry-After: 3600\r\n" }, { .status = 200 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 503 Service Unavailable (Retry-After: 3600)"));
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "the server asked for a pause, of which "));
    assert_int_equal(http_double_requests(scene.server), 1);
    scene_end(&scene);
}

static void a_short_pause_holds_for_the_next_export(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503, .headers = "Retry-After: 3\r\n" }, { .status = 200 }));
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 2900, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= 3 * OTEL__SECOND);
    scene_end(&scene);
}

/* Each of these exports has time for one attempt, and is lost. */
static void export_in_vain(struct scene *scene, unsigned times) {
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(batch_double_export(scene->exporter, scene->batch, 200, NULL), OTEL_ERR_EXPORT);
}

/* 429 and 503 ask for fewer requests also where they do not say for how long. */
static void a_throttling_server_slows_the_next_export(void **state) {
    (void)state;
    static const int statuses[] = { 429, 503 };
    for (size_t i = 0; i < 2; i++) {
        struct scene scene = scene_begin(STEPS({ .status = statuses[i] }, { .status = 200 }));
        uint64_t before = otel__clock_monotonic();
        export_in_vain(&scene, 1);
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        assert_true(otel__clock_monotonic() - before >= 250 * OTEL__MILLISECOND);
        assert_int_equal(http_double_requests(scene.server), 2);
        scene_end(&scene);
    }
}

/* The third in a row asks for 2 s, from which the jitter takes a half at most. */
static void the_waits_grow_from_export_to_export(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503 }, { .status = 503 }, { .status = 503 }, { .status = 200 }));
    export_in_vain(&scene, 3);
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= 900 * OTEL__MILLISECOND);
    scene_end(&scene);
}

/* As above, but with less time than the wait would take. */
static void a_slowed_export_keeps_time_for_an_attempt(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503 }, { .status = 503 }, { .status = 503 }, { .status = 200 }));
    export_in_vain(&scene, 3);
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 900, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 4);
    scene_end(&scene);
}

/* Whether it ends in a wait or in an attempt, the report names what the server said. */
static void the_bound_ends_the_attempts(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503 }));
    assert_int_not_equal(batch_double_export(scene.exporter, scene.batch, 4000, NULL), OTEL_OK);
    assert_true(http_double_requests(scene.server) >= 2);
    assert_true(scene_reported(OTEL_LOG_WARN, "20 spans could not be sent to http://127.0.0.1:"));
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 503 Service Unavailable ("));
    assert_true(scene_reported(OTEL_LOG_WARN, " attempts)"));
    scene_end(&scene);
}

static void time_is_up_in_a_later_attempt(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503 }, { .action = HTTP_STALL }));
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 4000, NULL), OTEL_ERR_TIMEOUT);
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 503 Service Unavailable (2 attempts)"));
    scene_end(&scene);
}

static void *cancel_at_first_wait(void *argument) {
    struct scene *scene = argument;
    while (!scene_reported(OTEL_LOG_DEBUG, "trying again in"))
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    batch_double_ops(scene->exporter)->cancel(batch_double_self(scene->exporter));
    return NULL;
}

/* The server asks for a pause, and the exporter says by waiting or not whether its bound lies beyond. */
static void assert_waits(struct scene *scene) {
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_at_first_wait, scene);
    assert_int_equal(scene_export(scene, NULL), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
}

/* Loses the server and writes how long it waits first, in ms. */
static bool tell_first_wait(struct scene *scene, int out) {
    const char *wait = NULL;
    unsigned ms = 0;
    scene_send_to(scene, http_double_url(scene->server, "/"), 1500);
    scene_export(scene, NULL);
    for (size_t i = 0; !wait && i < reports_count(); i++)
        wait = strstr(reports_text(i), "trying again in ");
    return wait && sscanf(wait, "trying again in %u ms", &ms) == 1 && write(out, &ms, sizeof ms) == (ssize_t)sizeof ms;
}

/* Processes that are started together and lose the same server must not come back to it all at once. */
static void first_waits_of_processes_differ(void **state) {
    (void)state;
    enum { PROCESSES = 6 };
    struct scene scene = scene_begin(STEPS({ .status = 503 }));
    pid_t children[PROCESSES];
    unsigned waits[PROCESSES], different = 0;
    int ends[2], result = -1;
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(tell_first_wait(&scene, ends[1]) ? 0 : 1);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(result, 0);
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        assert_int_equal(read(ends[0], &waits[i], sizeof waits[i]), sizeof waits[i]);
        assert_in_range(waits[i], 250, 750);
        different += waits[i] != waits[0];
    }
    assert_true(different > 0); /* by chance they are the same once in 500 to the fifth */
    close(ends[0]);
    close(ends[1]);
    scene_end(&scene);
}

static void the_settings_bound_an_export(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503, .headers = "Retry-After: 90\r\n" }));
    scene_send_to(&scene, http_double_url(scene.server, "/"), 120000);
    assert_waits(&scene);
    scene_send_to(&scene, http_double_url(scene.server, "/"), 80000);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    scene_send_to(&scene, http_double_url(scene.server, "/"), 120000);
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 80000, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 3); /* none came after a wait of 90 s */
    scene_end(&scene);
}

static void without_a_bound_there_is_one_of_60_s(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 503, .headers = "Retry-After: 55\r\n" },
                                           { .status = 503, .headers = "Retry-After: 65\r\n" }));
    scene_send_to(&scene, http_double_url(scene.server, "/"), 0);
    assert_waits(&scene);
    scene_send_to(&scene, http_double_url(scene.server, "/"), 0);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transient_failures_are_retried_with_the_same_bytes),
        cmocka_unit_test(retry_after_is_a_floor),
        cmocka_unit_test(a_retry_after_beyond_the_bound),
        cmocka_unit_test(a_short_pause_holds_for_the_next_export),
        cmocka_unit_test(a_throttling_server_slows_the_next_export),
        cmocka_unit_test(the_waits_grow_from_export_to_export),
        cmocka_unit_test(a_slowed_export_keeps_time_for_an_attempt),
        cmocka_unit_test(the_bound_ends_the_attempts),
        cmocka_unit_test(time_is_up_in_a_later_attempt),
        cmocka_unit_test(first_waits_of_processes_differ),
        cmocka_unit_test(the_settings_bound_an_export),
        cmocka_unit_test(without_a_bound_there_is_one_of_60_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
