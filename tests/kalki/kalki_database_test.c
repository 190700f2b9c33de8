/* SPDX-License-Identifier: Apache-2.0 */
/* kalki_database_test.c - documents in SQLite: numbers, order, limits, and what happens when it cannot answer. */
#include "database/database.h"
#include "query/query_handler.h"
#include "query/query_health.h"
#include "database/documents.h"
#include "service/moment.h"

#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct database *open_at(const char *url) {
    char why[256] = "";
    struct database *database = database_open(url, NULL, why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(database);
    return database;
}

static int in_memory(void **state) {
    *state = open_at("sqlite::memory:");
    return database_prepare(*state) == DATABASE_OK ? 0 : -1;
}

static int close_database(void **state) {
    database_close(*state);
    return 0;
}

/* ---- URLs ---- */

static void assert_refused(const char *url, const char *reason) {
    char why[256] = "";
    assert_null(database_open(url, NULL, why, sizeof why));
    assert_non_null(strstr(why, reason));
}

static void a_url_that_cannot_be_used_is_explained(void **state) {
    (void)state;
    assert_refused("mysql://localhost/kalki", "neither");
    assert_refused("sqlite:", "needs a file");
    assert_refused("postgresql://kalki@localhost/kalki", "libpq"); /* the tests are built without */
}

/* ---- reading and writing ---- */

struct seen {
    size_t count, room;
    int64_t ids[64];
    char title[64], text[256];
};

static bool see(void *data, int64_t id, const char *title, const char *text) {
    struct seen *seen = data;
    if (seen->count < 64)
        seen->ids[seen->count] = id;
    seen->count++;
    snprintf(seen->title, sizeof seen->title, "%s", title);
    snprintf(seen->text, sizeof seen->text, "%s", text);
    return seen->room == 0 || seen->count < seen->room;
}

static void an_empty_database_gets_the_samples_documents(void **state) {
    struct seen seen = { .count = 0 };
    assert_int_equal(database_load(*state, see, &seen), DATABASE_OK);
    assert_int_equal(seen.count, SAMPLE_DOCUMENTS);
    for (size_t i = 0; i < SAMPLE_DOCUMENTS; i++)
        assert_int_equal(seen.ids[i], i);
    assert_string_equal(seen.title, sample_documents[SAMPLE_DOCUMENTS - 1].title);
    assert_int_equal(database_prepare(*state), DATABASE_OK); /* and not a second time */
    int64_t count;
    assert_int_equal(database_count(*state, &count), DATABASE_OK);
    assert_int_equal(count, SAMPLE_DOCUMENTS);
}

static void documents_come_back_as_they_were_given(void **state) {
    const struct new_document documents[] = { { "'; DROP TABLE documents; --", "$1 %s \"x\" \\ \xe2\x9d\x84" },
                                              { "second", "text" } };
    int64_t ids[2];
    assert_int_equal(database_insert(*state, documents, 2, ids), DATABASE_OK);
    assert_int_equal(ids[0], SAMPLE_DOCUMENTS);
    assert_int_equal(ids[1], SAMPLE_DOCUMENTS + 1);
    struct seen seen = { .count = 0 };
    assert_int_equal(database_get(*state, ids[0], see, &seen), DATABASE_OK);
    assert_string_equal(seen.title, documents[0].title);
    assert_string_equal(seen.text, documents[0].text);
}

static void a_document_that_is_not_there_is_not_found(void **state) {
    struct seen seen = { .count = 0 };
    assert_int_equal(database_get(*state, 999, see, &seen), DATABASE_NOT_FOUND);
    assert_int_equal(database_get(*state, INT64_MAX, see, &seen), DATABASE_NOT_FOUND);
    assert_int_equal(seen.count, 0);
}

static void insert_many(struct database *database, size_t count) {
    static struct new_document documents[DATABASE_INSERT_MAX];
    static int64_t ids[DATABASE_INSERT_MAX];
    for (size_t i = 0; i < count; i++)
        documents[i] = (struct new_document){ "title", "text" };
    assert_int_equal(database_insert(database, documents, count, ids), DATABASE_OK);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(ids[i], ids[i - 1] + 1);
}

static void more_documents_than_a_page_are_all_read(void **state) {
    for (int i = 0; i < 11; i++)
        insert_many(*state, DATABASE_INSERT_MAX);
    struct seen seen = { .count = 0 };
    assert_int_equal(database_load(*state, see, &seen), DATABASE_OK);
    assert_int_equal(seen.count, SAMPLE_DOCUMENTS + 11 * DATABASE_INSERT_MAX);
}

static void reading_ends_where_there_is_no_room(void **state) {
    struct seen seen = { .room = 7 };
    assert_int_equal(database_load(*state, see, &seen), DATABASE_OK);
    assert_int_equal(seen.count, 7);
}

static void too_many_documents_at_once_are_refused(void **state) {
    static struct new_document documents[DATABASE_INSERT_MAX + 1];
    static int64_t ids[DATABASE_INSERT_MAX + 1];
    assert_int_equal(database_insert(*state, documents, DATABASE_INSERT_MAX + 1, ids), DATABASE_FAILED);
    assert_int_equal(database_insert(*state, documents, 0, ids), DATABASE_FAILED);
}

/* ---- a file ---- */

struct file {
    char folder[32], path[64], url[80];
    struct database *database;
};

static int in_file(void **state) {
    static struct file file;
    file = (struct file){ .folder = "/tmp/kalki-database-XXXXXX" };
    if (!mkdtemp(file.folder))
        return -1;
    snprintf(file.path, sizeof file.path, "%s/documents", file.folder);
    snprintf(file.url, sizeof file.url, "sqlite:%s", file.path);
    file.database = open_at(file.url);
    *state = &file;
    return 0;
}

static int remove_file(void **state) {
    struct file *file = *state;
    char path[80];
    database_close(file->database);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", file->path, (const char *const[]){ "", "-wal", "-shm" }[i]);
        unlink(path);
    }
    return rmdir(file->folder);
}

static void a_file_keeps_documents_over_an_end(void **state) {
    struct file *file = *state;
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    insert_many(file->database, 3);
    database_close(file->database);
    file->database = open_at(file->url);
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    int64_t count;
    assert_int_equal(database_count(file->database, &count), DATABASE_OK);
    assert_int_equal(count, SAMPLE_DOCUMENTS + 3);
}

/* Who is told that it was kept must find it in the file of that name. */
static void a_file_that_was_deleted_is_written_no_more(void **state) {
    struct file *file = *state;
    const struct new_document document = { "title", "text" };
    int64_t id;
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    assert_int_equal(unlink(file->path), 0);
    assert_int_equal(database_insert(file->database, &document, 1, &id), DATABASE_FAILED);
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    assert_int_equal(database_insert(file->database, &document, 1, &id), DATABASE_OK);
    database_close(file->database);
    file->database = open_at(file->url);
    int64_t count;
    assert_int_equal(database_count(file->database, &count), DATABASE_OK);
    assert_int_equal(count, SAMPLE_DOCUMENTS + 1);
}

static void a_folder_that_is_not_there_is_unavailable_until_it_is(void **state) {
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    struct file *file = *state;
    char later[64], url[128], path[128];
    snprintf(later, sizeof later, "%s/later", file->folder);
    snprintf(url, sizeof url, "sqlite:%s/documents", later);
    struct database *database = open_at(url);
    assert_int_equal(database_prepare(database), DATABASE_UNAVAILABLE);
    assert_int_equal(database_ping(database, 500), DATABASE_UNAVAILABLE);
    assert_int_equal(mkdir(later, 0700), 0);
    assert_int_equal(database_prepare(database), DATABASE_OK);
    database_close(database);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/documents%s", later, suffixes[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(later), 0);
}

/* Somebody else holds the file's lock: the call waits for it, but not for ever, and the next one works. */
static void a_call_that_waits_for_a_lock_ends_in_time(void **state) {
    struct file *file = *state;
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    sqlite3 *other;
    assert_int_equal(sqlite3_open(file->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const struct new_document document = { "title", "text" };
    int64_t id;
    struct timespec begin = moment_now();
    assert_int_equal(database_insert(file->database, &document, 1, &id), DATABASE_TIMEOUT);
    printf("measured: a call against a lock: %.2f s\n", moment_seconds_since(&begin));
    sqlite3_close(other);
    assert_int_equal(database_insert(file->database, &document, 1, &id), DATABASE_OK);
}

static void *give_up_lock_soon(void *other) {
    usleep(200000);
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    return NULL;
}

static void a_call_waits_for_a_lock_that_is_given_up(void **state) {
    struct file *file = *state;
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    sqlite3 *other;
    pthread_t thread;
    assert_int_equal(sqlite3_open(file->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(pthread_create(&thread, NULL, give_up_lock_soon, other), 0);
    const struct new_document document = { "title", "text" };
    int64_t id;
    enum database_result result = database_insert(file->database, &document, 1, &id);
    pthread_join(thread, NULL);
    sqlite3_close(other);
    assert_int_equal(result, DATABASE_OK);
}

/* ---- the pool ---- */

struct holding {
    struct database *database;
    atomic_bool begun, let_go;
    enum database_result result;
};

/* Keeps the only connection by reading from it slowly. */
static bool read_slowly(void *data, int64_t id, const char *title, const char *text) {
    struct holding *holding = data;
    (void)id;
    (void)title;
    (void)text;
    holding->begun = true;
    while (!holding->let_go)
        usleep(1000);
    return false;
}

static void *hold(void *data) {
    struct holding *holding = data;
    holding->result = database_load(holding->database, read_slowly, holding);
    return NULL;
}

static void who_finds_all_connections_in_use_waits_a_bounded_time(void **state) {
    struct holding holding = { .database = *state };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, hold, &holding), 0);
    while (!holding.begun)
        usleep(1000);
    struct database_pool pool = database_pool_state(*state);
    enum database_result result = database_ping(*state, 300);
    struct query_service service = { .database = *state };
    struct health_report report = { .status = MEASURED_HEALTHY };
    query_health_database(&service, &report);
    text_free(&report.fields);
    holding.let_go = true;
    pthread_join(thread, NULL);
    assert_int_equal(report.status, MEASURED_DEGRADED); /* for who is busy is not gone */
    assert_int_equal(pool.used, 1);
    assert_int_equal(pool.most, 1);
    assert_int_equal(result, DATABASE_BUSY);
    assert_int_equal(holding.result, DATABASE_OK);
    pool = database_pool_state(*state);
    assert_int_equal(pool.used, 0);
    assert_int_equal(pool.idle, 1);
    assert_int_equal(database_ping(*state, 300), DATABASE_OK);
}

static void *insert_some(void *data) {
    const struct new_document document = { "title", "text" };
    size_t failed = 0;
    int64_t id;
    for (int i = 0; i < 50; i++)
        failed += database_insert(data, &document, 1, &id) != DATABASE_OK;
    return (void *)failed; /* NOLINT(performance-no-int-to-ptr) */
}

static void threads_share_the_connections_of_a_file(void **state) {
    struct file *file = *state;
    pthread_t threads[8];
    assert_int_equal(database_prepare(file->database), DATABASE_OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, insert_some, file->database), 0);
    for (size_t i = 0; i < 8; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    int64_t count;
    assert_int_equal(database_count(file->database, &count), DATABASE_OK);
    assert_int_equal(count, SAMPLE_DOCUMENTS + 400);
    struct database_pool pool = database_pool_state(file->database);
    assert_int_equal(pool.used, 0);
    assert_in_range(pool.idle, 1, 4);
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, in_memory, close_database)
#define IN_FILE(test) cmocka_unit_test_setup_teardown(test, in_file, remove_file)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_that_cannot_be_used_is_explained),
        IN_MEMORY(an_empty_database_gets_the_samples_documents),
        IN_MEMORY(documents_come_back_as_they_were_given),
        IN_MEMORY(a_document_that_is_not_there_is_not_found),
        IN_MEMORY(more_documents_than_a_page_are_all_read),
        IN_MEMORY(reading_ends_where_there_is_no_room),
        IN_MEMORY(too_many_documents_at_once_are_refused),
        IN_FILE(a_file_keeps_documents_over_an_end),
        IN_FILE(a_file_that_was_deleted_is_written_no_more),
        IN_FILE(a_folder_that_is_not_there_is_unavailable_until_it_is),
        IN_FILE(a_call_that_waits_for_a_lock_ends_in_time),
        IN_FILE(a_call_waits_for_a_lock_that_is_given_up),
        IN_MEMORY(who_finds_all_connections_in_use_waits_a_bounded_time),
        IN_FILE(threads_share_the_connections_of_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
