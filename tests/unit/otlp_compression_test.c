/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_compression_test.c - requests that go out as gzip streams. */
#include "otlp/otlp_http.h"
#include "otlp/otlp_json.h"
#include "otlp_scene.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

/* As scene_begin(), with an exporter that compresses. */
static struct scene begin(const struct http_step *steps, size_t count, bool json) {
    struct scene scene = scene_begin(steps, count);
    const struct otel__otlp_http_settings settings = {
        .url = http_double_url(scene.server, "/v1/traces"), .json = json, .gzip = true, .timeout_ms = 20000
    };
    otel_exporter_destroy(scene.exporter);
    scene.exporter = otel__otlp_http_create(&settings, NULL);
    assert_non_null(scene.exporter);
    return scene;
}

/* The request's body is a whole gzip stream of exactly these bytes. */
static void assert_body(const struct scene *scene, size_t index, const uint8_t *expected, size_t expected_len) {
    size_t len;
    const uint8_t *body = http_double_body(scene->server, index, &len);
    assert_non_null(body);
    uint8_t *out = malloc(expected_len + 1);
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)body, .avail_in = (uInt)len };
    stream.next_out = out;
    stream.avail_out = (uInt)(expected_len + 1);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, expected_len);
    assert_memory_equal(out, expected, expected_len);
    inflateEnd(&stream);
    free(out);
    assert_true(len < expected_len);
    char *encoding = http_double_header(scene->server, index, "content-encoding");
    assert_string_equal(encoding ? encoding : "(none)", "gzip");
    free(encoding);
}

/* Each attempt sends the same. */
static void a_request_is_the_encoded_batch_compressed(void **state) {
    (void)state;
    for (int json = 0; json < 2; json++) {
        struct scene scene = begin(STEPS({ .status = 503 }, { .status = 200 }), json);
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        struct otel__otlp_encoder encoder = { 0 };
        assert_int_equal((json ? otel__otlp_encode_json : otel__otlp_encode)(&encoder, scene.batch, 0, 20, 1 << 30),
                         OTEL_OK);
        assert_int_equal(http_double_requests(scene.server), 3);
        for (size_t i = 0; i < 3; i++)
            assert_body(&scene, i, encoder.body.cursor, otel__buffer_length(&encoder.body));
        otel__otlp_encoder_free(&encoder);
        scene_end(&scene);
    }
}

/* Batches are divided by what they take before compression, which is what a server has to take in. */
static void compression_does_not_make_requests_larger(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }), false);
    char *text = calloc(1, 3 << 20);
    const otel_attr attr = { otel_cstr("blob"), otel_stringn(text, 3 << 20) };
    otel_span_data spans[2] = { span_set_spans(scene.spans)[0], span_set_spans(scene.spans)[1] };
    spans[0].attributes = spans[1].attributes = (otel_attrs){ &attr, 1 };
    otel_batch *batch = batch_double_create(spans, 2, span_set_resource(scene.spans));
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 2);
    batch_double_free(batch);
    free(text);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_the_encoded_batch_compressed),
        cmocka_unit_test(compression_does_not_make_requests_larger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
