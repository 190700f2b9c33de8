/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span.c - the recording of spans: the backend that the API calls (specification: trace/sdk.md, Span).
 *
 * Every function here runs between the API's enter and leave. What a span records is changed under its record's lock;
 * the span's end clears the birth under the same lock, so that from then on no call finds the record, and hands it to
 * the processors.
 */
#include "anchor.h"
#include "attributes.h"
#include "base/clock.h"
#include "id_generator.h"
#include "identity.h"
#include "metrics/metrics.h"
#include "noop.h"
#include "options.h"
#include "processor_custom.h"
#include "self_metrics.h"
#include "strict.h"
#include "tracer.h"
#include "worker.h"

#include <string.h>

struct otel__provider *otel__provider;

/* ---- start ------------------------------------------------------------------------------------------------------- */

static bool has_trace_id(const otel_span *span) { return (span->opaque_[0] | span->opaque_[1]) != 0; }

static otel_str name_of(const otel_span_options *options) {
    return options->name_len ? otel_strn(options->name, options->name_len) : otel_cstr(options->name);
}

/* Ids, flags and parent of the span to be; everything but the decision. */
static void derive(struct otel__local *local, const otel_span *parent, otel_span *out) {
    if (parent) {
        out->opaque_[0] = parent->opaque_[0];
        out->opaque_[1] = parent->opaque_[1];
        out->opaque_[OTEL__W_META] = parent->opaque_[OTEL__W_META] & OTEL_FLAG_RANDOM;
    } else {
        out->opaque_[OTEL__W_META] = otel__trace_id_new(local, out->opaque_);
    }
    out->opaque_[OTEL__W_BIRTH] = 0;
    out->opaque_[OTEL__W_STATE] = 0;
}

/*
 * `found` is the span of the context. Without ids it is no parent, but its tracestate counts: that is how a program gives
 * a randomness to a trace that begins here.
 */
static void decide(otel_tracer *tracer, const otel_span_options *options, const otel_context *context,
                   const otel_span *found, const otel_span *parent, const otel_span *span,
                   struct otel__sampled *sampled) {
    const struct otel__sampling in = { .context = context,
                                       .parent = parent,
                                       .trace_id = (const uint8_t *)span->opaque_,
                                       .name = name_of(options),
                                       .kind = options->kind,
                                       .attributes = options->attributes,
                                       .links = options->links,
                                       .parent_state = found->opaque_[OTEL__W_STATE],
                                       .tracer = tracer };
    otel__sampler_decide(otel__provider->pipeline.sampler, &in, sampled);
}

/* A local root fixes the clock of its trace; other spans take that over. */
static void set_start(struct otel__record *record, const otel_span *parent, uint64_t given) {
    const uint64_t steady = otel__clock_steady();
    const bool local_parent = parent && !(parent->opaque_[OTEL__W_META] & OTEL__META_REMOTE);
    if (!local_parent || !otel__anchor_get(record->span.opaque_[1], &record->clock_offset)) {
        record->clock_offset = otel__clock_offset(steady);
        otel__anchor_set(record->span.opaque_[1], record->clock_offset);
    }
    record->start = given ? given : steady + (uint64_t)record->clock_offset;
}

static uint64_t now_for(const struct otel__record *record) {
    return otel__clock_steady() + (uint64_t)record->clock_offset;
}

static void set_parent(struct otel__record *record, const otel_span *parent) {
    if (!parent)
        return;
    record->parent_id = parent->opaque_[OTEL__W_SPAN];
    record->parent_meta = (uint32_t)parent->opaque_[OTEL__W_META] & (OTEL__META_FLAGS | OTEL__META_REMOTE);
    record->parent_state = parent->opaque_[OTEL__W_STATE];
}

static void count_dropped(struct otel__local *local, uint32_t attributes) {
    if (attributes)
        otel__count_add(local, OTEL__DROPPED_ATTRIBUTES, attributes);
}

/* Counts one more, as far as can be counted. */
static void count_up(uint32_t *count) {
    if (*count != UINT32_MAX)
        ++*count;
}

static void drop_link(struct otel__local *local, struct otel__record *record) {
    count_up(&record->dropped_links);
    record->discarded = true;
    otel__count(local, OTEL__DROPPED_LINKS);
}

static void add_link(struct otel__local *local, struct otel__record *record, const otel_link *link) {
    const bool named = has_trace_id(&link->span) && link->span.opaque_[OTEL__W_SPAN] != 0;
    const bool told = (link->attributes.items && link->attributes.count) || link->span.opaque_[OTEL__W_STATE] != 0;
    struct otel__link *copy = NULL;
    if ((named || told) && record->link_count < otel__limits.links)
        copy = otel__record_alloc(record, sizeof *copy);
    if (!copy) {
        drop_link(local, record);
        return;
    }
    memset(copy, 0, sizeof *copy);
    copy->attrs.most = otel__limits.link_attributes;
    copy->span = link->span;
    copy->span.opaque_[OTEL__W_META] &= OTEL__META_FLAGS | OTEL__META_REMOTE;
    copy->span.opaque_[OTEL__W_BIRTH] = 0;
    const uint64_t state = link->span.opaque_[OTEL__W_STATE];
    copy->holds_state = state != 0 && otel__tracestate_retain(state);
    count_dropped(local, otel__attrs_set_all(record, &copy->attrs, link->attributes));
    record->nested_attrs += copy->attrs.count;
    copy->older = record->newest_link;
    record->newest_link = copy;
    record->link_count++;
}

static void add_links(struct otel__local *local, struct otel__record *record, otel_links links) {
    const size_t count = links.items ? links.count : 0;
    if (count > OTEL__LIST_MAX) {
        drop_link(local, record);
        return;
    }
    for (size_t i = 0; i < count; i++)
        add_link(local, record, &links.items[i]);
}

/* Those of the options are there, and win. The last of the sampler's win over others, so they come first. */
__attribute__((cold, noinline)) static void set_sampler_attributes(struct otel__local *local,
                                                                   struct otel__record *record,
                                                                   const struct otel__sampled *sampled) {
    for (unsigned i = sampled->lists; i-- > 0;)
        count_dropped(local, otel__attrs_add_all(record, &record->attrs, sampled->attributes[i]));
}

/* What the start options give beyond ids and times. Drops are counted. */
static void set_content(struct otel__local *local, struct otel__record *record, const otel_span_options *options) {
    record->name = otel__record_text(record, name_of(options));
    record->kind = (uint8_t)options->kind;
    if (__builtin_expect(otel__strict, 0) && options->place)
        record->place = otel__record_text(record, otel_cstr(options->place));
    count_dropped(local, otel__attrs_set_all(record, &record->attrs, options->attributes));
    add_links(local, record, options->links);
}

static void start_workers(void) {
    const struct otel__pipeline *pipeline = &otel__provider->pipeline;
    for (size_t i = 0; i < pipeline->processor_count; i++) {
        otel_processor *processor = pipeline->processors[i];
        if (!processor->direct &&
            atomic_load_explicit(&processor->lane->worker, memory_order_relaxed) == OTEL__WORKER_NONE)
            otel__worker_start(processor);
    }
}

/* Gives the span a record. False at the bound. */
static bool record_span(struct otel__local *local, otel_tracer *tracer, const otel_span_options *options,
                        const otel_span *parent, const struct otel__sampled *sampled, otel_span *span) {
    /* First, since it may complain: a thread that ends in the program's callback then leaves no record half made. */
    const struct otel__scope *scope = otel__tracer_scope(tracer);
    struct otel__record *record = otel__record_acquire(local);
    if (!record)
        return false;
    span->opaque_[OTEL__W_META] |= (uint64_t)record->slot << 32;
    span->opaque_[OTEL__W_BIRTH] = atomic_load_explicit(&record->birth, memory_order_relaxed);
    record->span = *span;
    record->holds_state = sampled->state != 0 && (sampled->owned || otel__tracestate_retain(sampled->state));
    record->scope = scope;
    set_parent(record, parent);
    set_content(local, record, options);
    if (__builtin_expect(sampled->lists, 0))
        set_sampler_attributes(local, record, sampled);
    set_start(record, parent, options->start_time);
    return true;
}

static void start(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options,
                  const otel_context *context, otel_span *out) {
    struct otel__local *local = otel__local_of(thread);
    static const otel_span none;
    const otel_span *found = options->root ? &none : (const otel_span *)context;
    const otel_span *parent = has_trace_id(found) ? found : NULL;
    struct otel__sampled sampled;
    derive(local, parent, out);
    decide(tracer, options, context, found, parent, out, &sampled);
    out->opaque_[OTEL__W_SPAN] = otel__span_id_new(local);
    out->opaque_[OTEL__W_STATE] = sampled.state;
    if (sampled.decision == OTEL_RECORD_AND_SAMPLE)
        out->opaque_[OTEL__W_META] |= OTEL_FLAG_SAMPLED;
    if (sampled.decision == OTEL_DROP) {
        otel__count(local, OTEL__UNSAMPLED);
    } else if (record_span(local, tracer, options, parent, &sampled, out)) {
        otel__count(local, OTEL__STARTED);
        start_workers();
        return;
    } else {
        out->opaque_[OTEL__W_META] &= ~(uint64_t)OTEL_FLAG_SAMPLED;
        otel__count(local, OTEL__REFUSED);
    }
    /* The span holds its tracestate weakly: unreferenced, it stays readable until its place is needed. */
    if (sampled.owned && sampled.state)
        otel__tracestate_drop(sampled.state);
}

static bool is_disabled(otel_tracer *tracer) {
    return (otel__provider->extras & OTEL__TRACER_CONFIG) && otel__tracer_scope(tracer)->disabled;
}

static void start_with_extras(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options,
                              const otel_context *context, otel_span *out) {
    otel_context spanless;
    if (is_disabled(tracer)) {
        *out = otel__noop_start(options, context);
        otel__count(otel__local_of(thread), OTEL__UNSAMPLED);
        return;
    }
    start(thread, tracer, options, context, out);
    if (otel__provider->extras & OTEL__SELF_METRICS)
        otel__self_metrics_started(otel__local_of(thread), options, context, out);
    if (out->opaque_[OTEL__W_BIRTH] == 0 || !(otel__provider->extras & OTEL__CUSTOM_PROCESSORS))
        return;
    if (options->root)
        otel__context_without_span(context, &spanless);
    otel__custom_started(thread, out, options->root ? &spanless : context);
}

static bool enabled(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options) {
    (void)thread;
    (void)options;
    return otel__provider->pipeline.processor_count > 0 && !is_disabled(tracer);
}

/* ---- recording --------------------------------------------------------------------------------------------------- */

/* Of a span that is changed. */
static struct otel__record *lock_live(const otel_span *span) {
    struct otel__record *record = otel__record_lock(span);
    if (__builtin_expect(!record, 0))
        otel__strict_late(span, "changed");
    return record;
}

static void set_attribute(struct otel__thread *thread, struct otel__record *record, otel_str key,
                          const otel_value *value) {
    if (!otel__attrs_set(record, &record->attrs, key, value))
        otel__count(otel__local_of(thread), OTEL__DROPPED_ATTRIBUTES);
}

static void set(struct otel__thread *thread, const otel_span *span, otel_str key, const otel_value *value) {
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    set_attribute(thread, record, key, value);
    otel__record_unlock(record);
}

static struct otel__event *add_event(struct otel__local *local, struct otel__record *record, otel_str name,
                                     uint64_t time) {
    struct otel__event *event = NULL;
    if (record->event_count < otel__limits.events)
        event = otel__record_alloc(record, sizeof *event);
    if (!event) {
        count_up(&record->dropped_events);
        record->discarded = true;
        otel__count(local, OTEL__DROPPED_EVENTS);
        return NULL;
    }
    memset(event, 0, sizeof *event);
    event->attrs.most = otel__limits.event_attributes;
    event->time = time ? time : now_for(record);
    event->name = otel__record_text(record, name);
    event->older = record->newest_event;
    record->newest_event = event;
    record->event_count++;
    return event;
}

static void set_event_attributes(struct otel__local *local, struct otel__record *record, struct otel__event *event,
                                 otel_attrs attributes) {
    const uint32_t before = event->attrs.count;
    count_dropped(local, otel__attrs_set_all(record, &event->attrs, attributes));
    record->nested_attrs += event->attrs.count - before;
}

static void event(struct otel__thread *thread, const otel_span *span, const otel_event_options *options) {
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    struct otel__local *local = otel__local_of(thread);
    struct otel__event *added = add_event(local, record, otel_cstr(options->name), options->time);
    if (added)
        set_event_attributes(local, record, added, options->attributes);
    otel__record_unlock(record);
}

/* It has to say at least one of the two. */
static void name_exception(struct otel__local *local, struct otel__record *record, struct otel__event *event) {
    const otel_attr other = OTEL_ATTR("exception.type", "_OTHER");
    if (!otel__attrs_has(&event->attrs, "exception.type") && !otel__attrs_has(&event->attrs, "exception.message"))
        set_event_attributes(local, record, event, (otel_attrs){ .items = &other, .count = 1 });
}

static void exception(struct otel__thread *thread, const otel_span *span, const otel_exception_options *options) {
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    struct otel__local *local = otel__local_of(thread);
    struct otel__event *added = add_event(local, record, otel_cstr("exception"), 0);
    if (added) {
        otel_attr own[3];
        size_t count = 0;
        if (options->type)
            own[count++] = OTEL_ATTR("exception.type", options->type);
        if (options->message)
            own[count++] = OTEL_ATTR("exception.message", options->message);
        if (options->stacktrace)
            own[count++] = OTEL_ATTR("exception.stacktrace", options->stacktrace);
        set_event_attributes(local, record, added, (otel_attrs){ .items = own, .count = count });
        set_event_attributes(local, record, added, options->attributes);
        name_exception(local, record, added);
    }
    otel__record_unlock(record);
}

static void link_to(struct otel__thread *thread, const otel_span *span, const otel_link *link) {
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    add_link(otel__local_of(thread), record, link);
    otel__record_unlock(record);
}

static void set_name(struct otel__thread *thread, const otel_span *span, otel_str name) {
    (void)thread;
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    struct otel__text *text = otel__record_text(record, name);
    if (text)
        record->name = text;
    otel__record_unlock(record);
}

/* OK is final, UNSET never changes anything, and only an error keeps its text. */
static void change_status(struct otel__record *record, otel_code code, otel_str text) {
    if (record->status == OTEL_CODE_OK || (code != OTEL_CODE_OK && code != OTEL_CODE_ERROR))
        return;
    record->status = (uint8_t)code;
    record->status_text = code == OTEL_CODE_ERROR && text.len ? otel__record_text(record, text) : NULL;
}

static void set_status(struct otel__thread *thread, const otel_span *span, otel_code code, otel_str text) {
    (void)thread;
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    change_status(record, code, text);
    otel__record_unlock(record);
}

static void fail(struct otel__thread *thread, const otel_span *span, otel_str type, otel_str text) {
    struct otel__record *record = lock_live(span);
    if (!record)
        return;
    const otel_value value = type.len ? otel__str(type) : otel_string("_OTHER");
    set_attribute(thread, record, otel_cstr("error.type"), &value);
    change_status(record, OTEL_CODE_ERROR, text);
    otel__record_unlock(record);
}

/* ---- end --------------------------------------------------------------------------------------------------------- */

/* The processors that did not take the record give their references back; without any other it is ours. */
static void give_back(struct otel__local *local, struct otel__record *record, uint32_t returned, uint32_t count) {
    const bool mine = returned == count || (returned && atomic_fetch_sub_explicit(&record->references, returned,
                                                                                  memory_order_acq_rel) == returned);
    if (mine)
        otel__record_release(local, record);
}

/* Hands an ended record to the processors; what nobody took goes back at once. */
static void hand_over(struct otel__local *local, struct otel__record *record) {
    const struct otel__pipeline *pipeline = &otel__provider->pipeline;
    const uint32_t count = (uint32_t)pipeline->processor_count;
    if (!(record->span.opaque_[OTEL__W_META] & OTEL_FLAG_SAMPLED)) {
        otel__count(local, OTEL__ENDED_UNSAMPLED);
        otel__record_release(local, record);
        return;
    }
    atomic_store_explicit(&record->references, count, memory_order_relaxed);
    uint32_t refused = 0;
    /* A processor that has yet to be asked holds a reference, so the record cannot go away in between. */
    for (uint32_t i = 0; i < count; i++) {
        if (!otel__processor_on_end(pipeline->processors[i], record)) {
            otel__count(local, OTEL__QUEUE_FULL + i);
            refused++;
        }
    }
    give_back(local, record, refused, count);
}

/*
 * The same where custom processors take part, who see unsampled spans too. In a child that one of them forks the record
 * is not ours any more.
 */
static void show_and_hand_over(struct otel__thread *thread, struct otel__record *record) {
    const struct otel__pipeline *pipeline = &otel__provider->pipeline;
    struct otel__local *local = otel__local_of(thread);
    const uint32_t count = (uint32_t)pipeline->processor_count;
    const bool sampled = record->span.opaque_[OTEL__W_META] & OTEL_FLAG_SAMPLED;
    uint32_t returned = 0;
    if (!sampled)
        otel__count(local, OTEL__ENDED_UNSAMPLED);
    atomic_store_explicit(&record->references, count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        otel_processor *processor = pipeline->processors[i];
        if (otel__processor_is_custom(processor)) {
            if (!otel__custom_ended(thread, processor, record))
                return;
            returned++;
        } else if (!sampled) {
            returned++;
        } else if (!otel__processor_on_end(processor, record)) {
            otel__count(local, OTEL__QUEUE_FULL + i);
            returned++;
        }
    }
    give_back(local, record, returned, count);
}

/* Returns the steady time. */
static uint64_t set_end(struct otel__record *record, uint64_t given) {
    const uint64_t steady = otel__clock_steady();
    record->end = given ? given : steady + (uint64_t)record->clock_offset;
    if (record->end < record->start)
        record->end = record->start;
    return steady;
}

/* What a span lost to limits or bad keys. */
struct losses {
    bool any;
    uint32_t attributes, events, links;
    struct otel__identity who;
};

static void note_losses(struct losses *losses, const struct otel__record *record) {
    losses->attributes = record->attrs.dropped;
    losses->events = record->dropped_events;
    losses->links = record->dropped_links;
    otel__identify(&losses->who, record);
}

/* Once a span, and when it has been handed over: whoever listens may do anything. */
static void tell_losses(const struct losses *losses) {
    if (__builtin_expect(losses->any, 0))
        otel_report(OTEL_LOG_DEBUG, "limits",
                    "span '%s' of tracer '%s' lost %u attributes of its own, %u events and %u links, or attributes of "
                    "these, to limits or bad keys",
                    losses->who.name, losses->who.scope, losses->attributes, losses->events, losses->links);
}

/* Nothing more is timed for the span: its offset is left to tell when it was ended, whatever time was given. */
static void close_record(struct otel__record *record, uint64_t ended_at, struct losses *losses) {
    record->clock_offset = (int64_t)(record->end - ended_at);
    atomic_store_explicit(&record->birth, 0, memory_order_release);
    otel__record_unlock(record);
    if (__builtin_expect(otel__strict, 0))
        otel__strict_note_end(record);
    losses->any = record->discarded;
    if (__builtin_expect(losses->any, 0))
        note_losses(losses, record);
}

/* Scopes end their spans, which may have been ended by hand. */
static void tell_second_end(const otel_span *span) {
    if (has_trace_id(span))
        otel__strict_late(span, "ended");
}

static void end(struct otel__thread *thread, const otel_span *span, uint64_t time) {
    struct otel__record *record = otel__record_lock(span);
    if (!record) {
        tell_second_end(span);
        return;
    }
    struct otel__local *local = otel__local_of(thread);
    struct losses losses;
    close_record(record, set_end(record, time), &losses);
    otel__count(local, OTEL__ENDED);
    hand_over(local, record);
    tell_losses(&losses);
}

/* Of a locked record, which is locked again then. False: this is a child, and the record is not ours. */
static bool let_processors_write(struct otel__thread *thread, struct otel__record *record) {
    otel_span handle = record->span;
    handle.opaque_[OTEL__W_BIRTH] = otel__record_rename(otel__local_of(thread), record);
    record->ending = true;
    otel__record_unlock(record);
    if (!otel__custom_ending(thread, record, &handle))
        return false;
    otel__lock_acquire(&record->lock);
    return true;
}

static void end_with_extras(struct otel__thread *thread, const otel_span *span, uint64_t time) {
    struct otel__record *record = otel__record_lock(span);
    if (!record) {
        tell_second_end(span);
        return;
    }
    if (record->ending) { /* by on_ending, to which it has ended */
        otel__record_unlock(record);
        return;
    }
    const uint64_t ended_at = set_end(record, time);
    if ((otel__provider->extras & OTEL__ON_ENDING) && !let_processors_write(thread, record))
        return;
    struct losses losses;
    close_record(record, ended_at, &losses);
    otel__count(otel__local_of(thread), OTEL__ENDED);
    show_and_hand_over(thread, record);
    tell_losses(&losses);
}

static void thread_exit(struct otel__thread *thread) {
    struct otel__local *local = otel__local_of(thread);
    if (!atomic_load_explicit(&local->shared, memory_order_relaxed))
        otel__record_cache_flush(local);
}

static void misuse(struct otel__thread *thread, otel__misuse what, const otel_span *span) {
    static const char *const texts[] = {
        [OTEL__MISUSE_SCOPE_ORDER] = "a scope was closed while younger ones were open: these were closed first",
        [OTEL__MISUSE_SCOPE_FOREIGN] = "a scope was closed on another thread than it was opened on: ignored",
        [OTEL__MISUSE_SCOPE_DEPTH] = "too many nested scopes: a context was not attached",
        [OTEL__MISUSE_TRACESTATE_FULL] = "too many tracestates in use: one was dropped",
        [OTEL__MISUSE_NO_MEMORY] = "out of memory: a context value or baggage was dropped",
        [OTEL__MISUSE_BAGGAGE_NAME] = "an entry of baggage has no name: it was dropped",
        [OTEL__MISUSE_PARENT_READ] =
            "a received parent (traceparent, tracestate, b3, ...) is not valid: it was ignored",
        [OTEL__MISUSE_BAGGAGE_READ] =
            "a received baggage header has members that are not valid, or too many: these were dropped",
        [OTEL__MISUSE_BAGGAGE_SENT] = "baggage has names that cannot be sent, or is too large: part of it was not sent",
    };
    (void)thread;
    if ((unsigned)what >= sizeof texts / sizeof *texts || !texts[what])
        return;
    if (otel__strict && what <= OTEL__MISUSE_SCOPE_DEPTH)
        otel__strict_scope(span, texts[what]);
    else
        otel_report(OTEL_LOG_DEBUG, texts[what], "%s", texts[what]);
}

#define ALL_BUT_START_AND_END                                                                                          \
    .version = OTEL__BACKEND_VERSION, .size = sizeof(struct otel__backend), .enabled = enabled,                        \
    .span_recording = otel__record_is, .span_set = set, .span_event = event, .span_exception = exception,              \
    .span_link = link_to, .span_name = set_name, .span_status = set_status, .span_fail = fail,                         \
    .thread_exit = thread_exit, .misuse = misuse, .instrument_enabled = otel__measure_enabled,                         \
    .measure_int = otel__measure_int, .measure_double = otel__measure_double, .bound_int = otel__bound_int,            \
    .bound_double = otel__bound_double, .observed = otel__measure_observed

const struct otel__backend otel__span_backend = {
    .span_start = start,
    .span_end = end,
    ALL_BUT_START_AND_END,
};

const struct otel__backend otel__span_backend_with_extras = {
    .span_start = start_with_extras,
    .span_end = end_with_extras,
    ALL_BUT_START_AND_END,
};
