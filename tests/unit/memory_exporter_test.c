/* SPDX-License-Identifier: Apache-2.0 */
/* memory_exporter_test.c - spans kept in memory, independent of everything they came from. */
#include <otel/memory.h>
#include <otel/sdk.h>

#include "batch_double.h"
#include "failing_allocator.h"
#include "reports.h"
#include "span_generator.h"

#include <pthread.h>
#include <stdatomic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* Equal content in other memory, NUL-terminated. */
static void assert_text(otel_str got, otel_str want) {
    assert_int_equal(got.len, want.len);
    assert_non_null(got.ptr);
    assert_int_equal(got.ptr[got.len], '\0');
    if (want.len > 0) {
        assert_memory_equal(got.ptr, want.ptr, want.len);
        assert_ptr_not_equal(got.ptr, want.ptr);
    }
}

/* Of an array: it may be null. */
static void assert_element(otel_str got, otel_str want) {
    if (want.ptr)
        assert_text(got, want);
    else
        assert_null(got.ptr);
}

static size_t element_size(otel_type type) { return type == OTEL_TYPE_BOOLS ? sizeof(bool) : sizeof(int64_t); }

static void assert_value(const otel_value *got, const otel_value *want) {
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->len, want->len);
    if (want->type == OTEL_TYPE_STRING || want->type == OTEL_TYPE_BYTES) {
        assert_text(otel_strn(got->u.p, got->len), otel_strn(want->u.p, want->len));
    } else if (want->type == OTEL_TYPE_STRINGS) {
        for (size_t i = 0; i < want->len; i++)
            assert_element(((const otel_str *)got->u.p)[i], ((const otel_str *)want->u.p)[i]);
    } else if (want->type > OTEL_TYPE_STRINGS) {
        assert_ptr_not_equal(got->u.p, want->u.p);
        assert_memory_equal(got->u.p, want->u.p, want->len * element_size(want->type));
    } else {
        assert_int_equal(got->u.i, want->u.i);
    }
}

static void assert_attributes(otel_attrs got, otel_attrs want) {
    assert_int_equal(got.count, want.count);
    for (size_t i = 0; i < want.count; i++) {
        assert_text(got.items[i].key, want.items[i].key);
        assert_value(&got.items[i].value, &want.items[i].value);
    }
}

static void assert_same_context(const otel_span *got, const otel_span *want) {
    char got_trace[33], got_id[17], want_trace[33], want_id[17];
    otel_span_hex(got, got_trace, got_id);
    otel_span_hex(want, want_trace, want_id);
    assert_string_equal(got_trace, want_trace);
    assert_string_equal(got_id, want_id);
    assert_int_equal(otel_span_flags(got), otel_span_flags(want));
    assert_int_equal(otel_span_remote(got), otel_span_remote(want));
}

static void assert_events(const otel_span_data *got, const otel_span_data *want) {
    assert_int_equal(got->event_count, want->event_count);
    for (size_t i = 0; i < want->event_count; i++) {
        assert_text(got->events[i].name, want->events[i].name);
        assert_int_equal(got->events[i].time, want->events[i].time);
        assert_attributes(got->events[i].attributes, want->events[i].attributes);
        assert_int_equal(got->events[i].dropped_attributes, want->events[i].dropped_attributes);
    }
}

static void assert_links(const otel_span_data *got, const otel_span_data *want) {
    assert_int_equal(got->link_count, want->link_count);
    for (size_t i = 0; i < want->link_count; i++) {
        assert_same_context(got->links[i].span, want->links[i].span);
        assert_text(got->links[i].tracestate, want->links[i].tracestate);
        assert_attributes(got->links[i].attributes, want->links[i].attributes);
        assert_int_equal(got->links[i].dropped_attributes, want->links[i].dropped_attributes);
    }
}

static void assert_origin(const otel_span_data *got, const otel_span_data *want, const otel_resource_data *resource) {
    assert_text(got->scope->name, want->scope->name);
    assert_text(got->scope->version, want->scope->version);
    assert_text(got->scope->schema_url, want->scope->schema_url);
    assert_attributes(got->scope->attributes, want->scope->attributes);
    assert_int_equal(got->scope->dropped_attributes, want->scope->dropped_attributes);
    assert_text(got->resource->schema_url, resource->schema_url);
    assert_attributes(got->resource->attributes, resource->attributes);
    assert_int_equal(got->resource->dropped_attributes, resource->dropped_attributes);
}

static void assert_span(const otel_span_data *got, const otel_span_data *want, const otel_resource_data *resource) {
    assert_int_equal(got->size, sizeof *got);
    assert_same_context(got->span, want->span);
    assert_memory_equal(got->trace_id, want->trace_id, 16);
    assert_memory_equal(got->span_id, want->span_id, 8);
    assert_int_equal(got->parent == NULL, want->parent == NULL);
    if (want->parent) {
        assert_memory_equal(got->parent_id, want->parent_id, 8);
        assert_int_equal(otel_span_remote(got->parent), otel_span_remote(want->parent));
    } else {
        assert_null(got->parent_id);
    }
    assert_text(got->tracestate, want->tracestate);
    assert_text(got->name, want->name);
    assert_int_equal(got->start_time, want->start_time);
    assert_int_equal(got->end_time, want->end_time);
    assert_true(got->ended);
    assert_int_equal(got->flags, want->flags);
    assert_int_equal(got->kind, want->kind);
    assert_int_equal(got->status, want->status);
    assert_text(got->status_text, want->status_text);
    assert_attributes(got->attributes, want->attributes);
    assert_int_equal(got->dropped_attributes, want->dropped_attributes);
    assert_int_equal(got->dropped_events, want->dropped_events);
    assert_int_equal(got->dropped_links, want->dropped_links);
    assert_events(got, want);
    assert_links(got, want);
    assert_origin(got, want, resource);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static otel_status export_set(otel_exporter *exporter, const span_set *set, uint64_t *rejected) {
    otel_batch *batch = batch_double_create(span_set_spans(set), span_set_count(set), span_set_resource(set));
    otel_status status = batch_double_export(exporter, batch, 0, rejected);
    batch_double_free(batch);
    return status;
}

static void copies_outlive_everything(void **state) {
    (void)state;
    otel_memory *memory = otel_memory_create(0);
    otel_exporter *exporter = otel_memory_exporter(memory);
    span_set *set = span_set_create(3, 200), *expected = span_set_create(3, 200);
    assert_int_equal(export_set(exporter, set, NULL), OTEL_OK);
    span_set_free(set);
    otel_exporter_destroy(exporter);
    assert_int_equal(otel_memory_count(memory), 200);
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    otel_memory_release(memory);
    assert_int_equal(otel_memory_spans_count(spans), 200);
    for (size_t i = 0; i < 200; i++)
        assert_span(otel_memory_spans_at(spans, i), &span_set_spans(expected)[i], span_set_resource(expected));
    assert_null(otel_memory_spans_at(spans, 200));
    otel_memory_spans_release(spans);
    span_set_free(expected);
}

static void nested_values_are_copied(void **state) {
    (void)state;
    const otel_str strings[] = { { "a", 1 }, { NULL, 0 }, { "", 0 } };
    otel_attr inner = { otel_cstr("deep"), otel_string("value") };
    otel_value items[] = { { .type = OTEL_TYPE_MAP, .len = 1, .u.p = &inner }, otel_int(7) };
    otel_value loop = { .type = OTEL_TYPE_ARRAY, .len = 1 };
    loop.u.p = &loop;
    otel_attr attrs[] = { { otel_cstr("array"), { .type = OTEL_TYPE_ARRAY, .len = 2, .u.p = items } },
                          { otel_cstr("loop"), loop },
                          { otel_cstr("strings"), otel_strings(strings, 3) } };
    span_set *set = span_set_create(4, 1);
    otel_span_data span = span_set_spans(set)[0];
    span.attributes = (otel_attrs){ attrs, 3 };
    otel_memory *memory = otel_memory_create(0);
    otel_exporter *exporter = otel_memory_exporter(memory);
    otel_batch *batch = batch_double_create(&span, 1, span_set_resource(set));
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    batch_double_free(batch);
    memset(items, 0, sizeof items);
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    const otel_value *array = &otel_memory_spans_at(spans, 0)->attributes.items[0].value;
    const otel_value *copies = array->u.p;
    assert_int_equal(copies[1].u.i, 7);
    const otel_attr *deep = copies[0].u.p;
    assert_string_equal(deep->key.ptr, "deep");
    assert_string_equal(deep->value.u.p, "value");
    assert_value(&otel_memory_spans_at(spans, 0)->attributes.items[2].value, &attrs[2].value);
    otel_memory_spans_release(spans);
    otel_memory_release(memory);
    otel_exporter_destroy(exporter);
    span_set_free(set);
}

static void snapshots_are_independent(void **state) {
    (void)state;
    otel_memory *memory = otel_memory_create(0);
    otel_exporter *exporter = otel_memory_exporter(memory);
    span_set *set = span_set_create(5, 3);
    export_set(exporter, set, NULL);
    otel_memory_spans *before = otel_memory_snapshot(memory);
    export_set(exporter, set, NULL);
    otel_memory_spans *after = otel_memory_snapshot(memory);
    otel_memory_clear(memory);
    assert_int_equal(otel_memory_count(memory), 0);
    otel_memory_spans *empty = otel_memory_snapshot(memory);
    assert_int_equal(otel_memory_spans_count(before), 3);
    assert_int_equal(otel_memory_spans_count(after), 6);
    assert_int_equal(otel_memory_spans_count(empty), 0);
    otel_memory_spans_release(after);
    assert_span(otel_memory_spans_at(before, 2), &span_set_spans(set)[2], span_set_resource(set));
    otel_memory_spans_release(before);
    otel_memory_spans_release(empty);
    otel_exporter_destroy(exporter);
    otel_memory_release(memory);
    span_set_free(set);
}

static void a_full_store_rejects(void **state) {
    (void)state;
    reports_start(OTEL_LOG_DEBUG);
    otel_memory *memory = otel_memory_create(5);
    otel_exporter *exporter = otel_memory_exporter(memory);
    span_set *set = span_set_create(6, 4);
    uint64_t rejected = 0;
    assert_int_equal(export_set(exporter, set, &rejected), OTEL_OK);
    assert_int_equal(rejected, 0);
    assert_int_equal(export_set(exporter, set, &rejected), OTEL_OK);
    assert_int_equal(rejected, 3);
    assert_int_equal(otel_memory_count(memory), 5);
    assert_true(reports_mention("full", NULL));
    otel_memory_clear(memory);
    assert_int_equal(export_set(exporter, set, &rejected), OTEL_OK);
    assert_int_equal(rejected, 0);
    otel_exporter_destroy(exporter);
    otel_memory_release(memory);
    span_set_free(set);
    reports_stop();
}

static void nothing_after_shutdown_or_cancel(void **state) {
    (void)state;
    otel_memory *memory = otel_memory_create(0);
    span_set *set = span_set_create(7, 2);
    for (int i = 0; i < 2; i++) {
        otel_exporter *exporter = otel_memory_exporter(memory);
        const otel_exporter_ops *ops = batch_double_ops(exporter);
        void *self = batch_double_self(exporter);
        assert_false(ops->blocking);
        assert_int_equal(ops->force_flush(self, 0), OTEL_OK);
        if (i == 0)
            ops->cancel(self);
        else
            assert_int_equal(ops->shutdown(self, 0), OTEL_OK);
        assert_int_equal(ops->shutdown(self, 0), OTEL_OK);
        assert_int_equal(export_set(exporter, set, NULL), OTEL_ERR_STATE);
        otel_exporter_destroy(exporter);
    }
    assert_int_equal(otel_memory_count(memory), 0);
    otel_exporter *again = otel_memory_exporter(memory); /* another exporter of the same store works */
    assert_int_equal(export_set(again, set, NULL), OTEL_OK);
    assert_int_equal(otel_memory_count(memory), 2);
    otel_exporter_destroy(again);
    otel_memory_release(memory);
    span_set_free(set);
}

OTEL_TRACER(tracer, "memory_exporter_test");

static void a_span_is_there_when_its_end_returns(void **state) {
    (void)state;
    otel_memory *memory = otel_memory_create(0);
    otel_processor *processor = otel_simple_processor(otel_memory_exporter(memory));
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .processors = OTEL_PROCESSORS(processor))),
                     OTEL_OK);
    for (size_t i = 1; i <= 10; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("now"));
        otel_span_end(&span);
        assert_int_equal(otel_memory_count(memory), i);
    }
    assert_int_equal(otel_sdk_stop(10000), OTEL_OK);
    otel_memory_release(memory);
}

static void any_thread_may_flush_and_shut_down(void **state) {
    (void)state;
    otel_memory *memory = otel_memory_create(0);
    otel_exporter *exporter = otel_memory_exporter(memory);
    span_set *set = span_set_create(12, 2);
    otel_batch *batch = batch_double_create(span_set_spans(set), 2, span_set_resource(set));
    assert_int_equal(batch_double_export_while_shut_down(exporter, batch), OTEL_ERR_STATE);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    otel_memory_release(memory);
    span_set_free(set);
}

static void null_everywhere(void **state) {
    (void)state;
    otel_memory_release(NULL);
    otel_memory_clear(NULL);
    assert_int_equal(otel_memory_count(NULL), 0);
    assert_null(otel_memory_exporter(NULL));
    otel_memory_spans *spans = otel_memory_snapshot(NULL);
    assert_null(spans);
    assert_int_equal(otel_memory_spans_count(NULL), 0);
    assert_null(otel_memory_spans_at(NULL, 0));
    otel_memory_spans_release(NULL);
}

/* Whichever allocation fails: each span is kept whole or counted as rejected. */
static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    span_set *set = span_set_create(10, 70);
    otel_batch *batch = batch_double_create(span_set_spans(set), 70, span_set_resource(set));
    for (unsigned nth = 1; nth < 90; nth++) {
        failing_allocator_fail(nth, nth % 2 == 0);
        otel_memory *memory = otel_memory_create(0);
        otel_exporter *exporter = otel_memory_exporter(memory);
        uint64_t rejected = 0;
        if (exporter)
            assert_int_equal(batch_double_export(exporter, batch, 0, &rejected), OTEL_OK);
        otel_memory_spans *spans = otel_memory_snapshot(memory);
        failing_allocator_fail(0, false);
        if (exporter)
            assert_int_equal(otel_memory_count(memory) + rejected, 70);
        if (spans)
            assert_int_equal(otel_memory_spans_count(spans), otel_memory_count(memory));
        otel_memory_spans_release(spans);
        otel_exporter_destroy(exporter);
        otel_memory_release(memory);
    }
    batch_double_free(batch);
    span_set_free(set);
}

struct reader {
    otel_memory *memory;
    atomic_bool stop;
    size_t seen;
};

static void *read_all_the_time(void *argument) {
    struct reader *reader = argument;
    for (int i = 0; !atomic_load(&reader->stop); i++) {
        otel_memory_spans *spans = otel_memory_snapshot(reader->memory);
        for (size_t k = 0; k < otel_memory_spans_count(spans); k++)
            reader->seen += otel_memory_spans_at(spans, k)->attributes.count;
        otel_memory_spans_release(spans);
        if (i % 7 == 0)
            otel_memory_clear(reader->memory);
    }
    return NULL;
}

static void reading_while_others_export(void **state) {
    (void)state;
    struct reader reader = { .memory = otel_memory_create(0) };
    otel_exporter *exporter = otel_memory_exporter(reader.memory);
    span_set *set = span_set_create(8, 50);
    otel_batch *batch = batch_double_create(span_set_spans(set), 50, span_set_resource(set));
    pthread_t thread;
    pthread_create(&thread, NULL, read_all_the_time, &reader);
    for (int i = 0; i < 200; i++)
        assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    atomic_store(&reader.stop, true);
    pthread_join(thread, NULL);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    otel_memory_release(reader.memory);
    span_set_free(set);
}

/* Another thread holds the store's lock again and again; a child that inherits it held must not hang. */
static void forks_while_others_read(void **state) {
    (void)state;
    struct reader reader = { .memory = otel_memory_create(0) };
    otel_exporter *exporter = otel_memory_exporter(reader.memory);
    span_set *set = span_set_create(9, 20);
    export_set(exporter, set, NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, read_all_the_time, &reader);
    otel_batch *batch = batch_double_create(span_set_spans(set), 20, span_set_resource(set));
    for (int i = 0; i < 50; i++) {
        pid_t child = fork();
        batch_double_ops(exporter)->after_fork(batch_double_self(exporter), child == 0);
        if (child == 0) {
            alarm(20);
            size_t before = otel_memory_count(reader.memory);
            bool kept = batch_double_export(exporter, batch, 0, NULL) == OTEL_OK;
            _exit(kept && otel_memory_count(reader.memory) == before + 20 ? 0 : 1);
        }
        int result = -1;
        assert_int_equal(waitpid(child, &result, 0), child);
        assert_int_equal(result, 0);
    }
    atomic_store(&reader.stop, true);
    pthread_join(thread, NULL);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    otel_memory_release(reader.memory);
    span_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_outlive_everything),
        cmocka_unit_test(nested_values_are_copied),
        cmocka_unit_test(snapshots_are_independent),
        cmocka_unit_test(a_full_store_rejects),
        cmocka_unit_test(nothing_after_shutdown_or_cancel),
        cmocka_unit_test(a_span_is_there_when_its_end_returns),
        cmocka_unit_test(any_thread_may_flush_and_shut_down),
        cmocka_unit_test(null_everywhere),
        cmocka_unit_test(memory_is_short),
        cmocka_unit_test(reading_while_others_export),
        cmocka_unit_test(forks_while_others_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
