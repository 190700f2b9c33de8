/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_upkeep.c - see gateway_upkeep.h.
 */
#include "gateway/gateway_upkeep.h"

#include "cache/cache.h"
#include "service/measures.h"
#include "service/moment.h"

void gateway_upkeep(void *data) {
    struct cache *cache = data;
    struct cache_size size;
    size_t sessions = 0;
    if (cache_measure(cache, &size))
        measure_cache_size(size.bytes, size.entries);
    if (cache_session_count(cache, wall_ms(), &sessions))
        measure_sessions_active(sessions);
}
