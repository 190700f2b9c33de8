/* SPDX-License-Identifier: Apache-2.0 */
/* kalki_health_test.c - checks and what is made of them, with one that hangs. */
#include "service/health.h"
#include "service/moment.h"

#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A check that finds what it is told to, once it is let go. */
struct told {
    enum measured_health status;
    atomic_bool hangs;
    atomic_uint runs;
};

static void find(void *data, struct health_report *report) {
    struct told *told = data;
    told->runs++;
    while (told->hangs)
        usleep(1000);
    report->status = told->status;
    report->error = told->status == MEASURED_HEALTHY ? NULL : "so \"said\"";
    text_addf(&report->fields, "\"runs\":%u", told->runs);
}

/* What the metric was set to last, in place of measures.c. */
static _Atomic int measured = -1;
void __wrap_measure_health(enum measured_health health);
void __wrap_measure_health(enum measured_health health) { measured = (int)health; }

struct world {
    struct told critical, other;
    struct health *health;
};

static int open_world(void **state) {
    struct world *world = calloc(1, sizeof *world);
    world->critical.status = world->other.status = MEASURED_HEALTHY;
    const struct health_check checks[] = {
        { .name = "critical", .critical = true, .run = find, .data = &world->critical },
        { .name = "other", .run = find, .data = &world->other },
    };
    world->health = health_open("kalki-test", checks, 2);
    *state = world;
    return world->health ? 0 : -1;
}

static int close_world(void **state) {
    struct world *world = *state;
    health_close(world->health);
    free(world);
    return 0;
}

/* The answer of a handler; its status must be the one wanted. */
static json_t *answer_of(http_handler handler, struct health *health, unsigned status) {
    struct http_answer answer = { .status = 0 };
    handler(health, NULL, &answer);
    json_t *json = json_loadb(answer.body.bytes, answer.body.length, 0, NULL);
    text_free(&answer.body);
    assert_int_equal(answer.status, status);
    assert_non_null(json);
    return json;
}

static const char *text_at(const json_t *json, const char *key) {
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

static void assert_health(struct world *world, enum measured_health critical, enum measured_health other,
                          const char *status, unsigned code, unsigned ready) {
    world->critical.status = critical;
    world->other.status = other;
    json_t *json = answer_of(health_answer, world->health, code);
    assert_string_equal(text_at(json, "status"), status);
    json_decref(json);
    json_decref(answer_of(health_answer_ready, world->health, ready));
    json_decref(answer_of(health_answer_live, world->health, 200));
}

static void the_worst_of_the_critical_checks_counts(void **state) {
    const enum measured_health good = MEASURED_HEALTHY, poor = MEASURED_DEGRADED, bad = MEASURED_UNHEALTHY;
    assert_health(*state, good, good, "healthy", 200, 200);
    assert_health(*state, good, poor, "degraded", 200, 200);
    assert_health(*state, good, bad, "degraded", 200, 200);
    assert_health(*state, poor, good, "degraded", 200, 200);
    assert_health(*state, bad, good, "unhealthy", 503, 503);
    assert_health(*state, bad, bad, "unhealthy", 503, 503);
}

/* The alerts go by the metric, and probes may be the only ones who ask. */
static void whoever_asks_sets_the_metric(void **state) {
    struct world *world = *state;
    measured = -1;
    json_decref(answer_of(health_answer_live, world->health, 200));
    assert_int_equal(measured, -1);
    json_decref(answer_of(health_answer_ready, world->health, 200));
    assert_int_equal(measured, MEASURED_HEALTHY);
    world->critical.status = MEASURED_UNHEALTHY;
    json_decref(answer_of(health_answer_ready, world->health, 503));
    assert_int_equal(measured, MEASURED_UNHEALTHY);
    world->critical.status = MEASURED_DEGRADED;
    json_decref(answer_of(health_answer, world->health, 200));
    assert_int_equal(measured, MEASURED_DEGRADED);
}

static void each_check_is_told(void **state) {
    struct world *world = *state;
    world->other.status = MEASURED_UNHEALTHY;
    json_t *json = answer_of(health_answer, world->health, 200);
    assert_string_equal(text_at(json, "service"), "kalki-test");
    assert_int_equal(strlen(text_at(json, "timestamp")), strlen("2026-11-28T21:31:23.000Z"));
    assert_string_not_equal(text_at(json, "version"), "");
    const json_t *checks = json_object_get(json, "checks"), *other = json_object_get(checks, "other");
    assert_string_equal(text_at(json_object_get(checks, "critical"), "status"), "healthy");
    assert_null(json_object_get(json_object_get(checks, "critical"), "error"));
    assert_string_equal(text_at(other, "status"), "unhealthy");
    assert_string_equal(text_at(other, "error"), "so \"said\"");
    assert_int_equal(json_integer_value(json_object_get(other, "runs")), 1);
    assert_true(json_is_real(json_object_get(other, "response_ms")));
    json_decref(json);
}

static void every_answer_rests_on_a_new_look(void **state) {
    struct world *world = *state;
    for (unsigned i = 1; i <= 3; i++) {
        json_decref(answer_of(health_answer, world->health, 200));
        assert_int_equal(world->critical.runs, i);
    }
}

static void a_check_that_hangs_fails_and_holds_nobody_up(void **state) {
    struct world *world = *state;
    world->critical.hangs = true;
    for (int i = 0; i < 2; i++) {
        struct timespec begin = moment_now();
        json_t *json = answer_of(health_answer, world->health, 503);
        double seconds = moment_seconds_since(&begin);
        const json_t *critical = json_object_get(json_object_get(json, "checks"), "critical");
        assert_string_equal(text_at(critical, "error"), "no answer in time");
        json_decref(json);
        printf("measured: /health with a check that hangs: %.2f s\n", seconds);
        assert_true(seconds < 2); /* as documented */
    }
    assert_int_equal(world->critical.runs, 1); /* and not one more for each who asks */
    world->critical.hangs = false;
    json_decref(answer_of(health_answer, world->health, 200));
}

static void *ask(void *health) {
    struct http_answer answer = { .status = 0 };
    for (int i = 0; i < 200; i++) {
        health_answer(health, NULL, &answer);
        text_free(&answer.body);
    }
    return NULL;
}

static void many_may_ask_at_once(void **state) {
    struct world *world = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, world->health), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(world->critical.runs, 1, 800);
}

static void a_service_that_stops_lives_but_is_not_ready(void **state) {
    struct world *world = *state;
    health_stopping(world->health);
    json_t *json = answer_of(health_answer_ready, world->health, 503);
    assert_string_equal(text_at(json, "status"), "stopping");
    json_decref(json);
    json_decref(answer_of(health_answer_live, world->health, 200));
    json_decref(answer_of(health_answer, world->health, 200));
}

static void the_file_system_is_written_to(void **state) {
    char folder[] = "/tmp/kalki-health-test-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(folder));
    struct health_report report = { .status = MEASURED_HEALTHY };
    health_check_file_system(folder, &report);
    assert_int_equal(report.status, MEASURED_HEALTHY);
    assert_non_null(strstr(report.fields.bytes, "\"writable\":true"));
    assert_non_null(strstr(report.fields.bytes, "\"free_bytes\":"));
    assert_null(strstr(report.fields.bytes, "\"free_bytes\":0,"));
    text_free(&report.fields);
    assert_int_equal(rmdir(folder), 0); /* nothing is left in it */
    health_check_file_system(folder, &report);
    assert_int_equal(report.status, MEASURED_UNHEALTHY);
    assert_non_null(strstr(report.fields.bytes, "\"writable\":false"));
    text_free(&report.fields);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_WORLD(the_worst_of_the_critical_checks_counts),
        IN_WORLD(whoever_asks_sets_the_metric),
        IN_WORLD(each_check_is_told),
        IN_WORLD(every_answer_rests_on_a_new_look),
        IN_WORLD(a_check_that_hangs_fails_and_holds_nobody_up),
        IN_WORLD(many_may_ask_at_once),
        IN_WORLD(a_service_that_stops_lives_but_is_not_ready),
        cmocka_unit_test(the_file_system_is_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
