/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measures.c - see measures.h. Their names at Prometheus: `_` for `.`, the unit behind it, `_total` behind a counter.
 */
#include "service/measures.h"

#include "service/machine.h"
#include "service/moment.h"

#include <otel/metrics.h>
#include <stdio.h>
#include <time.h>

OTEL_METER(meter, "kalki", "1.0.0");

/* ---- requests ---- */

static const double request_bounds[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60 };
OTEL_COUNTER(requests, meter, "kalki.requests", "{request}", "Requests that were answered.");
OTEL_HISTOGRAM_BOUNDS(request_duration, meter, request_bounds, "kalki.request.duration", "s",
                      "Time from a request to its answer.");
OTEL_UP_DOWN_COUNTER(active_connections, meter, "kalki.active_connections", "{connection}",
                     "Connections on which a request is being answered.");
OTEL_COUNTER(errors, meter, "kalki.errors", "{error}", "Failures of this service, by their kind.");

void measure_active_connections(int change) { otel_add(active_connections, change); }

void measure_request(const char *route, const char *method, unsigned status, double seconds) {
    const otel_attr by_route = OTEL_ATTR("http.route", route);
    otel_add(
        requests, 1,
        OTEL_ATTRS(by_route, OTEL_ATTR("http.request.method", method), OTEL_ATTR("http.response.status_code", status)));
    otel_record(request_duration, seconds, OTEL_ATTRS(by_route));
}

void measure_error(const char *kind) { otel_add(errors, 1, OTEL_ATTRS(OTEL_ATTR("error.type", kind))); }

/* ---- the business ---- */

OTEL_COUNTER(queries, meter, "kalki.queries_processed", "{query}", "Searches that were carried out.");
OTEL_COUNTER(documents, meter, "kalki.documents_ingested", "{document}", "Documents that were taken in.");
OTEL_GAUGE(sessions_active, meter, "kalki.sessions_active", "{session}", "Sessions that were seen lately.");
OTEL_COUNTER(session_requests, meter, "kalki.session.requests", "{request}", "Requests that belong to a session.");

void measure_query_processed(void) { otel_add(queries, 1); }
void measure_documents_ingested(size_t count) { otel_add(documents, count); }
void measure_sessions_active(size_t count) { otel_record(sessions_active, count); }
void measure_session_request(void) { otel_add(session_requests, 1); }

/* ---- the database ---- */

OTEL_HISTOGRAM(db_query, meter, "kalki.db.query.duration", "s", "Time that a call of the database took.");
OTEL_COUNTER(db_errors, meter, "kalki.db.errors", "{error}", "Calls of the database that failed.");
OTEL_GAUGE(db_pool, meter, "kalki.db.pool.connections", "{connection}", "Connections to the database.");
OTEL_GAUGE(db_pool_most, meter, "kalki.db.pool.connections_max", "{connection}", "As many there may be.");
OTEL_HISTOGRAM(db_pool_wait, meter, "kalki.db.pool.wait", "s", "Time until a connection was free.");

void measure_db_query(const char *operation, double seconds, const char *error) {
    otel_record(db_query, seconds, OTEL_ATTRS(OTEL_ATTR("db.operation.name", operation)));
    if (error)
        otel_add(db_errors, 1, OTEL_ATTRS(OTEL_ATTR("error.type", error)));
}

void measure_db_pool(size_t used, size_t idle, size_t most) {
    otel_record(db_pool, used, OTEL_ATTRS(OTEL_ATTR("state", "used")));
    otel_record(db_pool, idle, OTEL_ATTRS(OTEL_ATTR("state", "idle")));
    otel_record(db_pool_most, most);
}

void measure_db_pool_wait(double seconds) { otel_record(db_pool_wait, seconds); }

/* ---- the cache ---- */

OTEL_COUNTER(cache_requests, meter, "kalki.cache.requests", "{request}", "What the cache was asked for.");
OTEL_HISTOGRAM(cache_duration, meter, "kalki.cache.duration", "s", "Time that a call of the cache took.");
OTEL_GAUGE(cache_memory, meter, "kalki.cache.memory", "By", "Memory that the cache takes.");
OTEL_GAUGE(cache_entries, meter, "kalki.cache.entries", "{entry}", "Entries of the cache.");

void measure_cache(const char *operation, enum measured_cache result, double seconds) {
    static const char *const results[] = { "hit", "miss", NULL, "error" };
    otel_record(cache_duration, seconds, OTEL_ATTRS(OTEL_ATTR("operation", operation)));
    if (results[result])
        otel_add(cache_requests, 1, OTEL_ATTRS(OTEL_ATTR("result", results[result])));
}

void measure_cache_size(uint64_t bytes, uint64_t entries) {
    otel_record(cache_memory, bytes);
    otel_record(cache_entries, entries);
}

/* ---- external APIs ---- */

OTEL_HISTOGRAM(external, meter, "kalki.external.request.duration", "s", "Time that a call of an external API took.");
OTEL_COUNTER(llm_requests, meter, "kalki.llm.requests", "{request}", "Calls of the language model.");
OTEL_HISTOGRAM_BOUNDS(llm_duration, meter, request_bounds, "kalki.llm.duration", "s",
                      "Time that the language model took.");
OTEL_COUNTER(llm_errors, meter, "kalki.llm.errors", "{error}", "Calls of the language model that failed.");

void measure_external(const char *api, const char *outcome, double seconds) {
    otel_record(external, seconds, OTEL_ATTRS(OTEL_ATTR("api", api), OTEL_ATTR("outcome", outcome)));
}

void measure_llm(double seconds, const char *error) {
    otel_add(llm_requests, 1);
    otel_record(llm_duration, seconds);
    if (error)
        otel_add(llm_errors, 1, OTEL_ATTRS(OTEL_ATTR("error.type", error)));
}

/* ---- the index, a store of vectors ---- */

OTEL_GAUGE(index_documents, meter, "kalki.vector_store.documents", "{document}", "Documents in the index.");
OTEL_GAUGE(index_terms, meter, "kalki.vector_store.terms", "{term}", "Terms in the index.");
OTEL_COUNTER(index_rebuilds, meter, "kalki.vector_store.rebuilds", "{rebuild}", "How often the index was made anew.");
OTEL_HISTOGRAM(index_search, meter, "kalki.vector_store.search.duration", "s", "Time of a search in the index.");

void measure_index(size_t documents_there, size_t terms) {
    otel_record(index_documents, documents_there);
    otel_record(index_terms, terms);
}
void measure_index_rebuilt(void) { otel_add(index_rebuilds, 1); }
void measure_index_search(double seconds) { otel_record(index_search, seconds); }

/* ---- health ---- */

OTEL_GAUGE(health_status, meter, "kalki.health.status", "{status}", "0 is unhealthy, 1 degraded, 2 healthy.");

void measure_health(enum measured_health health) { otel_record(health_status, (int)health); }

/* ---- the process and the machine, which are asked when metrics are read ---- */

OTEL_OBSERVABLE_GAUGE(memory_usage, meter, "kalki.memory.usage", "By", "Memory of this process.");
OTEL_OBSERVABLE_GAUGE(memory_limit, meter, "kalki.memory.limit", "By", "Memory that it may take.");
OTEL_OBSERVABLE_GAUGE_DOUBLE(cpu_usage, meter, "kalki.cpu.usage", "%", "Of one processor, since the last reading.");
OTEL_OBSERVABLE_GAUGE(disk_usage, meter, "kalki.disk.usage", "By", "Taken on the disk of the service's data.");
OTEL_OBSERVABLE_COUNTER_DOUBLE(cpu_time, meter, "process.cpu.time", "s", "Time of processors.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(process_memory, meter, "process.memory.usage", "By", "Memory in use.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(process_virtual, meter, "process.memory.virtual", "By", "Addresses in use.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(process_threads, meter, "process.threads", "{thread}", "Threads.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(descriptors, meter, "process.open_file_descriptors", "{descriptor}", "Open files.");
OTEL_OBSERVABLE_GAUGE_DOUBLE(uptime, meter, "process.uptime", "s", "Time since the start.");
OTEL_OBSERVABLE_GAUGE_DOUBLE(machine_load, meter, "system.cpu.load_1m", "{thread}", "Load of the last minute.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(machine_memory, meter, "system.memory.usage", "By", "Memory of the machine.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(machine_disks, meter, "system.filesystem.usage", "By", "The data's disk.");

#define STATE(name) OTEL_ATTRS(OTEL_ATTR("state", name))

static uint64_t observing; /* what measures_end() gives back */
static char data_path[4096];

/* Processors used since the last reading, in percent of one. Callbacks never run beside each other. */
static double cpu_percent(const struct process_usage *usage) {
    static double used_before, at_before;
    const double at = (double)steady_ns() / 1e9, used = usage->user_seconds + usage->system_seconds;
    const double percent = at > at_before ? 100 * (used - used_before) / (at - at_before) : 0;
    used_before = used;
    at_before = at;
    return percent;
}

static void observe_process(otel_observer *observer) {
    struct process_usage usage;
    machine_process(&usage);
    otel_observe(observer, memory_usage, usage.memory_bytes);
    otel_observe(observer, memory_limit, machine_memory_limit());
    otel_observe(observer, cpu_usage, cpu_percent(&usage));
    otel_observe(observer, cpu_time, usage.user_seconds, OTEL_ATTRS(OTEL_ATTR("cpu.mode", "user")));
    otel_observe(observer, cpu_time, usage.system_seconds, OTEL_ATTRS(OTEL_ATTR("cpu.mode", "system")));
    otel_observe(observer, process_memory, usage.memory_bytes);
    otel_observe(observer, process_virtual, usage.virtual_bytes);
    otel_observe(observer, process_threads, usage.threads);
    otel_observe(observer, descriptors, usage.descriptors);
    otel_observe(observer, uptime, usage.uptime_seconds);
}

static void observe_machine(otel_observer *observer) {
    struct machine_usage machine;
    struct disk_usage disk;
    machine_usage(&machine);
    machine_disk(data_path, &disk);
    otel_observe(observer, machine_load, machine.load);
    otel_observe(observer, machine_memory, machine.memory_used, STATE("used"));
    otel_observe(observer, machine_memory, machine.memory_total - machine.memory_used, STATE("free"));
    otel_observe(observer, disk_usage, disk.used_bytes);
    otel_observe(observer, machine_disks, disk.used_bytes, STATE("used"));
    otel_observe(observer, machine_disks, disk.free_bytes, STATE("free"));
}

static void observe(void *unused, otel_observer *observer) {
    (void)unused;
    observe_process(observer);
    observe_machine(observer);
}

/* A rate sees no first failure in a series that begins with it. */
static void begin_at_zero(void) {
    static const char *const kinds[] = { "timeout", "unavailable", "internal", "database", "cache", "llm" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        otel_add(errors, 0, OTEL_ATTRS(OTEL_ATTR("error.type", kinds[i])));
    otel_add(db_errors, 0, OTEL_ATTRS(OTEL_ATTR("error.type", "timeout")));
    otel_add(llm_errors, 0, OTEL_ATTRS(OTEL_ATTR("error.type", "timeout")));
}

void measures_begin(const char *path) {
    struct process_usage usage;
    machine_process(&usage);
    cpu_percent(&usage);
    snprintf(data_path, sizeof data_path, "%s", path);
    begin_at_zero();
    observing = otel_observe_with(observe, NULL);
}

void measures_end(void) {
    otel_unobserve(observing);
    observing = 0;
}
