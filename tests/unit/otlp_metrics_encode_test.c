/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_metrics_encode_test.c - the bytes of requests with metrics, as protobuf-c reads them. */
#include "otlp/otlp_metrics_encode.h"

#include "metrics_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const size_t no_limit = SIZE_MAX / 2;

static otel_status encode(struct otel__buffer *out, const otel_metrics_data *metrics, size_t first, size_t count,
                          size_t limit) {
    otel__buffer_reset(out, limit);
    return otel__otlp_write_metrics(metrics, first, count, out);
}

static void check(const struct otel__buffer *out, const otel_metrics_data *metrics, size_t first, size_t count) {
    const char *difference = metrics_difference(out->cursor, otel__buffer_length(out), metrics, first, count);
    if (difference[0])
        fail_msg("%s", difference);
}

static void random_metrics(void **state) {
    (void)state;
    struct otel__buffer out = { 0 };
    for (uint64_t seed = 1; seed <= 60; seed++) {
        metrics_set *set = metrics_set_create(seed, 1 + seed % 40);
        const otel_metrics_data *metrics = metrics_set_data(set);
        assert_int_equal(encode(&out, metrics, 0, metrics->metric_count, no_limit), OTEL_OK);
        check(&out, metrics, 0, metrics->metric_count);
        metrics_set_free(set);
    }
    otel__buffer_free(&out);
}

static void a_part_of_the_metrics(void **state) {
    (void)state;
    struct otel__buffer out = { 0 };
    metrics_set *set = metrics_set_create(99, 20);
    for (size_t first = 0; first < 20; first += 3)
        for (size_t count = 1; first + count <= 20; count += 2) {
            assert_int_equal(encode(&out, metrics_set_data(set), first, count, no_limit), OTEL_OK);
            check(&out, metrics_set_data(set), first, count);
        }
    metrics_set_free(set);
    otel__buffer_free(&out);
}

/* One counter with nothing optional, whose zero is written all the same: the bytes by hand. */
static void the_smallest_metric(void **state) {
    (void)state;
    static const uint8_t expected[] = {
        0x0a, 51, 0x0a, 0,                          /* ResourceMetrics, its resource */
        0x12, 47, 0x0a, 5,  0x0a, 3, 'l', 'i', 'b', /* ScopeMetrics, its scope */
        0x12, 38, 0x0a, 1,  'c',                    /* Metric, its name */
        0x3a, 33, 0x0a, 27,                         /* Sum, its NumberDataPoint */
        0x11, 1,  0,    0,  0,    0, 0,   0,   0,   /* start */
        0x19, 2,  0,    0,  0,    0, 0,   0,   0,   /* time */
        0x31, 0,  0,    0,  0,    0, 0,   0,   0,   /* as_int */
        0x10, 2,  0x18, 1,                          /* cumulative, monotonic */
    };
    const otel_resource_data resource = { .schema_url = otel_cstr("") };
    const otel_scope_data scope = { .name = otel_cstr("lib") };
    const otel_point_data point = { .start_time = 1, .time = 2 };
    const otel_metric_data metric = { .name = otel_cstr("c"),
                                      .scope = &scope,
                                      .type = OTEL_METRIC_SUM,
                                      .monotonic = true,
                                      .points = &point,
                                      .point_count = 1 };
    const otel_metrics_data metrics = {
        .size = sizeof metrics, .resource = &resource, .metrics = &metric, .metric_count = 1
    };
    struct otel__buffer out = { 0 };
    assert_int_equal(encode(&out, &metrics, 0, 1, no_limit), OTEL_OK);
    assert_int_equal(otel__buffer_length(&out), sizeof expected);
    assert_memory_equal(out.cursor, expected, sizeof expected);
    check(&out, &metrics, 0, 1);
    otel__buffer_free(&out);
}

static void the_limit_is_kept(void **state) {
    (void)state;
    struct otel__buffer out = { 0 };
    metrics_set *set = metrics_set_create(7, 8);
    assert_int_equal(encode(&out, metrics_set_data(set), 0, 8, no_limit), OTEL_OK);
    const size_t len = otel__buffer_length(&out);
    for (size_t limit = 0; limit < len; limit += 1 + len / 97)
        assert_int_equal(encode(&out, metrics_set_data(set), 0, 8, limit), OTEL_ERR_EXPORT);
    assert_int_equal(encode(&out, metrics_set_data(set), 0, 8, len + 64), OTEL_OK);
    check(&out, metrics_set_data(set), 0, 8);
    metrics_set_free(set);
    otel__buffer_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_metrics),
        cmocka_unit_test(a_part_of_the_metrics),
        cmocka_unit_test(the_smallest_metric),
        cmocka_unit_test(the_limit_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
