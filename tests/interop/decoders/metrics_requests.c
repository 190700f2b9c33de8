/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_requests.c - metrics of instruments of every kind, read several times, cumulative and as deltas: what arrived.
 *
 *     otlp_metrics_requests SEED FOLDER
 *
 * The n-th request is FOLDER/cumulative-<n> or FOLDER/delta-<n>, as it came; with .txt behind it the same as protobuf-c
 * decodes it, in the form of canonical.h.
 */
#include "canonical.h"

#include "http_double.h"
#include "metrics_request.pb-c.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <otel/metrics.h>
#include <otel/otlp.h>
#include <otel/sdk.h>

enum { READINGS = 4, MEASUREMENTS = 500, WAIT_MS = 60000 };

static const double bounds[] = { -1, 0, 0.5, 1e6 };
static otel_meter library[1] = { { .name = "library", .version = "1.2", .schema_url = "https://example.test/scope" } };
OTEL_METER(other, "other");
OTEL_TRACER(tracer, "library");
OTEL_COUNTER(orders, library, "orders", "{order}", "What was ordered: \xe2\x82\xac, \xf0\x9f\x9b\x92.");
OTEL_COUNTER_DOUBLE(weight, library, "weight", "kg");
OTEL_UP_DOWN_COUNTER(open, library, "open");
OTEL_UP_DOWN_COUNTER_DOUBLE(balance, other, "balance");
OTEL_GAUGE(level, other, "level", "1", "A level.");
OTEL_GAUGE_DOUBLE(heat, other, "heat", "Cel");
OTEL_HISTOGRAM(duration, library, "duration", "s", "How long it took.");
OTEL_HISTOGRAM_BOUNDS(size, other, bounds, "size", "By", "How much it was.");
OTEL_OBSERVABLE_COUNTER(faults, other, "faults");
OTEL_OBSERVABLE_UP_DOWN_COUNTER_DOUBLE(queue, other, "queue");
OTEL_OBSERVABLE_GAUGE_DOUBLE(load, other, "load");

static uint64_t state;

static uint64_t next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static void die(const char *text) {
    fprintf(stderr, "%s\n", text);
    exit(1);
}

/* ---- the metrics ------------------------------------------------------------------------------------------------- */

static otel_metric_reader *reader_to(http_double *server, int temporality) {
    otel_otlp_options options = { .size = sizeof options,
                                  .metrics_endpoint = http_double_url(server, "/v1/metrics"),
                                  .temporality = temporality };
    otel_periodic_options periodic = { .size = sizeof periodic, .interval_ms = 10 * WAIT_MS };
    return otel_periodic_reader(&periodic, otel_otlp_metric_exporter(&options));
}

static void start(http_double *cumulative, http_double *delta) {
    static const char *const excluded[] = { "secret" };
    const otel_attr of_resource[] = { OTEL_ATTR("build", 7) };
    otel_error error;
    const otel_status status = otel_sdk_start(
        OTEL_SDK(.service_name = "requests \xff", .resource = { of_resource, 1 },
                 .resource_schema_url = "https://example.test/resource", .sampler = otel_sampler_always_on(),
                 .metrics =
                     OTEL_METRICS(.readers = OTEL_READERS(reader_to(cumulative, OTEL_OTLP_TEMPORALITY_CUMULATIVE),
                                                          reader_to(delta, OTEL_OTLP_TEMPORALITY_DELTA)),
                                  .views = OTEL_VIEWS(
                                      OTEL_VIEW("duration", .excluded_keys = excluded, .excluded_key_count = 1))),
                 .error = &error));
    if (status != OTEL_OK)
        die(error.text);
}

static void observe(void *data, otel_observer *observer) {
    static int64_t so_far;
    (void)data;
    so_far += (int64_t)(next() % 100);
    otel_observe(observer, faults, so_far, OTEL_ATTRS(OTEL_ATTR("kind", "minor")));
    otel_observe(observer, queue, (double)next() / 7 - 1e8);
    otel_observe(observer, load, (double)next() / 1e9);
}

static void measure(void) {
    static const char *const names[] = { "card", "cash \xe2\x82\xac", "" };
    const int64_t number = (int64_t)(next() % 1000);
    const otel_attrs attributes = OTEL_ATTRS(OTEL_ATTR("method", names[next() % 3]), OTEL_ATTR("big", next() % 2 == 0),
                                             OTEL_ATTR("node", (int64_t)(next() % 3)), OTEL_ATTR("share", 0.5));
    otel_add(orders, number, attributes);
    otel_add(weight, (double)number / 3, attributes);
    otel_add(open, number - 500, attributes);
    otel_add(balance, (double)number / 3 - 200);
    otel_record(level, number - 500, attributes);
    otel_record(heat, (double)number / 7 - 20, attributes);
    otel_record(duration, (double)number / 100,
                OTEL_ATTRS(OTEL_ATTR("method", names[next() % 3]), OTEL_ATTR("secret", number)));
    otel_record(size, (double)number * 1000);
}

static void measure_and_read(void) {
    for (int i = 0; i < MEASUREMENTS; i++) {
        OTEL_SPAN(span, tracer, "work");
        measure();
    }
    if (otel_sdk_flush(WAIT_MS) != OTEL_OK)
        die("the metrics could not be flushed");
}

/* ---- what arrived ------------------------------------------------------------------------------------------------ */

static FILE *create(const char *folder, const char *form, size_t number, const char *suffix) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s-%zu%s", folder, form, number, suffix);
    FILE *file = fopen(path, "wb");
    if (!file)
        die("a file cannot be written");
    return file;
}

static void write_request(const char *folder, const char *form, size_t number, const uint8_t *body, size_t len) {
    Otel__Otlp__ExportMetricsServiceRequest *request =
        otel__otlp__export_metrics_service_request__unpack(NULL, len, body);
    if (!request)
        die("protobuf-c refuses a request");
    FILE *as_it_came = create(folder, form, number, ""), *decoded = create(folder, form, number, ".txt");
    fwrite(body, 1, len, as_it_came);
    canonical_write(decoded, &request->base);
    if (fclose(as_it_came) != 0 || fclose(decoded) != 0)
        die("the disk is full");
    otel__otlp__export_metrics_service_request__free_unpacked(request, NULL);
}

static void write_requests(http_double *server, const char *folder, const char *form) {
    for (size_t i = 0; i < http_double_requests(server); i++) {
        size_t len;
        const uint8_t *body = http_double_body(server, i, &len);
        write_request(folder, form, i, body, len);
    }
}

int main(int argc, char **argv) {
    static const struct http_step success = { .status = 200 };
    const otel_attr of_scope[] = { OTEL_ATTR("team", "green") };
    if (argc != 3)
        die("usage: otlp_metrics_requests SEED FOLDER");
    state = strtoull(argv[1], NULL, 0);
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    library->attributes = (otel_attrs){ of_scope, 1 };
    http_double *cumulative = http_double_start(&success, 1), *delta = http_double_start(&success, 1);
    start(cumulative, delta);
    otel_observe_with(observe, NULL);
    for (int i = 0; i < READINGS; i++)
        measure_and_read();
    if (otel_sdk_stop(WAIT_MS) != OTEL_OK)
        die("the SDK could not be stopped in order");
    write_requests(cumulative, argv[2], "cumulative");
    write_requests(delta, argv[2], "delta");
    http_double_stop(cumulative);
    http_double_stop(delta);
    return 0;
}
