/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database_driver.h - what database.c needs of a database system: connections, and one function that runs a statement.
 *
 * Statements are written in what both systems understand, with the parameters $1, $2, ... in the order of their use.
 */
#ifndef KALKI_DATABASE_DRIVER_H
#define KALKI_DATABASE_DRIVER_H

#include "database/database.h"

#include <time.h>

/** Where a database is, for connecting and for telling; the driver's place() fills it, database.c frees it. */
struct database_place {
    char *url;
    char *host;                /* NULL: not over a network */
    long port;                 /* 0: not known */
    char *name;                /* of the database */
    const char *password_file; /* NULL: none; not owned */
    size_t connections_max;
};

struct database_failure {
    enum database_result kind;
    char code[16];     /* the system's own, or "" */
    char message[200]; /* one line */
};

/** A row as text, NULL for a null; false: read no more. */
typedef bool (*row_receiver)(void *data, const char *const *columns);

struct database_query {
    const char *text;
    const char *const *parameters;
    size_t parameter_count;
    row_receiver receive; /* NULL: the rows don't matter */
    void *data;
};

struct database_driver {
    const char *system; /* as in db.system.name */
    const char *schema; /* the statement that makes the table unless there is one */

    /** Reads a URL; false: `why` says what is wrong with it. */
    bool (*place)(struct database_place *place, const char *url, char *why, size_t why_size);
    /** A connection, or NULL and the failure. */
    void *(*connect)(const struct database_place *place, struct timespec deadline, struct database_failure *failure);
    void (*disconnect)(void *connection);
    /** Whether a connection that nobody uses can be used again. */
    bool (*is_usable)(void *connection);
    bool (*run)(void *connection, const struct database_query *query, struct timespec deadline,
                struct database_failure *failure);
};

extern const struct database_driver database_sqlite, database_postgres;

/** Fills a failure with the first line of a message; returns false, as those who fail do. */
bool database_fail(struct database_failure *failure, enum database_result kind, const char *code, const char *message);

#endif
