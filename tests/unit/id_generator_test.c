/* SPDX-License-Identifier: Apache-2.0 */
/* id_generator_test.c - ids are random, never zero, never the same twice: not in threads, not after a fork. */
#include "id_generator.h"
#include "in_child.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4, IDS = 50000, BITS = 192 };

struct id {
    uint64_t trace[2], span;
};

static int prepare(void **state) {
    (void)state;
    return otel__locals_init() ? 0 : -1;
}

static struct otel__local *mine(void) { return otel__local_of(otel__thread_self()); }

static struct id new_id(struct otel__local *local) {
    struct id id;
    otel__trace_id_new(local, id.trace);
    id.span = otel__span_id_new(local);
    return id;
}

/* Each bit is set about half of the time, within 6 standard deviations, and so are all bits of a byte together. */
static void every_bit_is_random(void **state) {
    (void)state;
    unsigned set[BITS] = { 0 };
    for (unsigned i = 0; i < IDS; i++) {
        const struct id id = new_id(mine());
        const uint64_t words[3] = { id.trace[0], id.trace[1], id.span };
        for (unsigned bit = 0; bit < BITS; bit++)
            set[bit] += (unsigned)(words[bit / 64] >> bit % 64 & 1);
    }
    for (unsigned bit = 0; bit < BITS; bit++)
        assert_in_range(set[bit], IDS / 2 - 6 * 112, IDS / 2 + 6 * 112); /* sqrt(50000)/2 = 112 */
}

static int by_span(const void *a, const void *b) {
    const uint64_t x = ((const struct id *)a)->span, y = ((const struct id *)b)->span;
    return x < y ? -1 : x > y;
}

static int by_trace(const void *a, const void *b) { return memcmp(a, b, sizeof(uint64_t[2])); }

static unsigned repeated(struct id *ids, size_t count) {
    unsigned same = 0;
    qsort(ids, count, sizeof *ids, by_span);
    for (size_t i = 1; i < count; i++)
        same += ids[i].span == ids[i - 1].span;
    qsort(ids, count, sizeof *ids, by_trace);
    for (size_t i = 1; i < count; i++)
        same += by_trace(&ids[i], &ids[i - 1]) == 0;
    return same;
}

static void *fill(void *data) {
    struct id *ids = data;
    for (unsigned i = 0; i < IDS; i++)
        ids[i] = new_id(mine());
    return NULL;
}

static void threads_make_different_ids(void **state) {
    (void)state;
    struct id *ids = calloc((size_t)THREADS * IDS, sizeof *ids);
    assert_non_null(ids);
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fill, ids + (size_t)i * IDS), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < (size_t)THREADS * IDS; i++)
        assert_true(ids[i].span != 0 && (ids[i].trace[0] | ids[i].trace[1]) != 0);
    assert_int_equal(repeated(ids, (size_t)THREADS * IDS), 0);
    free(ids);
}

/* Threads without a state of their own have no generator to share: each id is the kernel's. */
static void ids_are_random_without_a_generator(void **state) {
    (void)state;
    static struct otel__local shared = { .shared = true };
    struct id ids[200];
    for (unsigned i = 0; i < 200; i++)
        ids[i] = new_id(&shared);
    assert_int_equal(repeated(ids, 200), 0);
    assert_false(shared.seeded);
}

/* A state whose next word is zero: s0 == 0 and s3 == 0. The word after it is not. */
static void zero_is_never_an_id(void **state) {
    (void)state;
    struct otel__local local = { .seeded = true, .random = { 0, 0x123456789, 0xabcdef, 0 } };
    assert_int_not_equal(otel__span_id_new(&local), 0);
    struct otel__local again = { .seeded = true, .random = { 0, 0x123456789, 0xabcdef, 0 } };
    uint64_t words[2];
    otel__trace_id_new(&again, words);
    assert_true((words[0] | words[1]) != 0);
}

static int sends_ids(void *argument) {
    const int *pipe_end = argument;
    struct id ids[100];
    for (unsigned i = 0; i < 100; i++)
        ids[i] = new_id(mine());
    STEP(write(*pipe_end, ids, sizeof ids) == (ssize_t)sizeof ids);
    return 0;
}

static void children_make_ids_of_their_own(void **state) {
    (void)state;
    enum { CHILDREN = 4 };
    struct id ids[(CHILDREN + 1) * 100];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    new_id(mine()); /* seeded before the forks */
    for (unsigned i = 0; i < CHILDREN; i++) {
        assert_int_equal(in_child(sends_ids, &ends[1]), 0);
        assert_int_equal(read(ends[0], ids + 100 * i, sizeof(struct id[100])), sizeof(struct id[100]));
    }
    for (unsigned i = CHILDREN * 100; i < (CHILDREN + 1) * 100; i++)
        ids[i] = new_id(mine());
    assert_int_equal(repeated(ids, (CHILDREN + 1) * 100), 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_is_random),
        cmocka_unit_test(threads_make_different_ids),
        cmocka_unit_test(ids_are_random_without_a_generator),
        cmocka_unit_test(zero_is_never_an_id),
        cmocka_unit_test(children_make_ids_of_their_own),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
