/* SPDX-License-Identifier: Apache-2.0 */
/* id_generator_custom_test.c - ids from a generator of the user's own. */
#include "id_generator_custom.h"

#include "failing_allocator.h"
#include "reports.h"
#include "sanitizers.h"
#include "span_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

static struct {
    unsigned traces, spans, destroyed;
    bool zeros;
    bool starts_spans;
} made;

static void trace_id(void *self, uint8_t out[16]) {
    (void)self;
    made.traces++;
    for (unsigned i = 0; i < 16; i++)
        out[i] = made.zeros ? 0 : (uint8_t)(0xa0 + i);
    errno = EPIPE;
}

static void span_id(void *self, uint8_t out[8]) {
    (void)self;
    made.spans++;
    memset(out, 0, 8);
    out[7] = made.zeros ? 0 : (uint8_t)made.spans;
    if (made.starts_spans) {
        const otel_span span = otel_span_start(lib, OTEL_START("within"));
        otel_span_end(&span);
    }
    errno = EPIPE;
}

static void destroy(void *self) { *(unsigned *)self += 1; }

static const otel_id_generator_ops all = {
    .size = sizeof all, .trace_id = trace_id, .span_id = span_id, .destroy = destroy
};

static int begin(void **state) {
    (void)state;
    memset(&made, 0, sizeof made);
    return 0;
}

static int stop(void **state) {
    reports_stop();
    return spans_end(state);
}

static void restart(otel_id_generator_ops ops) {
    otel_sdk_stop(5000);
    exporter_double_reset(&seen);
    seen.copies = true;
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .id_generator = otel_id_generator_create(&ops, &made.destroyed),
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    reports_start(OTEL_LOG_WARN);
}

static otel_span ended_span(void) {
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_span_end(&span);
    return span;
}

static const uint8_t trace_a0[16] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                                      0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };

static void both_kinds_of_id_come_from_it(void **state) {
    (void)state;
    restart(all);
    errno = ENOENT;
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    assert_int_equal(errno, ENOENT);
    const otel_span inner = span_child_of(lib, &outer);
    otel_span_end(&inner);
    otel_span_end(&outer);
    assert_int_equal(made.traces, 1);
    assert_int_equal(made.spans, 2);
    assert_memory_equal(seen.copy[0]->trace_id, trace_a0, 16);
    assert_memory_equal(seen.copy[1]->trace_id, trace_a0, 16);
    assert_memory_equal(seen.copy[0]->span_id, "\0\0\0\0\0\0\0\2", 8);
    assert_memory_equal(seen.copy[1]->span_id, "\0\0\0\0\0\0\0\1", 8);
    assert_int_equal(reports_count(), 0);
}

static void the_sdks_before_and_after_have_random_ids(void **state) {
    assert_int_equal(spans_begin(state), 0);
    const otel_span before = ended_span(); /* its thread has a random generator of its own now */
    assert_int_equal(otel_span_flags(&before), OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM);
    restart(all);
    ended_span();
    assert_memory_equal(span_last()->trace_id, trace_a0, 16);
    assert_memory_equal(span_last()->span_id, "\0\0\0\0\0\0\0\1", 8);
    spans_restart(otel_sampler_always_on());
    const otel_span after = ended_span();
    assert_int_equal(otel_span_flags(&after), OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM);
    assert_memory_not_equal(span_last()->trace_id, trace_a0, 16);
    assert_int_equal(made.traces, 1);
}

static void its_property_decides_the_random_flag(void **state) {
    (void)state;
    otel_id_generator_ops ops = all;
    restart(ops);
    const otel_span plain = otel_span_start(lib, OTEL_START("s"));
    assert_int_equal(otel_span_flags(&plain), OTEL_FLAG_SAMPLED);
    const otel_span child = span_child_of(lib, &plain);
    assert_int_equal(otel_span_flags(&child), OTEL_FLAG_SAMPLED);
    otel_span_end(&child);
    otel_span_end(&plain);
    ops.random = true;
    restart(ops);
    const otel_span random = ended_span();
    assert_int_equal(otel_span_flags(&random), OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM);
    const otel_span received = span_wrapped(OTEL_FLAG_SAMPLED, true, NULL);
    const otel_span below = span_child_of(lib, &received);
    assert_int_equal(otel_span_flags(&below), OTEL_FLAG_SAMPLED); /* the parent's */
    otel_span_end(&below);
}

static void what_it_does_not_make_is_random(void **state) {
    (void)state;
    otel_id_generator_ops ops = all;
    ops.trace_id = NULL;
    restart(ops);
    const otel_span span = ended_span();
    assert_int_equal(otel_span_flags(&span), OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM);
    assert_memory_equal(span_last()->span_id, "\0\0\0\0\0\0\0\1", 8);
    assert_true(otel_span_valid(&span));
    ops = all;
    ops.span_id = NULL;
    restart(ops);
    ended_span();
    assert_memory_equal(span_last()->trace_id, trace_a0, 16);
    assert_memory_not_equal(span_last()->span_id, "\0\0\0\0\0\0\0\1", 8);
    assert_int_equal(reports_count(), 0);
}

static void zeros_are_reported_once_and_replaced(void **state) {
    (void)state;
    made.zeros = true;
    restart(all);
    for (unsigned i = 0; i < 10; i++) {
        const otel_span span = ended_span();
        assert_true(otel_span_valid(&span));
    }
    assert_int_equal(made.traces, 10);
    assert_int_equal(made.spans, 10);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("id generator", "zeros"));
}

static void what_it_calls_is_ignored(void **state) {
    (void)state;
    made.starts_spans = true;
    restart(all);
    ended_span();
    assert_int_equal(made.spans, 1);
    assert_int_equal(seen.count, 1);
}

static void it_is_consumed_and_destroyed_with_the_sdk(void **state) {
    (void)state;
    restart(all);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.id_generator = otel_id_generator_create(&all, &made.destroyed))),
                     OTEL_ERR_STATE);
    assert_int_equal(made.destroyed, 1);
    otel_sdk_stop(5000);
    assert_int_equal(made.destroyed, 2);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.disabled = true, .id_generator = otel_id_generator_create(&all, &made.destroyed))),
        OTEL_OK);
    assert_int_equal(made.destroyed, 3);
    otel_sdk_stop(5000);
    otel_id_generator_destroy(otel_id_generator_create(&all, &made.destroyed));
    assert_int_equal(made.destroyed, 4);
    otel_id_generator_destroy(NULL);
    assert_null(otel_id_generator_create(NULL, NULL));
    otel_id_generator_ops earlier = all;
    earlier.size = offsetof(otel_id_generator_ops, destroy);
    otel_id_generator_destroy(otel_id_generator_create(&earlier, &made.destroyed));
    assert_int_equal(made.destroyed, 4);
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    failing_allocator_fail(1, false);
    otel_id_generator *none = otel_id_generator_create(&all, &made.destroyed);
    failing_allocator_fail(0, false);
    assert_null(none);
    assert_int_equal(made.destroyed, 5);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(both_kinds_of_id_come_from_it),
        test(the_sdks_before_and_after_have_random_ids),
        test(its_property_decides_the_random_flag),
        test(what_it_does_not_make_is_random),
        test(zeros_are_reported_once_and_replaced),
        test(what_it_calls_is_ignored),
        test(it_is_consumed_and_destroyed_with_the_sdk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
