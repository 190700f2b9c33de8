/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_status.c - see grpc_status.h. */
#include "grpc/grpc_status.h"

#include "base/clock.h"
#include "trace_response.pb-c.h"

#include <string.h>

/* Larger details are not read: gRPC core's own limit of metadata. Longer delays are past any deadline. */
enum { DETAILS_MAX = 16384, DELAY_MAX_S = 86400 };

static const char *const names[] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"
};

const char *otel__grpc_status_name(int status) {
    return status >= 0 && status < (int)(sizeof names / sizeof *names) ? names[status] : "status";
}

const char *otel__grpc_status_hint(const struct otel__grpc_hints *hints, int status, const char *words,
                                   bool distrusted) {
    if (distrusted)
        return hints->distrusted;
    if (strstr(words, "wrong version number")) /* the first bytes of the answer are no TLS record */
        return hints->no_tls;
    if (strstr(words, "failed to connect") &&
        strstr(words, "Socket closed")) /* also by a server that has seen, or missed, our certificate */
        return hints->wants_tls;
    switch (status) {
    case 7:  /* PERMISSION_DENIED */
    case 16: /* UNAUTHENTICATED */
        return hints->credentials;
    case 12: /* UNIMPLEMENTED */
        return hints->unimplemented;
    case 14: /* UNAVAILABLE */
        return words[0] ? hints->unavailable : NULL;
    default:
        return NULL;
    }
}

bool otel__grpc_status_retryable(int status, bool retry_info) {
    switch (status) {
    case 1:  /* CANCELLED */
    case 4:  /* DEADLINE_EXCEEDED */
    case 10: /* ABORTED */
    case 11: /* OUT_OF_RANGE */
    case 14: /* UNAVAILABLE */
    case 15: /* DATA_LOSS */
        return true;
    case 8: /* RESOURCE_EXHAUSTED */
        return retry_info;
    default:
        return false;
    }
}

static bool is_retry_info(const Otel__Rpc__Any *any) {
    static const char end[] = "/google.rpc.RetryInfo";
    const size_t len = sizeof end - 1;
    return any->type_url.len >= len && memcmp(any->type_url.data + any->type_url.len - len, end, len) == 0;
}

static uint64_t to_ns(const Otel__Rpc__Duration *delay) {
    if (!delay || delay->seconds < 0 || delay->nanos < 0)
        return 0;
    uint64_t seconds = delay->seconds < DELAY_MAX_S ? (uint64_t)delay->seconds : DELAY_MAX_S;
    return seconds * OTEL__SECOND + (uint64_t)delay->nanos;
}

static bool read_retry_info(const Otel__Rpc__Any *any, uint64_t *delay) {
    Otel__Rpc__RetryInfo *info = otel__rpc__retry_info__unpack(NULL, any->value.len, any->value.data);
    if (!info)
        return false;
    *delay = to_ns(info->retry_delay);
    otel__rpc__retry_info__free_unpacked(info, NULL);
    return true;
}

bool otel__grpc_retry_info(const uint8_t *details, size_t len, uint64_t *delay) {
    *delay = 0;
    Otel__Rpc__Status *status = len <= DETAILS_MAX ? otel__rpc__status__unpack(NULL, len, details) : NULL;
    if (!status)
        return false;
    bool found = false;
    for (size_t i = 0; i < status->n_details && !found; i++)
        found = is_retry_info(status->details[i]) && read_retry_info(status->details[i], delay);
    otel__rpc__status__free_unpacked(status, NULL);
    return found;
}
