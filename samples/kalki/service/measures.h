/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measures.h - what kalki's services count and time: one function for each thing that happens, so that the code which
 * does the work names no metric. measures.c knows the instruments.
 *
 * From any thread, before measures_begin() and after measures_end() too. Durations are seconds. An `error` of NULL means
 * that it went well; otherwise it is one of few words, such as "timeout".
 */
#ifndef KALKI_MEASURES_H
#define KALKI_MEASURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Begins to observe the process, the machine and the file system at `path` (whose usage is watched). */
void measures_begin(const char *path);
void measures_end(void);

/** A request begins (+1) or ends (-1). */
void measure_active_connections(int change);
/** It was answered. `route` is the path pattern, such as "/documents/{id}", or "" where none fits. */
void measure_request(const char *route, const char *method, unsigned status, double seconds);
/** A failure of ours, by its kind: timeout, unavailable, internal, database, cache, llm. */
void measure_error(const char *kind);

void measure_query_processed(void);
void measure_documents_ingested(size_t count);

/** `operation` is SELECT, INSERT, ... */
void measure_db_query(const char *operation, double seconds, const char *error);
void measure_db_pool(size_t used, size_t idle, size_t most);
void measure_db_pool_wait(double seconds);

enum measured_cache { MEASURED_CACHE_HIT, MEASURED_CACHE_MISS, MEASURED_CACHE_WRITE, MEASURED_CACHE_ERROR };
/** `operation` is GET, SET, ...; a write has no hit or miss. */
void measure_cache(const char *operation, enum measured_cache result, double seconds);
void measure_cache_size(uint64_t bytes, uint64_t entries);

/** A call of an external API; `outcome` is ok, timeout or error. */
void measure_external(const char *api, const char *outcome, double seconds);
void measure_llm(double seconds, const char *error);

void measure_index(size_t documents_there, size_t terms);
void measure_index_rebuilt(void);
void measure_index_search(double seconds);

void measure_sessions_active(size_t count);
void measure_session_request(void);

enum measured_health { MEASURED_UNHEALTHY, MEASURED_DEGRADED, MEASURED_HEALTHY };
void measure_health(enum measured_health health);

#endif
