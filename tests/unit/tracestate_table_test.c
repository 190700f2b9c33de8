/* SPDX-License-Identifier: Apache-2.0 */
/* tracestate_table_test.c - references, eviction and bounds of the table that holds all tracestates. */
#include "fake_backend.h"
#include "in_child.h"
#include "tracestate_table.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SMALL_PLACES = 16384, MANY = 20000 };

static uint64_t intern(const char *text) { return otel__tracestate_intern(otel_cstr(text)); }

static void pass_by(int count) {
    for (int i = 0; i < count; i++) {
        const uint64_t passing = intern("passing=1");
        assert_int_not_equal(passing, 0);
        otel__tracestate_drop(passing);
    }
}

static void strong_reference_keeps_the_text(void **state) {
    (void)state;
    const uint64_t held = intern("held=1");
    pass_by(MANY);
    assert_string_equal(otel__tracestate_text(held).ptr, "held=1");
    assert_true(otel__tracestate_retain(held));
    otel__tracestate_drop(held);
    pass_by(MANY);
    assert_string_equal(otel__tracestate_text(held).ptr, "held=1");
    otel__tracestate_drop(held);
}

/* The spans of a request that ended may still be asked for a while. */
static void weak_reference_lasts_until_the_place_is_needed(void **state) {
    (void)state;
    const uint64_t weak = intern("weak=1");
    otel__tracestate_drop(weak);
    pass_by(200);
    assert_true(otel__tracestate_retain(weak));
    assert_string_equal(otel__tracestate_text(weak).ptr, "weak=1");
    otel__tracestate_drop(weak);
    pass_by(MANY);
    assert_false(otel__tracestate_retain(weak));
    assert_null(otel__tracestate_text(weak).ptr);
}

static void places_are_reused_rather_than_opened(void **state) {
    (void)state;
    uint64_t greatest = 0;
    for (int i = 0; i < MANY; i++) {
        const uint64_t passing = intern("passing=1");
        const uint64_t place = passing & 0xffffff;
        greatest = place > greatest ? place : greatest;
        otel__tracestate_drop(passing);
    }
    assert_true(greatest < 512);
}

static void dropping_once_too_often_is_harmless(void **state) {
    (void)state;
    const uint64_t one = intern("one=1");
    otel__tracestate_drop(one);
    otel__tracestate_drop(one);
    assert_true(otel__tracestate_retain(one));
    otel__tracestate_drop(one);

    /* Nor does it take a reference from what has come to the same place since. */
    uint64_t other = intern("other=1");
    while ((other & 0xffffff) != (one & 0xffffff)) {
        otel__tracestate_drop(other);
        other = intern("other=1");
    }
    otel__tracestate_drop(one);
    assert_false(otel__tracestate_retain(one));
    pass_by(MANY);
    assert_string_equal(otel__tracestate_text(other).ptr, "other=1");
    assert_true(otel__tracestate_retain(other));
    otel__tracestate_drop(other);
    otel__tracestate_drop(other);
}

static void zero_is_the_empty_one(void **state) {
    (void)state;
    assert_true(otel__tracestate_retain(0));
    otel__tracestate_drop(0);
    assert_null(otel__tracestate_text(0).ptr);
    assert_int_equal(intern(""), 0);
    assert_int_equal(otel__tracestate_intern((otel_str){ NULL, 8 }), 0);
}

static void lengths_are_kept(void **state) {
    (void)state;
    static char text[OTEL__TRACESTATE_LONGEST + 1];
    memset(text, 'x', sizeof text);
    const size_t lengths[] = { 1, 100, 494, 495, 496, 497, 512, 2000, OTEL__TRACESTATE_LONGEST };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const uint64_t one = otel__tracestate_intern(otel_strn(text, lengths[i]));
        assert_int_equal(otel__tracestate_text(one).len, lengths[i]);
        assert_memory_equal(otel__tracestate_text(one).ptr, text, lengths[i]);
        assert_int_equal(otel__tracestate_text(one).ptr[lengths[i]], '\0');
        otel__tracestate_drop(one);
    }
    assert_int_equal(otel__tracestate_intern(otel_strn(text, sizeof text)), 0);
}

static void references_are_bounded(void **state) {
    (void)state;
    const uint64_t one = intern("one=1");
    uint32_t taken = 1;
    while (otel__tracestate_retain(one)) {
        taken++;
    }
    assert_int_equal(taken, (1u << 23) - 1);
    assert_string_equal(otel__tracestate_text(one).ptr, "one=1");
    for (; taken > 0; taken--) {
        otel__tracestate_drop(one);
    }
    pass_by(MANY);
    assert_false(otel__tracestate_retain(one));
}

static void full_table_gives_the_empty_one_and_says_so(void **state) {
    (void)state;
    static uint64_t held[SMALL_PLACES + 1];
    char text[32];
    int count = 0;
    fake_install();
    do {
        snprintf(text, sizeof text, "n=%d", count);
        held[count] = intern(text);
    } while (held[count] != 0 && ++count <= SMALL_PLACES);
    assert_int_equal(count, SMALL_PLACES);
    assert_int_equal(fake.misuses[OTEL__MISUSE_TRACESTATE_FULL], 1);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "n=%d", i);
        assert_string_equal(otel__tracestate_text(held[i]).ptr, text);
        otel__tracestate_drop(held[i]);
    }
    pass_by(10);
    assert_int_equal(fake.misuses[OTEL__MISUSE_TRACESTATE_FULL], 1);
    fake_remove();
}

/* What a fork leaves behind when another thread was just writing. */
static void unpublished_place_is_lost_but_stops_nobody(void **state) {
    (void)state;
    uint64_t stuck;
    char *text = otel__tracestate_reserve(7, &stuck);
    assert_non_null(text);
    memcpy(text, "stuck=1", 7);
    assert_false(otel__tracestate_retain(stuck));
    for (int i = 0; i < MANY; i++) {
        const uint64_t passing = intern("passing=1");
        assert_int_not_equal(passing, 0);
        assert_int_not_equal(passing & 0xffffff, stuck & 0xffffff);
        otel__tracestate_drop(passing);
    }
    otel__tracestate_publish(stuck);
    assert_true(otel__tracestate_retain(stuck));
    assert_string_equal(otel__tracestate_text(stuck).ptr, "stuck=1");
    otel__tracestate_drop(stuck);
    otel__tracestate_drop(stuck);
}

/* ---- several threads -------------------------------------------------------------------------------------------- */

static _Atomic uint64_t offered[4];
static _Atomic unsigned damaged;

/* Offers tracestates whose text says which one it is, and reads those of others through weak references. */
static void *churn(void *argument) {
    const unsigned mine = *(const unsigned *)argument;
    for (unsigned i = 0; i < 20000; i++) {
        char text[24];
        const int length = snprintf(text, sizeof text, "n=%08x%08x", i, i);
        const uint64_t made = otel__tracestate_intern(otel_strn(text, (size_t)length));
        atomic_store(&offered[mine], made);
        const uint64_t other = atomic_load(&offered[(mine + 1) % 4]);
        if (other != 0 && otel__tracestate_retain(other)) {
            const otel_str seen = otel__tracestate_text(other);
            if (seen.len != 18 || memcmp(seen.ptr + 2, seen.ptr + 10, 8) != 0) {
                atomic_fetch_add(&damaged, 1);
            }
            otel__tracestate_drop(other);
        }
        otel__tracestate_drop(made);
    }
    return NULL;
}

static void threads_never_see_a_text_change(void **state) {
    (void)state;
    pthread_t threads[4];
    unsigned numbers[4] = { 0, 1, 2, 3 };
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(damaged, 0);
}

/* A strong reference taken before a fork is one in the child too. */
static int use_in_child(void *argument) {
    const uint64_t held = *(const uint64_t *)argument;
    for (int i = 0; i < MANY; i++) {
        otel__tracestate_drop(intern("passing=1"));
    }
    STEP(strcmp(otel__tracestate_text(held).ptr, "held=1") == 0);
    return 0;
}

static void table_survives_a_fork(void **state) {
    (void)state;
    uint64_t held = intern("held=1");
    assert_int_equal(in_child(use_in_child, &held), 0);
    otel__tracestate_drop(held);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strong_reference_keeps_the_text),
        cmocka_unit_test(weak_reference_lasts_until_the_place_is_needed),
        cmocka_unit_test(places_are_reused_rather_than_opened),
        cmocka_unit_test(dropping_once_too_often_is_harmless),
        cmocka_unit_test(zero_is_the_empty_one),
        cmocka_unit_test(lengths_are_kept),
        cmocka_unit_test(references_are_bounded),
        cmocka_unit_test(unpublished_place_is_lost_but_stops_nobody),
        cmocka_unit_test(threads_never_see_a_text_change),
        cmocka_unit_test(table_survives_a_fork),
        cmocka_unit_test(full_table_gives_the_empty_one_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
