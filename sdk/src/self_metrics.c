/* SPDX-License-Identifier: Apache-2.0 */
/* self_metrics.c - see self_metrics.h. */
#include "self_metrics.h"

#include "base/clock.h"
#include "metrics/metrics.h"
#include "record.h"

#include <inttypes.h>
#include <otel/metrics.h>
#include <stdio.h>
#include <stdlib.h>

OTEL_METER(meter, "otel-c", OTEL__VERSION);

OTEL_OBSERVABLE_COUNTER(started, meter, "otel.sdk.span.started", "{span}", "Spans that were made.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(live, meter, "otel.sdk.span.live", "{span}",
                                "Recording spans that have not ended yet.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(queue_size, meter, "otel.sdk.processor.span.queue.size", "{span}",
                                "Spans that wait in the queue of a processor.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(queue_capacity, meter, "otel.sdk.processor.span.queue.capacity", "{span}",
                                "As many may wait there.");
OTEL_OBSERVABLE_COUNTER(processed, meter, "otel.sdk.processor.span.processed", "{span}",
                        "Spans that a processor has handed to its exporter, or dropped.");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(in_flight, meter, "otel.sdk.exporter.span.inflight", "{span}",
                                "Spans that an exporter has and that are neither exported nor lost yet.");
OTEL_COUNTER(exported, meter, "otel.sdk.exporter.span.exported", "{span}",
             "Spans whose export has ended, well or not.");
/* The conventions advise against buckets. */
static const double no_bounds[1];
static otel_instrument duration[1] = { {
    .meter = meter,
    .name = "otel.sdk.exporter.operation.duration",
    .unit = "s",
    .description = "Time that an export took, with all its attempts.",
    .kind = OTEL_INSTRUMENT_HISTOGRAM,
    .doubles = true,
    .bounds = no_bounds,
} };

#define NAME_KEY "otel.component.name"
#define TYPE_KEY "otel.component.type"
#define ERROR_KEY "error.type"

enum { TEXT_SIZE = 96, NAMED = 2, EXPORTER_ATTRS = 4, MORE_ATTRS = 2 };

/* What a processor and its exporter are called. */
struct otel__component {
    char processor_name[TEXT_SIZE], exporter_type[TEXT_SIZE], exporter_name[TEXT_SIZE];
    otel_exporter_description exporter;
    otel_attr processor_attrs[NAMED], exporter_attrs[EXPORTER_ATTRS];
    size_t exporter_attr_count;
};

/* ---- names ------------------------------------------------------------------------------------------------------- */

static const char *processor_type(const otel_processor *processor) {
    return processor->batch ? "batching_span_processor" : "simple_span_processor";
}

/* The first of a type is called "type/0". */
static void name_component(char name[TEXT_SIZE], const char *type, unsigned before) {
    snprintf(name, TEXT_SIZE, "%.80s/%u", type, before);
}

static void describe_exporter(const otel_exporter *exporter, struct otel__component *me) {
    me->exporter = (otel_exporter_description){ .size = sizeof me->exporter };
    if (exporter->ops.describe)
        exporter->ops.describe(exporter->self, &me->exporter);
    snprintf(me->exporter_type, TEXT_SIZE, me->exporter.type ? "%.80s" : "%.60s_span_exporter",
             me->exporter.type ? me->exporter.type : exporter->ops.name);
}

static void fill_attributes(const otel_processor *processor, struct otel__component *me) {
    me->processor_attrs[0] = OTEL_ATTR(NAME_KEY, (const char *)me->processor_name);
    me->processor_attrs[1] = OTEL_ATTR(TYPE_KEY, processor_type(processor));
    otel_attr *attrs = me->exporter_attrs;
    size_t count = 0;
    attrs[count++] = OTEL_ATTR(NAME_KEY, (const char *)me->exporter_name);
    attrs[count++] = OTEL_ATTR(TYPE_KEY, (const char *)me->exporter_type);
    if (me->exporter.address[0])
        attrs[count++] = OTEL_ATTR("server.address", (const char *)me->exporter.address);
    if (me->exporter.address[0] && me->exporter.port)
        attrs[count++] = OTEL_ATTR("server.port", me->exporter.port);
    me->exporter_attr_count = count;
}

/* Counts those of the same type among the processors before. */
static void name_components(const struct otel__pipeline *pipeline, size_t index) {
    const otel_processor *processor = pipeline->processors[index];
    struct otel__component *me = processor->component;
    unsigned processors = 0, exporters = 0;
    describe_exporter(processor->exporter, me);
    for (size_t i = 0; i < index; i++) {
        const otel_processor *other = pipeline->processors[i];
        if (!other->component)
            continue;
        processors += other->batch == processor->batch;
        exporters += strcmp(other->component->exporter_type, me->exporter_type) == 0;
    }
    name_component(me->processor_name, processor_type(processor), processors);
    name_component(me->exporter_name, me->exporter_type, exporters);
    fill_attributes(processor, me);
}

/* ---- spans that start -------------------------------------------------------------------------------------------- */

static otel_decision decision_of(const otel_span *span) {
    if (span->opaque_[OTEL__W_BIRTH] == 0)
        return OTEL_DROP;
    return span->opaque_[OTEL__W_META] & OTEL_FLAG_SAMPLED ? OTEL_RECORD_AND_SAMPLE : OTEL_RECORD_ONLY;
}

static unsigned origin_of(const otel_span_options *options, const otel_span *parent) {
    const uint64_t *trace_id = &parent->opaque_[OTEL__W_TRACE];
    if (options->root || (trace_id[0] | trace_id[1]) == 0)
        return OTEL__ORIGIN_NONE;
    return parent->opaque_[OTEL__W_META] & OTEL__META_REMOTE ? OTEL__ORIGIN_REMOTE : OTEL__ORIGIN_LOCAL;
}

void otel__self_metrics_started(struct otel__local *local, const otel_span_options *options,
                                const otel_context *context, const otel_span *span) {
    const unsigned origin = origin_of(options, (const otel_span *)context);
    otel__count(local, OTEL__BY_ORIGIN + origin * OTEL__DECISIONS + (unsigned)decision_of(span));
}

/* ---- what the ledger knows --------------------------------------------------------------------------------------- */

static const char *const results[OTEL__DECISIONS] = { "DROP", "RECORD_ONLY", "RECORD_AND_SAMPLE" };
static const char *const origins[OTEL__ORIGINS] = { "none", "local", "remote" };

static int64_t by_origin(unsigned origin, otel_decision decision) {
    return (int64_t)otel__locals_sum(OTEL__BY_ORIGIN + origin * OTEL__DECISIONS + (unsigned)decision);
}

static void observe_spans(otel_observer *observer) {
    int64_t recorded[OTEL__DECISIONS] = { 0 };
    for (unsigned origin = 0; origin < OTEL__ORIGINS; origin++) {
        for (unsigned decision = 0; decision < OTEL__DECISIONS; decision++) {
            const int64_t count = by_origin(origin, (otel_decision)decision);
            recorded[decision] += count;
            otel_observe(observer, started, count,
                         OTEL_ATTRS(OTEL_ATTR("otel.span.parent.origin", origins[origin]),
                                    OTEL_ATTR("otel.span.sampling_result", results[decision])));
        }
    }
    const int64_t ended = (int64_t)otel__locals_sum(OTEL__ENDED);
    const int64_t ended_unsampled = (int64_t)otel__locals_sum(OTEL__ENDED_UNSAMPLED);
    otel_observe(observer, live, recorded[OTEL_RECORD_ONLY] - ended_unsampled,
                 OTEL_ATTRS(OTEL_ATTR("otel.span.sampling_result", results[OTEL_RECORD_ONLY])));
    otel_observe(observer, live, recorded[OTEL_RECORD_AND_SAMPLE] - (ended - ended_unsampled),
                 OTEL_ATTRS(OTEL_ATTR("otel.span.sampling_result", results[OTEL_RECORD_AND_SAMPLE])));
}

static void observe_dropped(otel_observer *observer, const struct otel__component *me, const char *error,
                            uint64_t spans) {
    otel_attr attrs[NAMED + 1] = { me->processor_attrs[0], me->processor_attrs[1], OTEL_ATTR(ERROR_KEY, error) };
    if (spans)
        otel_observe(observer, processed, spans, ((otel_attrs){ attrs, NAMED + 1 }));
}

/* A span counts as processed when it is handed to the exporter, whatever becomes of it there. */
static void observe_processor(otel_observer *observer, const otel_processor *processor) {
    const struct otel__component *me = processor->component;
    const otel_attrs attrs = { me->processor_attrs, NAMED };
    otel_ledger_processor counts;
    otel__processor_ledger(processor, &counts);
    otel_observe(observer, queue_size, counts.queued, attrs);
    otel_observe(observer, queue_capacity, processor->max_queue, attrs);
    otel_observe(
        observer, processed,
        counts.exported + counts.rejected + counts.dropped_failed + counts.dropped_too_large + counts.in_flight, attrs);
    observe_dropped(observer, me, "queue_full", counts.dropped_queue_full);
    observe_dropped(observer, me, "already_shutdown", counts.dropped_stopped);
    otel_observe(observer, in_flight, counts.in_flight, ((otel_attrs){ me->exporter_attrs, me->exporter_attr_count }));
}

static void observe(void *data, otel_observer *observer) {
    const struct otel__provider *provider = data;
    if (provider != otel__provider) /* one that could not be freed, or does not run yet */
        return;
    observe_spans(observer);
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        if (provider->pipeline.processors[i]->component)
            observe_processor(observer, provider->pipeline.processors[i]);
}

/* ---- exports ----------------------------------------------------------------------------------------------------- */

/* The exporter's attributes, with room for those of one measurement. */
struct attributes {
    otel_attr items[EXPORTER_ATTRS + MORE_ATTRS];
    size_t count;
};

static const otel_context nowhere; /* exports belong to no span */

static struct attributes attributes_of(const struct otel__component *me) {
    struct attributes attrs = { .count = me->exporter_attr_count };
    memcpy(attrs.items, me->exporter_attrs, attrs.count * sizeof attrs.items[0]);
    return attrs;
}

static void add_attribute(struct attributes *attrs, otel_attr attr) { attrs->items[attrs->count++] = attr; }

static void count_exported(const struct otel__component *me, uint64_t spans, const char *error) {
    struct attributes attrs = attributes_of(me);
    if (error)
        add_attribute(&attrs, OTEL_ATTR(ERROR_KEY, error));
    if (spans)
        otel__measure_int(NULL, exported, (int64_t)spans, (otel_attrs){ attrs.items, attrs.count }, &nowhere);
}

/* Why an export failed, in one of the words that docs/self-metrics.md lists. */
static const char *error_of(otel_status status, const otel_export_outcome *outcome, char code[16]) {
    if (status == OTEL_OK)
        return outcome->rejected > 0 ? "rejected" : outcome->too_large > 0 ? "too_large" : NULL;
    if (status == OTEL_ERR_TIMEOUT)
        return "timeout";
    if (status == OTEL_ERR_CANCELLED)
        return "cancelled";
    if (status == OTEL_ERR_STATE)
        return "already_shutdown";
    if (status == OTEL_ERR_MEMORY)
        return "out_of_memory";
    if (outcome->error_type)
        return outcome->error_type;
    if (outcome->answered_by != OTEL_ANSWER_HTTP)
        return "_OTHER";
    snprintf(code, 16, "%d", outcome->answer_status);
    return code;
}

static void measure_duration(const struct otel__component *me, const otel_export_outcome *outcome, const char *error,
                             uint64_t began) {
    struct attributes attrs = attributes_of(me);
    if (outcome->answered_by == OTEL_ANSWER_HTTP)
        add_attribute(&attrs, OTEL_ATTR("http.response.status_code", outcome->answer_status));
    if (outcome->answered_by == OTEL_ANSWER_GRPC)
        add_attribute(&attrs, OTEL_ATTR("rpc.status_code", outcome->answer_status));
    if (error)
        add_attribute(&attrs, OTEL_ATTR(ERROR_KEY, error));
    otel__measure_double(NULL, duration, (double)(otel__clock_monotonic() - began) / 1e9,
                         (otel_attrs){ attrs.items, attrs.count }, &nowhere);
}

static uint64_t at_most(uint64_t n, uint64_t bound) { return n < bound ? n : bound; }

void otel__self_metrics_exported(const otel_processor *processor, otel_status status, uint64_t spans,
                                 const otel_export_outcome *outcome, uint64_t began) {
    const struct otel__component *me = processor->component;
    char code[16];
    const char *error = error_of(status, outcome, code);
    const uint64_t too_large = at_most(outcome->too_large, spans), sendable = spans - too_large;
    const uint64_t taken = status == OTEL_OK ? sendable : at_most(outcome->delivered, sendable);
    const uint64_t rejected = at_most(outcome->rejected, taken);
    count_exported(me, taken - rejected, NULL);
    count_exported(me, rejected, "rejected");
    count_exported(me, too_large, "too_large");
    count_exported(me, sendable - taken, error ? error : "_OTHER");
    measure_duration(me, outcome, error, began);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

void otel__self_metrics_begin(struct otel__provider *provider) {
    for (size_t i = 0; i < provider->pipeline.processor_count; i++) {
        otel_processor *processor = provider->pipeline.processors[i];
        if (!otel__processor_is_custom(processor))
            processor->component = calloc(1, sizeof *processor->component);
        if (processor->component)
            name_components(&provider->pipeline, i);
    }
    provider->observing = otel_observe_with(observe, provider);
}

void otel__self_metrics_end(struct otel__provider *provider) {
    if (provider->observing)
        otel_unobserve(provider->observing);
    provider->observing = 0;
}
