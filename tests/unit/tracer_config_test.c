/* SPDX-License-Identifier: Apache-2.0 */
/* tracer_config_test.c - tracers that the application's callback turns off. */
#include "tracer.h"

#include "exporter_double.h"
#include "sanitizers.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { LONG_MS = 20000, THREADS = 4 };

OTEL_TRACER(wanted, "wanted", "1.0", "http://schema");
OTEL_TRACER(noisy, "noisy");

static struct exporter_double seen;
static _Atomic unsigned asked;
static struct {
    char name[32], version[32], schema_url[32];
    int64_t attribute;
    bool starts_spans;
} saw;

static void copy(char to[32], otel_str text) {
    memset(to, 0, 32);
    if (text.len < 32 && text.len)
        memcpy(to, text.ptr, text.len);
}

static otel_tracer_config turn_noisy_off(void *data, const otel_scope_data *scope) {
    atomic_fetch_add(&asked, 1);
    if (data == &saw) {
        copy(saw.name, scope->name);
        copy(saw.version, scope->version);
        copy(saw.schema_url, scope->schema_url);
        saw.attribute = scope->attributes.count ? scope->attributes.items[0].value.u.i : 0;
        if (saw.starts_spans) {
            const otel_span span = otel_span_start(noisy, OTEL_START("within"));
            otel_span_end(&span);
        }
    }
    errno = EPIPE;
    return (otel_tracer_config){ .disabled = scope->name.len == 5 && memcmp(scope->name.ptr, "noisy", 5) == 0 };
}

static int begin_with(void *data) {
    atomic_store(&asked, 0);
    memset(&saw, 0, sizeof saw);
    return otel_sdk_start(
               OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                        .tracer_config = turn_noisy_off, .tracer_config_data = data,
                        .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))) == OTEL_OK
               ? 0
               : -1;
}

static int begin(void **state) {
    (void)state;
    return begin_with(&saw);
}

static int end(void **state) {
    (void)state;
    otel_ledger ledger;
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    return 0;
}

static otel_span ended_span(otel_tracer *tracer) {
    const otel_span span = otel_span_start(tracer, OTEL_START("s"));
    otel_span_end(&span);
    return span;
}

static void a_disabled_tracer_records_nothing(void **state) {
    (void)state;
    const otel_span span = otel_span_start(noisy, OTEL_START("s"));
    assert_false(otel_span_recording(&span));
    assert_false(otel_span_valid(&span));
    otel_span_end(&span);
    ended_span(wanted);
    assert_int_equal(seen.count, 1);
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_int_equal(ledger.started, 1);
    assert_int_equal(ledger.unsampled, 1);
}

static void its_spans_pass_the_parent_on(void **state) {
    (void)state;
    const otel_span outer = otel_span_start(wanted, OTEL_START("outer"));
    otel_scope scope = otel_span_attach(&outer, false);
    const otel_span between = otel_span_start(noisy, OTEL_START("between"));
    otel_scope below = otel_span_attach(&between, false);
    const otel_span inner = otel_span_start(wanted, OTEL_START("inner"));
    uint8_t ids[2][24];
    otel_span_trace_id(&outer, ids[0]);
    otel_span_id(&outer, ids[0] + 16);
    otel_span_trace_id(&between, ids[1]);
    otel_span_id(&between, ids[1] + 16);
    assert_memory_equal(ids[0], ids[1], 24);
    assert_int_equal(otel_span_flags(&between), otel_span_flags(&outer));
    otel_set(&between, "k", 1);
    otel_span_end(&between);
    assert_true(otel_span_recording(&outer));
    otel_span_end(&inner);
    otel_scope_close(&below);
    otel_scope_close(&scope);
    otel_span_end(&outer);
    assert_int_equal(seen.count, 2);
    const otel_span root = otel_span_start(noisy, OTEL_START("root", .root = true));
    assert_false(otel_span_valid(&root));
}

static void enabled_says_so(void **state) {
    (void)state;
    assert_true(otel_tracer_enabled(wanted, NULL));
    assert_false(otel_tracer_enabled(noisy, NULL));
    otel_sdk_stop(LONG_MS);
    exporter_double_reset(&seen);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test",
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    assert_true(otel_tracer_enabled(noisy, NULL)); /* by default */
}

static void each_scope_is_asked_for_once_with_all_that_it_is(void **state) {
    (void)state;
    const otel_attr attributes[] = { OTEL_ATTR("k", 7) };
    otel_tracer third = { .name = "third", .version = "3", .attributes = { attributes, 1 } };
    otel_tracer equal = { .name = "third", .version = "3", .attributes = { attributes, 1 } };
    errno = ENOENT;
    for (unsigned i = 0; i < 3; i++)
        ended_span(wanted);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(asked, 1);
    assert_string_equal(saw.name, "wanted");
    assert_string_equal(saw.version, "1.0");
    assert_string_equal(saw.schema_url, "http://schema");
    ended_span(&third);
    ended_span(&equal);
    ended_span(noisy);
    ended_span(noisy);
    assert_int_equal(asked, 3);
    ended_span(&third);
    assert_int_equal(asked, 3);
    end(NULL);
    begin_with(&saw); /* and again by the next SDK */
    ended_span(&third);
    assert_int_equal(asked, 1);
    assert_int_equal(saw.attribute, 7);
}

static void what_the_callback_traces_is_ignored(void **state) {
    (void)state;
    saw.starts_spans = true;
    ended_span(wanted);
    assert_int_equal(asked, 1);
    assert_int_equal(seen.count, 1);
}

static void *use_tracers(void *data) {
    otel_tracer *const *tracers = data;
    for (unsigned i = 0; i < 100; i++) {
        ended_span(tracers[0]);
        ended_span(tracers[1]);
    }
    return NULL;
}

static void threads_that_ask_at_once_agree(void **state) {
    (void)state;
    end(NULL);
    for (unsigned round = 0; round < 20; round++) {
        pthread_t threads[THREADS];
        otel_tracer on = { .name = "on" }, off = { .name = "noisy", .version = "2" };
        otel_tracer *const tracers[] = { &on, &off };
        begin_with(NULL);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, use_tracers, (void *)tracers), 0);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_in_range(asked, 2, 2 * THREADS);
        assert_int_equal(seen.count, 100 * THREADS);
        end(NULL);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_disabled_tracer_records_nothing),
        test(its_spans_pass_the_parent_on),
        test(enabled_says_so),
        test(each_scope_is_asked_for_once_with_all_that_it_is),
        test(what_the_callback_traces_is_ignored),
        test(threads_that_ask_at_once_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
