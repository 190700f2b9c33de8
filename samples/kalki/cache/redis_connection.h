/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_connection.h - one connection to Redis, each use of which ends by a moment of the steady clock. hiredis writes
 * and reads the protocol; the socket is ours, since hiredis can bound each read but not all of them together.
 */
#ifndef KALKI_REDIS_CONNECTION_H
#define KALKI_REDIS_CONNECTION_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redis_connection;

/**
 * Connects by the deadline; looking up a host's name is bounded by the resolver's own time only. NULL on failure, and
 * `error` then is a word for error.type.
 */
struct redis_connection *redis_connection_open(const char *host, const char *port, uint64_t deadline_ms,
                                               const char **error);
void redis_connection_close(struct redis_connection *connection);

/** Whether nothing has come that nobody asked for, such as the end of the connection. */
bool redis_connection_is_quiet(const struct redis_connection *connection);

/**
 * Sends commands in the form of the protocol and takes one reply for each of `count`. Returns NULL, or a word for
 * error.type: the connection is then of no use any more, and no replies are left to free.
 */
const char *redis_connection_exchange(struct redis_connection *connection, const char *commands, size_t length,
                                      redisReply **replies, size_t count, uint64_t deadline_ms);

#endif
