/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_run.c - three threads share the families of a plan; a fourth one takes over the spans that they hand over.
 */
#include "roundtrip_run.h"

#include "roundtrip_loan.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { LANES = 3, NS_PER_S = 1000000000, TRIES = 16 };

/* ---- clocks ------------------------------------------------------------------------------------------------------ */

static uint64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint64_t steady(void) { return read_clock(CLOCK_BOOTTIME); }

/* Widens `clock` by the present offset, read in between two readings as close together as can be had. */
static void widen(struct roundtrip_clock *clock) {
    uint64_t quickest = UINT64_MAX;
    int64_t least = 0, most = 0;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = steady(), wall = read_clock(CLOCK_REALTIME), after = steady();
        if (after - before < quickest) {
            quickest = after - before;
            least = (int64_t)(wall - after);
            most = (int64_t)(wall - before);
        }
    }
    clock->least = least < clock->least ? least : clock->least;
    clock->most = most > clock->most ? most : clock->most;
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

static otel_tracestate held[ROUNDTRIP_STATES];

void roundtrip_states_hold(void) {
    for (size_t i = 0; i < ROUNDTRIP_STATES; i++)
        held[i] = otel_tracestate_parse(otel_cstr(roundtrip_states[i].text));
}

void roundtrip_states_release(void) {
    for (size_t i = 0; i < ROUNDTRIP_STATES; i++)
        otel_tracestate_release(&held[i]);
}

/* A foreign span, and the tracestate that has to be released after its use. */
struct foreign {
    otel_span span;
    otel_tracestate brief;
};

static struct foreign wrap(const struct roundtrip_context *from) {
    struct foreign foreign = { .brief = { { 0 } } };
    otel_span_context context = { .size = sizeof context, .flags = from->flags, .remote = from->remote };
    memcpy(context.trace_id, from->trace_id, 16);
    memcpy(context.span_id, from->span_id, 8);
    if (from->state && from->briefly) {
        foreign.brief = otel_tracestate_parse(otel_cstr(from->state->text));
        context.tracestate = &foreign.brief;
    } else if (from->state) {
        context.tracestate = &held[from->state - roundtrip_states];
    }
    foreign.span = otel_span_wrap(&context);
    return foreign;
}

static struct foreign linked(const struct roundtrip_link *link) {
    return link->to ? (struct foreign){ .span = link->to->handle } : wrap(&link->context);
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static void observe(struct roundtrip_span *span) {
    char trace_hex[33], span_hex[17];
    otel_span_hex(&span->handle, trace_hex, span_hex);
    for (size_t i = 0; i < 16; i++)
        span->trace_id[i] = (uint8_t)strtoul((char[]){ trace_hex[2 * i], trace_hex[2 * i + 1], '\0' }, NULL, 16);
    for (size_t i = 0; i < 8; i++)
        span->span_id[i] = (uint8_t)strtoul((char[]){ span_hex[2 * i], span_hex[2 * i + 1], '\0' }, NULL, 16);
    span->flags = otel_span_flags(&span->handle);
    span->recording = otel_span_recording(&span->handle);
}

/* What is current must not matter to a span that is given a context. */
static otel_scope attach_decoy(void) {
    otel_span_context context = { .size = sizeof context, .flags = OTEL_FLAG_SAMPLED };
    memset(context.trace_id, 0xab, sizeof context.trace_id);
    memset(context.span_id, 0xcd, sizeof context.span_id);
    const otel_span decoy = otel_span_wrap(&context);
    return otel_span_attach(&decoy, false);
}

/* The call, with the parent either current or passed; NULL: with an empty context, if it is passed. */
static void start_below(struct roundtrip_span *span, const otel_span_options *given, const otel_span *parent) {
    otel_span_options options = *given;
    otel_context context = { { 0 } };
    otel_scope scope = { { 0 } };
    if (parent && span->attached) {
        scope = otel_span_attach(parent, false);
    } else if (parent || !span->attached) {
        if (parent)
            context = otel_context_with_span(NULL, parent);
        options.parent = &context;
        scope = attach_decoy();
    }
    span->when.before = steady();
    span->handle = otel_span_start(&span->tracer->tracer, &options);
    span->when.after = steady();
    otel_scope_close(&scope);
    otel_context_release(&context);
}

static otel_links lend_links(struct roundtrip_loan *loan, const struct roundtrip_span *span, struct foreign *foreign) {
    otel_link *links = roundtrip_make(&loan->pool, span->link_count * sizeof *links);
    for (size_t i = 0; i < span->link_count; i++) {
        foreign[i] = linked(&span->links[i]);
        links[i] = (otel_link){ foreign[i].span, roundtrip_lend_attrs(loan, span->links[i].attributes) };
    }
    return (otel_links){ links, span->link_count };
}

static void start(struct roundtrip_span *span) {
    struct roundtrip_loan loan = { { NULL } };
    struct foreign parent = { .brief = { { 0 } } };
    struct foreign *foreign = roundtrip_make(&loan.pool, span->link_count * sizeof *foreign);
    otel_span_options options = {
        .size = sizeof options,
        .name =
            span->name_is_string ? roundtrip_lend_string(&loan, span->name.ptr) : roundtrip_lend(&loan, span->name).ptr,
        .name_len = span->name_is_string ? 0 : span->name.len,
        .kind = (otel_kind)span->kind,
        .root = span->root,
        .attributes = roundtrip_lend_attrs(&loan, span->attributes),
        .links = lend_links(&loan, span, foreign),
        .start_time = span->start_time,
    };
    if (span->parent_is == ROUNDTRIP_OWN)
        parent.span = span->parent->handle;
    else if (span->parent_is == ROUNDTRIP_FOREIGN)
        parent = wrap(&span->context);
    start_below(span, &options, span->parent_is == ROUNDTRIP_NO_PARENT ? NULL : &parent.span);
    observe(span);
    otel_tracestate_release(&parent.brief);
    for (size_t i = 0; i < span->link_count; i++)
        otel_tracestate_release(&foreign[i].brief);
    roundtrip_loan_end(&loan);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* Through the macro, whose types are C's; false where the value or the key has no form for that. */
static bool set_by_macro(const otel_span *span, struct roundtrip_loan *loan, otel_str key, const otel_value *value) {
    const char *name = roundtrip_lend_terminated(loan, key);
    if (!name)
        return false;
    const char *text;
    switch (value->type) {
    case OTEL_TYPE_INT:
        otel_set(span, name, value->u.i);
        return true;
    case OTEL_TYPE_UINT:
        otel_set(span, name, (uint64_t)value->u.i);
        return true;
    case OTEL_TYPE_DOUBLE:
        otel_set(span, name, value->u.d);
        return true;
    case OTEL_TYPE_BOOL:
        otel_set(span, name, (bool)(value->u.i != 0));
        return true;
    case OTEL_TYPE_STRING:
        text = value->u.p ? roundtrip_lend_terminated(loan, otel_strn(value->u.p, value->len)) : NULL;
        if (text)
            otel_set(span, name, text);
        return text != NULL;
    default:
        return false;
    }
}

static void set(const otel_span *span, struct roundtrip_loan *loan, const struct roundtrip_step *step) {
    otel_attrs attributes = roundtrip_lend_attrs(loan, step->attributes);
    const otel_attr *attr = &attributes.items[0];
    if (!step->otherwise || !set_by_macro(span, loan, attr->key, &attr->value))
        otel_span_set_value(span, attr->key, &attr->value);
}

static void record_event(const otel_span *span, struct roundtrip_loan *loan, const struct roundtrip_step *step) {
    otel_event(span, roundtrip_lend_string(loan, step->strings[0]),
               .attributes = roundtrip_lend_attrs(loan, step->attributes), .time = step->time);
}

static void record_exception(const otel_span *span, struct roundtrip_loan *loan, const struct roundtrip_step *step) {
    otel_exception(span, roundtrip_lend_string(loan, step->strings[0]),
                   .message = roundtrip_lend_string(loan, step->strings[1]),
                   .stacktrace = roundtrip_lend_string(loan, step->strings[2]),
                   .attributes = roundtrip_lend_attrs(loan, step->attributes));
}

static void add_link(const otel_span *span, struct roundtrip_loan *loan, const struct roundtrip_step *step) {
    struct foreign foreign = linked(&step->link);
    const otel_link link = { foreign.span, roundtrip_lend_attrs(loan, step->link.attributes) };
    otel_span_add_link(span, &link);
    otel_tracestate_release(&foreign.brief);
}

static void end(const otel_span *span, const struct roundtrip_step *step) {
    if (step->time || !step->otherwise) {
        otel_span_end_at(span, step->time);
    } else {
        otel_scope scope = otel_span_attach(span, true);
        otel_scope_close(&scope);
    }
}

static void take_step(const otel_span *span, struct roundtrip_loan *loan, const struct roundtrip_step *step) {
    switch (step->action) {
    case ROUNDTRIP_SET:
        set(span, loan, step);
        break;
    case ROUNDTRIP_EVENT:
        record_event(span, loan, step);
        break;
    case ROUNDTRIP_EXCEPTION:
        record_exception(span, loan, step);
        break;
    case ROUNDTRIP_LINK:
        add_link(span, loan, step);
        break;
    case ROUNDTRIP_NAME:
        otel_span_set_name_str(span, roundtrip_lend(loan, step->text));
        break;
    case ROUNDTRIP_STATUS:
        otel_span_set_status_str(span, (otel_code)step->code, roundtrip_lend(loan, step->text));
        break;
    case ROUNDTRIP_FAIL:
        otel_span_fail_str(span, roundtrip_lend(loan, step->type), roundtrip_lend(loan, step->text));
        break;
    case ROUNDTRIP_END:
        end(span, step);
        break;
    case ROUNDTRIP_HAND_OVER:
        break;
    }
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

struct lane {
    struct run *run;
    unsigned number;
    size_t ended;
    pthread_t thread;
};

/* Spans on their way to the last lane. */
struct run {
    struct roundtrip_plan *plan;
    struct lane lanes[LANES + 1];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct roundtrip_span **handed;
    size_t handed_count;
    unsigned busy; /* lanes that may still hand over */
};

/* The span's next step. False: it was the one after which the lane has nothing more to do with it. */
static bool go_on(struct lane *lane, struct roundtrip_span *span) {
    struct roundtrip_step *step = &span->steps[span->done++];
    if (step->action == ROUNDTRIP_HAND_OVER)
        return false;
    bool first_end = step->action == ROUNDTRIP_END && otel_span_recording(&span->handle);
    if (first_end) {
        span->ended_by = lane->number;
        span->end_order = lane->ended++;
    }
    struct roundtrip_loan loan = { { NULL } };
    const otel_span copy = span->handle;
    step->when.before = steady();
    take_step(&copy, &loan, step);
    step->when.after = steady();
    roundtrip_loan_end(&loan);
    return true;
}

static void hand_over(struct run *run, struct roundtrip_span *span) {
    pthread_mutex_lock(&run->lock);
    run->handed[run->handed_count++] = span;
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
}

static void *make_families(void *argument) {
    struct lane *lane = argument;
    struct run *run = lane->run;
    for (size_t f = lane->number; f < run->plan->count; f += LANES) {
        const struct roundtrip_family *family = &run->plan->families[f];
        bool started[UINT8_MAX] = { false };
        for (size_t turn = 0; turn < family->turns; turn++) {
            struct roundtrip_span *span = &family->spans[family->schedule[turn]];
            if (!started[family->schedule[turn]])
                start(span);
            else if (!go_on(lane, span))
                hand_over(run, span);
            started[family->schedule[turn]] = true;
        }
    }
    pthread_mutex_lock(&run->lock);
    run->busy--;
    pthread_cond_signal(&run->changed);
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

static void *take_over(void *argument) {
    struct lane *lane = argument;
    struct run *run = lane->run;
    for (size_t next = 0;; next++) {
        pthread_mutex_lock(&run->lock);
        while (next == run->handed_count && run->busy > 0)
            pthread_cond_wait(&run->changed, &run->lock);
        struct roundtrip_span *span = next < run->handed_count ? run->handed[next] : NULL;
        pthread_mutex_unlock(&run->lock);
        if (!span)
            return NULL;
        while (span->done < span->step_count)
            go_on(lane, span);
    }
}

struct roundtrip_clock roundtrip_run(struct roundtrip_plan *plan) {
    struct run run = { .plan = plan, .busy = LANES, .handed = calloc(plan->spans, sizeof *run.handed) };
    struct roundtrip_clock clock = { INT64_MAX, INT64_MIN };
    pthread_mutex_init(&run.lock, NULL);
    pthread_cond_init(&run.changed, NULL);
    widen(&clock);
    for (unsigned i = 0; i <= LANES; i++) {
        run.lanes[i] = (struct lane){ .run = &run, .number = i };
        if (!run.handed ||
            pthread_create(&run.lanes[i].thread, NULL, i < LANES ? make_families : take_over, &run.lanes[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i <= LANES; i++)
        pthread_join(run.lanes[i].thread, NULL);
    widen(&clock);
    pthread_cond_destroy(&run.changed);
    pthread_mutex_destroy(&run.lock);
    free(run.handed);
    return clock;
}
