/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle_test.c - starting and stopping in every order, with threads recording meanwhile; nothing is lost or left
 * over.
 */
#include "lifecycle_fixture.h"

/* ---- the states -------------------------------------------------------------------------------------------------- */

static void without_an_sdk_everything_is_harmless(void **state) {
    (void)state;
    otel_ledger ledger = { .size = sizeof ledger };
    assert_int_equal(otel_sdk_stop(0), OTEL_OK);
    assert_int_equal(otel_sdk_stop(-1), OTEL_OK);
    assert_int_equal(otel_sdk_flush(0), OTEL_OK);
    otel_sdk_ledger(NULL);
    otel_sdk_ledger(&ledger);
    assert_int_equal(ledger.size, sizeof ledger);
    assert_int_equal(ledger.started + ledger.processor_count, 0);
    end_spans(3);
}

static void one_sdk_runs_at_a_time(void **state) {
    (void)state;
    otel_error why;
    assert_int_equal(start_simple(false), OTEL_OK);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_off(), .error = &why,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&other))))),
        OTEL_ERR_STATE);
    assert_non_null(strstr(why.text, "running already"));
    assert_int_equal(other.destroys, 1);
    assert_int_equal(otel_sdk_start(NULL), OTEL_ERR_STATE);
    end_spans(2);
    assert_int_equal(seen.count, 2);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(seen.shutdowns, 1);
    assert_int_equal(seen.destroys, 1);
}

static void processors_that_are_none_make_the_start_fail(void **state) {
    (void)state;
    otel_error why;
    const otel_status status = otel_sdk_start(
        OTEL_SDK(.service_name = "test", .error = &why, .diagnostic = listen, .diagnostic_data = &said,
                 .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen)), NULL)));
    assert_int_equal(status, OTEL_ERR_CONFIG);
    assert_int_not_equal(why.text[0], '\0');
    assert_int_equal(seen.destroys, 1);
    end_spans(1);
    assert_int_equal(seen.count, 0);
    exporter_double_reset(&seen);
    assert_int_equal(start_simple(false), OTEL_OK);
    end_spans(1);
    assert_int_equal(seen.count, 1);
}

/* Whoever started in vain may be gone, with what was to receive the diagnostics. */
static void a_start_that_failed_keeps_nothing_of_its_options(void **state) {
    (void)state;
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = listen, .diagnostic_data = &said,
                                             .log_level = OTEL_LOG_ERROR, .processors = OTEL_PROCESSORS(NULL))),
                     OTEL_ERR_CONFIG);
    const unsigned before = said.count;
    otel_report(OTEL_LOG_ERROR, "afterwards", "this line belongs to stderr");
    assert_int_equal(said.count, before);
}

static void an_error_is_empty_when_all_went_well(void **state) {
    (void)state;
    otel_error why;
    memset(&why, 'x', sizeof why);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test", .error = &why,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    assert_string_equal(why.text, "");
}

/* Programs may have been compiled with an earlier or a later header. */
static void options_may_be_of_another_size(void **state) {
    (void)state;
    struct {
        otel_sdk_options options;
        char more[64];
    } later = { .options = { .size = sizeof later,
                             .service_name = "later",
                             .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))) } };
    memset(later.more, 0xff, sizeof later.more);
    seen.copies = true;
    assert_int_equal(otel_sdk_start(&later.options), OTEL_OK);
    end_spans(1);
    assert_non_null(strstr(seen.copy[0]->resource, "service.name=string:\"later\""));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    exporter_double_reset(&seen);

    otel_sdk_options earlier;
    memset(&earlier, 0xff, sizeof earlier);
    earlier.size = offsetof(otel_sdk_options, resource);
    earlier.service_name = "earlier";
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    assert_int_equal(otel_sdk_start(&earlier), OTEL_OK);
    unsetenv("OTEL_TRACES_EXPORTER");
    end_spans(1);
    assert_int_equal(ledger_now().started, 1);
}

static void the_environment_can_disable_it(void **state) {
    (void)state;
    otel_propagators_set(NULL, 0);
    setenv("OTEL_SDK_DISABLED", "true", 1);
    assert_int_equal(start_simple(false), OTEL_OK);
    unsetenv("OTEL_SDK_DISABLED");
    assert_int_equal(seen.destroys, 1);
    assert_ptr_equal(otel_propagators_get(0), &otel_propagator_tracecontext); /* traces pass through */
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    assert_false(otel_span_recording(&span));
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(otel_sdk_start(NULL), OTEL_ERR_STATE);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    exporter_double_reset(&seen);
    assert_int_equal(start_simple(false), OTEL_OK);
    end_spans(1);
    assert_int_equal(seen.count, 1);
}

static void options_can_disable_it_too(void **state) {
    (void)state;
    assert_int_equal(otel_sdk_start(OTEL_SDK(.disabled = true)), OTEL_OK);
    end_spans(1);
    assert_int_equal(otel_sdk_stop(0), OTEL_OK);
}

/* ---- diagnostics ------------------------------------------------------------------------------------------------- */

static void the_environment_says_what_is_reported(void **state) {
    (void)state;
    setenv("OTEL_LOG_LEVEL", "error", 1);
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = listen, .diagnostic_data = &said)),
                     OTEL_OK);
    unsetenv("OTEL_LOG_LEVEL");
    otel_report(OTEL_LOG_WARN, "warning", "too little");
    assert_int_equal(said.count, 0);
    otel_report(OTEL_LOG_ERROR, "error", "enough");
    assert_int_equal(said.count, 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = listen, .diagnostic_data = &said)),
                     OTEL_OK);
    unsetenv("OTEL_TRACES_EXPORTER");
    otel_report(OTEL_LOG_DEBUG, "debug", "below the default");
    otel_report(OTEL_LOG_INFO, "info", "which is info");
    assert_int_equal(said.count, 2);
}

static void what_the_environment_says_later_is_not_heard(void **state) {
    (void)state;
    setenv("OTEL_TRACES_SAMPLER", "always_on", 1);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    setenv("OTEL_TRACES_SAMPLER", "always_off", 1);
    setenv("OTEL_SDK_DISABLED", "true", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", 1);
    end_spans(3);
    assert_int_equal(seen.count, 3);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    unsetenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT");
    unsetenv("OTEL_SDK_DISABLED");
    unsetenv("OTEL_TRACES_SAMPLER");
}

static void scopes_closed_in_the_wrong_order_are_reported(void **state) {
    (void)state;
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .log_level = OTEL_LOG_DEBUG, .diagnostic = listen,
                                             .diagnostic_data = &said)),
                     OTEL_OK);
    unsetenv("OTEL_TRACES_EXPORTER");
    otel_scope outer = otel_context_attach(NULL), inner = otel_context_attach(NULL);
    otel_scope_close(&outer);
    assert_int_equal(said.count, 1);
    assert_non_null(strstr(said.text, "closed while younger ones were open"));
    otel_scope_close(&inner);
    assert_int_equal(said.count, 1);
}

/* ---- the ledger -------------------------------------------------------------------------------------------------- */

static void the_ledger_outlives_the_sdk_until_the_next(void **state) {
    (void)state;
    assert_int_equal(start_simple(false), OTEL_OK);
    end_spans(7);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, 7);
    assert_int_equal(ledger.processor_count, 1);
    assert_string_equal(ledger.processors[0].name, "simple/double");
    assert_int_equal(ledger.processors[0].exported, 7);
    exporter_double_reset(&seen);
    assert_int_equal(start_simple(false), OTEL_OK);
    ledger = ledger_now();
    assert_int_equal(ledger.started + ledger.ended + ledger.processors[0].exported, 0);
    end_spans(2);
    assert_int_equal(ledger_now().ended, 2);
}

static void a_ledger_may_be_of_another_size(void **state) {
    (void)state;
    otel_ledger small, whole;
    assert_int_equal(start_simple(false), OTEL_OK);
    end_spans(5);
    memset(&small, 0xff, sizeof small);
    small.size = offsetof(otel_ledger, ended);
    otel_sdk_ledger(&small);
    assert_int_equal(small.size, offsetof(otel_ledger, ended));
    assert_int_equal(small.started, 5);
    assert_true(small.ended == UINT64_MAX);
    struct {
        otel_ledger ledger;
        char more[64];
    } later = { .ledger = { .size = sizeof later } };
    otel_sdk_ledger(&later.ledger);
    assert_int_equal(later.ledger.size, sizeof whole);
    assert_int_equal(later.ledger.ended, 5);
}

static _Atomic unsigned absurd_ledgers;

/* Each SDK of the test ends twenty spans. */
static void *read_ledgers(void *data) {
    _Atomic bool *over = data;
    while (!atomic_load(over)) {
        otel_ledger ledger = { .size = sizeof ledger };
        otel_sdk_ledger(&ledger);
        const otel_ledger_processor *processor = &ledger.processors[0];
        if (ledger.started > 20 || ledger.ended > 20 || ledger.processor_count > 1)
            atomic_fetch_add(&absurd_ledgers, 1);
        if (ledger.processor_count == 1 && (processor->exported > 20 || processor->in_flight > 20 || !processor->name))
            atomic_fetch_add(&absurd_ledgers, 1);
    }
    return NULL;
}

static void ledgers_may_be_read_at_any_time(void **state) {
    (void)state;
    static _Atomic bool over;
    pthread_t threads[2];
    atomic_store(&over, false);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_ledgers, (void *)&over), 0);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(start_simple(false), OTEL_OK);
        end_spans(20);
        assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(absurd_ledgers, 0);
    exporter_double_reset(&seen);
}

/* ---- calls from inside ------------------------------------------------------------------------------------------- */

static _Atomic int inner_flush, inner_stop, inner_start;

static void change_from_inside(void) {
    atomic_store(&inner_flush, (int)otel_sdk_flush(LONG_MS));
    atomic_store(&inner_stop, (int)otel_sdk_stop(LONG_MS));
    atomic_store(&inner_start, (int)otel_sdk_start(NULL));
    end_spans(1);
}

/* A callback of the stop itself: it must neither wait for the stop nor record. */
static void diagnostics_cannot_change_the_sdk(void **state) {
    (void)state;
    said.during = change_from_inside;
    assert_int_equal(start_simple(false), OTEL_OK);
    (void)otel_span_start(lib, OTEL_START("forgotten"));
    const uint64_t begin = otel__clock_monotonic();
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_true(otel__clock_monotonic() - begin < LONG_MS / 2 * OTEL__MILLISECOND);
    assert_int_equal(said.count, 1);
    assert_int_equal(inner_flush, OTEL_ERR_STATE);
    assert_int_equal(inner_stop, OTEL_ERR_STATE);
    assert_int_equal(inner_start, OTEL_ERR_STATE);
    assert_int_equal(seen.count, 0);
}

static void what_diagnostics_trace_is_not_recorded(void **state) {
    (void)state;
    assert_int_equal(start_simple(false), OTEL_OK);
    said.during = change_from_inside;
    otel_report(OTEL_LOG_ERROR, "test", "from the program's own thread");
    assert_int_equal(said.count, 1);
    assert_int_equal(inner_flush, OTEL_ERR_STATE);
    assert_int_equal(inner_stop, OTEL_ERR_STATE);
    assert_int_equal(seen.count, 0);
    end_spans(1);
    assert_int_equal(seen.count, 1);
}

/* ---- under load -------------------------------------------------------------------------------------------------- */

struct load {
    _Atomic bool over;
    _Atomic uint64_t rounds;
};

/* All that a thread may do, now and then with a span that is kept over stops and starts. */
static void *record_for_ever(void *data) {
    struct load *load = data;
    otel_span kept = { { 0 } };
    for (unsigned i = 0; !atomic_load(&load->over); i++) {
        OTEL_SPAN(outer, lib, "outer", .kind = OTEL_SERVER);
        otel_set(&outer, "key", "value");
        {
            OTEL_SPAN(inner, lib, "inner");
            otel_event(&inner, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("n", i)));
        }
        if (i % 16 == 0) {
            otel_set(&kept, "late", i);
            otel_span_end(&kept);
            kept = otel_span_start(lib, OTEL_START("kept"));
        }
        atomic_fetch_add(&load->rounds, 1);
        if (i % 8 ==
            0) /* more threads than processors would otherwise mostly be waited for where they were interrupted */
            nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL);
    }
    otel_span_end(&kept);
    return NULL;
}

static void start_and_stop_under_load(unsigned rounds, bool direct, int stop_ms) {
    static struct load load;
    pthread_t threads[THREADS];
    uint64_t exported = 0, timeouts = 0;
    atomic_store(&load.over, false);
    atomic_store(&load.rounds, 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_for_ever, &load), 0);
    for (unsigned i = 0; i < rounds; i++) {
        otel_status status = OTEL_ERR_STATE;
        for (unsigned waits = 0; status == OTEL_ERR_STATE && wait_a_little(&waits);)
            status = direct ? start_simple(false) : start_batch(1);
        assert_int_equal(status, OTEL_OK);
        const uint64_t now = atomic_load(&load.rounds);
        if (i % 8 == 0)
            WAIT_UNTIL(atomic_load(&load.rounds) > now + 4);
        if (i % 16 == 1 && stop_ms)
            assert_in_range(otel_sdk_flush(LONG_MS), OTEL_OK, OTEL_OK);
        const otel_status stopped = otel_sdk_stop(stop_ms);
        assert_true(stopped == OTEL_OK || (stop_ms == 0 && stopped == OTEL_ERR_TIMEOUT));
        timeouts += stopped != OTEL_OK;
        if (stopped == OTEL_OK)
            exported += ledger_now().processors[0].exported;
    }
    atomic_store(&load.over, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    print_message("    %llu spans exported, %llu stops out of time\n", (unsigned long long)exported,
                  (unsigned long long)timeouts);
    if (stop_ms) {
        assert_int_equal(exported, seen.count);
        assert_int_not_equal(exported, 0);
    }
    assert_int_equal(seen.overlaps, 0);
    /* Each exporter was shut down before the next was made, so calls after a shutdown are no fault here. */
    exporter_double_reset(&seen);
}

static void a_thousand_lives_under_load(void **state) {
    (void)state;
    start_and_stop_under_load(ROUNDS, false, LONG_MS);
}

static void a_thousand_lives_with_direct_exports(void **state) {
    (void)state;
    start_and_stop_under_load(ROUNDS, true, LONG_MS);
}

/* Some stops find calls under way and no time to wait for them. What these left is cleaned up by a later start. */
static void lives_that_end_at_once(void **state) {
    (void)state;
    start_and_stop_under_load(ROUNDS / 2, true, 0);
    start_and_stop_under_load(ROUNDS / 2, false, 0);
    assert_int_equal(start_simple(false), OTEL_OK);
    end_spans(1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(otel__records_live(), 0);
}

static void *start_and_stop_often(void *data) {
    _Atomic unsigned *running = data;
    for (unsigned i = 0; i < 200; i++) {
        if (otel_sdk_start(OTEL_SDK(.service_name = "test", .log_level = OTEL_LOG_NONE, .disabled = i % 5 == 0,
                                    .sampler = otel_sampler_always_on())) == OTEL_OK)
            atomic_fetch_add(running, 1);
        end_spans(2);
        otel_sdk_flush(10);
        otel_sdk_stop(LONG_MS);
    }
    return NULL;
}

static void threads_may_start_and_stop_at_once(void **state) {
    (void)state;
    static _Atomic unsigned running;
    pthread_t threads[4];
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, start_and_stop_often, (void *)&running), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    unsetenv("OTEL_TRACES_EXPORTER");
    assert_int_not_equal(running, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(start_simple(false), OTEL_OK);
}

/* ---- threads that come and go ------------------------------------------------------------------------------------ */

static void *end_some(void *data) {
    (void)data;
    end_spans(20);
    return NULL;
}

static uint32_t records_to_be_had(void) {
    static otel_span spans[OTEL__RECORDS_MAX];
    uint32_t count = 0;
    while (count < OTEL__RECORDS_MAX && (spans[count] = otel_span_start(lib, NULL), otel_span_recording(&spans[count])))
        count++;
    for (uint32_t i = 0; i < count; i++)
        otel_span_end(&spans[i]);
    return count;
}

static void ten_thousand_short_threads_leave_nothing_behind(void **state) {
    (void)state;
    assert_int_equal(start_simple(false), OTEL_OK);
    for (unsigned i = 0; i < 10000 / THREADS; i++) {
        pthread_t threads[THREADS];
        for (unsigned t = 0; t < THREADS; t++)
            assert_int_equal(pthread_create(&threads[t], NULL, end_some, NULL), 0);
        for (unsigned t = 0; t < THREADS; t++)
            pthread_join(threads[t], NULL);
    }
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, 200000);
    assert_int_equal(ledger.processors[0].exported + ledger.processors[0].dropped_queue_full, 200000);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test(without_an_sdk_everything_is_harmless),
        test(one_sdk_runs_at_a_time),
        test(processors_that_are_none_make_the_start_fail),
        test(a_start_that_failed_keeps_nothing_of_its_options),
        test(an_error_is_empty_when_all_went_well),
        test(options_may_be_of_another_size),
        test(the_environment_can_disable_it),
        test(options_can_disable_it_too),
        test(the_environment_says_what_is_reported),
        test(what_the_environment_says_later_is_not_heard),
        test(scopes_closed_in_the_wrong_order_are_reported),
        test(the_ledger_outlives_the_sdk_until_the_next),
        test(a_ledger_may_be_of_another_size),
        test(ledgers_may_be_read_at_any_time),
        test(diagnostics_cannot_change_the_sdk),
        test(what_diagnostics_trace_is_not_recorded),
        test(a_thousand_lives_under_load),
        test(a_thousand_lives_with_direct_exports),
        test(lives_that_end_at_once),
        test(threads_may_start_and_stop_at_once),
        test(ten_thousand_short_threads_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
