/* SPDX-License-Identifier: Apache-2.0 */
/* kalki_collection_test.c - what is added is found, whoever searches at the same time. */
#include "query/collection.h"
#include "database/documents.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

struct world {
    struct database *database;
    struct collection *collection;
};

static int open_world(void **state) {
    static struct world world;
    char why[256];
    world.database = database_open("sqlite::memory:", NULL, why, sizeof why);
    world.collection = world.database ? collection_open(world.database) : NULL;
    *state = &world;
    return world.collection ? 0 : -1;
}

static int close_world(void **state) {
    struct world *world = *state;
    collection_close(world->collection);
    database_close(world->database);
    return 0;
}

static struct query_terms terms_of(const char *text) {
    struct query_terms terms = { .count = 0 };
    const char *cursor = text;
    while (terms.count < QUERY_TERMS_MAX && term_next(&cursor, text + strlen(text), &terms.items[terms.count]))
        terms.count++;
    return terms;
}

/* How many documents of a snapshot have these words; SIZE_MAX when memory is short. */
static size_t matches_in(const struct snapshot *snapshot, const char *text, struct search_results *results) {
    struct query_terms terms = terms_of(text);
    struct search_hits hits;
    bool made = search_hits_make(&hits, snapshot->index, &terms);
    for (size_t shard = 0; shard < SHARD_COUNT && made; shard++)
        search_index_lookup(snapshot->index, shard, &terms, &hits);
    if (made)
        search_index_rank(snapshot->index, &terms, &hits, results);
    search_hits_free(&hits);
    return made ? results->candidates : SIZE_MAX;
}

static size_t matches(struct collection *collection, const char *text, struct search_results *results) {
    struct snapshot *snapshot = collection_take(collection);
    size_t found = snapshot ? matches_in(snapshot, text, results) : 0;
    if (snapshot)
        collection_give_back(collection, snapshot);
    return found;
}

static bool add(struct world *world, const char *title, const char *text) {
    const struct new_document document = { title, text };
    int64_t id;
    return database_insert(world->database, &document, 1, &id) == DATABASE_OK &&
           collection_add(world->collection, &document, &id, 1);
}

static void await_searchable(struct collection *collection, size_t count) {
    for (int i = 0; i < PATIENCE_MS && collection_look(collection).searchable < count; i++)
        usleep(1000);
    assert_int_equal(collection_look(collection).searchable, count);
}

static void the_samples_documents_are_there_from_the_start(void **state) {
    struct world *world = *state;
    struct collection_state seen = collection_look(world->collection);
    assert_true(seen.loaded);
    assert_int_equal(seen.documents, SAMPLE_DOCUMENTS);
    assert_int_equal(seen.searchable, SAMPLE_DOCUMENTS);
    assert_int_equal(seen.terms, 387);
    struct search_results results = { .count = 0 };
    assert_int_equal(matches(world->collection, "wind", &results), 13);
}

static void what_is_added_is_found_and_old_snapshots_stay_as_they_are(void **state) {
    struct world *world = *state;
    struct search_results results = { .count = 0 };
    struct snapshot *before = collection_take(world->collection);
    assert_true(add(world, "Zebra", "stripes and wind"));
    await_searchable(world->collection, SAMPLE_DOCUMENTS + 1);
    assert_int_equal(matches(world->collection, "stripes", &results), 1);
    struct snapshot *now = collection_take(world->collection);
    const struct document *found = search_index_document(now->index, results.items[0].place);
    assert_int_equal(found->id, SAMPLE_DOCUMENTS);
    assert_string_equal(found->title, "Zebra");
    assert_ptr_not_equal(now, before);
    assert_int_equal(matches_in(before, "stripes", &results), 0);
    assert_int_equal(matches_in(before, "wind", &results), 13);
    collection_give_back(world->collection, before);
    collection_give_back(world->collection, now);
}

/* With a rebuild for each document there would be as many as documents, since each is a millisecond after the last. */
static void documents_that_come_together_share_a_rebuild(void **state) {
    struct world *world = *state;
    size_t builds = 0, last = SAMPLE_DOCUMENTS;
    for (int i = 0; i < 500 || last < SAMPLE_DOCUMENTS + 500; i++) {
        assert_true(i >= 500 || add(world, "filler", "one more text about nothing in particular"));
        usleep(1000);
        size_t now = collection_look(world->collection).searchable;
        builds += now != last;
        last = now;
        assert_true(i < PATIENCE_MS);
    }
    printf("measured: rebuilds seen for 500 documents, one a millisecond: %zu\n", builds);
    assert_in_range(builds, 1, 100);
}

static void a_collection_that_is_full_says_so(void **state) {
    struct world *world = *state;
    assert_true(collection_has_room(world->collection, 1000, 1000 * 1000));
    assert_false(collection_has_room(world->collection, 1, (size_t)1 << 30));
    assert_false(collection_has_room(world->collection, 1000000, 1));
}

/* ---- searches while the index changes ---- */

struct searching {
    struct world *world;
    atomic_bool *stop;
    size_t searches, wrong;
};

/* A snapshot never loses what an earlier one had. */
static void *search(void *data) {
    struct searching *searching = data;
    size_t last = 0;
    while (!*searching->stop) {
        struct search_results results = { .count = 0 };
        size_t found = matches(searching->world->collection, "needle wind*", &results);
        searching->wrong += found == SIZE_MAX || found < last;
        last = found;
        searching->searches++;
    }
    return NULL;
}

struct adding {
    struct world *world;
    size_t failed;
};

static void *add_needles(void *data) {
    struct adding *adding = data;
    for (int i = 0; i < 200; i++) {
        adding->failed += !add(adding->world, "needle", "in a haystack");
        usleep(500);
    }
    return NULL;
}

static void searches_go_on_while_documents_are_added(void **state) {
    struct world *world = *state;
    atomic_bool stop = false;
    struct searching searching[3];
    struct adding adding[2];
    pthread_t searchers[3], adders[2];
    for (size_t i = 0; i < 3; i++) {
        searching[i] = (struct searching){ .world = world, .stop = &stop };
        assert_int_equal(pthread_create(&searchers[i], NULL, search, &searching[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        adding[i] = (struct adding){ .world = world };
        assert_int_equal(pthread_create(&adders[i], NULL, add_needles, &adding[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(adders[i], NULL);
    await_searchable(world->collection, SAMPLE_DOCUMENTS + 400);
    stop = true;
    size_t searches = 0;
    for (size_t i = 0; i < 3; i++) {
        pthread_join(searchers[i], NULL);
        assert_int_equal(searching[i].wrong, 0);
        searches += searching[i].searches;
    }
    assert_int_equal(adding[0].failed + adding[1].failed, 0);
    struct search_results results = { .count = 0 };
    assert_int_equal(matches(world->collection, "needle", &results), 400);
    printf("measured: searches while 400 documents were added: %zu\n", searches);
}

/* ---- a database that is away at the start ---- */

static void documents_are_loaded_as_soon_as_the_database_is_there(void **state) {
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    char folder[] = "/tmp/kalki-collection-XXXXXX", later[64], url[128], path[128], why[256];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(later, sizeof later, "%s/later", folder);
    snprintf(url, sizeof url, "sqlite:%s/documents", later);
    struct database *database = database_open(url, NULL, why, sizeof why);
    struct collection *collection = collection_open(database);
    assert_non_null(collection);
    assert_null(collection_take(collection));
    assert_false(collection_look(collection).loaded);
    assert_int_equal(mkdir(later, 0700), 0);
    await_searchable(collection, SAMPLE_DOCUMENTS);
    collection_close(collection);
    database_close(database);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/documents%s", later, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(later), 0);
    assert_int_equal(rmdir(folder), 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_WORLD(the_samples_documents_are_there_from_the_start),
        IN_WORLD(what_is_added_is_found_and_old_snapshots_stay_as_they_are),
        IN_WORLD(documents_that_come_together_share_a_rebuild),
        IN_WORLD(a_collection_that_is_full_says_so),
        IN_WORLD(searches_go_on_while_documents_are_added),
        cmocka_unit_test(documents_are_loaded_as_soon_as_the_database_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
