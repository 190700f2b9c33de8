/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_exporter.c - see http_exporter.h. Exports come from one thread at a time (otel/exporter.h); force_flush, shutdown
 * and cancel may come from any.
 */
#include "common/http/http_exporter.h"

#include "common/export_deadline.h"
#include "common/http/http_delivery.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    REQUEST_MAX = 64 * 1024 * 1024, /* OTLP's limit: no larger request is sent */
    BOUND_FIRST = 4 * 1024 * 1024,  /* of requests with several spans: what servers accept by default */
    RESPONSE_MAX = 4 * 1024 * 1024, /* OTLP's limit */
    GONE_LEAST_MS = 2000            /* some lost packets, or a long way, do not mean that a machine is gone */
};

/* So that there is time for other attempts when the machine that has the first one vanishes. */
static int gone_after(int timeout_ms) {
    const int third = (timeout_ms > 0 ? timeout_ms : OTEL__EXPORT_OWN_BOUND_MS) / 3;
    return third > GONE_LEAST_MS ? third : GONE_LEAST_MS;
}

static otel_status export_cargo(struct otel__http_exporter *exporter, const struct otel__http_cargo *cargo,
                                int timeout_ms, otel_export_outcome *outcome) {
    if (atomic_load(&exporter->state.shut)) /* a cancel is the client's business: what is lost is reported */
        return OTEL_ERR_STATE;
    if (otel__http_cargo_count(cargo) == 0)
        return OTEL_OK;
    return otel__http_deliver(exporter, cargo, otel__export_deadline(exporter->timeout_ms, timeout_ms), outcome);
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    return export_cargo(self, &(const struct otel__http_cargo){ .batch = batch }, timeout_ms, outcome);
}

static otel_status export_metrics(void *self, const otel_metrics_data *metrics, int timeout_ms) {
    otel_export_outcome outcome = { .delivered = 0 };
    return export_cargo(self, &(const struct otel__http_cargo){ .metrics = metrics }, timeout_ms, &outcome);
}

static void cancel(void *self) {
    struct otel__http_exporter *exporter = self;
    otel__http_cancel(exporter->client);
}

static void before_fork(void *self) {
    struct otel__http_exporter *exporter = self;
    otel__http_before_fork(exporter->client);
}

static bool at_rest(void *self) {
    const struct otel__http_exporter *exporter = self;
    return otel__http_at_rest(exporter->client);
}

static void after_fork(void *self, bool in_child) {
    struct otel__http_exporter *exporter = self;
    if (in_child)
        otel__export_leave_workspace(&exporter->state);
    otel__http_after_fork(exporter->client, in_child);
}

static void describe(void *self, otel_exporter_description *out) {
    const struct otel__http_exporter *exporter = self;
    otel__export_describe(&exporter->reporter, exporter->format->component, out);
}

static void destroy(void *self) {
    struct otel__http_exporter *exporter = self;
    struct otel__http_workspace *workspace = exporter->state.workspace;
    for (unsigned i = 0; workspace && i < exporter->lanes; i++)
        otel__http_request_free(&workspace->requests[i], exporter->format);
    free(workspace);
    otel__http_destroy(exporter->client);
    free(exporter);
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static otel_exporter *make_exporter(struct otel__http_exporter *exporter) {
    const otel_exporter_ops ops = {
        .size = sizeof(otel_exporter_ops),
        .name = exporter->format->name,
        .blocking = true,
        .export_batch = export_batch,
        .force_flush = otel__export_flush_nothing,
        .shutdown = otel__export_shut_down,
        .cancel = cancel,
        .before_fork = before_fork,
        .at_rest = at_rest,
        .after_fork = after_fork,
        .destroy = destroy,
        .describe = describe,
    };
    return otel_exporter_create(&ops, exporter);
}

static struct otel__http_client *make_client(const struct otel__http_exporter_settings *settings, otel_error *error) {
    const struct otel__http_settings http = {
        .url = settings->url,
        .socket_target = settings->format->socket_target,
        .content_type = settings->format->content_type,
        .content_encoding = settings->gzip ? "gzip" : NULL,
        .user_agent = settings->user_agent,
        .headers = settings->headers,
        .header_count = settings->header_count,
        .response_limit = settings->response_max ? settings->response_max : RESPONSE_MAX,
        .tls = settings->tls,
        .lanes = settings->concurrent,
        .gone_after_ms = gone_after(settings->timeout_ms),
        .absent_hint = settings->format->absent_hint,
        .foreign_hint = settings->format->address_hint,
        .trust_hint = settings->format->trust_hint,
    };
    return otel__http_create(&http, error);
}

static struct otel__http_exporter *create(const struct otel__http_exporter_settings *settings, otel_error *error) {
    struct otel__http_exporter *exporter = calloc(1, sizeof *exporter);
    snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
    if (exporter)
        exporter->client = make_client(settings, error);
    if (!exporter || !exporter->client) {
        free(exporter);
        return NULL;
    }
    exporter->format = settings->format;
    exporter->lanes = settings->concurrent ? settings->concurrent : 1;
    exporter->gzip = settings->gzip;
    exporter->timeout_ms = settings->timeout_ms;
    exporter->retry = settings->retry;
    exporter->request_max = settings->request_max ? settings->request_max : REQUEST_MAX;
    exporter->byte_bound = BOUND_FIRST;
    otel__export_reporter_init(&exporter->reporter, &settings->format->kinds, settings->url);
    if (strchr(settings->url, '#'))
        otel_report(OTEL_LOG_WARN, "http.fragment",
                    "%s: what follows the '#' in this URL is never sent; in a path or query it is written %%23",
                    exporter->reporter.endpoint);
    return exporter;
}

otel_exporter *otel__http_exporter_create(const struct otel__http_exporter_settings *settings, otel_error *error) {
    struct otel__http_exporter *exporter = create(settings, error);
    return exporter ? make_exporter(exporter) : NULL;
}

void *otel__http_metrics_create(const struct otel__http_exporter_settings *settings, otel_metric_exporter_ops *ops,
                                otel_error *error) {
    *ops = (otel_metric_exporter_ops){
        .size = sizeof *ops,
        .name = settings->format->name,
        .temporality = settings->temporality,
        .export_metrics = export_metrics,
        .force_flush = otel__export_flush_nothing,
        .shutdown = otel__export_shut_down,
        .cancel = cancel,
        .before_fork = before_fork,
        .at_rest = at_rest,
        .after_fork = after_fork,
        .destroy = destroy,
    };
    return create(settings, error);
}
