/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - measuring: each function hands its call to the installed SDK, inside the bracket of backend.h, and does
 * nothing where there is none (otel/metrics.h).
 */
#include "context.h"

#include <otel/metrics.h>

bool otel_instrument_enabled(otel_instrument *instrument) {
    struct otel__call call;
    if (instrument == NULL || !otel__enter(&call)) {
        return false;
    }
    const bool enabled = call.backend != NULL && call.backend->instrument_enabled(call.thread, instrument);
    otel__leave(&call);
    return enabled;
}

#define MEASURE(function, subject, ...)                                                                                \
    do {                                                                                                               \
        struct otel__call call;                                                                                        \
        if ((subject) != NULL && otel__enter(&call)) {                                                                 \
            if (call.backend != NULL) {                                                                                \
                call.backend->function(call.thread, (subject), __VA_ARGS__);                                           \
            }                                                                                                          \
            otel__leave(&call);                                                                                        \
        }                                                                                                              \
    } while (0)
#define OR_CURRENT(context) ((context) != NULL ? (context) : otel__context_top(call.thread))

void otel_measure_int(otel_instrument *instrument, int64_t value, otel_attrs attributes, const otel_context *context) {
    MEASURE(measure_int, instrument, value, attributes, OR_CURRENT(context));
}

void otel_measure_double(otel_instrument *instrument, double value, otel_attrs attributes,
                         const otel_context *context) {
    MEASURE(measure_double, instrument, value, attributes, OR_CURRENT(context));
}

void otel_bound_measure_int(otel_bound *bound, int64_t value) {
    MEASURE(bound_int, bound, value, otel__context_top(call.thread));
}

void otel_bound_measure_double(otel_bound *bound, double value) {
    MEASURE(bound_double, bound, value, otel__context_top(call.thread));
}
