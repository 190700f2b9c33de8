/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.h - where documents are kept: PostgreSQL, or SQLite for a service on its own.
 *
 * A few connections are shared by all threads. Each call takes a bounded time, the wait for a connection and making one
 * included, and is a CLIENT span, but for database_ping(). A connection that is lost is made anew by the next call; no call
 * is tried twice, since its first attempt may have done its work.
 */
#ifndef KALKI_DATABASE_H
#define KALKI_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum database_result {
    DATABASE_OK,
    DATABASE_NOT_FOUND,
    DATABASE_TIMEOUT,     /* no answer in time: what was asked for may have been done or not */
    DATABASE_BUSY,        /* no connection became free in time */
    DATABASE_UNAVAILABLE, /* no connection can be made, or it was lost */
    DATABASE_FAILED,      /* the database refuses the statement */
};

/** One of few words, such as "timeout". */
const char *database_result_word(enum database_result result);

struct database;

/**
 * Takes a URL, "postgresql://user@host:port/name" or "sqlite:FILE" (":memory:" for the file: gone with the service), and
 * connects to nobody yet. `password_file`, which may be NULL, is read whenever a connection is made, and must outlive the
 * database. NULL when the URL cannot be used; `why` then holds a line that says so.
 */
struct database *database_open(const char *url, const char *password_file, char *why, size_t why_size);
/** After the last call. */
void database_close(struct database *database);
/** Where it is, without user and password: "postgresql://host:port/name" or "sqlite:FILE". */
const char *database_place_text(const struct database *database);
/** "postgresql" or "sqlite". */
const char *database_system(const struct database *database);

/** A document without a number yet. */
struct new_document {
    const char *title;
    const char *text;
};

/** Makes the table if there is none, and puts the sample's documents into an empty one. */
enum database_result database_prepare(struct database *database);

#define DATABASE_INSERT_MAX 1000
/** Keeps up to DATABASE_INSERT_MAX documents, all or none, and says their numbers. */
enum database_result database_insert(struct database *database, const struct new_document *documents, size_t count,
                                     int64_t *ids);

/** Takes a document that was read, whose texts last until it returns; false: there is no room, read no more. */
typedef bool (*document_receiver)(void *data, int64_t id, const char *title, const char *text);

/** Reads all documents in the order of their numbers, a page at a time. */
enum database_result database_load(struct database *database, document_receiver receive, void *data);
enum database_result database_get(struct database *database, int64_t id, document_receiver receive, void *data);
enum database_result database_count(struct database *database, int64_t *count);
/** Whether it answers within so many milliseconds. */
enum database_result database_ping(struct database *database, long timeout_ms);

/** Connections: in use, open and unused, and how many there may be. */
struct database_pool {
    size_t used, idle, most;
};
struct database_pool database_pool_state(struct database *database);

#endif
