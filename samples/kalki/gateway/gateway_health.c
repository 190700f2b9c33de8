/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_health.c - see gateway_health.h.
 */
#include "gateway/gateway_health.h"

#include "gateway/gateway_handler.h"
#include "gateway/llm_client.h"
#include "gateway/query_client.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* So that we say what is wrong before we are said to be wrong. kalki-query gives its own checks as much as we have. */
#define CALL_MS (HEALTH_CHECK_MS - 50)

static void fail(struct health_report *report, const char *error) {
    report->status = MEASURED_UNHEALTHY;
    report->error = error;
}

void gateway_check_query(void *data, struct health_report *report) {
    const struct gateway *gateway = data;
    struct http_reply reply = { .status = 0 };
    query_client_health(&gateway->query, CALL_MS, &reply);
    if (reply.timed_out)
        fail(report, "no answer in time");
    else if (reply.status == 0)
        fail(report, "cannot be reached");
    else if (reply.status != 200)
        fail(report, "says that it is unhealthy");
    text_free(&reply.body);
}

/* Takes over what the entry says beyond what each entry says. */
static void add_members(struct text *fields, const json_t *entry) {
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)entry, name, value) {
        if (strcmp(name, "status") == 0 || strcmp(name, "response_ms") == 0 || strcmp(name, "error") == 0)
            continue;
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        text_addf(fields, "%s\"%s\":%s", fields->length > 0 ? "," : "", name, text ? text : "null");
        free(text);
    }
}

static void take_database(const json_t *entry, struct health_report *report) {
    const char *status = json_string_value(json_object_get(entry, "status"));
    if (!status) /* a service of an older version, which query_service judges as a whole */
        report->error = "kalki-query says nothing of it";
    else if (strcmp(status, "degraded") == 0)
        report->status = MEASURED_DEGRADED;
    else if (strcmp(status, "healthy") != 0)
        fail(report, "kalki-query says that it is unhealthy");
    add_members(&report->fields, entry);
}

void gateway_check_database(void *data, struct health_report *report) {
    const struct gateway *gateway = data;
    struct http_reply reply = { .status = 0 };
    query_client_health(&gateway->query, CALL_MS, &reply);
    json_t *answer = reply.body.bytes ? json_loadb(reply.body.bytes, reply.body.length, 0, NULL) : NULL;
    if (reply.status == 0)
        fail(report, "kalki-query cannot be asked");
    else
        take_database(json_object_get(json_object_get(answer, "checks"), "database"), report);
    json_decref(answer);
    text_free(&reply.body);
}

void gateway_check_cache(void *data, struct health_report *report) {
    const struct gateway *gateway = data;
    struct cache_size size;
    text_addf(&report->fields, "\"backend\":\"%s\"", cache_backend(gateway->cache));
    if (!cache_ping(gateway->cache) || !cache_measure(gateway->cache, &size)) {
        fail(report, "does not answer");
        return;
    }
    text_addf(&report->fields, ",\"memory_bytes\":%llu,\"entries\":%llu", (unsigned long long)size.bytes,
              (unsigned long long)size.entries);
    measure_cache_size(size.bytes, size.entries);
}

void gateway_check_llm(void *data, struct health_report *report) {
    const struct gateway *gateway = data;
    if (!llm_client_is_healthy(&gateway->llm, CALL_MS))
        fail(report, "does not answer, or not well");
}
