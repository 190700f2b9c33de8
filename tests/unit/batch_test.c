/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_test.c - the view of records that exporters get: whole, in order, of any size, and NULL where there is nothing
 * to see.
 */
#include "batch.h"

#include "attributes.h"
#include "failing_allocator.h"
#include "sanitizers.h"
#include "span_assert.h"
#include "tracer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { COUNT = 3 };

static const struct otel__scope scopes[2] = { { .data = { .name = { "one", 3 } } },
                                              { .data = { .name = { "two", 3 } } } };
static const otel_resource_data resource = { .schema_url = { "http://r", 8 } };
static struct otel_batch *batch;

static struct otel__local *mine(void) { return otel__local_of(otel__thread_self()); }

static int prepare(void **state) {
    (void)state;
    return otel__locals_init() && otel__records_init() ? 0 : -1;
}

static int make_batch(void **state) {
    (void)state;
    batch = otel__batch_create(COUNT, &resource);
    for (size_t i = 0; i < COUNT; i++) {
        struct otel__record *record = otel__record_acquire(mine());
        record->scope = &scopes[i / 2];
        record->name = otel__record_text(record, otel_strn(&"ABC"[i], 1));
        batch->records[i] = record;
    }
    batch->count = COUNT;
    return 0;
}

static int free_batch(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        atomic_store(&batch->records[i]->birth, 0);
        otel__record_release(mine(), batch->records[i]);
    }
    otel__batch_free(batch);
    return 0;
}

static void add_event(struct otel__record *record, unsigned number, unsigned attributes) {
    struct otel__event *event = otel__record_alloc(record, sizeof *event);
    char text[16];
    memset(event, 0, sizeof *event);
    snprintf(text, sizeof text, "e%u", number);
    event->name = otel__record_text(record, otel_cstr(text));
    event->attrs.most = attributes;
    event->time = number;
    for (unsigned i = 0; i < attributes; i++) {
        snprintf(text, sizeof text, "a%u", i);
        const otel_value value = otel_int(number * 1000 + i);
        otel__attrs_set(record, &event->attrs, otel_cstr(text), &value);
    }
    record->nested_attrs += event->attrs.count;
    event->older = record->newest_event;
    record->newest_event = event;
    record->event_count++;
}

static void add_link(struct otel__record *record, unsigned number) {
    struct otel__link *link = otel__record_alloc(record, sizeof *link);
    memset(link, 0, sizeof *link);
    link->attrs.most = 1;
    link->span.opaque_[OTEL__W_TRACE] = link->span.opaque_[OTEL__W_SPAN] = number;
    const otel_value value = otel_int(number);
    otel__attrs_set(record, &link->attrs, otel_cstr("n"), &value);
    record->nested_attrs += link->attrs.count;
    link->older = record->newest_link;
    record->newest_link = link;
    record->link_count++;
}

static void a_batch_has_as_many_spans_as_it_says(void **state) {
    (void)state;
    assert_int_equal(otel_batch_count(batch), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const otel_span_data *span = otel_batch_span(batch, i);
        assert_int_equal(span->size, sizeof *span);
        assert_int_equal(span->name.ptr[0], 'A' + (int)i);
        assert_ptr_equal(span->resource, &resource);
    }
    assert_null(otel_batch_span(batch, COUNT));
    assert_null(otel_batch_span(batch, SIZE_MAX));
    assert_null(otel_batch_scope(batch, COUNT));
}

static void no_batch_has_nothing(void **state) {
    (void)state;
    assert_int_equal(otel_batch_count(NULL), 0);
    assert_null(otel_batch_span(NULL, 0));
    assert_null(otel_batch_scope(NULL, 0));
    assert_null(otel_batch_resource(NULL));
    otel__batch_free(NULL);
}

static void scopes_are_equal_when_their_pointers_are(void **state) {
    (void)state;
    assert_ptr_equal(otel_batch_scope(batch, 0), otel_batch_scope(batch, 1));
    assert_ptr_not_equal(otel_batch_scope(batch, 0), otel_batch_scope(batch, 2));
    for (size_t i = 0; i < COUNT; i++)
        assert_ptr_equal(otel_batch_scope(batch, i), otel_batch_span(batch, i)->scope);
    assert_ptr_equal(otel_batch_resource(batch), &resource);
}

static void everything_stands_in_the_order_in_which_it_was_added(void **state) {
    (void)state;
    struct otel__record *record = batch->records[0];
    for (unsigned i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        const otel_value value = otel_int(i);
        otel__attrs_set(record, &record->attrs, otel_cstr(key), &value);
        add_event(record, i, i);
        add_link(record, i);
    }
    const otel_span_data *span = otel_batch_span(batch, 0);
    assert_int_equal(span->attributes.count, 5);
    assert_int_equal(span->event_count, 5);
    assert_int_equal(span->link_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(span->attributes.items[i].value.u.i, i);
        assert_int_equal(span->events[i].time, i);
        assert_int_equal(span->events[i].attributes.count, i);
        for (unsigned a = 0; a < i; a++)
            assert_int_equal(span->events[i].attributes.items[a].value.u.i, i * 1000 + a);
        assert_int_equal(span->links[i].span->opaque_[OTEL__W_SPAN], i);
        assert_int_equal(span->links[i].attributes.items[0].value.u.i, i);
    }
}

/* The room is shared by all spans of the batch, so what one left behind must not show in the next. */
static void a_small_span_after_a_large_one_is_small(void **state) {
    (void)state;
    for (unsigned i = 0; i < 128; i++) {
        add_event(batch->records[1], i, 128);
        add_link(batch->records[1], i);
    }
    const otel_span_data *span = otel_batch_span(batch, 1);
    assert_int_equal(span->event_count, 128);
    assert_int_equal(span->events[127].attributes.items[127].value.u.i, 127127);
    assert_int_equal(span->links[127].attributes.items[0].value.u.i, 127);
    span = otel_batch_span(batch, 2);
    assert_int_equal(span->event_count + span->link_count + span->attributes.count, 0);
    span = otel_batch_span(batch, 1);
    assert_int_equal(span->events[64].attributes.items[5].value.u.i, 64005);
}

static void a_parent_is_seen_as_a_span_context(void **state) {
    (void)state;
    struct otel__record *record = batch->records[0];
    record->span.opaque_[0] = 11;
    record->span.opaque_[1] = 12;
    record->span.opaque_[OTEL__W_SPAN] = 13;
    record->span.opaque_[OTEL__W_META] |= 3;
    const otel_span_data *span = otel_batch_span(batch, 0);
    assert_null(span->parent);
    assert_null(span->parent_id);
    record->parent_id = 14;
    record->parent_meta = 1 | OTEL__META_REMOTE;
    span = otel_batch_span(batch, 0);
    assert_non_null(span->parent);
    assert_int_equal(span->parent->opaque_[0], 11);
    assert_int_equal(span->parent->opaque_[1], 12);
    assert_int_equal(span->parent->opaque_[OTEL__W_SPAN], 14);
    assert_int_equal(otel_span_flags(span->parent), 1);
    assert_true(otel_span_remote(span->parent));
    assert_false(otel_span_recording(span->parent));
    assert_memory_equal(span->parent_id, &record->parent_id, 8);
    assert_int_equal(span->flags, 3);
}

static void a_span_says_whether_it_has_ended(void **state) {
    (void)state;
    struct otel__record *record = batch->records[0];
    assert_false(otel_batch_span(batch, 0)->ended);
    const uint64_t birth = atomic_exchange(&record->birth, 0);
    assert_true(otel_batch_span(batch, 0)->ended);
    atomic_store(&record->birth, birth);
}

/* An exporter that gets NULL goes on with the next span; later there is memory again. */
static void without_memory_a_span_cannot_be_seen(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    add_event(batch->records[0], 1, 1);
    add_link(batch->records[0], 1);
    /* The room for attributes, for events and for links in turn. */
    for (unsigned nth = 1; nth <= 3; nth++) {
        struct otel_batch *fresh = otel__batch_create(1, &resource);
        fresh->records[0] = batch->records[0];
        fresh->count = 1;
        failing_allocator_fail(nth, false);
        const otel_span_data *span = otel_batch_span(fresh, 0);
        failing_allocator_fail(0, false);
        assert_null(span);
        assert_int_equal(otel_batch_span(fresh, 0)->link_count, 1);
        otel__batch_free(fresh);
    }
    assert_int_equal(otel_batch_span(batch, 0)->event_count, 1);
    for (unsigned nth = 1; nth <= 2; nth++) {
        failing_allocator_fail(nth, true);
        const struct otel_batch *none = otel__batch_create(1, NULL);
        failing_allocator_fail(0, false);
        assert_null(none);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, make_batch, free_batch)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_batch_has_as_many_spans_as_it_says),     test(no_batch_has_nothing),
        test(scopes_are_equal_when_their_pointers_are), test(everything_stands_in_the_order_in_which_it_was_added),
        test(a_small_span_after_a_large_one_is_small),  test(a_parent_is_seen_as_a_span_context),
        test(a_span_says_whether_it_has_ended),         test(without_memory_a_span_cannot_be_seen),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
