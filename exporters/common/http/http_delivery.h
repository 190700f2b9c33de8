/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_delivery.h - one export over HTTP. Private to the HTTP exporter.
 *
 * DESIGN. Ranges of spans, or of metrics, that are still to be sent lie on a stack, the next one on top. Each request that is under way,
 * or waits for another attempt, has a place, which is a lane of the HTTP client; a free place takes the next range, so
 * that the next request is written while others are answered. Each is judged and tried again by itself. While the
 * server asks for fewer requests, one at a time makes attempts. An export ends when the stack is empty and all places
 * are free.
 */
#ifndef OTEL_EXPORTERS_HTTP_DELIVERY_H
#define OTEL_EXPORTERS_HTTP_DELIVERY_H

#include "common/export_state.h"
#include "common/http/http_cargo.h"
#include "common/http/http_exporter.h"
#include "common/http/http_request.h"
#include "common/inherited.h"
#include "common/throttle.h"

/* What exporting changes; a forked child leaves it behind. */
struct otel__http_workspace {
    struct otel__inherited inherited;
    struct otel__http_request requests[]; /* one for each lane of the client */
};

struct otel__http_exporter {
    struct otel__export_state state; /* the gate and what cancels are the client's own */
    const struct otel__http_format *format;
    struct otel__http_client *client;
    unsigned lanes;
    bool gzip;
    int timeout_ms;
    size_t request_max;
    size_t byte_bound; /* of requests with several spans or metrics */
    struct otel__retry_policy retry;
    struct otel__throttle throttle;
    struct otel__export_reporter reporter;
};

/* Sends all of the cargo until it is delivered or lost, or it is `deadline` (ns). The outcome counts its units. */
otel_status otel__http_deliver(struct otel__http_exporter *exporter, const struct otel__http_cargo *cargo,
                               uint64_t deadline, otel_export_outcome *outcome);

#endif
