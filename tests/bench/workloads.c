/* SPDX-License-Identifier: Apache-2.0 */
/* workloads.c - see workloads.h. */
#include "workloads.h"

#include <otel/trace.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

OTEL_TRACER(tracer, "otel.bench", "1.0");

static void spec(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("benchmark"));
    otel_set(&span, "attribute", 17);
    otel_event(&span, "event");
    otel_span_end(&span);
}

/* Keys and values of 20 characters, one call each. */
static otel_span start_ten(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("benchmark"));
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
    return span;
}

void workload_ten(void) {
    const otel_span span = start_ten();
    otel_span_end(&span);
}

static bool header_get(const void *carrier, const char *key, size_t index, otel_str *value) {
    if (index != 0 || strcasecmp(key, "traceparent") != 0)
        return false;
    *value = otel_cstr(carrier);
    return true;
}
const otel_getter header_getter = { .size = sizeof header_getter, .get = header_get };

static void header_set(void *carrier, const char *key, const char *value, size_t len) {
    (void)key;
    memcpy(carrier, value, len < HEADER_SIZE ? len : HEADER_SIZE);
}
const otel_setter header_setter = { .size = sizeof header_setter, .set = header_set };

static void server(void) {
    otel_context remote = otel_extract(NULL, &header_getter, INCOMING);
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
    char header[HEADER_SIZE];
    otel_inject(&outgoing, &header_setter, header);
    otel_context_release(&outgoing);
    otel_span_end(&span);
}

/* 128 attributes of 1 KiB each, as many as a span may have by default. */
static void wide(void) {
    static const char *const keys[] = {
#define KEYS_8(n)                                                                                                      \
    "key." n "0", "key." n "1", "key." n "2", "key." n "3", "key." n "4", "key." n "5", "key." n "6", "key." n "7"
        KEYS_8("00"), KEYS_8("01"), KEYS_8("02"), KEYS_8("03"), KEYS_8("04"), KEYS_8("05"), KEYS_8("06"), KEYS_8("07"),
        KEYS_8("10"), KEYS_8("11"), KEYS_8("12"), KEYS_8("13"), KEYS_8("14"), KEYS_8("15"), KEYS_8("16"), KEYS_8("17"),
    };
    static char value[1024];
    memset(value, 'v', sizeof value);
    const otel_span span = otel_span_start(tracer, OTEL_START("benchmark"));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        otel_set(&span, keys[i], otel_strn(value, sizeof value));
    otel_span_end(&span);
}

/* As `ten`, but a span ends only when LIVE others have started after it. */
enum { LIVE = 10000 };
static _Thread_local struct {
    otel_span *spans;
    size_t oldest;
} live;

static void live_step(void) {
    if (!live.spans && !(live.spans = calloc(LIVE, sizeof *live.spans)))
        abort();
    otel_span *span = &live.spans[live.oldest];
    otel_span_end(span);
    *span = start_ten();
    live.oldest = (live.oldest + 1) % LIVE;
}

static void end_live(void) {
    for (size_t i = 0; i < LIVE; i++)
        otel_span_end(&live.spans[i]);
    free(live.spans);
    live.spans = NULL;
}

static const struct workload workloads[] = {
    { "noop", workload_ten, false, false, NULL }, { "unsampled", workload_ten, true, false, NULL },
    { "spec", spec, true, true, NULL },           { "ten", workload_ten, true, true, NULL },
    { "server", server, true, true, NULL },       { "wide", wide, true, true, NULL },
    { "live", live_step, true, true, end_live },
};

const struct workload *workload_find(const char *name) {
    for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}
