/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.c - see database.h. The attributes follow OpenTelemetry's semantic conventions for database clients.
 *
 * A call takes a connection out of the pool, which belongs to it alone until it is put back; the lock guards only the pool's
 * counts and is held for no input or output.
 */
#include "database/database.h"

#include "database/database_driver.h"
#include "database/documents.h"
#include "service/measures.h"
#include "service/moment.h"
#include "service/text.h"

#include <errno.h>
#include <inttypes.h>
#include <otel/log.h>
#include <otel/trace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MS 1500
#define POOL_WAIT_MS 500
#define CONNECTIONS_MAX 16
#define PAGE 1000
#define TEXT(tokens) #tokens
#define TEXT_OF(macro) TEXT(macro)
#define SLOW_SECONDS 0.5

OTEL_TRACER(tracer, "kalki.query", "1.0.0");
OTEL_LOGGER(logger, "kalki.database");

struct database {
    const struct database_driver *driver;
    struct database_place place;
    char place_text[256];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t freed;
    void *idle[CONNECTIONS_MAX];
    size_t idle_count, used;
};

/* A kind of statement: what spans and measurements say of it. */
struct statement {
    const char *name, *operation, *text;
};

static const struct statement count_documents = { "SELECT documents", "SELECT", "SELECT count(*) FROM documents" };
static const struct statement load_documents = {
    "SELECT documents", "SELECT", "SELECT id, title, text FROM documents WHERE id > $1 ORDER BY id LIMIT " TEXT_OF(PAGE)
};
static const struct statement get_document = { "SELECT documents", "SELECT",
                                               "SELECT id, title, text FROM documents WHERE id = $1" };
static const struct statement insert_documents = { "INSERT documents", "INSERT",
                                                   "INSERT INTO documents (title, text) VALUES ($1, $2) RETURNING id" };
static const struct statement insert_samples = {
    "INSERT documents", "INSERT", "INSERT INTO documents (id, title, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
};
static const struct statement ping = { "SELECT", "SELECT", "SELECT 1" };

/* One use of a statement. `text` differs from the statement's own when it has many rows of values. */
struct call {
    const struct statement *statement;
    struct database_query query;
    size_t batch;
    long timeout_ms;
};

const char *database_result_word(enum database_result result) {
    static const char *const words[] = {
        [DATABASE_OK] = "ok",
        [DATABASE_NOT_FOUND] = "not_found",
        [DATABASE_TIMEOUT] = "timeout",
        [DATABASE_BUSY] = "pool_exhausted",
        [DATABASE_UNAVAILABLE] = "unavailable",
        [DATABASE_FAILED] = "statement_failed",
    };
    return words[result];
}

bool database_fail(struct database_failure *failure, enum database_result kind, const char *code, const char *message) {
    failure->kind = kind;
    snprintf(failure->code, sizeof failure->code, "%s", code);
    snprintf(failure->message, sizeof failure->message, "%.*s", (int)strcspn(message, "\n"), message);
    return false;
}

/* ---- opening and closing ---- */

static const struct database_driver *driver_of(const char *url, char *why, size_t why_size) {
    if (strncmp(url, "sqlite:", 7) == 0)
        return &database_sqlite;
    if (strncmp(url, "postgresql://", 13) != 0 && strncmp(url, "postgres://", 11) != 0) {
        snprintf(why, why_size, "it is neither postgresql://user@host:port/name nor sqlite:FILE");
        return NULL;
    }
#ifdef KALKI_WITH_POSTGRES
    return &database_postgres;
#else
    snprintf(why, why_size, "this kalki-query was built without libpq, which PostgreSQL needs");
    return NULL;
#endif
}

static void write_place(struct database *database) {
    const struct database_place *place = &database->place;
    const char *name = place->name ? place->name : "";
    if (place->host)
        snprintf(database->place_text, sizeof database->place_text, "%s://%s:%ld/%s", database_system(database),
                 place->host, place->port, name);
    else
        snprintf(database->place_text, sizeof database->place_text, "%s:%s", database_system(database), name);
}

struct database *database_open(const char *url, const char *password_file, char *why, size_t why_size) {
    struct database *database = calloc(1, sizeof *database);
    if (!database) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&database->lock, NULL);
    moment_condition(&database->freed);
    database->place.password_file = password_file;
    database->driver = driver_of(url, why, why_size);
    if (!database->driver || !database->driver->place(&database->place, url, why, why_size)) {
        database_close(database);
        return NULL;
    }
    write_place(database);
    return database;
}

void database_close(struct database *database) {
    while (database->idle_count > 0)
        database->driver->disconnect(database->idle[--database->idle_count]);
    free(database->place.url);
    free(database->place.host);
    free(database->place.name);
    pthread_cond_destroy(&database->freed);
    pthread_mutex_destroy(&database->lock);
    free(database);
}

const char *database_place_text(const struct database *database) { return database->place_text; }
const char *database_system(const struct database *database) { return database->driver->system; }

/* ---- the pool ---- */

/* With the lock held. */
static struct database_pool state_of(const struct database *database) {
    return (struct database_pool){ .used = database->used,
                                   .idle = database->idle_count,
                                   .most = database->place.connections_max };
}

struct database_pool database_pool_state(struct database *database) {
    pthread_mutex_lock(&database->lock);
    struct database_pool state = state_of(database);
    pthread_mutex_unlock(&database->lock);
    return state;
}

/* Measured with the lock held, or an older state could be told last, and stay until the next call. */
static void measure_and_unlock(struct database *database) {
    struct database_pool state = state_of(database);
    measure_db_pool(state.used, state.idle, state.most);
    pthread_mutex_unlock(&database->lock);
}

/* Counts one more connection as used, the unused one in `*connection` if there is any; false: too many are used for too
 * long. */
static bool reserve(struct database *database, struct timespec deadline, void **connection) {
    struct timespec begin = moment_now();
    bool in_time = true;
    pthread_mutex_lock(&database->lock);
    while (database->used == database->place.connections_max && in_time)
        in_time = pthread_cond_timedwait(&database->freed, &database->lock, &deadline) != ETIMEDOUT;
    bool free_one = database->used < database->place.connections_max;
    *connection = free_one && database->idle_count > 0 ? database->idle[--database->idle_count] : NULL;
    database->used += free_one;
    measure_and_unlock(database);
    measure_db_pool_wait(moment_seconds_since(&begin));
    return free_one;
}

/* Puts a connection back, or with NULL only the right to have one. */
static void put_back(struct database *database, void *connection) {
    if (connection && !database->driver->is_usable(connection)) {
        database->driver->disconnect(connection);
        connection = NULL;
    }
    pthread_mutex_lock(&database->lock);
    database->used--;
    if (connection)
        database->idle[database->idle_count++] = connection;
    pthread_cond_signal(&database->freed);
    measure_and_unlock(database);
}

/* A connection that works, as far as one can see without asking the server. */
static void *take_out(struct database *database, struct timespec deadline, struct database_failure *failure) {
    void *connection;
    if (!reserve(database, moment_earlier(deadline, moment_in(POOL_WAIT_MS)), &connection)) {
        database_fail(failure, DATABASE_BUSY, "", "all connections are in use");
        return NULL;
    }
    if (connection && !database->driver->is_usable(connection)) {
        database->driver->disconnect(connection);
        connection = NULL;
    }
    if (!connection)
        connection = database->driver->connect(&database->place, deadline, failure);
    if (!connection)
        put_back(database, NULL);
    return connection;
}

/* ---- calls ---- */

static void log_call(const struct database *database, const struct call *call, double seconds,
                     const struct database_failure *failure) {
    if (failure)
        otel_log_error(logger, "the database failed", OTEL_ATTR("database", database_place_text(database)),
                       OTEL_ATTR("operation", call->statement->name),
                       OTEL_ATTR("error_type", database_result_word(failure->kind)), OTEL_ATTR("code", failure->code),
                       OTEL_ATTR("error", failure->message), OTEL_ATTR("duration_ms", seconds * 1e3));
    else if (seconds > SLOW_SECONDS)
        otel_log_warning(logger, "slow query", OTEL_ATTR("operation", call->statement->name),
                         OTEL_ATTR("duration_ms", seconds * 1e3));
}

static bool perform(struct database *database, const struct call *call, struct database_failure *failure) {
    struct timespec begin = moment_now(), deadline = moment_in(call->timeout_ms);
    void *connection = take_out(database, deadline, failure);
    bool done = connection && database->driver->run(connection, &call->query, deadline, failure);
    if (connection)
        put_back(database, connection);
    double seconds = moment_seconds_since(&begin);
    measure_db_query(call->statement->operation, seconds, done ? NULL : database_result_word(failure->kind));
    log_call(database, call, seconds, done ? NULL : failure);
    return done;
}

static void set_place(const otel_span *span, const struct database_place *place) {
    if (place->name)
        otel_set(span, "db.namespace", place->name);
    if (place->host)
        otel_set(span, "server.address", place->host);
    if (place->host && place->port > 0)
        otel_set(span, "server.port", place->port);
}

static enum database_result run(struct database *database, const struct call *call) {
    const struct statement *statement = call->statement;
    OTEL_SPAN(span, tracer, statement->name, .kind = OTEL_CLIENT,
              .attributes = OTEL_ATTRS(OTEL_ATTR("db.system.name", database->driver->system),
                                       OTEL_ATTR("db.operation.name", statement->operation),
                                       OTEL_ATTR("db.collection.name", "documents"),
                                       OTEL_ATTR("db.query.text", statement->text)));
    set_place(&span, &database->place);
    if (call->batch > 1)
        otel_set(&span, "db.operation.batch.size", call->batch);
    struct database_failure failure = { .kind = DATABASE_FAILED };
    if (perform(database, call, &failure))
        return DATABASE_OK;
    if (failure.code[0])
        otel_set(&span, "db.response.status_code", failure.code);
    otel_span_fail(&span, failure.code[0] ? failure.code : database_result_word(failure.kind), failure.message);
    return failure.kind;
}

static enum database_result run_simply(struct database *database, const struct statement *statement,
                                       const char *const *parameters, size_t count, row_receiver receive, void *data) {
    struct call call = { .statement = statement,
                         .query = { statement->text, parameters, count, receive, data },
                         .timeout_ms = CALL_MS };
    return run(database, &call);
}

enum database_result database_ping(struct database *database, long timeout_ms) {
    struct call call = { .statement = &ping, .query = { .text = ping.text }, .timeout_ms = timeout_ms };
    struct database_failure failure = { .kind = DATABASE_FAILED };
    return perform(database, &call, &failure) ? DATABASE_OK : failure.kind;
}

/* ---- reading ---- */

static bool take_count(void *data, const char *const *columns) {
    *(int64_t *)data = columns[0] ? strtoll(columns[0], NULL, 10) : 0;
    return true;
}

enum database_result database_count(struct database *database, int64_t *count) {
    *count = 0;
    return run_simply(database, &count_documents, NULL, 0, take_count, count);
}

struct reading {
    document_receiver receive;
    void *data;
    int64_t last;
    size_t count;
    bool full;
};

static bool take_document(void *data, const char *const *columns) {
    struct reading *reading = data;
    if (!columns[0] || !columns[1] || !columns[2])
        return true;
    reading->last = strtoll(columns[0], NULL, 10);
    reading->count++;
    reading->full = !reading->receive(reading->data, reading->last, columns[1], columns[2]);
    return !reading->full;
}

static enum database_result read_by_id(struct database *database, const struct statement *statement, int64_t id,
                                       struct reading *reading) {
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, id);
    const char *const parameters[] = { number };
    reading->count = 0;
    return run_simply(database, statement, parameters, 1, take_document, reading);
}

enum database_result database_load(struct database *database, document_receiver receive, void *data) {
    struct reading reading = { .receive = receive, .data = data, .last = -1 };
    enum database_result result;
    do
        result = read_by_id(database, &load_documents, reading.last, &reading);
    while (result == DATABASE_OK && reading.count == PAGE && !reading.full);
    return result;
}

enum database_result database_get(struct database *database, int64_t id, document_receiver receive, void *data) {
    struct reading reading = { .receive = receive, .data = data };
    enum database_result result = read_by_id(database, &get_document, id, &reading);
    return result == DATABASE_OK && reading.count == 0 ? DATABASE_NOT_FOUND : result;
}

/* ---- writing ---- */

/* "($1, $2), ($3, $4)" in place of the statement's only row of values. */
static void add_rows(struct text *text, const char *statement, size_t rows, size_t columns) {
    const char *values = strstr(statement, "VALUES (") + strlen("VALUES "), *behind = strchr(values, ')') + 1;
    text_add(text, statement, (size_t)(values - statement));
    for (size_t row = 0; row < rows; row++) {
        for (size_t column = 0; column < columns; column++)
            text_addf(text, "%s$%zu", column > 0 ? ", " : row > 0 ? "), (" : "(", row * columns + column + 1);
    }
    text_addf(text, ")%s", behind);
}

static enum database_result insert_rows(struct database *database, const struct statement *statement,
                                        const char *const *values, size_t rows, size_t columns, row_receiver receive,
                                        void *data) {
    struct text text = { 0 };
    add_rows(&text, statement->text, rows, columns);
    struct call call = { .statement = statement,
                         .query = { text.bytes, values, rows * columns, receive, data },
                         .batch = rows,
                         .timeout_ms = CALL_MS };
    enum database_result result = text.failed ? DATABASE_FAILED : run(database, &call);
    text_free(&text);
    return result;
}

struct numbers {
    int64_t *items;
    size_t count, most;
};

static bool take_number(void *data, const char *const *columns) {
    struct numbers *numbers = data;
    if (numbers->count < numbers->most && columns[0])
        numbers->items[numbers->count++] = strtoll(columns[0], NULL, 10);
    return true; /* to the end: reading makes the rows */
}

static int compare_numbers(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

enum database_result database_insert(struct database *database, const struct new_document *documents, size_t count,
                                     int64_t *ids) {
    const char **values = count > 0 && count <= DATABASE_INSERT_MAX ? calloc(2 * count, sizeof *values) : NULL;
    if (!values)
        return DATABASE_FAILED;
    for (size_t i = 0; i < count; i++) {
        values[2 * i] = documents[i].title;
        values[2 * i + 1] = documents[i].text;
    }
    struct numbers numbers = { .items = ids, .most = count };
    enum database_result result = insert_rows(database, &insert_documents, values, count, 2, take_number, &numbers);
    free(values);
    /* Rows get their numbers in their order, but are told in any. */
    qsort(ids, numbers.count, sizeof *ids, compare_numbers);
    return result == DATABASE_OK && numbers.count != count ? DATABASE_FAILED : result;
}

static enum database_result insert_all_samples(struct database *database) {
    char numbers[SAMPLE_DOCUMENTS][8];
    const char *values[3 * SAMPLE_DOCUMENTS];
    for (size_t i = 0; i < SAMPLE_DOCUMENTS; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%zu", i);
        values[3 * i] = numbers[i];
        values[3 * i + 1] = sample_documents[i].title;
        values[3 * i + 2] = sample_documents[i].text;
    }
    return insert_rows(database, &insert_samples, values, SAMPLE_DOCUMENTS, 3, NULL, NULL);
}

enum database_result database_prepare(struct database *database) {
    const struct statement schema = { "CREATE TABLE documents", "CREATE TABLE", database->driver->schema };
    int64_t count = 0;
    enum database_result result = run_simply(database, &schema, NULL, 0, NULL, NULL);
    if (result == DATABASE_OK)
        result = database_count(database, &count);
    return result == DATABASE_OK && count == 0 ? insert_all_samples(database) : result;
}
