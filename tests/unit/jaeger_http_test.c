/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_http_test.c - batches as requests to a collector. What all such exporters do is http_exporter_test.c's. */
#include "jaeger/jaeger_http.h"

#include "batch_double.h"
#include "otlp_scene.h"
#include "reports.h"
#include "thrift_dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void use(struct scene *scene, struct otel__jaeger_http_settings settings) {
    otel_error error;
    settings.url = http_double_url(scene->server, "/api/traces");
    otel_exporter_destroy(scene->exporter);
    scene->exporter = otel__jaeger_http_create(&settings, &error);
    assert_non_null(scene->exporter);
    assert_string_equal(error.text, "");
}

static struct scene begin(const struct http_step *steps, size_t count) {
    struct scene scene = scene_begin(steps, count);
    use(&scene, (struct otel__jaeger_http_settings){ .timeout_ms = 20000 });
    return scene;
}

static void assert_header(struct scene *scene, size_t index, const char *name, const char *expected) {
    char *value = http_double_header(scene->server, index, name);
    assert_string_equal(value ? value : "(absent)", expected);
    free(value);
}

/* The n-th request's body, as text. */
static char *dump_body(struct scene *scene, size_t index) {
    size_t len;
    const uint8_t *body = http_double_body(scene->server, index, &len);
    assert_non_null(body);
    return thrift_dump_struct(body, len, false);
}

static size_t occurrences(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static void a_body_is_one_bare_batch(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_header(&scene, 0, "Content-Type", "application/x-thrift");
    assert_header(&scene, 0, "Authorization", "(absent)");
    assert_non_null(strstr(http_double_head(scene.server, 0), "POST /api/traces HTTP/1.1"));
    char *body = dump_body(&scene, 0);
    assert_int_equal(strncmp(body, "{1:{1:\"", 7), 0);
    assert_int_equal(occurrences(body, "{1:\"span.kind\""), 20);
    assert_non_null(strstr(body, "] 3:1}"));
    assert_null(strstr(body, "(bad)"));
    assert_null(strstr(body, "(and"));
    free(body);
    scene_end(&scene);
}

static void every_2xx_is_success_and_others_are_not(void **state) {
    (void)state;
    static const struct {
        int status;
        otel_status result;
    } cases[] = {
        { 200, OTEL_OK }, { 202, OTEL_OK }, { 299, OTEL_OK }, { 400, OTEL_ERR_EXPORT }, { 500, OTEL_ERR_EXPORT }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene = begin(STEPS({ .status = cases[i].status, .body = "no" }));
        assert_int_equal(scene_export(&scene, NULL), cases[i].result);
        assert_int_equal(http_double_requests(scene.server), 1);
        scene_end(&scene);
    }
}

static void batches_are_numbered(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    for (size_t i = 0; i < 3; i++) {
        char number[16];
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        char *body = dump_body(&scene, i);
        snprintf(number, sizeof number, "] 3:%zu}", i + 1);
        assert_non_null(strstr(body, number));
        free(body);
    }
    scene_end(&scene);
}

static void user_and_password_are_sent(void **state) {
    (void)state;
    static const struct {
        const char *user, *password, *header;
    } cases[] = {
        { "Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" }, /* RFC 7617 */
        { "u", "", "Basic dTo=" },
        { "", "pass:word", "Basic OnBhc3M6d29yZA==" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene = scene_begin(STEPS({ .status = 202 }));
        use(&scene, (struct otel__jaeger_http_settings){ .user = cases[i].user, .password = cases[i].password });
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        assert_header(&scene, 0, "Authorization", cases[i].header);
        scene_end(&scene);
    }
}

static void an_export_takes_no_longer_than_its_bound(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .action = HTTP_STALL }));
    use(&scene, (struct otel__jaeger_http_settings){ .timeout_ms = 50 });
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_TIMEOUT);
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_one_bare_batch),
        cmocka_unit_test(every_2xx_is_success_and_others_are_not),
        cmocka_unit_test(batches_are_numbered),
        cmocka_unit_test(user_and_password_are_sent),
        cmocka_unit_test(an_export_takes_no_longer_than_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
