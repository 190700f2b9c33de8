/* SPDX-License-Identifier: Apache-2.0 */
/* workloads.c - see workloads.h. */
#include "workloads.h"

#include <otel/propagation.h>
#include <otel/trace.h>
#include <string.h>
#include <strings.h>

OTEL_TRACER(tracer, "otel.bench", "1.0");

static void spec(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("benchmark", .root = true));
    otel_set(&span, "attribute", 17);
    otel_event(&span, "event");
    otel_span_end(&span);
}

/* Keys and values of 20 characters, one call each. */
static void ten(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("benchmark", .root = true));
    otel_set(&span, "benchmark.attribute0", "value-0-of-20-chars!");
    otel_set(&span, "benchmark.attribute1", "value-1-of-20-chars!");
    otel_set(&span, "benchmark.attribute2", "value-2-of-20-chars!");
    otel_set(&span, "benchmark.attribute3", "value-3-of-20-chars!");
    otel_set(&span, "benchmark.attribute4", "value-4-of-20-chars!");
    otel_set(&span, "benchmark.attribute5", "value-5-of-20-chars!");
    otel_set(&span, "benchmark.attribute6", "value-6-of-20-chars!");
    otel_set(&span, "benchmark.attribute7", "value-7-of-20-chars!");
    otel_set(&span, "benchmark.attribute8", "value-8-of-20-chars!");
    otel_set(&span, "benchmark.attribute9", "value-9-of-20-chars!");
    otel_span_end(&span);
}

static bool header_get(const void *carrier, const char *key, size_t index, otel_str *value) {
    if (index != 0 || strcasecmp(key, "traceparent") != 0)
        return false;
    *value = otel_cstr(carrier);
    return true;
}
static const otel_getter getter = { .size = sizeof getter, .get = header_get };

static void header_set(void *carrier, const char *key, const char *value, size_t len) {
    (void)key;
    memcpy(carrier, value, len < 64 ? len : 64);
}
static const otel_setter setter = { .size = sizeof setter, .set = header_set };

static void server(void) {
    otel_context remote = otel_extract(NULL, &getter, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    const otel_span span =
        otel_span_start(tracer, OTEL_START("GET /cart/{id}", .kind = OTEL_SERVER, .parent = &remote));
    otel_context_release(&remote);
    otel_set(&span, "http.request.method", "GET");
    otel_set(&span, "url.path", "/cart/4711");
    otel_set(&span, "url.scheme", "https");
    otel_set(&span, "http.route", "/cart/{id}");
    otel_set(&span, "server.address", "shop.example");
    otel_set(&span, "server.port", 443);
    otel_set(&span, "network.protocol.version", "1.1");
    otel_set(&span, "http.response.status_code", 200);
    otel_span_set_status(&span, OTEL_CODE_OK, NULL);
    otel_context outgoing = otel_context_with_span(NULL, &span);
    char header[64];
    otel_inject(&outgoing, &setter, header);
    otel_context_release(&outgoing);
    otel_span_end(&span);
}

static const struct workload workloads[] = {
    { "noop", "no SDK: start, 10 string attributes, end", ten, false, false },
    { "unsampled", "always_off: start, 10 string attributes, end", ten, true, false },
    { "spec", "1 int attribute, 1 event without attributes", spec, true, true },
    { "ten", "10 string attributes of 20 + 20 characters", ten, true, true },
    { "server", "remote parent, SERVER, 8 attributes, status, inject", server, true, true },
};

const struct workload *workload_find(const char *name) {
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}
