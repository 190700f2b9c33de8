/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_reader.c - the reader that Prometheus asks: from the SDK's start to its stop a server, whose page is made of
 * a reading. What it offers the SDK is in prometheus_library.h.
 */
#include "prometheus/prometheus_library.h"
#include "prometheus/prometheus_text.h"
#include "prometheus/server.h"

#include "base/sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct reader {
    struct reader *next; /* in `readers` */
    otel_metric_reader *handle;
    char *host, *path;
    int port; /* 0: any that is free */
    struct otel__prometheus_form form;
    struct otel__prometheus_reported reported; /* on the server's thread */
    otel_metric_source *source;
    struct otel__server *server; /* NULL: none, as in a forked child */
    _Atomic int bound_port;
};

/* All that there are, for otel_prometheus_port(): a handle does not say what it is of. */
static struct reader *readers;
static otel__lock readers_lock;

/* ---- the page ---------------------------------------------------------------------------------------------------- */

struct request {
    const struct otel__prometheus_form *form;
    struct otel__page *page;
};

static void visit(void *data, const otel_metrics_data *metrics) {
    const struct request *request = data;
    otel__prometheus_write(request->page, metrics, request->form);
}

static otel_status write_page(void *data, bool openmetrics, struct otel__page *page) {
    const struct reader *reader = data;
    struct otel__prometheus_form form = reader->form;
    form.openmetrics = openmetrics;
    return otel_metric_source_read(reader->source, visit, &(struct request){ &form, page });
}

/* ---- what the SDK calls ------------------------------------------------------------------------------------------ */

static const char *bracket(const struct reader *reader, bool closing) {
    return !strchr(reader->host, ':') ? "" : closing ? "]" : "[";
}

/* OTEL_OK, since the SDK's own line on what failed would come behind this one, and say less. */
static otel_status not_served(const struct reader *reader, const char *why) {
    otel_report(
        OTEL_LOG_ERROR, "prometheus.listen",
        "metrics are not served at http://%s%.100s%s:%d%.100s: %s; nobody can ask for them there, all else runs on. "
        "Does "
        "OTEL_EXPORTER_PROMETHEUS_HOST name an address of this machine, and OTEL_EXPORTER_PROMETHEUS_PORT a port that "
        "is free?",
        bracket(reader, false), reader->host, bracket(reader, true), reader->port, reader->path, why);
    return OTEL_OK;
}

static otel_status start(void *self, otel_metric_source *source) {
    struct reader *reader = self;
    struct otel__listeners listeners;
    char why[128];
    const char *problem = otel__listen(&listeners, reader->host, reader->port, why);
    if (problem)
        return not_served(reader, problem);
    const int port = listeners.port;
    reader->source = source;
    reader->server =
        otel__server_start(&listeners, &(struct otel__server_settings){ reader->path, write_page, reader });
    if (!reader->server)
        return not_served(reader, "there is no memory for a server, or no thread");
    reader->bound_port = port;
    otel_report(OTEL_LOG_DEBUG, "prometheus.serving", "metrics are served at http://%s%.100s%s:%d%.100s",
                bracket(reader, false), reader->host, bracket(reader, true), port, reader->path);
    return OTEL_OK;
}

static void stop(void *self) {
    struct reader *reader = self;
    reader->bound_port = 0;
    if (reader->server)
        otel__server_stop(reader->server);
    reader->server = NULL;
}

static void before_fork(void *self) {
    struct reader *reader = self;
    if (reader->server)
        otel__server_before_fork(reader->server);
}

static void after_fork(void *self, bool in_child) {
    struct reader *reader = self;
    if (in_child)
        otel__lock_release(&readers_lock); /* whoever had it is not in this process */
    if (!reader->server)
        return;
    otel__server_after_fork(reader->server, in_child);
    if (!in_child)
        return;
    reader->server = NULL;
    reader->bound_port = 0;
    otel_report(OTEL_LOG_DEBUG, "prometheus.fork",
                "metrics of this forked process are not served: its parent has the port");
}

static void unlist(const struct reader *reader) {
    otel__lock_acquire(&readers_lock);
    for (struct reader **at = &readers; *at; at = &(*at)->next) {
        if (*at == reader) {
            *at = reader->next;
            break;
        }
    }
    otel__lock_release(&readers_lock);
}

static void destroy(void *self) {
    struct reader *reader = self;
    unlist(reader);
    stop(reader);
    free(reader->host);
    free(reader->path);
    free(reader);
}

static const otel_pull_reader_ops ops = {
    .size = sizeof ops,
    .name = "prometheus",
    .start = start,
    .stop = stop,
    .before_fork = before_fork,
    .after_fork = after_fork,
    .destroy = destroy,
};

/* ---- making one -------------------------------------------------------------------------------------------------- */

/* Of "[::1]", as in URLs, what is in the brackets. */
static char *copy_host(const char *host) {
    const size_t len = strlen(host);
    const bool bracketed = len > 2 && host[0] == '[' && host[len - 1] == ']';
    return bracketed ? strndup(host + 1, len - 2) : strdup(host);
}

static struct reader *make(const otel_prometheus_options *options) {
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->host = copy_host(options->host);
    reader->path = strdup(options->path);
    reader->port = options->port > 0 ? options->port : 0;
    reader->form = (struct otel__prometheus_form){ .without_target_info = options->without_target_info,
                                                   .without_scope_labels = options->without_scope_labels,
                                                   .reported = &reader->reported };
    if (reader->host && reader->path)
        return reader;
    destroy(reader);
    return NULL;
}

static otel_metric_reader *create(const otel_prometheus_options *options, otel_error *error) {
    struct reader *reader = make(options);
    otel_metric_reader *handle = reader ? otel_pull_reader_create(&ops, reader) : NULL;
    if (!handle) {
        snprintf(error->text, sizeof error->text, "%s", otel_status_text(OTEL_ERR_MEMORY));
        return NULL;
    }
    otel__lock_acquire(&readers_lock);
    reader->handle = handle;
    reader->next = readers;
    readers = reader;
    otel__lock_release(&readers_lock);
    return handle;
}

static int port(const otel_metric_reader *handle) {
    int found = 0;
    otel__lock_acquire(&readers_lock);
    for (const struct reader *reader = readers; reader && handle; reader = reader->next) {
        if (reader->handle == handle)
            found = reader->bound_port;
    }
    otel__lock_release(&readers_lock);
    return found;
}

extern const struct otel__prometheus_library otel__prometheus_library __attribute__((visibility("default")));
const struct otel__prometheus_library otel__prometheus_library = {
    .abi = OTEL__PROMETHEUS_ABI,
    .sdk = otel_pull_reader_create,
    .reader = create,
    .port = port,
};
