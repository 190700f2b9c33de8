/* SPDX-License-Identifier: Apache-2.0 */
/* id_generator_custom.c - see id_generator_custom.h. */
#include "id_generator_custom.h"

#include "cancellation.h"
#include "id_generator.h"
#include "options.h"

#include <errno.h>
#include <stdlib.h>

struct otel_id_generator {
    otel_id_generator_ops ops;
    void *self;
    _Atomic bool reported; /* that it makes zeros */
};

otel_id_generator *otel_id_generator_create(const otel_id_generator_ops *ops, void *self) {
    otel_id_generator_ops known;
    if (!ops) {
        otel_report(OTEL_LOG_ERROR, "id generator", "an id generator has no table of operations");
        return NULL;
    }
    ops = otel__options_fit(ops, sizeof known, &known);
    otel_id_generator *generator = calloc(1, sizeof *generator);
    if (generator) {
        generator->ops = *ops;
        generator->self = self;
    } else if (ops->destroy) {
        ops->destroy(self);
    }
    return generator;
}

void otel_id_generator_destroy(otel_id_generator *generator) {
    if (!generator)
        return;
    if (generator->ops.destroy)
        generator->ops.destroy(generator->self);
    free(generator);
}

static void report_zeros(otel_id_generator *generator, const char *what) {
    if (!atomic_exchange(&generator->reported, true))
        otel_report(OTEL_LOG_WARN, "id generator",
                    "the id generator made a %s id of zeros: it gets random ones instead", what);
}

uint64_t otel__custom_trace_id(otel_id_generator *generator, struct otel__local *local, uint64_t words[2]) {
    const int saved = errno;
    words[0] = words[1] = 0;
    if (generator->ops.trace_id) {
        const int cancellation = otel__cancellation_hold();
        generator->ops.trace_id(generator->self, (uint8_t *)words);
        otel__cancellation_allow(cancellation);
        if (words[0] == 0 && words[1] == 0)
            report_zeros(generator, "trace");
    }
    if (words[0] == 0 && words[1] == 0)
        otel__trace_id_random(local, words);
    errno = saved;
    return generator->ops.random || !generator->ops.trace_id ? OTEL_FLAG_RANDOM : 0;
}

uint64_t otel__custom_span_id(otel_id_generator *generator, struct otel__local *local) {
    const int saved = errno;
    uint64_t id = 0;
    if (generator->ops.span_id) {
        const int cancellation = otel__cancellation_hold(); /* what the sampler gave is held already */
        generator->ops.span_id(generator->self, (uint8_t *)&id);
        otel__cancellation_allow(cancellation);
        if (id == 0)
            report_zeros(generator, "span");
    }
    errno = saved;
    return id != 0 ? id : otel__span_id_random(local);
}
