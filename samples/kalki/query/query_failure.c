/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_failure.c - see query_failure.h.
 */
#include "query/query_failure.h"

#include <string.h>
#include <time.h>

#define FAILING_SHARD 1

enum { FAIL_ERROR, FAIL_TIMEOUT, FAILURE_COUNT };

static const struct query_failure failures[FAILURE_COUNT] = {
    [FAIL_ERROR] = { .name = "error",
                     .status = 500,
                     .type = "shard_corrupt",
                     .exception = "ShardCorrupt",
                     .text = "shard 1: the checksum of block 17 is wrong" },
    [FAIL_TIMEOUT] = { .name = "timeout",
                       .status = 504,
                       .type = "timeout",
                       .exception = "ShardTimeout",
                       .text = "shard 1 did not answer within 50 ms",
                       .wait_ms = 50 },
};

static const struct query_failure *named(const char *name, size_t length) {
    for (size_t i = 0; i < FAILURE_COUNT; i++) {
        if (strlen(failures[i].name) == length && memcmp(failures[i].name, name, length) == 0)
            return &failures[i];
    }
    return NULL;
}

static bool asks_to_fail(const struct query_terms *terms) {
    for (size_t i = 0; i < terms->count; i++) {
        if (strstr(terms->items[i].text, "fail"))
            return true;
    }
    return false;
}

const struct query_failure *query_failure_wanted(struct query_service *service, const struct http_request *request,
                                                 const struct query_terms *terms) {
    const char *name;
    size_t length;
    if (http_request_argument(request, "fail", &name, &length))
        return named(name, length);
    if (asks_to_fail(terms))
        return &failures[FAIL_ERROR];
    if (service->fail_every == 0)
        return NULL;
    unsigned long number = atomic_fetch_add(&service->search_count, 1) + 1;
    return number % service->fail_every == 0 ? &failures[number / service->fail_every % FAILURE_COUNT] : NULL;
}

bool query_failure_strikes(const struct query_failure *failure, size_t shard) {
    if (!failure || shard != FAILING_SHARD)
        return false;
    struct timespec wait = { .tv_sec = failure->wait_ms / 1000, .tv_nsec = failure->wait_ms % 1000 * 1000000L };
    nanosleep(&wait, NULL);
    return true;
}
