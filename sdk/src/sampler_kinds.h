/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_kinds.h - what the files of the samplers share. */
#ifndef OTEL_SDK_SAMPLER_KINDS_H
#define OTEL_SDK_SAMPLER_KINDS_H

#include "sampler.h"
#include "sampler_ot.h"

#include <stdatomic.h>

enum otel__sampler_kind {
    OTEL__ALWAYS_ON,
    OTEL__ON_AS_PARENT, /* always_on where a parent-based sampler asks it: what it samples was the parent's choice */
    OTEL__ALWAYS_OFF,
    OTEL__TRACE_ID_RATIO,
    OTEL__PARENT_BASED,
    OTEL__PROBABILITY,
    OTEL__ALWAYS_RECORD,
    OTEL__CUSTOM,
    OTEL__COMPOSITE,
    OTEL__REMOTE
};
enum {
    OTEL__ROOT,
    OTEL__REMOTE_SAMPLED,
    OTEL__REMOTE_NOT_SAMPLED,
    OTEL__LOCAL_SAMPLED,
    OTEL__LOCAL_NOT_SAMPLED,
    OTEL__DELEGATES
};

struct otel_sampler {
    enum otel__sampler_kind kind;
    atomic_bool warned, warned_of_trace_id;   /* of what would be told for every span */
    otel_sampler *delegates[OTEL__DELEGATES]; /* of parent-based; always_record has the first */
    /* ratio and probability */
    double ratio;
    uint64_t threshold;
    char th[OTEL__THRESHOLD_DIGITS + 1];
    uint64_t root_state; /* strong: see otel__state_of_roots(); a composite's is that of threshold 0 */
    /* custom */
    otel_sampler_ops ops;
    void *self;
    /* composite */
    otel_composable *composable;
    struct otel__remote *remote;
};

/* Zeroed but for the kind; NULL, and reported, when memory is short. */
otel_sampler *otel__sampler_new(enum otel__sampler_kind kind);
/* True for the first who asks. */
bool otel__sampler_first(const atomic_bool *warned);
/* Of a child's decision by a trace id that may not be random. */
void otel__sampler_warn_of_trace_id(const otel_sampler *sampler, const struct otel__sampling *in);

void otel__ratio_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);
void otel__probability_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);
void otel__custom_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);
void otel__composite_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);
void otel__remote_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);
void otel__remote_destroy(struct otel__remote *remote);

/* ---- descriptions ------------------------------------------------------------------------------------------------ */

struct otel__writer {
    char *out;
    size_t size, len; /* len: of the whole, written or not */
};
void otel__write(struct otel__writer *writer, const char *text);
void otel__write_str(struct otel__writer *writer, otel_str text);
/* "name{ratio}" */
void otel__write_ratio(struct otel__writer *writer, const char *name, double ratio);
/* What the user's function writes; `otherwise` when there is none. */
void otel__write_custom(struct otel__writer *writer, void (*description)(void *self, char *buffer, size_t size),
                        void *self, const char *otherwise);
void otel__sampler_describe(const otel_sampler *sampler, struct otel__writer *writer);
void otel__remote_describe(const otel_sampler *sampler, struct otel__writer *writer);
void otel__composable_describe(const otel_composable *composable, struct otel__writer *writer);

#endif
