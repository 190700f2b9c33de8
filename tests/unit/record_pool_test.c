/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_pool_test.c - births that never repeat, late calls that find nothing, and memory that is bounded and comes
 * back.
 */
#include "record.h"

#include "attributes.h"
#include "base/poison.h"
#include "in_child.h"
#include "proc.h"
#include "thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4, BIRTHS_EACH = 100000, MEGABYTE = 1 << 20 };

static int prepare(void **state) {
    (void)state;
    return otel__locals_init() && otel__records_init() ? 0 : -1;
}

static struct otel__local *mine(void) { return otel__local_of(otel__thread_self()); }

static otel_span span_of(const struct otel__record *record) {
    otel_span span = { { 0 } };
    span.opaque_[OTEL__W_META] = (uint64_t)record->slot << 32;
    span.opaque_[OTEL__W_BIRTH] = atomic_load(&record->birth);
    return span;
}

/* As the end of a span, with nobody to export it. */
static void finish(struct otel__local *local, struct otel__record *record) {
    atomic_store(&record->birth, 0);
    otel__record_release(local, record);
}

/* How many records are to be had, apart from those in other threads' caches. */
static uint32_t records_to_be_had(void) {
    static struct otel__record *all[OTEL__RECORDS_MAX + 1];
    uint32_t count = 0;
    while (count <= OTEL__RECORDS_MAX && (all[count] = otel__record_acquire(mine())) != NULL)
        count++;
    for (uint32_t i = 0; i < count; i++)
        finish(mine(), all[i]);
    return count;
}

/* Each thread's data lies `step` bytes after that of the one before. */
static void in_threads(void *(*body)(void *), void *data, size_t step) {
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, (char *)data + i * step), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* ---- births ------------------------------------------------------------------------------------------------------ */

static void *give_birth(void *data) {
    uint64_t *births = data;
    struct otel__local *local = mine();
    for (unsigned i = 0; i < BIRTHS_EACH; i++) {
        struct otel__record *record = otel__record_acquire(local);
        births[i] = atomic_load(&record->birth);
        finish(local, record);
    }
    otel__record_cache_flush(local);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void no_birth_is_given_twice_whatever_the_thread(void **state) {
    (void)state;
    uint64_t *births = calloc((size_t)2 * THREADS * BIRTHS_EACH, sizeof *births);
    assert_non_null(births);
    for (size_t round = 0; round < 2; round++)
        in_threads(give_birth, births + round * THREADS * BIRTHS_EACH, BIRTHS_EACH * sizeof *births);
    qsort(births, (size_t)2 * THREADS * BIRTHS_EACH, sizeof *births, ascending);
    assert_int_not_equal(births[0], 0);
    for (size_t i = 1; i < (size_t)2 * THREADS * BIRTHS_EACH; i++)
        assert_true(births[i] != births[i - 1]);
    free(births);
}

static void threads_without_a_state_get_births_too(void **state) {
    (void)state;
    static struct otel__local shared = { .shared = true };
    struct otel__record *a = otel__record_acquire(&shared);
    struct otel__record *b = otel__record_acquire(&shared);
    struct otel__record *c = otel__record_acquire(mine());
    const uint64_t x = atomic_load(&a->birth), y = atomic_load(&b->birth), z = atomic_load(&c->birth);
    assert_true(x != 0 && y != 0 && x != y && x != z && y != z);
    finish(&shared, a);
    finish(&shared, b);
    finish(mine(), c);
    assert_int_equal(shared.cached, 0); /* a cache that threads shared would be a race */
}

static int gives_later_births(void *argument) {
    const uint64_t *greatest = argument;
    for (unsigned i = 0; i < 1000; i++) {
        struct otel__record *record = otel__record_acquire(mine());
        STEP(atomic_load(&record->birth) > *greatest);
        finish(mine(), record);
    }
    return 0;
}

/* A span that a child inherited must not name one of the child's own. */
static void a_child_gives_births_that_its_parent_never_gave(void **state) {
    (void)state;
    uint64_t greatest = 0;
    struct otel__record *records[20];
    for (unsigned i = 0; i < 20; i++) {
        records[i] = otel__record_acquire(mine());
        greatest = atomic_load(&records[i]->birth) > greatest ? atomic_load(&records[i]->birth) : greatest;
    }
    assert_int_equal(in_child(gives_later_births, &greatest), 0);
    for (unsigned i = 0; i < 20; i++)
        finish(mine(), records[i]);
}

/* ---- finding records --------------------------------------------------------------------------------------------- */

static void a_span_finds_its_record_until_its_end(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    const otel_span span = span_of(record);
    assert_true(otel__record_is(&span));
    assert_ptr_equal(otel__record_lock(&span), record);
    assert_false(otel__lock_try(&record->lock));
    otel__record_unlock(record);
    assert_true(otel__lock_try(&record->lock));
    otel__lock_release(&record->lock);
    finish(mine(), record);
    assert_false(otel__record_is(&span));
    assert_null(otel__record_lock(&span));
}

static void a_late_call_finds_nothing_whatever_the_slot_is_used_for(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    const otel_span late = span_of(record);
    finish(mine(), record);
    struct otel__record *next = otel__record_acquire(mine());
    assert_ptr_equal(next, record);
    assert_false(otel__record_is(&late));
    assert_null(otel__record_lock(&late));
    assert_int_equal(next->lock, 0);
    finish(mine(), next);
}

struct late {
    otel_span span;
    _Atomic bool stop;
    _Atomic unsigned found;
};

/* The record is taken over between a late call's first look and its lock. */
static void *knock(void *data) {
    struct late *late = data;
    while (!atomic_load(&late->stop)) {
        struct otel__record *record = otel__record_lock(&late->span);
        if (record) {
            atomic_fetch_add(&late->found, 1);
            otel__record_unlock(record);
        }
    }
    return NULL;
}

static void late_calls_of_other_threads_never_get_in(void **state) {
    (void)state;
    struct late late = { .stop = false };
    struct otel__record *record = otel__record_acquire(mine());
    late.span = span_of(record);
    finish(mine(), record);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, knock, &late), 0);
    for (unsigned i = 0; i < 100000; i++) {
        struct otel__record *again = otel__record_acquire(mine());
        const otel_span span = span_of(again);
        assert_ptr_equal(otel__record_lock(&span), again);
        atomic_store(&again->birth, 0);
        otel__record_unlock(again);
        otel__record_release(mine(), again);
    }
    atomic_store(&late.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(late.found, 0);
}

/* Whatever words a broken program passes as a span. */
static void made_up_spans_name_nothing(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    const otel_span real = span_of(record);
    uint64_t x = 88172645463325252u;
    for (unsigned i = 0; i < 200000; i++) {
        otel_span span = real;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        if (i % 2)
            span.opaque_[OTEL__W_META] = x;
        span.opaque_[OTEL__W_BIRTH] = i % 4 < 2 ? x >> (i % 64) : i % 8 < 6 ? 0 : UINT64_MAX;
        if (memcmp(&span, &real, sizeof span) == 0)
            continue;
        assert_null(otel__record_lock(&span));
        assert_false(otel__record_is(&span));
    }
    finish(mine(), record);
    /* Free, its birth is zero; that must not be the birth of an unsampled span. */
    otel_span unborn = real;
    unborn.opaque_[OTEL__W_BIRTH] = 0;
    assert_null(otel__record_lock(&unborn));
    assert_false(otel__record_is(&unborn));
}

static void a_record_begins_empty_whatever_it_held_before(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    const otel_value value = otel_string("a");
    for (unsigned i = 0; i < 30; i++)
        otel__attrs_set(record, &record->attrs, otel_cstr((char[]){ 'k', (char)('a' + i), '\0' }), &value);
    record->name = otel__record_text(record, otel_cstr("a name"));
    record->kind = 3;
    record->status = 2;
    record->dropped_events = record->dropped_links = 7;
    record->end = 9;
    struct otel__record *const was = record;
    finish(mine(), record);
    record = otel__record_acquire(mine());
    assert_ptr_equal(record, was);
    assert_null(record->attrs.newest);
    assert_int_equal(record->attrs.count, 0);
    assert_null(record->name);
    assert_int_equal(record->kind | record->status, 0);
    assert_int_equal(record->dropped_events | record->dropped_links, 0);
    assert_int_equal(record->blocks | record->bytes, 0);
    assert_int_equal(record->end, 0);
    finish(mine(), record);
}

/* ---- where records come from ------------------------------------------------------------------------------------- */

static void there_are_so_many_records_and_they_all_come_back(void **state) {
    (void)state;
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
    assert_int_equal(otel__records_live(), 0);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

static void *compete(void *data) {
    static struct otel__local shared = { .shared = true };
    static _Atomic bool in_use[OTEL__RECORDS_MAX + 1];
    for (unsigned i = 0; i < 300000; i++) {
        struct otel__record *record = otel__record_acquire(&shared);
        if (!record)
            continue;
        atomic_fetch_add((_Atomic unsigned *)data, atomic_exchange(&in_use[record->slot], true));
        atomic_store(&in_use[record->slot], false);
        finish(&shared, record);
    }
    return NULL;
}

/* Fewer records than threads that want one: a look at what was free a moment ago must not count as having it. */
static void threads_that_compete_for_the_last_records_never_share_one(void **state) {
    (void)state;
    static struct otel__record *taken[OTEL__RECORDS_MAX];
    _Atomic unsigned shared_out = 0;
    uint32_t count = 0;
    otel__record_cache_flush(mine());
    for (; count < OTEL__RECORDS_MAX; count++)
        taken[count] = otel__record_acquire(mine());
    finish(NULL, taken[--count]);
    in_threads(compete, &shared_out, 0);
    assert_int_equal(shared_out, 0);
    for (uint32_t i = 0; i < count; i++)
        finish(mine(), taken[i]);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

/* With late calls that knock at one of the records meanwhile. */
static void memory_of_free_records_can_be_given_back(void **state) {
    (void)state;
    struct late late = { .stop = false };
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX); /* all have been touched */
    struct otel__record *record = otel__record_acquire(mine());
    late.span = span_of(record);
    finish(mine(), record);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, knock, &late), 0);
    const uint64_t before = proc_memory_kib("VmRSS:");
    otel__records_trim();
    const uint64_t after = proc_memory_kib("VmRSS:");
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
        otel__records_trim();
    }
    atomic_store(&late.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(late.found, 0);
    assert_true(before >= after + 50 * (MEGABYTE / 1024));
}

static void a_thread_caches_no_more_than_its_bound(void **state) {
    (void)state;
    struct otel__record *records[100];
    for (unsigned i = 0; i < 100; i++)
        records[i] = otel__record_acquire(mine());
    assert_in_range(mine()->cached, 0, OTEL__CACHE_MAX);
    for (unsigned i = 0; i < 100; i++) {
        finish(mine(), records[i]);
        assert_in_range(mine()->cached, 1, OTEL__CACHE_MAX);
    }
    otel__record_cache_flush(mine());
    assert_int_equal(mine()->cached, 0);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

/* A service may have thousands of threads that did something once and wait now. */
static void idle_threads_leave_enough_records_to_the_others(void **state) {
    (void)state;
    enum { IDLE = 20000 };
    for (uint32_t i = 1; i <= IDLE; i++) {
        const struct otel__thread idle = { .index = 10000 + i % 20000 };
        struct otel__local *local = otel__local_of(&idle);
        finish(local, otel__record_acquire(local));
    }
    for (uint32_t i = 1000; i < 5000; i++) {
        const struct otel__thread idle = { .index = i };
        struct otel__local *local = otel__local_of(&idle);
        finish(local, otel__record_acquire(local));
    }
    assert_in_range(records_to_be_had(), OTEL__RECORDS_MAX / 2, OTEL__RECORDS_MAX);
    otel__locals_each(otel__record_cache_flush);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

struct unref_job {
    struct otel__record *const *records;
    size_t count;
};

static void *unref_all(void *data) {
    const struct unref_job *job = data;
    for (size_t at = 0; at < job->count;) {
        const size_t step = 1 + at % 200;
        const size_t now = job->count - at < step ? job->count - at : step;
        otel__records_unref(job->records + at, now);
        at += now;
    }
    return NULL;
}

static void a_record_goes_back_when_its_last_reader_is_done(void **state) {
    (void)state;
    enum { COUNT = 5000 };
    static struct otel__record *records[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        records[i] = otel__record_acquire(mine());
        atomic_store(&records[i]->references, 1 + THREADS);
        atomic_store(&records[i]->birth, 0);
    }
    struct unref_job job = { records, COUNT };
    unref_all(&job);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX - COUNT);
    in_threads(unref_all, &job, 0);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

static void note_name(const struct otel__record *record, void *data) {
    char *names = data;
    strncat(names, record->name->bytes, record->name->len);
}

static void live_records_are_counted_and_can_be_abandoned(void **state) {
    (void)state;
    struct otel__record *records[3];
    char names[16] = "";
    for (unsigned i = 0; i < 3; i++) {
        records[i] = otel__record_acquire(mine());
        records[i]->name = otel__record_text(records[i], otel_strn(&"ABC"[i], 1));
    }
    const otel_span b = span_of(records[1]);
    assert_int_equal(otel__records_live(), 3);
    finish(mine(), records[0]);
    assert_int_equal(otel__records_live(), 2);
    assert_int_equal(otel__records_abandon(note_name, names), 2);
    assert_int_equal(strlen(names), 2);
    assert_non_null(strchr(names, 'B'));
    assert_non_null(strchr(names, 'C'));
    assert_false(otel__record_is(&b));
    assert_int_equal(otel__records_live(), 0);
    assert_int_equal(otel__records_abandon(note_name, names), 0);
    assert_int_equal(records_to_be_had(), OTEL__RECORDS_MAX);
}

/* ---- the arena --------------------------------------------------------------------------------------------------- */

enum { PIECES = 600 };

static void pieces_are_aligned_and_apart(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    static struct {
        unsigned char *at;
        size_t size;
    } pieces[PIECES];
    uint32_t seed = 7;
    for (unsigned i = 0; i < PIECES; i++) {
        seed = seed * 1664525u + 1013904223u;
        pieces[i].size = i % 50 == 49 ? 3000 + (seed >> 16) % 5000 : (seed >> 16) % 200;
        pieces[i].at = otel__record_alloc(record, pieces[i].size);
        assert_non_null(pieces[i].at);
        assert_int_equal((uintptr_t)pieces[i].at % 8, 0);
        memset(pieces[i].at, (int)(i & 0xff), pieces[i].size);
    }
    for (unsigned i = 0; i < PIECES; i++)
        for (size_t b = 0; b < pieces[i].size; b++)
            assert_int_equal(pieces[i].at[b], i & 0xff);
    finish(mine(), record);
}

static void a_span_holds_so_many_bytes(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    assert_null(otel__record_alloc(record, SIZE_MAX));
    assert_null(otel__record_alloc(record, (size_t)OTEL__SPAN_BYTES_MAX + 1));
    size_t sum = 0;
    while (otel__record_alloc(record, 1000))
        sum += 1000;
    assert_in_range(sum, OTEL__SPAN_BYTES_MAX / 10 * 9, OTEL__SPAN_BYTES_MAX + OTEL__BLOCK_SIZE);
    finish(mine(), record);
    record = otel__record_acquire(mine());
    void *all = otel__record_alloc(record, OTEL__SPAN_BYTES_MAX);
    assert_non_null(all);
    memset(all, 1, OTEL__SPAN_BYTES_MAX);
    assert_null(otel__record_alloc(record, MEGABYTE));
    assert_null(otel__record_alloc(record, OTEL__IN_BLOCK_MAX));
    finish(mine(), record);
}

/* As many records as it takes to use up all blocks; returns the number of pieces of 4 KiB there were. */
static unsigned use_up_blocks(void) {
    static struct otel__record *records[64];
    unsigned pieces = 0, count = 0;
    for (bool more = true; more && count < 64; count++) {
        records[count] = otel__record_acquire(mine());
        while (otel__record_alloc(records[count], OTEL__IN_BLOCK_MAX) != NULL)
            pieces++;
        more = records[count]->bytes + OTEL__IN_BLOCK_MAX > OTEL__SPAN_BYTES_MAX;
    }
    for (unsigned i = 0; i < count; i++)
        finish(mine(), records[i]);
    return pieces;
}

static void blocks_are_bounded_and_come_back(void **state) {
    (void)state;
    const unsigned pieces = use_up_blocks();
    assert_int_equal(pieces, OTEL__BLOCKS_MAX); /* a block has a header, so it holds one such piece */
    assert_int_equal(use_up_blocks(), pieces);
}

static unsigned use_up_big_values(void) {
    static struct otel__record *records[64];
    unsigned values = 0, count = 0;
    for (bool more = true; more && count < 64; count++) {
        records[count] = otel__record_acquire(mine());
        unsigned here = 0;
        for (; here < 4 && otel__record_alloc(records[count], MEGABYTE) != NULL; here++) {}
        values += here;
        more = here == 4;
    }
    for (unsigned i = 0; i < count; i++)
        finish(mine(), records[i]);
    return values;
}

static void big_values_are_bounded_and_come_back(void **state) {
    (void)state;
    assert_int_equal(use_up_big_values(), OTEL__BIG_VALUES_MAX / MEGABYTE);
    assert_int_equal(use_up_big_values(), OTEL__BIG_VALUES_MAX / MEGABYTE);
}

/* ---- after a fork ------------------------------------------------------------------------------------------------ */

static int has_an_empty_pool(void *argument) {
    const otel_span *inherited = argument;
    otel__wiped_after_fork();
    STEP(!otel__record_is(inherited));
    STEP(otel__record_lock(inherited) == NULL);
    STEP(otel__records_live() == 0);
    STEP(records_to_be_had() == OTEL__RECORDS_MAX);
    STEP(use_up_blocks() == OTEL__BLOCKS_MAX);
    STEP(use_up_big_values() == OTEL__BIG_VALUES_MAX / MEGABYTE);
    return 0;
}

/* Also when the parent holds a record's lock, as another thread of it may. */
static void a_child_has_an_empty_pool(void **state) {
    (void)state;
    struct otel__record *record = otel__record_acquire(mine());
    const otel_span span = span_of(record);
    assert_non_null(otel__record_alloc(record, OTEL__IN_BLOCK_MAX));
    assert_non_null(otel__record_alloc(record, MEGABYTE));
    otel__lock_acquire(&record->lock);
    assert_int_equal(in_child(has_an_empty_pool, (void *)(uintptr_t)&span), 0);
    assert_true(otel__record_is(&span));
    otel__lock_release(&record->lock);
    finish(mine(), record);
}

/* ---- poisoning --------------------------------------------------------------------------------------------------- */

#ifdef OTEL__ASAN
static void hush(void) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
}

static int reads_a_free_record(void *argument) {
    hush();
    return ((volatile struct otel__record *)argument)->kind & 0;
}

static int reads_a_free_block(void *argument) {
    hush();
    return *(volatile char *)argument & 0;
}

static int reads_control_words(void *argument) {
    struct otel__record *record = argument;
    return (int)(atomic_load(&record->birth) + record->slot) & 0;
}
#endif

static void what_a_free_record_held_is_poisoned(void **state) {
    (void)state;
#ifndef OTEL__ASAN
    print_message("    skipped: only AddressSanitizer knows of poison\n");
    skip();
#else
    struct otel__record *record = otel__record_acquire(mine());
    char *piece;
    do
        piece = otel__record_alloc(record, 500);
    while (record->blocks == 0);
    assert_int_equal(reads_control_words(record), 0);
    /* Not wiped, so that it is the poison that is met and not an unmapped page: no fork of the pool here. */
    assert_int_equal(in_child(reads_a_free_block, piece), 0);
    finish(mine(), record);
    assert_int_not_equal(in_child(reads_a_free_record, record), 0);
    assert_int_not_equal(in_child(reads_a_free_block, piece), 0);
    assert_int_equal(in_child(reads_control_words, record), 0);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_so_many_records_and_they_all_come_back),
        cmocka_unit_test(threads_that_compete_for_the_last_records_never_share_one),
        cmocka_unit_test(memory_of_free_records_can_be_given_back),
        cmocka_unit_test(no_birth_is_given_twice_whatever_the_thread),
        cmocka_unit_test(threads_without_a_state_get_births_too),
        cmocka_unit_test(a_child_gives_births_that_its_parent_never_gave),
        cmocka_unit_test(a_span_finds_its_record_until_its_end),
        cmocka_unit_test(a_late_call_finds_nothing_whatever_the_slot_is_used_for),
        cmocka_unit_test(late_calls_of_other_threads_never_get_in),
        cmocka_unit_test(made_up_spans_name_nothing),
        cmocka_unit_test(a_record_begins_empty_whatever_it_held_before),
        cmocka_unit_test(a_thread_caches_no_more_than_its_bound),
        cmocka_unit_test(idle_threads_leave_enough_records_to_the_others),
        cmocka_unit_test(a_record_goes_back_when_its_last_reader_is_done),
        cmocka_unit_test(live_records_are_counted_and_can_be_abandoned),
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(a_span_holds_so_many_bytes),
        cmocka_unit_test(blocks_are_bounded_and_come_back),
        cmocka_unit_test(big_values_are_bounded_and_come_back),
        cmocka_unit_test(a_child_has_an_empty_pool),
        cmocka_unit_test(what_a_free_record_held_is_poisoned),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
