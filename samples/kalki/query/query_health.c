/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_health.c - see query_health.h.
 */
#include "query/query_health.h"

#include "service/moment.h"
#include "query/query_handler.h"

#define PING_MS (HEALTH_CHECK_MS - 200)

static const char *reason(enum database_result result) {
    return result == DATABASE_TIMEOUT       ? "no answer in time"
           : result == DATABASE_BUSY        ? "all connections are in use"
           : result == DATABASE_UNAVAILABLE ? "cannot be reached"
                                            : "refuses a statement";
}

/* A database that is busy is there, and searches do without it: taken for sick, all services would be sent no more requests
 * just when there are many. */
static enum measured_health judge(enum database_result result) {
    return result == DATABASE_OK ? MEASURED_HEALTHY : result == DATABASE_BUSY ? MEASURED_DEGRADED : MEASURED_UNHEALTHY;
}

void query_health_database(void *data, struct health_report *report) {
    struct query_service *service = data;
    struct timespec begin = moment_now();
    enum database_result result = database_ping(service->database, PING_MS);
    double milliseconds = moment_seconds_since(&begin) * 1e3;
    struct database_pool pool = database_pool_state(service->database);
    report->status = judge(result);
    if (result != DATABASE_OK)
        report->error = reason(result);
    text_addf(&report->fields, "\"backend\":\"%s\",\"query_ms\":%.3f,\"pool\":{\"used\":%zu,\"idle\":%zu,\"max\":%zu}",
              database_system(service->database), milliseconds, pool.used, pool.idle, pool.most);
}

void query_health_index(void *data, struct health_report *report) {
    struct query_service *service = data;
    struct collection_state state = collection_look(service->collection);
    if (!state.loaded) {
        report->status = MEASURED_UNHEALTHY;
        report->error = "the documents are not loaded yet";
    }
    text_addf(&report->fields, "\"documents\":%zu,\"searchable\":%zu,\"terms\":%zu", state.documents, state.searchable,
              state.terms);
}
