/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_page.c - serves metrics of every kind, put together by hand, until it is ended; its first line is the port.
 * prometheus_test.py knows what is in them.
 */
#include "prometheus/prometheus_text.h"
#include "prometheus/server.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STR(text)                                                                                                      \
    { text, sizeof(text) - 1 }
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const otel_scope_data scope = { .name = STR("page"), .version = STR("1.0") };
static const otel_scope_data other_scope = { .name = STR("other") };

static otel_exemplar_data of_bucket = { .value.d = 0.07, .trace_id = { 0xab, 1 }, .span_id = { 0xcd, 2 } };
static otel_exemplar_data of_counter = { .value.i = 2, .trace_id = { 0xab, 3 }, .span_id = { 0xcd, 4 } };

static otel_status write_page(void *data, bool openmetrics, struct otel__page *page) {
    static struct otel__prometheus_reported reported;
    static const double bounds[] = { 0.005, 0.1, 1, 2500000 };
    static const uint64_t buckets[] = { 1, 2, 3, 4, 5 };
    (void)data;
    of_bucket.time = of_counter.time = (uint64_t)time(NULL) * UINT64_C(1000000000);
    of_bucket.attributes = OTEL_ATTRS(OTEL_ATTR("user.id", "caf\xc3\xa9 \"7\""));
    const otel_point_data requests[] = {
        { .attributes = OTEL_ATTRS(OTEL_ATTR("http.route", "/search")),
          .value.i = 12,
          .exemplars = &of_counter,
          .exemplar_count = 1 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("http.route", "/documents/{id}")), .value.i = 3 },
    };
    const otel_point_data durations[] = { { .attributes = OTEL_ATTRS(OTEL_ATTR("http.route", "/search")),
                                            .count = 15,
                                            .sum = 12500000.25,
                                            .buckets = buckets,
                                            .exemplars = &of_bucket,
                                            .exemplar_count = 1 } };
    const otel_point_data shares[] = {
        { .attributes = OTEL_ATTRS(OTEL_ATTR("kind", "third")), .value.d = 1.0 / 3 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("kind", "none")), .value.d = (double)NAN },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("kind", "all")), .value.d = (double)INFINITY },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("kind", "less")), .value.d = -(double)INFINITY },
    };
    const otel_point_data odd[] = { { .attributes = OTEL_ATTRS(OTEL_ATTR("a.b", "one"), OTEL_ATTR("a_b", "two"),
                                                               OTEL_ATTR("text", "a \"b\"\n\\c \xe2\x82\xac")),
                                      .value.i = -9007199254740992 } };
    const otel_metric_data metrics[] = {
        { STR("page.requests"), STR("Requests \"answered\",\nso far \\ now."), STR("{request}"), &scope,
          OTEL_METRIC_SUM, .monotonic = true, .points = requests, .point_count = COUNT(requests) },
        { STR("page.requests"), STR("Other words."), STR("{request}"), &other_scope, OTEL_METRIC_SUM, .monotonic = true,
          .points = requests, .point_count = 1 },
        { STR("page.requests"), STR("A gauge of the same name."), STR("{request}"), &other_scope, OTEL_METRIC_GAUGE,
          .points = requests, .point_count = 1 },
        { STR("page.duration"), STR("How long answers took."), STR("s"), &scope, OTEL_METRIC_HISTOGRAM, .doubles = true,
          .bounds = bounds, .bound_count = COUNT(bounds), .points = durations, .point_count = COUNT(durations) },
        { STR("page.share"), STR("Shares."), STR("1"), &scope, OTEL_METRIC_GAUGE, .doubles = true, .points = shares,
          .point_count = COUNT(shares) },
        { STR("page-odd..bytes"), STR("What may shrink."), STR("By"), &scope, OTEL_METRIC_SUM, .points = odd,
          .point_count = COUNT(odd) },
    };
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "page"),
                                                                   OTEL_ATTR("service.instance.id", "7"),
                                                                   OTEL_ATTR("process.pid", 42)) };
    const otel_metrics_data all = { sizeof all, &resource, metrics, COUNT(metrics) };
    const struct otel__prometheus_form form = { .openmetrics = openmetrics, .reported = &reported };
    otel__prometheus_write(page, &all, &form);
    return OTEL_OK;
}

int main(void) {
    struct otel__listeners listeners;
    char why[128];
    if (otel__listen(&listeners, "127.0.0.1", 0, why))
        return 1;
    const int port = listeners.port;
    if (!otel__server_start(&listeners, &(struct otel__server_settings){ "/metrics", write_page, NULL }))
        return 1;
    printf("%d\n", port);
    fflush(stdout);
    for (;;)
        pause();
}
