/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_test.c - places are handed out once at a time, whatever threads and forks do, and as far as address space goes.
 */
#include "base/slab.h"
#include "in_child.h"
#include "proc.h"
#include "sanitizers.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 40000, HELD = 24, MEGABYTE = 1 << 20 };

static struct otel__slab *new_slab(uint32_t place_size, uint32_t capacity, uint32_t least) {
    struct otel__slab *slab = calloc(1, sizeof *slab);
    return slab && otel__slab_init(slab, place_size, capacity, least) ? slab : NULL;
}

/* ---- one thread ------------------------------------------------------------------------------------------------- */

static void places_are_numbered_from_one_zeroed_and_apart(void **state) {
    (void)state;
    struct otel__slab *slab = new_slab(96, 100, 100);
    uint32_t numbers[10];
    assert_int_equal(otel__slab_take(slab, numbers, 10), 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(numbers[i], i + 1);
        unsigned char *place = otel__slab_at(slab, numbers[i]);
        for (unsigned b = 0; b < 96; b++)
            assert_int_equal(place[b], 0);
        memset(place, (int)i + 1, 96);
    }
    for (uint32_t i = 0; i < 10; i++) {
        const unsigned char *place = otel__slab_at(slab, numbers[i]);
        assert_true(place[0] == i + 1 && place[95] == i + 1);
    }
    assert_int_equal(otel__slab_carved(slab), 10);
    free(slab);
}

static void freed_places_come_back_before_new_ones_with_their_content(void **state) {
    (void)state;
    struct otel__slab *slab = new_slab(64, 100, 100);
    uint32_t numbers[5], again[5];
    assert_int_equal(otel__slab_take(slab, numbers, 5), 5);
    strcpy(otel__slab_at(slab, numbers[2]), "left behind");
    otel__slab_give(slab, &numbers[1], 3);
    assert_int_equal(otel__slab_take(slab, again, 5), 3);
    assert_int_equal(again[0], numbers[1]);
    assert_int_equal(again[1], numbers[2]);
    assert_int_equal(again[2], numbers[3]);
    assert_string_equal(otel__slab_at(slab, again[1]), "left behind");
    assert_int_equal(otel__slab_take(slab, again, 1), 1);
    assert_int_equal(again[0], 6);
    free(slab);
}

static void no_place_beyond_the_capacity(void **state) {
    (void)state;
    enum { CAPACITY = 37 };
    struct otel__slab *slab = new_slab(1024, CAPACITY, CAPACITY);
    uint32_t numbers[CAPACITY + 16];
    uint32_t count = 0, got;
    while ((got = otel__slab_take(slab, numbers + count, 16)) != 0)
        count += got;
    assert_int_equal(count, CAPACITY);
    memset(otel__slab_at(slab, CAPACITY), 1, 1024);
    assert_int_equal(otel__slab_take(slab, numbers, 1), 0);
    assert_false(otel__slab_reach(slab, CAPACITY + 1));
    otel__slab_give(slab, numbers, 0);
    assert_int_equal(otel__slab_take(slab, numbers, 1), 0);
    otel__slab_give(slab, &numbers[7], 1);
    assert_int_equal(otel__slab_take(slab, numbers, 16), 1);
    assert_int_equal(numbers[0], 8);
    free(slab);
}

/* A span that is made up, or left over from another time, may name any slot. */
static void numbers_from_outside_are_checked(void **state) {
    (void)state;
    struct otel__slab *slab = new_slab(1024, 5000, 5000);
    assert_false(otel__slab_has(slab, 0));
    assert_false(otel__slab_has(slab, 1));
    assert_false(otel__slab_has(slab, UINT32_MAX));
    uint32_t number;
    assert_int_equal(otel__slab_take(slab, &number, 1), 1);
    assert_true(otel__slab_has(slab, 1));
    uint32_t last = 1;
    while (otel__slab_has(slab, last + 1))
        last++;
    /* Whatever is said to be there can be read. */
    assert_int_equal(*(const volatile char *)otel__slab_at(slab, last), 0);
    assert_int_equal(((const volatile char *)otel__slab_at(slab, last))[1023], 0);
    assert_false(otel__slab_has(slab, 5001));
    free(slab);
}

static void a_caller_may_number_the_places_itself(void **state) {
    (void)state;
    struct otel__slab *slab = new_slab(384, 32768, 32768);
    errno = EDOM;
    assert_true(otel__slab_reach(slab, 1));
    assert_true(otel__slab_reach(slab, 20000));
    assert_int_equal(errno, EDOM);
    memset(otel__slab_at(slab, 20000), 7, 384);
    assert_true(otel__slab_reach(slab, 3));
    assert_int_equal(*(char *)otel__slab_at(slab, 3), 0);
    assert_true(otel__slab_reach(slab, 32768));
    memset(otel__slab_at(slab, 32768), 7, 384);
    free(slab);
}

/* ---- giving memory back ------------------------------------------------------------------------------------------ */

enum { FREED = 4000, KEPT = 100, PLACE = 1024 };

static bool all_bytes_are(const struct otel__slab *slab, uint32_t number, int byte) {
    const unsigned char *place = otel__slab_at(slab, number);
    for (uint32_t i = 0; i < slab->place_size; i++)
        if (place[i] != byte)
            return false;
    return true;
}

/* A slab of which all FREED places have been taken and written to. */
static struct otel__slab *full_slab(uint32_t place_size, uint32_t *numbers) {
    struct otel__slab *slab = new_slab(place_size, FREED, FREED);
    for (uint32_t i = 0; i < FREED; i += 16)
        assert_int_equal(otel__slab_take(slab, numbers + i, 16), 16);
    for (uint32_t i = 0; i < FREED; i++)
        memset(otel__slab_at(slab, numbers[i]), 0xee, place_size);
    return slab;
}

static void free_memory_can_be_given_back(void **state) {
    (void)state;
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(PLACE, numbers);
    otel__slab_give(slab, numbers, FREED);
    errno = EDOM;
    const size_t bytes = otel__slab_trim(slab, KEPT, NULL, NULL);
    assert_int_equal(errno, EDOM);
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    assert_in_range(bytes, (FREED - KEPT) * PLACE - 4 * page, (FREED - KEPT) * PLACE);
    /* What was freed last has its memory still and is taken first; then come the others, and all are there. */
    bool seen[FREED + 1] = { false };
    for (uint32_t i = 0; i < FREED; i++) {
        uint32_t number;
        assert_int_equal(otel__slab_take(slab, &number, 1), 1);
        assert_false(seen[number]);
        seen[number] = true;
        assert_true(i < KEPT ? all_bytes_are(slab, number, 0xee)
                             : all_bytes_are(slab, number, 0) || all_bytes_are(slab, number, 0xee));
        assert_int_equal(i < KEPT, number <= KEPT);
    }
    free(slab);
}

/* The first four bytes of a place are 1 while somebody is in it. */
static bool seize(void *place) {
    if (*(uint32_t *)place == 1)
        return false;
    *(uint32_t *)place = 1;
    return true;
}
static void release(void *place) { *(uint32_t *)place = 0; }

static size_t faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_minflt;
}

/* Or each pause would bring all that was ever used back for a moment. */
static void what_was_given_back_is_left_alone(void **state) {
    (void)state;
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(PLACE, numbers);
    otel__slab_give(slab, numbers, FREED);
    for (uint32_t i = 0; i < FREED; i++)
        *(uint32_t *)otel__slab_at(slab, numbers[i]) = 0;
    assert_true(otel__slab_trim(slab, KEPT, seize, release) > 0);
    const size_t before = faults();
    assert_true(otel__slab_trim(slab, 0, seize, release) <= (size_t)2 * KEPT * PLACE);
    assert_in_range(faults() - before, 0, 100);
    free(slab);
}

static void a_trim_that_is_not_worth_it_takes_nothing(void **state) {
    (void)state;
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(PLACE, numbers);
    otel__slab_give(slab, numbers, FREED);
    const uint64_t before = atomic_load(&slab->state->free);
    assert_int_equal(otel__slab_trim(slab, FREED / 2 + 100, NULL, NULL), 0);
    assert_true(atomic_load(&slab->state->free) == before);
    assert_true(otel__slab_trim(slab, FREED / 2 - 100, NULL, NULL) > 0);
    free(slab);
}

static void places_in_use_keep_their_memory(void **state) {
    (void)state;
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(PLACE, numbers);
    for (uint32_t i = 0; i < FREED; i++)
        if (i % 50 != 0)
            otel__slab_give(slab, &numbers[i], 1);
    assert_true(otel__slab_trim(slab, 0, NULL, NULL) >= (size_t)FREED * PLACE / 2);
    for (uint32_t i = 0; i < FREED; i += 50)
        assert_true(all_bytes_are(slab, numbers[i], 0xee));
    free(slab);
}

static void larger_places_than_pages(void **state) {
    (void)state;
    const uint32_t size = 2 * (uint32_t)sysconf(_SC_PAGESIZE);
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(size, numbers);
    otel__slab_give(slab, numbers, FREED);
    assert_int_equal(otel__slab_trim(slab, KEPT, NULL, NULL), (size_t)(FREED - KEPT) * size);
    free(slab);
}

static void a_place_that_cannot_be_seized_keeps_its_page(void **state) {
    (void)state;
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(PLACE, numbers);
    *(uint32_t *)otel__slab_at(slab, 2001) = 1;
    otel__slab_give(slab, numbers, FREED);
    assert_true(otel__slab_trim(slab, 0, seize, release) > (size_t)FREED * PLACE / 2);
    assert_int_equal(*(uint32_t *)otel__slab_at(slab, 2001), 1);
    assert_int_equal(((unsigned char *)otel__slab_at(slab, 2001))[PLACE - 1], 0xee);
    /* Its neighbour on the page, seized first, was let go. */
    assert_int_equal(*(uint32_t *)otel__slab_at(slab, 2000), 0);
    free(slab);
}

/* As of locked pages. */
static bool pages_are_locked;

static void what_the_system_does_not_take_stays(void **state) {
    (void)state;
    uint32_t numbers[FREED];
    struct otel__slab *slab = full_slab(PLACE, numbers);
    otel__slab_give(slab, numbers, FREED);
    pages_are_locked = true;
    const size_t bytes = otel__slab_trim(slab, KEPT, seize, release);
    pages_are_locked = false;
    assert_int_equal(bytes, 0);
    for (uint32_t i = 0; i < FREED; i++) {
        uint32_t number;
        assert_int_equal(otel__slab_take(slab, &number, 1), 1);
        assert_int_equal(((unsigned char *)otel__slab_at(slab, number))[PLACE - 1], 0xee);
        assert_int_not_equal(*(uint32_t *)otel__slab_at(slab, number), 1);
    }
    free(slab);
}

/* ---- many threads ----------------------------------------------------------------------------------------------- */

struct shared {
    struct otel__slab *slab;
    _Atomic uint8_t *owned;
    _Atomic unsigned doubly, wild, started;
    _Atomic bool done;
};

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Takes and gives places in varying numbers and orders, and notes when a place is handed out while somebody has it. */
static void *take_and_give(void *data) {
    struct shared *shared = data;
    uint32_t seed = atomic_fetch_add(&shared->started, 1);
    uint32_t held[HELD];
    uint32_t count = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (count < HELD / 2 || (count < HELD - 8 && next_random(&seed) % 2)) {
            const uint32_t got = otel__slab_take(shared->slab, held + count, 1 + next_random(&seed) % 8);
            for (uint32_t i = count; i < count + got; i++) {
                if (held[i] == 0 || held[i] > shared->slab->capacity)
                    atomic_fetch_add(&shared->wild, 1);
                else if (atomic_exchange(&shared->owned[held[i]], 1) != 0)
                    atomic_fetch_add(&shared->doubly, 1);
            }
            count += got;
        } else {
            const uint32_t back = 1 + next_random(&seed) % (count < 8 ? count : 8);
            count -= back;
            for (uint32_t i = count; i < count + back; i++)
                atomic_store(&shared->owned[held[i]], 0);
            otel__slab_give(shared->slab, held + count, back);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        atomic_store(&shared->owned[held[i]], 0);
    otel__slab_give(shared->slab, held, count);
    return NULL;
}

static void *trim_again_and_again(void *data) {
    struct shared *shared = data;
    while (!atomic_load(&shared->done))
        otel__slab_trim(shared->slab, 4, NULL, NULL);
    return NULL;
}

static void places_have_one_owner_at_a_time_under_threads(void **state) {
    (void)state;
    /* So few places that all threads fight for the same ones: what a stack without tags does not survive. */
    enum { CAPACITY = THREADS * HELD * 3 / 4 };
    struct shared shared = { .slab = new_slab(64, CAPACITY, CAPACITY), .owned = calloc(CAPACITY + 1, 1) };
    pthread_t threads[THREADS], trimmer;
    assert_int_equal(pthread_create(&trimmer, NULL, trim_again_and_again, &shared), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &shared), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&shared.done, true);
    pthread_join(trimmer, NULL);
    assert_int_equal(shared.wild, 0);
    assert_int_equal(shared.doubly, 0);
    /* Nothing was lost either. */
    uint32_t numbers[CAPACITY + 8];
    uint32_t count = 0, got;
    while ((got = otel__slab_take(shared.slab, numbers + count, 8)) != 0)
        count += got;
    assert_int_equal(count, CAPACITY);
    free((void *)shared.owned);
    free(shared.slab);
}

/* The tag changes with every operation, also when the same number is on top again. */
static void every_operation_changes_the_tag(void **state) {
    (void)state;
    struct otel__slab *slab = new_slab(64, 10, 10);
    uint32_t number;
    otel__slab_take(slab, &number, 1);
    otel__slab_give(slab, &number, 1);
    const uint64_t first = atomic_load(&slab->state->free);
    otel__slab_take(slab, &number, 1);
    otel__slab_give(slab, &number, 1);
    const uint64_t second = atomic_load(&slab->state->free);
    assert_int_equal((uint32_t)first, (uint32_t)second);
    assert_int_not_equal(first >> 32, second >> 32);
    free(slab);
}

/* ---- fork ------------------------------------------------------------------------------------------------------- */

/* In the child: nothing is carved, nothing is free, and what the parent wrote is gone. */
static int finds_the_slab_afresh(void *argument) {
    struct otel__slab *slab = argument;
    otel__wiped_after_fork();
    STEP(otel__slab_carved(slab) == 0);
    STEP(atomic_load(&slab->state->free) == 0);
    uint32_t numbers[4];
    STEP(otel__slab_take(slab, numbers, 4) == 4);
    for (uint32_t i = 0; i < 4; i++) {
        STEP(numbers[i] == i + 1);
        STEP(*(char *)otel__slab_at(slab, numbers[i]) == 0);
    }
    otel__slab_give(slab, numbers, 4);
    STEP(otel__slab_take(slab, numbers, 4) == 4);
    return 0;
}

static void fill_some(struct otel__slab *slab) {
    uint32_t numbers[6];
    assert_int_equal(otel__slab_take(slab, numbers, 6), 6);
    for (unsigned i = 0; i < 6; i++)
        strcpy(otel__slab_at(slab, numbers[i]), "the parent's");
    otel__slab_give(slab, numbers, 3);
}

static void a_child_starts_afresh(void **state) {
    (void)state;
    struct otel__slab *slab = new_slab(64, 100, 100);
    fill_some(slab);
    assert_int_equal(in_child(finds_the_slab_afresh, slab), 0);
    /* The parent's is as it was. */
    assert_int_equal(otel__slab_carved(slab), 6);
    assert_string_equal(otel__slab_at(slab, 5), "the parent's");
    free(slab);
}

/* madvise() of this program, which is an old kernel's while this is set. */
static bool old_kernel;

int madvise(void *start, size_t size, int advice) {
    enum { WIPE_ON_FORK = 18 };
    if ((old_kernel && advice == WIPE_ON_FORK) || (pages_are_locked && advice == MADV_DONTNEED)) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, start, size, advice);
}

static int without_wiping_by_the_kernel(void *argument) {
    (void)argument;
    old_kernel = true;
    struct otel__slab *slab = new_slab(64, 100, 100);
    STEP(slab != NULL);
    uint32_t numbers[6];
    STEP(otel__slab_take(slab, numbers, 6) == 6);
    for (unsigned i = 0; i < 6; i++)
        strcpy(otel__slab_at(slab, numbers[i]), "the parent's");
    otel__slab_give(slab, numbers, 3);
    STEP(in_child(finds_the_slab_afresh, slab) == 0);
    STEP(otel__slab_carved(slab) == 6);
    return 0;
}

static void a_child_starts_afresh_where_the_kernel_does_not_wipe(void **state) {
    (void)state;
    assert_int_equal(in_child(without_wiping_by_the_kernel, NULL), 0);
}

/* ---- reduced address space -------------------------------------------------------------------------------------- */

static bool limit_address_space(size_t beyond_now) {
    const struct rlimit limit = { .rlim_cur = 1024 * proc_memory_kib("VmSize:") + beyond_now,
                                  .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

static int makes_do_with_less(void *argument) {
    (void)argument;
    STEP(limit_address_space(20 * MEGABYTE));
    struct otel__slab *slab = new_slab(1024, 65536, 1024); /* 64 MiB */
    STEP(slab != NULL);
    STEP(slab->capacity < 20 * 1024);
    STEP(slab->capacity >= 1024);
    uint32_t numbers[16];
    uint32_t got, count = 0;
    while ((got = otel__slab_take(slab, numbers, 16)) != 0) {
        for (uint32_t i = 0; i < got; i++)
            memset(otel__slab_at(slab, numbers[i]), 1, 1024);
        count += got;
    }
    STEP(count == slab->capacity);
    return 0;
}

static int gives_up_below_the_least(void *argument) {
    (void)argument;
    STEP(limit_address_space(2 * MEGABYTE));
    STEP(new_slab(1024, 65536, 8192) == NULL);
    return 0;
}

static void little_address_space_means_fewer_places(void **state) {
    (void)state;
    SKIP_IF(UNDER_ASAN || UNDER_TSAN, "the sanitizer needs address space without limit");
    assert_int_equal(in_child(makes_do_with_less, NULL), 0);
    assert_int_equal(in_child(gives_up_below_the_least, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_numbered_from_one_zeroed_and_apart),
        cmocka_unit_test(freed_places_come_back_before_new_ones_with_their_content),
        cmocka_unit_test(no_place_beyond_the_capacity),
        cmocka_unit_test(numbers_from_outside_are_checked),
        cmocka_unit_test(a_caller_may_number_the_places_itself),
        cmocka_unit_test(free_memory_can_be_given_back),
        cmocka_unit_test(what_was_given_back_is_left_alone),
        cmocka_unit_test(a_trim_that_is_not_worth_it_takes_nothing),
        cmocka_unit_test(places_in_use_keep_their_memory),
        cmocka_unit_test(larger_places_than_pages),
        cmocka_unit_test(a_place_that_cannot_be_seized_keeps_its_page),
        cmocka_unit_test(what_the_system_does_not_take_stays),
        cmocka_unit_test(places_have_one_owner_at_a_time_under_threads),
        cmocka_unit_test(every_operation_changes_the_tag),
        cmocka_unit_test(a_child_starts_afresh),
        cmocka_unit_test(a_child_starts_afresh_where_the_kernel_does_not_wipe),
        cmocka_unit_test(little_address_space_means_fewer_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
