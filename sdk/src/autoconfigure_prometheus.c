/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_prometheus.c - settles the reader's settings: code, then environment, then defaults; and see the header. */
#include "autoconfigure_prometheus.h"

#include "config.h"
#include "options.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

#define FILE_NAME "libotel-prometheus.so." OTEL__ABI

/* Of libotel-prometheus, if the program links that. */
extern const struct otel__prometheus_library otel__prometheus_library __attribute__((weak, visibility("default")));

static const struct otel__prometheus_library *_Atomic found;

/* ---- the library ------------------------------------------------------------------------------------------------- */

const char *otel__prometheus_library_problem(const struct otel__prometheus_library *library) {
    if (library->abi != OTEL__PROMETHEUS_ABI)
        return "it is of another version than libotel-sdk: install both of the same one";
    if (library->sdk != otel_pull_reader_create)
        return "it uses another libotel-sdk than this program: link otel::prometheus_static if the SDK is linked "
               "statically";
    return NULL;
}

/* NULL: `error` says why. It stays loaded for ever, as all our libraries do. */
static const struct otel__prometheus_library *load(otel_error *error) {
    void *handle = dlopen(FILE_NAME, RTLD_NOW | RTLD_LOCAL);
    const struct otel__prometheus_library *library = handle ? dlsym(handle, "otel__prometheus_library") : NULL;
    if (library)
        return library;
    const char *why = dlerror();
    snprintf(error->text, sizeof error->text,
             "it needs " FILE_NAME
             " (package libotel-prometheus, CMake target otel::prometheus), which cannot be loaded: %.100s",
             why ? why : "unknown");
    return NULL;
}

const struct otel__prometheus_library *otel__prometheus_library_find(otel_error *error) {
    const struct otel__prometheus_library *library =
        &otel__prometheus_library ? &otel__prometheus_library : load(error);
    if (!library)
        return NULL;
    const char *problem = otel__prometheus_library_problem(library);
    if (problem) {
        snprintf(error->text, sizeof error->text, "the library " FILE_NAME " cannot be used: %s", problem);
        return NULL;
    }
    atomic_store(&found, library);
    return library;
}

/* ---- the reader -------------------------------------------------------------------------------------------------- */

static bool check(const otel_prometheus_options *options, otel_error *error) {
    if (options->port < OTEL_PROMETHEUS_ANY_PORT || options->port > 65535) {
        snprintf(error->text, sizeof error->text, "otel_prometheus_options.port: %d is no port", options->port);
        return false;
    }
    if (options->path && options->path[0] != '/') {
        snprintf(error->text, sizeof error->text,
                 "otel_prometheus_options.path: \"%.100s\" does not begin with a slash", options->path);
        return false;
    }
    return true;
}

static otel_metric_reader *create(const otel_prometheus_options *options, otel_error *error) {
    otel_prometheus_options settled = *options;
    struct otel__config config;
    if (!check(options, error))
        return NULL;
    const struct otel__prometheus_library *library = otel__prometheus_library_find(error);
    if (!library)
        return NULL;
    otel__config_load_prometheus(&config, options);
    otel__config_report(&config);
    if (!options->host)
        settled.host = config.prometheus_host ? config.prometheus_host : "localhost";
    if (options->port == 0)
        settled.port = config.prometheus_port ? config.prometheus_port : OTEL_PROMETHEUS_ANY_PORT;
    settled.path = options->path ? options->path : "/metrics";
    otel_metric_reader *reader = library->reader(&settled, error);
    otel__config_free(&config);
    return reader;
}

otel_metric_reader *otel__prometheus_reader(const otel_prometheus_options *options, otel_error *error) {
    otel_prometheus_options known = { .size = sizeof known };
    if (options)
        known = *(const otel_prometheus_options *)otel__options_fit(options, sizeof known, &known);
    *error = (otel_error){ "" };
    return create(&known, error);
}

otel_metric_reader *otel_prometheus_reader(const otel_prometheus_options *options) {
    otel_error reason;
    otel_prometheus_options known = { .size = sizeof known };
    if (options)
        known = *(const otel_prometheus_options *)otel__options_fit(options, sizeof known, &known);
    otel_metric_reader *reader = otel__prometheus_reader(&known, &reason);
    if (known.error)
        *known.error = reason;
    else if (!reader)
        otel_report(OTEL_LOG_ERROR, "reader", "the Prometheus reader could not be made: %s", reason.text);
    return reader;
}

int otel_prometheus_port(const otel_metric_reader *reader) {
    const struct otel__prometheus_library *library = atomic_load(&found);
    return library ? library->port(reader) : 0;
}
