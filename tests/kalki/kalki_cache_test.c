/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kalki_cache_test.c - what every kind of cache does. Without an argument: the one in memory; with the URL of a Redis
 * that may be written to: that one.
 */
#include "cache/cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000000)
#define SESSION_MS ((int64_t)CACHE_SESSION_SECONDS * 1000)

static const char *url = "memory:";

static struct cache_bytes of(const char *text) { return (struct cache_bytes){ text, strlen(text) }; }

static int open_cache(void **state) {
    struct text why = { 0 };
    *state = cache_open(url, &why);
    text_free(&why);
    return *state ? 0 : -1;
}

static int close_cache(void **state) {
    cache_close(*state);
    return 0;
}

static bool holds(struct cache *cache, const char *key, const char *expected) {
    struct text value = { 0 };
    bool same = cache_get(cache, of(key), &value) && strcmp(value.bytes ? value.bytes : "", expected) == 0;
    text_free(&value);
    return same;
}

static bool lacks(struct cache *cache, const char *key) {
    struct text value = { 0 };
    bool lacking = !cache_get(cache, of(key), &value) && value.length == 0;
    text_free(&value);
    return lacking;
}

static void it_keeps_replaces_and_deletes(void **state) {
    struct cache *cache = *state;
    assert_true(lacks(cache, "never set"));
    cache_set(cache, of("key"), of("value"), 60);
    assert_true(holds(cache, "key", "value"));
    cache_set(cache, of("key"), of("other"), 60);
    assert_true(holds(cache, "key", "other"));
    cache_delete(cache, of("key"));
    assert_true(lacks(cache, "key"));
}

static void keys_and_values_are_any_bytes(void **state) {
    struct cache *cache = *state;
    static const char key[] = "a\0b\r\n\xff", value[] = "\0\r\n$5\r\n\xfe";
    struct text found = { 0 };
    cache_set(cache, (struct cache_bytes){ key, sizeof key }, (struct cache_bytes){ value, sizeof value }, 60);
    assert_true(cache_get(cache, (struct cache_bytes){ key, sizeof key }, &found));
    assert_int_equal(found.length, sizeof value);
    assert_memory_equal(found.bytes, value, sizeof value);
    assert_true(lacks(cache, "a"));
    text_free(&found);
}

static void a_large_value_comes_back_whole(void **state) {
    struct cache *cache = *state;
    enum { LARGE = 600 * 1024 };
    char *value = malloc(LARGE);
    struct text found = { 0 };
    for (size_t i = 0; i < LARGE; i++)
        value[i] = (char)(i * 7);
    cache_set(cache, of("large"), (struct cache_bytes){ value, LARGE }, 60);
    assert_true(cache_get(cache, of("large"), &found));
    assert_int_equal(found.length, LARGE);
    assert_memory_equal(found.bytes, value, LARGE);
    text_free(&found);
    free(value);
}

static void a_value_expires(void **state) {
    struct cache *cache = *state;
    cache_set(cache, of("brief"), of("value"), 1);
    cache_set(cache, of("long"), of("value"), 600);
    nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 200000000 }, NULL);
    assert_true(lacks(cache, "brief"));
    assert_true(holds(cache, "long", "value"));
}

/* ---- sessions; each test has ids and a time of its own ---- */

static void sessions_count_their_requests_and_come_newest_first(void **state) {
    struct cache *cache = *state;
    struct cache_session sessions[10];
    size_t count = 0;
    cache_session_touch(cache, "first", NOW);
    cache_session_touch(cache, "second \r\n\"", NOW + 1000);
    cache_session_touch(cache, "first", NOW + 2000);
    assert_true(cache_session_list(cache, NOW + 3000, sessions, 10, &count));
    assert_int_equal(count, 2);
    assert_string_equal(sessions[0].id, "first");
    assert_int_equal(sessions[0].requests, 2);
    assert_true(sessions[0].last_seen_ms == NOW + 2000);
    assert_string_equal(sessions[1].id, "second \r\n\"");
    assert_int_equal(sessions[1].requests, 1);
    assert_true(sessions[1].last_seen_ms == NOW + 1000);
    assert_true(cache_session_list(cache, NOW + 3000, sessions, 1, &count));
    assert_int_equal(count, 1);
    assert_string_equal(sessions[0].id, "first");
}

static void a_session_is_over_after_half_an_hour(void **state) {
    struct cache *cache = *state;
    struct cache_session sessions[10];
    size_t count = 0;
    int64_t now = NOW + 10 * SESSION_MS;
    cache_session_touch(cache, "older", now);
    cache_session_touch(cache, "newer", now + 1000);
    assert_true(cache_session_count(cache, now + SESSION_MS - 1, &count));
    assert_int_equal(count, 2);
    assert_true(cache_session_count(cache, now + SESSION_MS, &count));
    assert_int_equal(count, 1);
    assert_true(cache_session_list(cache, now + SESSION_MS, sessions, 10, &count));
    assert_int_equal(count, 1);
    assert_string_equal(sessions[0].id, "newer");
    assert_true(cache_session_count(cache, now + SESSION_MS + 1000, &count));
    assert_int_equal(count, 0);
}

static void a_name_that_is_too_long_is_no_session(void **state) {
    struct cache *cache = *state;
    char longest[CACHE_SESSION_ID_MAX + 1], longer[CACHE_SESSION_ID_MAX + 2];
    struct cache_session sessions[2];
    size_t count = 0;
    int64_t now = NOW + 20 * SESSION_MS;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cache_session_touch(cache, longest, now);
    cache_session_touch(cache, longer, now);
    assert_true(cache_session_list(cache, now, sessions, 2, &count));
    assert_int_equal(count, 1);
    assert_string_equal(sessions[0].id, longest);
    assert_int_equal(sessions[0].requests, 1);
}

static void it_knows_its_size_and_answers_a_ping(void **state) {
    struct cache *cache = *state;
    struct cache_size before, after;
    assert_true(cache_ping(cache));
    assert_true(cache_measure(cache, &before));
    cache_set(cache, of("one more"), of("value"), 60);
    assert_true(cache_measure(cache, &after));
    assert_true(after.entries == before.entries + 1);
    assert_true(after.bytes > 0);
    cache_delete(cache, of("one more"));
}

/* ---- many threads ---- */

static atomic_uint wrong;

static void *use(void *data) {
    struct cache *cache = data;
    char key[32], id[32];
    for (unsigned i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key %u", i % 20);
        snprintf(id, sizeof id, "threads %u", i % 5);
        cache_set(cache, of(key), of(key), 60);
        if (!holds(cache, key, key))
            atomic_fetch_add(&wrong, 1);
        cache_session_touch(cache, id, NOW + 40 * SESSION_MS);
    }
    return NULL;
}

static void threads_use_it_at_once(void **state) {
    struct cache *cache = *state;
    pthread_t threads[8];
    struct cache_session sessions[10];
    size_t count = 0;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, cache), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(cache_session_list(cache, NOW + 40 * SESSION_MS, sessions, 10, &count));
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sessions[i].requests, 8 * 300 / 5);
}

static void urls_that_are_none_are_refused_with_a_reason(void **state) {
    (void)state;
    static const char *const bad[] = { "",
                                       "memory",
                                       "redis://",
                                       "redis://host",
                                       "redis://:1",
                                       "redis://host:0",
                                       "redis://host:70000",
                                       "redis://a@host:1",
                                       "redis://h:1x",
                                       "http://host:1" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct text why = { 0 };
        assert_null(cache_open(bad[i], &why));
        assert_true(why.length > 0);
        text_free(&why);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_keeps_replaces_and_deletes, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(keys_and_values_are_any_bytes, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(a_large_value_comes_back_whole, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(a_value_expires, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(sessions_count_their_requests_and_come_newest_first, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(a_session_is_over_after_half_an_hour, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(a_name_that_is_too_long_is_no_session, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(it_knows_its_size_and_answers_a_ping, open_cache, close_cache),
        cmocka_unit_test_setup_teardown(threads_use_it_at_once, open_cache, close_cache),
        cmocka_unit_test(urls_that_are_none_are_refused_with_a_reason),
    };
    if (argc > 1)
        url = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
