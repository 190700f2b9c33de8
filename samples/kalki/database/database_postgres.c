/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database_postgres.c - a database_driver on libpq. Nothing here waits for the server but await(), which has a deadline:
 * connecting, sending and reading all go by libpq's functions that don't block. (Only a name that DNS does not answer may
 * take longer, as libpq looks it up by itself.) The server gives up a statement by itself too, so that one that we have
 * stopped waiting for does not run on.
 */
#include "database/database_driver.h"
#include "service/moment.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 8
#define PORT_MAX 65535
#define COLUMNS_MAX 4
#define PASSWORD_SIZE 256
#define SERVER_SETTINGS "-c statement_timeout=2000 -c lock_timeout=2000"

/* ---- the URL ---- */

static void take_option(struct database_place *place, const PQconninfoOption *option) {
    if (!option->val)
        return;
    if (strcmp(option->keyword, "host") == 0)
        place->host = strdup(option->val);
    else if (strcmp(option->keyword, "port") == 0)
        place->port = strtol(option->val, NULL, 10);
    else if (strcmp(option->keyword, "dbname") == 0)
        place->name = strdup(option->val);
}

/* A / in the password would end the server's name there, and what is left of the password would be shown as the database's. */
static bool has_password_in_path(const char *url) {
    const char *authority = strstr(url, "://") + 3, *path = authority + strcspn(authority, "/?");
    return *path == '/' && memchr(path, '@', strcspn(path, "?"));
}

static bool read_place(struct database_place *place, const char *url, char *why, size_t why_size) {
    char *error = NULL;
    if (has_password_in_path(url)) {
        snprintf(why, why_size,
                 "an @ stands behind a /: of user and password, / is written as %%2F; of the name, @ as %%40");
        return false;
    }
    PQconninfoOption *options = PQconninfoParse(url, &error);
    if (!options) {
        const char *reason = error ? error : "out of memory";
        snprintf(why, why_size, "%.*s", (int)strcspn(reason, "\n"), reason);
        PQfreemem(error);
        return false;
    }
    for (const PQconninfoOption *option = options; option->keyword; option++)
        take_option(place, option);
    PQconninfoFree(options);
    if (place->port < 0 || place->port > PORT_MAX) {
        snprintf(why, why_size, "its port is not one of 1 to %d", PORT_MAX);
        return false;
    }
    place->url = strdup(url);
    place->connections_max = CONNECTIONS;
    if (place->host && place->port == 0)
        place->port = 5432;
    return true;
}

/* ---- waiting ---- */

/* Waits until the socket can be read or written, as `events` say; false when the deadline comes first. */
static bool await(PGconn *connection, short events, struct timespec deadline) {
    struct pollfd socket = { .fd = PQsocket(connection), .events = events };
    int ready;
    do
        ready = poll(&socket, 1, moment_left_ms(&deadline));
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static bool late(struct database_failure *failure) {
    return database_fail(failure, DATABASE_TIMEOUT, "", "no answer in time");
}

static bool lost(PGconn *connection, struct database_failure *failure) {
    return database_fail(failure, DATABASE_UNAVAILABLE, "", PQerrorMessage(connection));
}

/* ---- connecting ---- */

static void disconnect(void *connection) { PQfinish(connection); }

static bool finish_connecting(PGconn *connection, struct timespec deadline, struct database_failure *failure) {
    if (PQstatus(connection) == CONNECTION_BAD)
        return lost(connection, failure);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state == PGRES_POLLING_WRITING || state == PGRES_POLLING_READING) {
        if (!await(connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
            return late(failure);
        state = PQconnectPoll(connection);
    }
    if (state != PGRES_POLLING_OK || PQsetnonblocking(connection, 1) != 0)
        return lost(connection, failure);
    return true;
}

/* What the server has to remark on its own goes nowhere. */
static void ignore_notice(void *data, const PGresult *notice) {
    (void)data;
    (void)notice;
}

/* The first line of the file, or nothing; a password that is replaced there is used from the next connection on. */
static void read_password(const char *path, char password[PASSWORD_SIZE]) {
    password[0] = '\0';
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file)
        return;
    if (fgets(password, PASSWORD_SIZE, file))
        password[strcspn(password, "\r\n")] = '\0';
    fclose(file);
}

static void *connect(const struct database_place *place, struct timespec deadline, struct database_failure *failure) {
    /* The later ones win: a URL may have options of its own. */
    char password[PASSWORD_SIZE];
    read_password(place->password_file, password);
    const char *const names[] = { "application_name", "options", "client_encoding", "password", "dbname", NULL };
    const char *const values[] = { "kalki-query", SERVER_SETTINGS, "UTF8", password, place->url, NULL };
    PGconn *connection = PQconnectStartParams(names, values, 1);
    explicit_bzero(password, sizeof password);
    if (!connection) {
        database_fail(failure, DATABASE_FAILED, "", "out of memory");
        return NULL;
    }
    if (!finish_connecting(connection, deadline, failure)) {
        PQfinish(connection);
        return NULL;
    }
    PQsetNoticeReceiver(connection, ignore_notice, NULL);
    return connection;
}

/* An unused connection on which something has arrived has been closed by the server. */
static bool is_usable(void *data) {
    PGconn *connection = data;
    return PQstatus(connection) == CONNECTION_OK && PQtransactionStatus(connection) == PQTRANS_IDLE &&
           !await(connection, POLLIN, moment_now());
}

/* ---- statements ---- */

static bool send_statement(PGconn *connection, const struct database_query *query, struct timespec deadline,
                           struct database_failure *failure) {
    if (!PQsendQueryParams(connection, query->text, (int)query->parameter_count, NULL, query->parameters, NULL, NULL,
                           0))
        return lost(connection, failure);
    int left;
    while ((left = PQflush(connection)) == 1) {
        if (!await(connection, POLLIN | POLLOUT, deadline))
            return late(failure);
        if (!PQconsumeInput(connection)) /* or the server, waiting for us to read, would not read either */
            return lost(connection, failure);
    }
    return left == 0 || lost(connection, failure);
}

/* The next result, NULL behind the last; false when none comes. */
static bool next_result(PGconn *connection, struct timespec deadline, PGresult **result,
                        struct database_failure *failure) {
    while (PQisBusy(connection)) {
        if (!await(connection, POLLIN, deadline))
            return late(failure);
        if (!PQconsumeInput(connection))
            return lost(connection, failure);
    }
    *result = PQgetResult(connection);
    return true;
}

static enum database_result kind_of(const char *state) {
    if (strcmp(state, "57014") == 0 || strcmp(state, "55P03") == 0)
        return DATABASE_TIMEOUT;
    if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0 || strncmp(state, "53", 2) == 0)
        return DATABASE_UNAVAILABLE;
    return DATABASE_FAILED;
}

static bool refused(PGconn *connection, const PGresult *result, struct database_failure *failure) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state)
        return lost(connection, failure);
    return database_fail(failure, kind_of(state), state, message ? message : "");
}

static void read_rows(const PGresult *result, const struct database_query *query) {
    int columns = PQnfields(result) < COLUMNS_MAX ? PQnfields(result) : COLUMNS_MAX;
    for (int row = 0; row < PQntuples(result) && query->receive; row++) {
        const char *texts[COLUMNS_MAX] = { NULL };
        for (int i = 0; i < columns; i++)
            texts[i] = PQgetisnull(result, row, i) ? NULL : PQgetvalue(result, row, i);
        if (!query->receive(query->data, texts))
            return;
    }
}

static bool take_result(PGconn *connection, const PGresult *result, const struct database_query *query,
                        struct database_failure *failure) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        return refused(connection, result, failure);
    read_rows(result, query);
    return true;
}

static bool run(void *data, const struct database_query *query, struct timespec deadline,
                struct database_failure *failure) {
    PGconn *connection = data;
    PGresult *result = NULL;
    if (!send_statement(connection, query, deadline, failure))
        return false;
    bool done = true;
    for (;;) {
        if (!next_result(connection, deadline, &result, failure))
            return false;
        if (!result)
            return done;
        done = done && take_result(connection, result, query, failure);
        PQclear(result);
    }
}

const struct database_driver database_postgres = {
    .system = "postgresql",
    .schema =
        "CREATE TABLE IF NOT EXISTS documents (id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 36) PRIMARY "
        "KEY, title text NOT NULL, text text NOT NULL)",
    .place = read_place,
    .connect = connect,
    .disconnect = disconnect,
    .is_usable = is_usable,
    .run = run,
};
