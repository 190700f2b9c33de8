/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measures.c - see measures.h.
 */
#include "measures.h"

void measures_begin(const char *path) { (void)path; }
void measures_end(void) {}
void measure_active_connections(int change) { (void)change; }
void measure_request(const char *route, const char *method, unsigned status, double seconds) {
    (void)route, (void)method, (void)status, (void)seconds;
}
void measure_error(const char *kind) { (void)kind; }
void measure_query_processed(void) {}
void measure_documents_ingested(size_t count) { (void)count; }
void measure_db_query(const char *operation, double seconds, const char *error) {
    (void)operation, (void)seconds, (void)error;
}
void measure_db_pool(size_t used, size_t idle, size_t most) { (void)used, (void)idle, (void)most; }
void measure_db_pool_wait(double seconds) { (void)seconds; }
void measure_cache(const char *operation, enum measured_cache result, double seconds) {
    (void)operation, (void)result, (void)seconds;
}
void measure_cache_size(uint64_t bytes, uint64_t entries) { (void)bytes, (void)entries; }
void measure_external(const char *api, const char *outcome, double seconds) { (void)api, (void)outcome, (void)seconds; }
void measure_llm(double seconds, const char *error) { (void)seconds, (void)error; }
void measure_index(size_t documents, size_t terms) { (void)documents, (void)terms; }
void measure_index_rebuilt(void) {}
void measure_index_search(double seconds) { (void)seconds; }
void measure_sessions_active(size_t count) { (void)count; }
void measure_session_request(void) {}
void measure_health(enum measured_health health) { (void)health; }
