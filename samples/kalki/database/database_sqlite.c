/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database_sqlite.c - a database_driver on SQLite. A database in memory has one connection, which is the database and is
 * therefore never given up; a file has several, in the journal mode that lets readers and a writer work at once.
 */
#include "database/database_driver.h"
#include "service/moment.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "sqlite:"
#define FILE_CONNECTIONS 4
#define COLUMNS_MAX 4
#define STEPS_BETWEEN_LOOKS 1000 /* at the clock */

struct connection {
    sqlite3 *database;
    bool in_memory, spoiled;
    struct timespec deadline; /* of the statement that runs */
};

static bool is_in_memory(const char *file) { return strcmp(file, ":memory:") == 0; }

static bool read_place(struct database_place *place, const char *url, char *why, size_t why_size) {
    const char *file = url + strlen(PREFIX);
    if (file[0] == '\0') {
        snprintf(why, why_size, "sqlite: needs a file, or :memory:");
        return false;
    }
    place->url = strdup(url);
    place->name = strdup(file);
    place->connections_max = is_in_memory(file) ? 1 : FILE_CONNECTIONS;
    return true;
}

static enum database_result kind_of(int code) {
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return DATABASE_TIMEOUT;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return DATABASE_UNAVAILABLE;
    default:
        return DATABASE_FAILED;
    }
}

static bool fail(struct connection *connection, int code, struct database_failure *failure) {
    char number[16];
    snprintf(number, sizeof number, "%d", code);
    connection->spoiled = kind_of(code) == DATABASE_UNAVAILABLE;
    return database_fail(failure, kind_of(code), number, sqlite3_errmsg(connection->database));
}

/* SQLite asks from time to time whether to give up. */
static int is_late(void *data) {
    const struct connection *connection = data;
    return moment_left_ms(&connection->deadline) == 0;
}

static void begin_statement(struct connection *connection, struct timespec deadline) {
    connection->deadline = deadline;
    sqlite3_busy_timeout(connection->database, moment_left_ms(&deadline));
}

static void disconnect(void *data) {
    struct connection *connection = data;
    sqlite3_close(connection->database);
    free(connection);
}

static void *connect(const struct database_place *place, struct timespec deadline, struct database_failure *failure) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        database_fail(failure, DATABASE_FAILED, "", "out of memory");
        return NULL;
    }
    connection->in_memory = is_in_memory(place->name);
    int code = sqlite3_open_v2(place->name, &connection->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        begin_statement(connection, deadline);
        sqlite3_progress_handler(connection->database, STEPS_BETWEEN_LOOKS, is_late, connection);
        code = sqlite3_exec(connection->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL,
                            NULL);
    }
    if (code == SQLITE_OK)
        return connection;
    fail(connection, code, failure);
    disconnect(connection);
    return NULL;
}

/* Into a file that was deleted or replaced, SQLite would go on writing, until with us the documents are gone. */
static bool has_moved(const struct connection *connection) {
    int moved = 0;
    sqlite3_file_control(connection->database, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved;
}

static bool is_usable(void *data) {
    const struct connection *connection = data;
    return connection->in_memory || (!connection->spoiled && !has_moved(connection));
}

/* Returns SQLITE_DONE, or what went wrong. */
static int read_rows(sqlite3_stmt *statement, const struct database_query *query) {
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *columns[COLUMNS_MAX] = { NULL };
        for (int i = 0; i < sqlite3_column_count(statement) && i < COLUMNS_MAX; i++)
            columns[i] = (const char *)sqlite3_column_text(statement, i);
        if (query->receive && !query->receive(query->data, columns))
            return SQLITE_DONE;
    }
    return code;
}

static bool run(void *data, const struct database_query *query, struct timespec deadline,
                struct database_failure *failure) {
    struct connection *connection = data;
    sqlite3_stmt *statement = NULL;
    begin_statement(connection, deadline);
    int code = sqlite3_prepare_v2(connection->database, query->text, -1, &statement, NULL);
    for (size_t i = 0; i < query->parameter_count && code == SQLITE_OK; i++)
        code = sqlite3_bind_text(statement, (int)i + 1, query->parameters[i], -1, SQLITE_STATIC);
    if (code == SQLITE_OK)
        code = read_rows(statement, query);
    bool done = code == SQLITE_DONE || fail(connection, code, failure);
    sqlite3_finalize(statement);
    return done;
}

const struct database_driver database_sqlite = {
    .system = "sqlite",
    .schema = "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL)",
    .place = read_place,
    .connect = connect,
    .disconnect = disconnect,
    .is_usable = is_usable,
    .run = run,
};
