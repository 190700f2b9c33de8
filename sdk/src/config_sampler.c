/* SPDX-License-Identifier: Apache-2.0 */
/* config_sampler.c - what OTEL_TRACES_SAMPLER_ARG says, which depends on the sampler. */
#include "base/grpc_target.h"
#include "base/str.h"
#include "base/url.h"
#include "config_parse.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN = 256 };

static void tell_of_argument(struct otel__config *config, const char *what) {
    const char *const variable = config->source[OTEL__CONFIG_SAMPLER_ARG];
    char shown[SHOWN];
    snprintf(shown, sizeof shown, "%.200s%s", config->sampler_arg, strlen(config->sampler_arg) > 200 ? "..." : "");
    otel__config_problem(config, variable, "%s=\"%s\" %s", variable, shown, what);
}

/* An argument for nobody is most often a ratio, and a sampler that was meant to be another. */
static void tell_needless_argument(struct otel__config *config) {
    char what[160];
    const struct otel__config_choice *choice = otel__config_options[OTEL__CONFIG_SAMPLER].choices;
    while (choice->unavailable || choice->value != config->sampler)
        choice++;
    const char *const hint = config->sampler == OTEL__SAMPLER_ALWAYS_ON          ? "; traceidratio does"
                             : config->sampler == OTEL__SAMPLER_PARENT_ALWAYS_ON ? "; parentbased_traceidratio does"
                                                                                 : "";
    snprintf(what, sizeof what, "is ignored: the sampler %s takes no argument%s", choice->name, hint);
    tell_of_argument(config, what);
}

/* ---- the ratio samplers ------------------------------------------------------------------------------------------ */

static void read_ratio(struct otel__config *config) {
    double value;
    if (otel__str_to_double(otel__str_trim(otel_cstr(config->sampler_arg)), &value) && value >= 0 && value <= 1)
        config->sampler_ratio = value;
    else
        tell_of_argument(config, "is not a number from 0 to 1; using the default, 1");
}

/* ---- jaeger_remote: endpoint=...,pollingIntervalMs=...,initialSamplingRate=... ------------------------------------ */

/* Whatever it is may hold a password, as a URL. */
static void tell_of_item(struct otel__config *config, otel_str item, const char *why) {
    const char *const variable = config->source[OTEL__CONFIG_SAMPLER_ARG];
    char text[SHOWN], shown[SHOWN];
    snprintf(text, sizeof text, "%.*s", (int)item.len, item.ptr);
    otel__url_show(text, shown, sizeof shown);
    otel__config_problem(config, variable, "%s: \"%s\" %s", variable, shown, why);
}

/* NULL: a server to be asked over HTTP, or gRPC. */
static const char *endpoint_problem(const char *endpoint) {
    struct otel__url url;
    struct otel__grpc_target target;
    return otel__url_parse(endpoint, &url) ? otel__grpc_target(endpoint, OTEL__GRPC_JAEGER_PORT, false, &target) : NULL;
}

static void read_endpoint(struct otel__config *config, otel_str value) {
    char *endpoint = strndup(value.ptr, value.len), shown[SHOWN], why[2 * SHOWN];
    const char *problem = endpoint ? endpoint_problem(endpoint) : NULL;
    config->out_of_memory = config->out_of_memory || !endpoint;
    free(problem ? NULL : config->remote_endpoint);
    if (!problem) {
        config->remote_endpoint = endpoint;
        return;
    }
    otel__url_show(endpoint, shown, sizeof shown);
    snprintf(why, sizeof why, "\"%s\" cannot be used: %s; ignored", shown, problem);
    tell_of_item(config, otel_cstr("endpoint"), why);
    free(endpoint);
}

static void read_item(struct otel__config *config, otel_str item) {
    otel_str value = item, name;
    int64_t interval;
    double rate;
    otel__str_next(&value, '=', &name);
    name = otel__str_trim(name);
    value = otel__str_trim(value);
    if (!value.ptr) {
        tell_of_item(config, name,
                     "is none of endpoint=..., pollingIntervalMs=... and initialSamplingRate=...; ignored");
    } else if (value.len == 0) {
        tell_of_item(config, name, "has no value; ignored");
    } else if (otel__str_same(name, otel_cstr("endpoint"))) {
        read_endpoint(config, value);
    } else if (otel__str_same(name, otel_cstr("pollingIntervalMs"))) {
        if (otel__str_to_int(value, &interval) && interval >= 1 && interval <= INT_MAX)
            config->remote_interval_ms = (int)interval;
        else
            tell_of_item(config, item, "is not a whole number of milliseconds from 1; ignored");
    } else if (otel__str_same(name, otel_cstr("initialSamplingRate"))) {
        if (otel__str_to_double(value, &rate) && rate >= 0 && rate <= 1)
            config->remote_initial_rate = rate;
        else
            tell_of_item(config, item, "is not a number from 0 to 1; ignored");
    } else {
        tell_of_item(config, name, "is none of endpoint, pollingIntervalMs and initialSamplingRate; ignored");
    }
}

static void read_remote(struct otel__config *config) {
    otel_str rest = otel_cstr(config->sampler_arg), item;
    while (otel__str_next(&rest, ',', &item)) {
        item = otel__str_trim(item);
        if (item.len > 0)
            read_item(config, item);
        else
            tell_of_item(config, item, "is an empty item; ignored");
    }
}

/* ---- together ---------------------------------------------------------------------------------------------------- */

void otel__config_settle_sampler(struct otel__config *config, bool named) {
    config->sampler_ratio = 1;
    config->remote_initial_rate = OTEL__REMOTE_INITIAL_RATE;
    config->remote_interval_ms = OTEL__REMOTE_INTERVAL_MS;
    if (!config->source[OTEL__CONFIG_SAMPLER]) {
        if (config->sampler_arg && !named)
            tell_of_argument(config, "is ignored: OTEL_TRACES_SAMPLER is not set; parentbased_traceidratio takes it");
        free(config->sampler_arg);
        config->sampler_arg = NULL;
    }
    if (!config->sampler_arg)
        return;
    switch ((enum otel__config_sampler)config->sampler) {
    case OTEL__SAMPLER_RATIO:
    case OTEL__SAMPLER_PARENT_RATIO:
        read_ratio(config);
        break;
    case OTEL__SAMPLER_REMOTE:
    case OTEL__SAMPLER_PARENT_REMOTE:
        read_remote(config);
        break;
    case OTEL__SAMPLER_ALWAYS_ON:
    case OTEL__SAMPLER_ALWAYS_OFF:
    case OTEL__SAMPLER_PARENT_ALWAYS_ON:
    case OTEL__SAMPLER_PARENT_ALWAYS_OFF:
        tell_needless_argument(config);
        break;
    }
}
