/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_size_test.c - batches that are too large for one request, and servers with limits of their own. */
#include "otlp/otlp_http.h"
#include "otlp_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Spans that take `size` bytes each and a little. */
static otel_batch *heavy_batch(struct scene *scene, otel_span_data *spans, size_t count, size_t size, char **text,
                               otel_attr *attr) {
    *text = calloc(1, size + 1);
    *attr = (otel_attr){ otel_cstr("blob"), otel_stringn(*text, size) };
    memset(*text, 'x', size);
    for (size_t i = 0; i < count; i++) {
        spans[i] = span_set_spans(scene->spans)[i];
        spans[i].attributes = (otel_attrs){ attr, 1 };
        spans[i].event_count = spans[i].link_count = 0;
    }
    return batch_double_create(spans, count, span_set_resource(scene->spans));
}

static void large_batches_are_sent_in_parts(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .headers = PROTOBUF, .body = "\x0a\x02\x08\x01", .body_len = 4 }));
    otel_span_data spans[10];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 10, 1 << 20, &text, &attr);
    uint64_t rejected = 0;
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, &rejected), OTEL_OK);
    size_t requests = http_double_requests(scene.server), at = 0;
    assert_in_range(requests, 3, 10);
    assert_int_equal(rejected, requests); /* one of each part */
    for (size_t i = 0; i < requests; i++) {
        size_t len;
        const uint8_t *body = http_double_body(scene.server, i, &len);
        assert_true(len <= 4 * 1024 * 1024);
        for (; at < 10 && memmem(body, len, spans[at].span_id, 8); at++) {}
    }
    assert_int_equal(at, 10); /* every span, in order */
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

/* The other parts are sent all the same, and the export counts as failed. */
static void a_lost_part(void **state) {
    (void)state;
    for (size_t lost = 0; lost < 2; lost++) {
        struct http_step steps[2] = { { .status = 200 }, { .status = 200 } };
        steps[lost].status = 400;
        struct scene scene = scene_begin(steps, 2);
        otel_span_data spans[2];
        otel_attr attr;
        char *text;
        otel_batch *batch = heavy_batch(&scene, spans, 2, 3 << 20, &text, &attr);
        assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(http_double_requests(scene.server), 2);
        assert_int_equal(batch_double_delivered(), 1);
        assert_true(scene_reported(OTEL_LOG_WARN, "1 spans could not be sent"));
        batch_double_free(batch);
        free(text);
        scene_end(&scene);
    }
}

static void one_large_span_is_sent_alone(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    otel_span_data spans[2];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 2, 5 << 20, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 2);
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

/* A bound of one's own divides batches too, whatever compression would make of them, and also after a 413. */
static void a_bound_of_ones_own(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 413 }, { .status = 200 }));
    const struct otel__otlp_http_settings settings = {
        .url = http_double_url(scene.server, "/"), .gzip = true, .request_max = 5000, .timeout_ms = 20000
    };
    otel_exporter_destroy(scene.exporter);
    scene.exporter = otel__otlp_http_create(&settings, NULL);
    otel_span_data spans[4];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 1, 6000, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "takes more than 5000 bytes"));
    batch_double_free(batch);
    free(text);
    batch = heavy_batch(&scene, spans, 4, 3000, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 4);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 8);
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

static void nothing_above_64_mib_is_sent(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    otel_span_data span;
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, &span, 1, 64 << 20, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "more than 64 MiB"));
    assert_int_equal(http_double_requests(scene.server), 0);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK); /* and the exporter works on */
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

/*
 * 4 spans of 100 KiB are too much for the server: dropped, as OTLP demands, and the next batches come in smaller
 * parts.
 */
static void a_server_with_a_lower_limit(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 413 }, { .status = 200 }));
    otel_span_data spans[4];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 4, 100 * 1024, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 1);
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 413 Content Too Large"));
    size_t refused, len;
    http_double_body(scene.server, 0, &refused);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_true(http_double_requests(scene.server) > 2);
    for (size_t i = 1; i < http_double_requests(scene.server); i++) {
        http_double_body(scene.server, i, &len);
        assert_true(len <= refused / 2);
    }
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

/* Requests get smaller until each holds one span, and no smaller then; the spans are lost, counted and named. */
static void a_server_that_refuses_every_size(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 413 }));
    size_t before = 0, sent = 0;
    for (int i = 0; i < 30; i++, before += sent) {
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(batch_double_delivered(), 0);
        assert_true(http_double_requests(scene.server) - before >= sent);
        sent = http_double_requests(scene.server) - before;
        assert_true(i > 0 ? sent <= 20 : sent == 1);
    }
    assert_int_equal(sent, 20);
    scene_end(&scene);
}

/* A span that no request could be smaller than is lost by itself; what is said names it. */
static void a_span_that_the_server_does_not_take(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }, { .status = 413 }, { .status = 200 }));
    const struct otel__otlp_http_settings settings = { .url = http_double_url(scene.server, "/"), .request_max = 5000 };
    otel_exporter_destroy(scene.exporter);
    scene.exporter = otel__otlp_http_create(&settings, NULL);
    otel_span_data spans[2];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 2, 3000, &text, &attr);
    batch_double_free(batch);
    spans[1].name = otel_cstr("GET /\x1b report");
    batch = batch_double_create(spans, 2, span_set_resource(scene.spans));
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(batch_double_delivered(), 1);
    assert_true(scene_reported(OTEL_LOG_WARN, "1 spans could not be sent"));
    assert_true(scene_reported(OTEL_LOG_WARN, "413 Content Too Large (the span \"GET /\\x1b report\" alone takes 3"));
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 4);
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_batches_are_sent_in_parts),
        cmocka_unit_test(a_lost_part),
        cmocka_unit_test(one_large_span_is_sent_alone),
        cmocka_unit_test(nothing_above_64_mib_is_sent),
        cmocka_unit_test(a_bound_of_ones_own),
        cmocka_unit_test(a_server_with_a_lower_limit),
        cmocka_unit_test(a_server_that_refuses_every_size),
        cmocka_unit_test(a_span_that_the_server_does_not_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
