/* SPDX-License-Identifier: Apache-2.0 */
/* baggage_test.c - baggage as a value and in contexts (BAG-01 to BAG-13, BAG-27); see baggage_propagator_test.c too. */
#include "baggage.h"
#include "failing_allocator.h"
#include "fake_backend.h"

#include <otel/trace.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const otel_str none;

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

static otel_baggage set(const otel_baggage *baggage, const char *name, const char *value, const char *metadata) {
    return otel_baggage_set(baggage, otel_cstr(name), otel_cstr(value), otel_cstr(metadata));
}

/* `baggage` becomes what set() makes of it. */
static void add(otel_baggage *baggage, const char *name, const char *value, const char *metadata) {
    otel_baggage next = set(baggage, name, value, metadata);
    otel_baggage_release(baggage);
    *baggage = next;
}

static void assert_text(otel_str text, const char *expected, size_t len) {
    assert_non_null(text.ptr);
    assert_int_equal(text.len, len);
    assert_memory_equal(text.ptr, expected, len);
    assert_int_equal(text.ptr[len], '\0');
}

/* The value of `name` is `value` with `metadata`; `value` NULL: there is none. */
static void assert_entry(const otel_baggage *baggage, const char *name, const char *value, const char *metadata) {
    const otel_str found = otel_baggage_get(baggage, otel_cstr(name));
    size_t times = 0;
    for (size_t i = 0; i < otel_baggage_count(baggage); i++) {
        const otel_baggage_entry entry = otel_baggage_at(baggage, i);
        if (entry.name.len == strlen(name) && memcmp(entry.name.ptr, name, entry.name.len) == 0) {
            assert_non_null(value);
            assert_text(entry.name, name, strlen(name));
            assert_text(entry.value, value, strlen(value));
            assert_text(entry.metadata, metadata, strlen(metadata));
            times++;
        }
    }
    assert_int_equal(times, value != NULL);
    if (value != NULL) {
        assert_text(found, value, strlen(value));
    } else {
        assert_null(found.ptr);
        assert_int_equal(found.len, 0);
    }
}

/* ---- baggage ----------------------------------------------------------------------------------------------------- */

static void zero_and_null_are_empty(void **state) {
    (void)state;
    otel_baggage zero = { { 0 } };
    const otel_baggage *const both[] = { NULL, &zero };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(otel_baggage_count(both[i]), 0);
        assert_null(otel_baggage_get(both[i], otel_cstr("a")).ptr);
        assert_null(otel_baggage_at(both[i], 0).name.ptr);
        otel_baggage removed = otel_baggage_remove(both[i], otel_cstr("a"));
        otel_baggage retained = otel_baggage_retain(both[i]);
        assert_int_equal(removed.opaque_[0] | retained.opaque_[0], 0);
    }
    otel_baggage_release(NULL);
    otel_baggage_release(&zero);
}

static void entries_are_set_and_found(void **state) {
    (void)state;
    otel_baggage baggage = set(NULL, "tenant", "blue", "");
    add(&baggage, "shard", "7", "ttl=30;p");
    assert_int_equal(otel_baggage_count(&baggage), 2);
    assert_entry(&baggage, "tenant", "blue", "");
    assert_entry(&baggage, "shard", "7", "ttl=30;p");
    assert_entry(&baggage, "tenan", NULL, NULL);
    assert_entry(&baggage, "tenants", NULL, NULL);
    assert_null(otel_baggage_at(&baggage, 2).name.ptr);
    assert_null(otel_baggage_at(&baggage, SIZE_MAX).value.ptr);
    otel_baggage_release(&baggage);
    assert_int_equal(otel_baggage_count(&baggage), 0);
    otel_baggage_release(&baggage);
}

static void setting_and_removing_leave_the_old_baggage_alone(void **state) {
    (void)state;
    otel_baggage one = set(NULL, "a", "1", "");
    otel_baggage two = set(&one, "b", "2", "");
    otel_baggage changed = set(&two, "a", "3", "m");
    otel_baggage removed = otel_baggage_remove(&changed, otel_cstr("b"));
    otel_baggage last = otel_baggage_remove(&removed, otel_cstr("a"));
    assert_int_equal(otel_baggage_count(&one), 1);
    assert_int_equal(otel_baggage_count(&two), 2);
    assert_entry(&two, "a", "1", "");
    assert_int_equal(otel_baggage_count(&changed), 2);
    assert_entry(&changed, "a", "3", "m");
    assert_entry(&changed, "b", "2", "");
    assert_int_equal(otel_baggage_count(&removed), 1);
    assert_entry(&removed, "b", NULL, NULL);
    assert_entry(&removed, "a", "3", "m");
    assert_int_equal(last.opaque_[0], 0);
    otel_baggage *all[] = { &one, &two, &changed, &removed, &last };
    for (int i = 0; i < 5; i++) {
        otel_baggage_release(all[i]);
    }
}

static void replacing_takes_the_metadata_along(void **state) {
    (void)state;
    otel_baggage baggage = set(NULL, "a", "1", "old");
    add(&baggage, "a", "", "");
    assert_int_equal(otel_baggage_count(&baggage), 1);
    assert_entry(&baggage, "a", "", "");
    otel_baggage_release(&baggage);
}

static void removing_an_absent_name_changes_nothing(void **state) {
    (void)state;
    otel_baggage baggage = set(NULL, "a", "1", "");
    otel_baggage same = otel_baggage_remove(&baggage, otel_cstr("A"));
    assert_int_equal(same.opaque_[0], baggage.opaque_[0]);
    otel_baggage_release(&baggage);
    baggage = otel_baggage_remove(&same, none);
    assert_entry(&baggage, "a", "1", "");
    otel_baggage_release(&same);
    otel_baggage_release(&baggage);
}

static void names_and_values_are_any_text(void **state) {
    (void)state;
    static const char *const names[] = { "a",    "A",      " ",    "a b", "n\xc3\xa4me", "\xf0\x9f\x92\xbc",
                                         ",;=%", "line\n", "b\xff" };
    enum { COUNT = sizeof names / sizeof *names };
    otel_baggage baggage = { { 0 } };
    for (int i = 0; i < COUNT; i++) {
        add(&baggage, names[i], names[COUNT - 1 - i], "");
    }
    assert_int_equal(otel_baggage_count(&baggage), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_entry(&baggage, names[i], names[COUNT - 1 - i], "");
    }
    otel_baggage_release(&baggage);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

static void text_may_hold_nul_bytes(void **state) {
    (void)state;
    otel_baggage baggage = otel_baggage_set(NULL, otel_strn("a\0b", 3), otel_strn("\0", 1), otel_strn("m\0", 2));
    assert_text(otel_baggage_get(&baggage, otel_strn("a\0b", 3)), "\0", 1);
    assert_text(otel_baggage_at(&baggage, 0).metadata, "m\0", 2);
    assert_null(otel_baggage_get(&baggage, otel_cstr("a")).ptr);
    otel_baggage_release(&baggage);
}

static void text_is_copied(void **state) {
    (void)state;
    char text[] = "abc";
    otel_baggage baggage = otel_baggage_set(NULL, otel_strn(text, 1), otel_strn(text + 1, 1), otel_strn(text + 2, 1));
    memset(text, 'x', 3);
    assert_entry(&baggage, "a", "b", "c");
    otel_baggage_release(&baggage);
}

static void empty_name_is_refused(void **state) {
    (void)state;
    otel_baggage baggage = set(NULL, "a", "1", "");
    const otel_str no_bytes = { NULL, 5 };
    otel_baggage same = otel_baggage_set(&baggage, otel_cstr(""), otel_cstr("2"), none);
    assert_int_equal(same.opaque_[0], baggage.opaque_[0]);
    otel_baggage_release(&same);
    same = otel_baggage_set(&baggage, no_bytes, no_bytes, no_bytes);
    assert_int_equal(same.opaque_[0], baggage.opaque_[0]);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_NAME], 2);
    otel_baggage_release(&same);
    same = otel_baggage_set(&baggage, otel_cstr("b"), no_bytes, no_bytes);
    assert_entry(&same, "b", "", "");
    otel_baggage_release(&same);
    otel_baggage_release(&baggage);
}

static void many_entries_are_kept(void **state) {
    (void)state;
    otel_baggage baggage = { { 0 } };
    char name[24], value[16];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "name-%d", i % 200);
        snprintf(value, sizeof value, "%d", i);
        add(&baggage, name, value, "");
    }
    assert_int_equal(otel_baggage_count(&baggage), 200);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "name-%d", i);
        snprintf(value, sizeof value, "%d", i < 100 ? i + 200 : i);
        assert_entry(&baggage, name, value, "");
    }
    otel_baggage_release(&baggage);
}

/* ---- in contexts ------------------------------------------------------------------------------------------------- */

static void context_carries_baggage_beside_its_span(void **state) {
    (void)state;
    const otel_span span =
        otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 } });
    otel_baggage baggage = set(NULL, "a", "1", "m");
    otel_context base = otel_context_with_span(NULL, &span);
    otel_context context = otel_context_with_baggage(&base, &baggage);
    otel_baggage_release(&baggage);
    baggage = otel_context_baggage(&context);
    const otel_span same = otel_context_span(&context);
    assert_memory_equal(&same, &span, sizeof span);
    otel_context_release(&context);
    assert_entry(&baggage, "a", "1", "m");
    otel_baggage_release(&baggage);
    baggage = otel_context_baggage(&base);
    assert_int_equal(otel_baggage_count(&baggage), 0);
    otel_context_release(&base);
}

static void empty_baggage_takes_everything_away(void **state) {
    (void)state;
    static const otel_context no_context;
    static const otel_baggage empty;
    otel_context context = otel_context_with_baggage_value(&no_context, "a", otel_cstr("1"));
    const otel_baggage *const both[] = { NULL, &empty };
    for (int i = 0; i < 2; i++) {
        otel_context cleared = otel_context_with_baggage(&context, both[i]);
        assert_memory_equal(&cleared, &no_context, sizeof cleared);
        assert_null(otel_context_baggage_value(&cleared, "a").ptr);
        otel_context_release(&cleared);
    }
    assert_text(otel_context_baggage_value(&context, "a"), "1", 1);
    otel_context_release(&context);
}

static void null_means_the_current_context(void **state) {
    (void)state;
    otel_baggage baggage = set(NULL, "a", "1", "");
    otel_context context = otel_context_with_baggage(NULL, &baggage);
    otel_baggage_release(&baggage);
    assert_null(otel_context_baggage_value(NULL, "a").ptr);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    assert_text(otel_context_baggage_value(NULL, "a"), "1", 1);
    baggage = otel_context_baggage(NULL);
    context = otel_context_with_baggage_value(NULL, "b", otel_cstr("2"));
    otel_context cleared = otel_context_with_baggage(NULL, NULL);
    otel_scope_close(&scope);
    assert_int_equal(otel_baggage_count(&baggage), 1);
    assert_text(otel_context_baggage_value(&context, "a"), "1", 1);
    assert_text(otel_context_baggage_value(&context, "b"), "2", 1);
    assert_null(otel_context_baggage_value(&cleared, "a").ptr);
    otel_context_release(&context);
    otel_context_release(&cleared);
    otel_baggage_release(&baggage);
}

static void values_of_users_are_not_baggage(void **state) {
    (void)state;
    int value;
    const otel_context_key key = otel_context_key_create("baggage");
    otel_context context = otel_context_with_value(NULL, key, &value, NULL);
    otel_context both = otel_context_with_baggage_value(&context, "a", otel_cstr("1"));
    otel_context without = otel_context_with_value(&both, key, NULL, NULL);
    assert_null(otel_context_baggage_value(&context, "a").ptr);
    assert_ptr_equal(otel_context_value(&both, key), &value);
    assert_text(otel_context_baggage_value(&without, "a"), "1", 1);
    otel_context_release(&context);
    otel_context_release(&both);
    otel_context_release(&without);
}

static otel_str in_a_block(const char *value, bool leave) {
    OTEL_BAGGAGE(tenant, "tenant", value);
    OTEL_BAGGAGE(shard, "shard", otel_strn("seven", 1));
    assert_text(otel_context_baggage_value(NULL, "tenant"), value, strlen(value));
    assert_text(otel_context_baggage_value(NULL, "shard"), "s", 1);
    if (leave) {
        return none;
    }
    OTEL_BAGGAGE(other, "tenant", "green");
    assert_text(otel_context_baggage_value(NULL, "tenant"), "green", 5);
    OTEL_BAGGAGE(empty, "shard", "");
    assert_text(otel_context_baggage_value(NULL, "shard"), "", 0);
    OTEL_BAGGAGE(nothing, "tenant", otel_context_baggage_value(NULL, "absent"));
    assert_null(otel_context_baggage_value(NULL, "tenant").ptr);
    return none;
}

static void one_line_sets_an_entry_for_a_block(void **state) {
    (void)state;
    for (int leave = 0; leave < 2; leave++) {
        in_a_block("blue", leave);
        otel_context current = otel_context_current();
        const otel_context nothing = { { 0 } };
        assert_memory_equal(&current, &nothing, sizeof current);
    }
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

static otel_baggage shared;
static _Atomic unsigned wrong;

static void *use_shared(void *unused) {
    for (int i = 0; i < 5000; i++) {
        otel_baggage mine = otel_baggage_retain(&shared);
        otel_context context = otel_context_with_baggage(NULL, &mine);
        otel_baggage_release(&mine);
        OTEL_ATTACH(scope, &context);
        otel_context_release(&context);
        OTEL_BAGGAGE(inner, "b", "2");
        const otel_str a = otel_context_baggage_value(NULL, "a"), b = otel_context_baggage_value(NULL, "b");
        if (a.len != 1 || a.ptr[0] != '1' || b.len != 1 || b.ptr[0] != '2') {
            atomic_fetch_add(&wrong, 1);
        }
    }
    return unused;
}

static void threads_share_baggage(void **state) {
    (void)state;
    pthread_t threads[4];
    shared = set(NULL, "a", "1", "");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_shared, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    assert_entry(&shared, "a", "1", "");
    otel_baggage_release(&shared);
}

/* ---- no memory, no SDK ------------------------------------------------------------------------------------------- */

static void without_memory_the_old_baggage_stays(void **state) {
    (void)state;
    otel_baggage baggage = set(NULL, "a", "1", "");
    add(&baggage, "b", "2", "");
    if (!failing_allocator_works()) {
        otel_baggage_release(&baggage);
        skip();
    }
    errno = ERANGE;
    failing_allocator_fail(1, true);
    otel_baggage set_failed = set(&baggage, "c", "3", "");
    otel_baggage remove_failed = otel_baggage_remove(&baggage, otel_cstr("a"));
    otel_context attached = otel_context_with_baggage(NULL, &baggage);
    failing_allocator_fail(0, false);
    assert_int_equal(errno, ERANGE);
    assert_int_equal(set_failed.opaque_[0], baggage.opaque_[0]);
    assert_int_equal(remove_failed.opaque_[0], baggage.opaque_[0]);
    assert_int_equal(attached.opaque_[OTEL__W_VALUES], 0);
    assert_int_equal(fake.misuses[OTEL__MISUSE_NO_MEMORY], 3);
    otel_baggage_release(&set_failed);
    otel_baggage_release(&remove_failed);
    otel_baggage_release(&baggage);
}

/* More bytes than there are, as a caller's mistake may claim, are refused before they are read. */
static void impossible_lengths_are_refused(void **state) {
    (void)state;
    const otel_str huge = { "x", SIZE_MAX / 2 }, whole = { "x", SIZE_MAX };
    const otel_str cases[][3] = {
        { whole, none, none },
        { otel_cstr("a"), whole, none },
        { otel_cstr("a"), huge, huge },
        { huge, huge, huge },
    };
    otel_baggage baggage = set(NULL, "a", "1", "");
    for (int i = 0; i < 4 && failing_allocator_works(); i++) {
        otel_baggage same = otel_baggage_set(&baggage, cases[i][0], cases[i][1], cases[i][2]);
        assert_int_equal(same.opaque_[0], baggage.opaque_[0]);
        otel_baggage_release(&same);
    }
    otel_baggage_release(&baggage);
}

static void everything_works_without_an_sdk(void **state) {
    (void)state;
    fake_remove();
    in_a_block("blue", false);
    otel_baggage baggage = set(NULL, "", "1", "");
    assert_int_equal(otel_baggage_count(&baggage), 0);
    fake_install();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(zero_and_null_are_empty),
        TEST(entries_are_set_and_found),
        TEST(setting_and_removing_leave_the_old_baggage_alone),
        TEST(replacing_takes_the_metadata_along),
        TEST(removing_an_absent_name_changes_nothing),
        TEST(names_and_values_are_any_text),
        TEST(text_may_hold_nul_bytes),
        TEST(text_is_copied),
        TEST(empty_name_is_refused),
        TEST(many_entries_are_kept),
        TEST(context_carries_baggage_beside_its_span),
        TEST(empty_baggage_takes_everything_away),
        TEST(null_means_the_current_context),
        TEST(values_of_users_are_not_baggage),
        TEST(one_line_sets_an_entry_for_a_block),
        TEST(threads_share_baggage),
        TEST(without_memory_the_old_baggage_stays),
        TEST(impossible_lengths_are_refused),
        TEST(everything_works_without_an_sdk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
