/* SPDX-License-Identifier: Apache-2.0 */
/* processor_custom_test.c - what processors of the user's own are told, and what they may do with it. */
#include "processor_custom.h"

#include "exporter_double.h"
#include "failing_allocator.h"
#include "processor_double.h"
#include "reports.h"
#include "sanitizers.h"

#include <otel/baggage.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { LONG_MS = 20000 };

OTEL_TRACER(lib, "lib", "1.2");

static struct processor_double a = { .name = "a" }, b = { .name = "b" };
static struct exporter_double seen;

static void start_with(otel_processors processors) {
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .log_level = OTEL_LOG_NONE, .processors = processors)),
                     OTEL_OK);
    processor_double_steps();
}

static otel_processor *exporting(void) {
    seen.copies = true;
    return otel_simple_processor(exporter_double_make(&seen));
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    assert_ledger(&ledger);
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    processor_double_reset(&a);
    processor_double_reset(&b);
    exporter_double_reset(&seen);
    return 0;
}

static void end_span(const char *name) {
    const otel_span span = otel_span_start(lib, OTEL_START(name));
    otel_span_end(&span);
}

/* ---- what they are told ------------------------------------------------------------------------------------------ */

static void step_of_export(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    processor_double_step("exporter", "export");
}

static void all_are_called_in_the_order_in_which_they_were_given(void **state) {
    (void)state;
    seen.during = step_of_export;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), exporting(), processor_double_make(&b)));
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    assert_string_equal(processor_double_steps(), "a:start b:start");
    otel_span_end(&span);
    assert_string_equal(processor_double_steps(), "a:ending b:ending a:end exporter:export b:end");
    otel_span_end(&span);
    assert_string_equal(processor_double_steps(), "");
}

static void the_end_shows_everything_that_was_recorded(void **state) {
    (void)state;
    a.copies = true;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), exporting()));
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    const otel_span span = otel_span_start(
        lib, OTEL_START("s", .kind = OTEL_CLIENT, .start_time = 1000, .attributes = OTEL_ATTRS(OTEL_ATTR("k", 1))));
    otel_set(&span, "", "dropped");
    otel_event(&span, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("e", true)));
    otel_span_add_link(&span, &(otel_link){ .span = outer, .attributes = OTEL_ATTRS(OTEL_ATTR("l", 2.5)) });
    otel_span_set_status(&span, OTEL_CODE_ERROR, "why");
    otel_span_end_at(&span, 2000);
    const struct span_copy *copy = a.last, *exported = seen.copy[0];
    assert_string_equal(copy->name, "s");
    assert_int_equal(copy->kind, OTEL_CLIENT);
    assert_int_equal(copy->start, 1000);
    assert_int_equal(copy->end, 2000);
    assert_true(copy->ended);
    assert_int_equal(copy->status, OTEL_CODE_ERROR);
    assert_string_equal(copy->status_text, "why");
    assert_string_equal(copy->attributes, "k=int:1");
    assert_int_equal(copy->dropped_attributes, 1);
    assert_int_equal(copy->event_count, 1);
    assert_int_equal(copy->link_count, 1);
    assert_string_equal(copy->scope, exported->scope);
    assert_non_null(strstr(copy->scope, "lib/1.2/"));
    assert_non_null(strstr(copy->resource, "service.name=string:\"test\""));
    assert_string_equal(copy->events, exported->events);
    assert_string_equal(copy->links, exported->links);
    assert_memory_equal(copy->trace_id, exported->trace_id, 16);
    assert_memory_equal(copy->span_id, exported->span_id, 8);
    assert_memory_equal(copy->parent_id, exported->parent_id, 8);
    otel_span_end(&outer);
}

static void note_parent(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)me;
    (void)span;
    const otel_span in_it = otel_context_span(parent);
    const otel_str tenant = otel_context_baggage_value(parent, "tenant");
    processor_double_step(otel_span_valid(&in_it) ? "parent" : "root", tenant.ptr ? tenant.ptr : "-");
}

static void the_start_is_told_which_context_the_parent_came_from(void **state) {
    (void)state;
    a.starting = note_parent;
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    end_span("none");
    assert_string_equal(processor_double_steps(), "a:start root:- a:ending a:end");
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    otel_context given = otel_context_with_span(NULL, &outer);
    otel_context more = otel_context_with_baggage_value(&given, "tenant", otel_cstr("x"));
    processor_double_steps();
    const otel_span child = otel_span_start(lib, OTEL_START("given", .parent = &more));
    assert_string_equal(processor_double_steps(), "a:start parent:x");
    {
        otel_scope scope = otel_context_attach(&more);
        const otel_span current = otel_span_start(lib, OTEL_START("current"));
        assert_string_equal(processor_double_steps(), "a:start parent:x");
        const otel_span root = otel_span_start(lib, OTEL_START("root", .root = true));
        assert_string_equal(processor_double_steps(), "a:start root:x");
        otel_span_end(&root);
        otel_span_end(&current);
        otel_scope_close(&scope);
    }
    otel_span_end(&child);
    otel_span_end(&outer);
    otel_context_release(&more);
    otel_context_release(&given);
}

static void *end_span_in_thread(void *data) {
    end_span("s");
    return strcmp(processor_double_steps(), "a:start a:ending a:end") == 0 ? data : NULL;
}

/* Steps are kept for each thread apart. */
static void they_run_on_the_thread_that_starts_or_ends_the_span(void **state) {
    (void)state;
    static int all_well;
    void *result;
    pthread_t thread;
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    assert_int_equal(pthread_create(&thread, NULL, end_span_in_thread, &all_well), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &all_well);
    assert_string_equal(processor_double_steps(), "");
}

static void errno_stays_what_it_was(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    errno = ENOENT;
    end_span("s");
    assert_int_equal(errno, ENOENT);
    assert_int_equal(a.ends, 1);
}

/* As a sampler's decision to record makes it. */
static void withdraw(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)me;
    (void)parent;
    struct otel__record *record = otel__record_lock(span);
    record->span.opaque_[OTEL__W_META] &= ~(uint64_t)OTEL_FLAG_SAMPLED;
    otel__record_unlock(record);
}

static void recorded_spans_that_are_not_sampled_are_shown_too(void **state) {
    (void)state;
    a.starting = withdraw;
    start_with(OTEL_PROCESSORS(exporting(), processor_double_make(&a)));
    end_span("s");
    assert_int_equal(a.ends, 1);
    assert_int_equal(seen.count, 0);
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[0].not_sampled, 1);
    assert_int_equal(ledger.processors[1].exported, 1);
}

static void unrecorded_spans_are_not_shown(void **state) {
    (void)state;
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_off(),
                                             .processors = OTEL_PROCESSORS(processor_double_make(&a)))),
                     OTEL_OK);
    end_span("s");
    assert_int_equal(a.starts + a.endings + a.ends, 0);
}

/* ---- what they may do -------------------------------------------------------------------------------------------- */

static void add_at_start(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)parent;
    otel_set(span, "at", "start");
    otel_span_set_name(span, "renamed");
    me->kept = *span;
}

static void the_start_may_change_and_keep_the_span(void **state) {
    (void)state;
    a.starting = add_at_start;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), exporting()));
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    assert_memory_equal(&a.kept, &span, sizeof span);
    otel_set(&span, "later", 1);
    assert_true(otel_span_recording(&a.kept));
    otel_set(&a.kept, "kept", 2);
    otel_span_end(&span);
    assert_false(otel_span_recording(&a.kept));
    assert_string_equal(seen.copy[0]->name, "renamed");
    assert_string_equal(seen.copy[0]->attributes, "at=string:\"start\" later=int:1 kept=int:2");
}

static otel_span application_s;

static void *change_in_thread(void *data) {
    (void)data;
    otel_set(&application_s, "other thread", true);
    otel_span_end_at(&application_s, 9000);
    return NULL;
}

static void add_at_end(struct processor_double *me, const otel_span *span) {
    pthread_t thread;
    (void)me;
    processor_double_step(otel_span_recording(span) ? "handle" : "late",
                          otel_span_recording(&application_s) ? "application" : "alone");
    if (pthread_create(&thread, NULL, change_in_thread, NULL) == 0)
        pthread_join(thread, NULL);
    otel_set(span, "at", "end");
    otel_event(span, "ending");
    otel_span_end_at(span, 7000);
    me->kept = *span;
}

static void an_ending_span_can_be_changed_by_the_processor_alone(void **state) {
    (void)state;
    a.ending = add_at_end;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), exporting()));
    application_s = otel_span_start(lib, OTEL_START("s", .start_time = 1000));
    processor_double_steps();
    otel_span_end_at(&application_s, 2000);
    assert_string_equal(processor_double_steps(), "a:ending handle:alone a:end");
    otel_set(&a.kept, "kept", "too late");
    assert_int_equal(seen.copied, 1);
    assert_string_equal(seen.copy[0]->attributes, "at=string:\"end\"");
    assert_int_equal(seen.copy[0]->event_count, 1);
    assert_int_equal(seen.copy[0]->end, 2000);
    assert_int_equal(a.endings, 1);
    assert_false(otel_span_recording(&a.kept));
}

static void change_at_last(struct processor_double *me, const otel_span_data *span) {
    (void)me;
    processor_double_step(otel_span_recording(span->span) ? "recording" : "ended", span->ended ? "yes" : "no");
    otel_set(span->span, "k", "v");
    otel_span_end_at(span->span, 1);
}

static void an_ended_span_cannot_be_changed(void **state) {
    (void)state;
    a.ended = change_at_last;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), exporting()));
    end_span("s");
    assert_string_equal(processor_double_steps(), "a:start a:ending a:end ended:yes");
    assert_string_equal(seen.copy[0]->attributes, "");
    assert_int_equal(seen.count, 1);
}

/* ---- spans of their own ------------------------------------------------------------------------------------------ */

static void span_at_start(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)me;
    (void)span;
    (void)parent;
    end_span("made at start");
}

static void span_at_ending(struct processor_double *me, const otel_span *span) {
    (void)me;
    (void)span;
    end_span("made at ending");
}

static void span_at_end(struct processor_double *me, const otel_span_data *span) {
    (void)me;
    (void)span;
    end_span("made at end");
}

static void spans_of_a_processor_s_own_reach_the_others_only(void **state) {
    (void)state;
    a.starting = span_at_start;
    a.ending = span_at_ending;
    a.ended = span_at_end;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), processor_double_make(&b), exporting()));
    end_span("s");
    assert_int_equal(a.starts, 1);
    assert_int_equal(a.ends, 1);
    assert_int_equal(b.starts, 4);
    assert_int_equal(b.ends, 4);
    assert_int_equal(exporter_double_named(&seen, "made at start") + exporter_double_named(&seen, "made at ending") +
                         exporter_double_named(&seen, "made at end"),
                     3);
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[0].exported, 1);
    assert_int_equal(ledger.processors[0].not_sampled, 3);
    assert_int_equal(ledger.processors[1].exported, 4);
}

static void two_that_make_spans_do_not_feed_each_other_for_ever(void **state) {
    (void)state;
    a.starting = b.starting = span_at_start;
    a.ended = b.ended = span_at_end;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), processor_double_make(&b), exporting()));
    end_span("s");
    /* Each is told of the span, and of the two that the other makes of it; for those it makes two that nobody sees. */
    assert_int_equal(a.starts, 3);
    assert_int_equal(b.starts, 3);
    assert_int_equal(seen.count, 1 + 4 + 8);
}

static void end_kept(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)span;
    (void)parent;
    me->starting = NULL;
    otel_span_end(&application_s);
}

static void a_span_that_a_processor_ends_is_shown_to_it(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    application_s = otel_span_start(lib, OTEL_START("outer"));
    a.starting = end_kept;
    processor_double_steps();
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    assert_string_equal(processor_double_steps(), "a:start a:ending a:end");
    otel_span_end(&span);
    assert_int_equal(a.ends, 2);
}

static void stop_from_within(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)me;
    (void)span;
    (void)parent;
    processor_double_step("flush", otel_status_text(otel_sdk_flush(LONG_MS)));
    processor_double_step("stop", otel_status_text(otel_sdk_stop(LONG_MS)));
    processor_double_step("start", otel_status_text(otel_sdk_start(NULL)));
}

static void they_cannot_flush_or_stop_the_sdk(void **state) {
    (void)state;
    a.starting = stop_from_within;
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    end_span("s");
    assert_string_equal(processor_double_steps(),
                        "a:start flush:not possible in this state stop:not possible in this state "
                        "start:not possible in this state a:ending a:end");
}

/* ---- making them ------------------------------------------------------------------------------------------------- */

static void nothing_but_the_name_is_required(void **state) {
    (void)state;
    static const otel_processor_ops bare = { .size = sizeof bare, .name = "bare" };
    start_with(OTEL_PROCESSORS(otel_processor_create(&bare, NULL), exporting()));
    end_span("s");
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(seen.count, 1);
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_string_equal(ledger.processors[0].name, "bare");
    assert_int_equal(ledger.processors[0].exported, 1);
}

static void count_destroy(void *data) { ++*(unsigned *)data; }

static void one_that_cannot_be_made_is_destroyed(void **state) {
    (void)state;
    unsigned destroyed = 0;
    otel_processor_ops ops = { .size = sizeof ops, .destroy = count_destroy };
    reports_start(OTEL_LOG_WARN);
    assert_null(otel_processor_create(NULL, &destroyed));
    assert_null(otel_processor_create(&ops, &destroyed));
    assert_int_equal(destroyed, 1);
    assert_true(reports_mention("no table", NULL));
    ops.name = "ops";
    ops.size = offsetof(otel_processor_ops, destroy); /* of a caller who did not know that member */
    otel_processor_destroy(otel_processor_create(&ops, &destroyed));
    assert_int_equal(destroyed, 1);
    ops.size = sizeof ops;
    otel_processor_destroy(otel_processor_create(&ops, &destroyed));
    assert_int_equal(destroyed, 2);
    reports_stop();
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    failing_allocator_fail(1, false);
    otel_processor *none = otel_processor_create(&ops, &destroyed);
    failing_allocator_fail(0, false);
    assert_null(none);
    assert_int_equal(destroyed, 3);
}

static void without_memory_for_a_look_the_end_is_counted_as_dropped(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    start_with(OTEL_PROCESSORS(processor_double_make(&a), exporting()));
    end_span("warms up");
    for (unsigned i = 0; i < 2; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        char key[2] = "A";
        for (; key[0] <= 'z'; key[0]++)
            otel_set(&span, key, 1);
        failing_allocator_fail(1, true);
        otel_span_end(&span);
        failing_allocator_fail(0, false);
    }
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[0].dropped_failed, 2);
    assert_int_equal(a.ends, 1);
    end_span("s");
    assert_int_equal(a.ends, 2);
}

static void in_the_long_run_a_look_allocates_nothing(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    for (unsigned i = 0; i < 10; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s", .attributes = OTEL_ATTRS(OTEL_ATTR("k", 1))));
        failing_allocator_fail(i == 0 ? 0 : 1, true);
        otel_event(&span, "event");
        otel_span_end(&span);
        assert_int_equal(failing_allocator_failures(), 0);
        failing_allocator_fail(0, false);
    }
    assert_int_equal(a.ends, 10);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(all_are_called_in_the_order_in_which_they_were_given),
        test(the_end_shows_everything_that_was_recorded),
        test(the_start_is_told_which_context_the_parent_came_from),
        test(they_run_on_the_thread_that_starts_or_ends_the_span),
        test(errno_stays_what_it_was),
        test(recorded_spans_that_are_not_sampled_are_shown_too),
        test(unrecorded_spans_are_not_shown),
        test(the_start_may_change_and_keep_the_span),
        test(an_ending_span_can_be_changed_by_the_processor_alone),
        test(an_ended_span_cannot_be_changed),
        test(spans_of_a_processor_s_own_reach_the_others_only),
        test(two_that_make_spans_do_not_feed_each_other_for_ever),
        test(a_span_that_a_processor_ends_is_shown_to_it),
        test(they_cannot_flush_or_stop_the_sdk),
        test(nothing_but_the_name_is_required),
        test(one_that_cannot_be_made_is_destroyed),
        test(in_the_long_run_a_look_allocates_nothing),
        test(without_memory_for_a_look_the_end_is_counted_as_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
