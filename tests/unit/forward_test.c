/* SPDX-License-Identifier: Apache-2.0 */
/* forward_test.c - starting and recording functions hand their calls to the SDK, checked as forward.c promises. */
#include "fake_backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(tracer, "forward_test", "1.2");

static int set_up(void **state) {
    (void)state;
    fake_install();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    fake_remove();
    return otel__thread_busy() ? -1 : 0;
}

static otel_span start(void) { return otel_span_start(tracer, OTEL_START("span")); }

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static void start_passes_everything_on(void **state) {
    (void)state;
    const otel_span parent_span = start();
    otel_context parent = otel_context_with_span(NULL, &parent_span);
    const otel_attrs attributes = OTEL_ATTRS(OTEL_ATTR("a", 1));
    const otel_links links = OTEL_LINKS({ .span = parent_span });
    const otel_span span = otel_span_start(tracer, OTEL_START("name", .name_len = 3, .kind = OTEL_CONSUMER,
                                                              .root = true, .parent = &parent, .attributes = attributes,
                                                              .links = links, .start_time = 17));
    assert_true(otel_span_recording(&span));
    assert_ptr_equal(fake.last.tracer, tracer);
    assert_int_equal(fake.last.thread, otel__thread_index(otel__thread_self()));
    assert_memory_equal(&fake.last.parent, &parent, sizeof parent);
    assert_int_equal(fake.last.start.size, sizeof(otel_span_options));
    assert_string_equal(fake.last.start.name, "name");
    assert_int_equal(fake.last.start.name_len, 3);
    assert_int_equal(fake.last.start.kind, OTEL_CONSUMER);
    assert_true(fake.last.start.root);
    assert_ptr_equal(fake.last.start.attributes.items, attributes.items);
    assert_ptr_equal(fake.last.start.links.items, links.items);
    assert_int_equal(fake.last.start.start_time, 17);
    const otel_span current = otel_context_span(NULL);
    assert_false(otel_span_valid(&current)); /* starting is not attaching */
    otel_context_release(&parent);
}

static void parent_is_the_current_context_by_default(void **state) {
    (void)state;
    static const otel_context empty;
    start();
    assert_memory_equal(&fake.last.parent, &empty, sizeof empty);
    const otel_span outer = start();
    otel_scope scope = otel_span_attach(&outer, false);
    start();
    assert_memory_equal(&fake.last.parent, &outer, sizeof outer);
    otel_scope_close(&scope);
}

static void nulls_become_defaults(void **state) {
    (void)state;
    const otel_span span = otel_span_start(NULL, NULL);
    assert_true(otel_span_recording(&span));
    assert_non_null(fake.last.tracer);
    assert_string_equal(fake.last.tracer->name, "");
    assert_int_equal(fake.last.start.size, sizeof(otel_span_options));
    assert_null(fake.last.start.name);
    assert_int_equal(fake.last.start.kind, OTEL_INTERNAL);
    assert_true(otel_tracer_enabled(NULL, NULL));
    assert_string_equal(fake.last.tracer->name, "");
}

static void unknown_kind_becomes_internal(void **state) {
    (void)state;
    static const int wrong[] = { -1, 5, 1 << 20 };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        otel_span_start(tracer, OTEL_START("name", .kind = (otel_kind)wrong[i], .start_time = 9));
        assert_int_equal(fake.last.start.kind, OTEL_INTERNAL);
        assert_int_equal(fake.last.start.start_time, 9);
        assert_string_equal(fake.last.start.name, "name");
    }
}

/* Every size that a caller may have known, and sizes that are nonsense, which count as whole words. */
static void older_start_options_are_completed(void **state) {
    (void)state;
    const otel_span_options full = {
        .size = sizeof full, .name = "name", .name_len = 4, .kind = OTEL_SERVER, .root = true, .start_time = 9
    };
    for (size_t size = 0; size < sizeof full; size++) {
        otel_span_options expected = { 0 };
        memcpy(&expected, &full, size != 0 ? size / 8 * 8 : sizeof full); /* 0 was forgotten */
        expected.size = sizeof full;
        otel_span_options given = full;
        given.size = size;
        otel_span_start(tracer, &given);
        assert_memory_equal(&fake.last.start, &expected, sizeof expected);
        assert_true(otel_tracer_enabled(tracer, &given));
        assert_memory_equal(&fake.last.start, &expected, sizeof expected);
    }
    struct {
        otel_span_options known;
        char unknown[64];
    } newer = { full, { 1 } };
    newer.known.size = sizeof newer;
    otel_span_start(tracer, &newer.known);
    assert_memory_equal(&fake.last.start, &full, sizeof full);
}

/* A sampler may attach so much that the stack moves, and the parent is read after that. */
static otel_span seen_parent;
static void attach_a_lot(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_START) {
        const uint32_t saved = otel__callback_begin(thread);
        otel_scope first = otel_context_attach(NULL);
        for (int i = 0; i < 2000; i++) {
            const otel_scope scope = otel_context_attach(NULL);
            (void)scope;
        }
        otel_scope_close(&first);
        otel__callback_end(thread, saved);
        memcpy(&seen_parent, fake.last.parent_given, sizeof seen_parent);
    }
}

static void callbacks_of_a_start_may_use_scopes(void **state) {
    (void)state;
    const otel_span outer = start();
    otel_scope scope = otel_context_attach(NULL);
    for (int i = 0; i < 20; i++) {
        const otel_scope inner = otel_span_attach(&outer, false);
        (void)inner;
    }
    fake.hook = attach_a_lot;
    start();
    assert_memory_equal(&seen_parent, &outer, sizeof outer);
    const otel_span current = otel_context_span(NULL);
    assert_memory_equal(&current, &outer, sizeof outer);
    otel_scope_close(&scope);
}

/* ---- recording --------------------------------------------------------------------------------------------------- */

static void recording_functions_pass_their_arguments_on(void **state) {
    (void)state;
    const otel_span span = start();
    otel_set(&span, "key", 42);
    assert_string_equal(fake.last.key, "key");
    assert_int_equal(fake.last.value.u.i, 42);
    otel_event(&span, "event", .time = 3);
    assert_string_equal(fake.last.event.name, "event");
    assert_int_equal(fake.last.event.time, 3);
    otel_exception(&span, "Type", .message = "text");
    assert_string_equal(fake.last.exception.type, "Type");
    assert_string_equal(fake.last.exception.message, "text");
    const otel_link link = { .span = span };
    otel_span_add_link(&span, &link);
    assert_memory_equal(&fake.last.link, &link, sizeof link);
    otel_span_set_name(&span, "renamed");
    assert_string_equal(fake.last.text, "renamed");
    otel_span_set_status(&span, OTEL_CODE_ERROR, "why");
    assert_int_equal(fake.last.code, OTEL_CODE_ERROR);
    assert_string_equal(fake.last.text, "why");
    otel_span_fail(&span, "timeout", "late");
    assert_string_equal(fake.last.key, "timeout");
    assert_string_equal(fake.last.text, "late");
    otel_span_end_at(&span, 99);
    assert_int_equal(fake.last.time, 99);
    assert_memory_equal(&fake.last.span, &span, sizeof span);
    for (int call = FAKE_END; call <= FAKE_FAIL; call++) {
        assert_int_equal(fake.calls[call], 1);
    }
    assert_false(otel_span_recording(&span));
}

static void call_everything(const otel_span *span) {
    static const otel_value value;
    static const otel_link link;
    otel_span_end_at(span, 1);
    otel_span_end(span);
    otel_span_set_value(span, otel_cstr("key"), &value);
    otel_span_add_event(span, OTEL_EVENT("event"));
    otel_span_record_exception(span, &(otel_exception_options){ .size = sizeof(otel_exception_options) });
    otel_span_add_link(span, &link);
    otel_span_set_name_str(span, otel_cstr("name"));
    otel_span_set_status_str(span, OTEL_CODE_OK, otel_cstr(""));
    otel_span_fail_str(span, otel_cstr("type"), otel_cstr("text"));
    assert_false(otel_span_recording(span));
    assert_false(otel_span_recording_(span));
}

static void spans_that_record_nothing_call_nobody(void **state) {
    (void)state;
    const otel_span invalid = { { 0 } };
    const otel_span wrapped =
        otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 } });
    call_everything(NULL);
    call_everything(&invalid);
    call_everything(&wrapped);
    for (int call = 0; call < FAKE_CALLS; call++) {
        assert_int_equal(fake.calls[call], 0);
    }
}

static void null_arguments_are_ignored(void **state) {
    (void)state;
    const otel_span span = start();
    otel_span_set_value(&span, otel_cstr("key"), NULL);
    otel_span_add_event(&span, NULL);
    otel_span_record_exception(&span, NULL);
    otel_span_add_link(&span, NULL);
    assert_int_equal(fake.calls[FAKE_SET] + fake.calls[FAKE_EVENT] + fake.calls[FAKE_EXCEPTION] + fake.calls[FAKE_LINK],
                     0);
}

static void strings_without_bytes_have_no_length(void **state) {
    (void)state;
    const otel_str lying = { NULL, 1000 };
    const otel_span span = start();
    const otel_value value = otel_int(1);
    otel_span_set_value(&span, lying, &value);
    assert_int_equal(fake.last.key_len, 0);
    otel_span_set_name_str(&span, otel_cstr("full"));
    otel_span_set_name_str(&span, lying);
    assert_int_equal(fake.last.text_len, 0);
    otel_span_fail_str(&span, otel_cstr("full"), otel_cstr("full"));
    otel_span_fail_str(&span, lying, lying);
    assert_int_equal(fake.last.key_len + fake.last.text_len, 0);
    otel_span_set_status_str(&span, OTEL_CODE_ERROR, otel_cstr("full"));
    otel_span_set_status_str(&span, OTEL_CODE_ERROR, lying);
    assert_int_equal(fake.last.text_len, 0);
}

static void unknown_status_is_ignored(void **state) {
    (void)state;
    const otel_span span = start();
    otel_span_set_status(&span, (otel_code)3, "text");
    otel_span_set_status(&span, (otel_code)-1, "text");
    assert_int_equal(fake.calls[FAKE_STATUS], 0);
    otel_span_set_status(&span, OTEL_CODE_UNSET, "text");
    assert_int_equal(fake.calls[FAKE_STATUS], 1);
}

static void older_event_options_are_completed(void **state) {
    (void)state;
    const otel_span span = start();
    const otel_event_options older = {
        .size = offsetof(otel_event_options, attributes), .name = "event", .attributes = { NULL, 77 }, .time = 5
    };
    otel_span_add_event(&span, &older);
    assert_int_equal(fake.last.event.size, sizeof(otel_event_options));
    assert_string_equal(fake.last.event.name, "event");
    assert_int_equal(fake.last.event.attributes.count, 0);
    assert_int_equal(fake.last.event.time, 0);
    const otel_exception_options tiny = { .size = 1, .type = "not known to the caller" };
    otel_span_record_exception(&span, &tiny);
    assert_int_equal(fake.last.exception.size, sizeof(otel_exception_options));
    assert_null(fake.last.exception.type);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(start_passes_everything_on),
        TEST(parent_is_the_current_context_by_default),
        TEST(nulls_become_defaults),
        TEST(unknown_kind_becomes_internal),
        TEST(older_start_options_are_completed),
        TEST(callbacks_of_a_start_may_use_scopes),
        TEST(recording_functions_pass_their_arguments_on),
        TEST(spans_that_record_nothing_call_nobody),
        TEST(null_arguments_are_ignored),
        TEST(strings_without_bytes_have_no_length),
        TEST(unknown_status_is_ignored),
        TEST(older_event_options_are_completed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
