/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_plan.c - see roundtrip_plan.h. */
#include "roundtrip_plan.h"

enum { FAMILY_MAX = 12, STEPS_MAX = 12, FLOOD = 150, ROOM = STEPS_MAX + 8 };

/* clang-format off */
const struct roundtrip_state roundtrip_states[ROUNDTRIP_STATES] = {
    { "vendor=opaque", "vendor=opaque", "vendor=opaque", "vendor=opaque", "ot=th:8,vendor=opaque" },
    { "a=1,b=2,c@d=x y z", "a=1,b=2,c@d=x y z", "a=1,b=2,c@d=x y z", "a=1,b=2,c@d=x y z", "ot=th:8,a=1,b=2,c@d=x y z" },
    { "ot=rv:00000000000001,v=w", "ot=rv:00000000000001,v=w", "ot=rv:00000000000001,v=w", "ot=rv:00000000000001,v=w",
      "ot=rv:00000000000001,v=w" },
    { "ot=th:0,v=w", "ot=th:0,v=w", "v=w", "ot=th:0,v=w", "ot=th:8,v=w" }, /* every trace id reaches 0 */
    { "v=w,ot=th:ffffffffffffff;x:y", "ot=x:y,v=w", "ot=x:y,v=w", "ot=th:0;x:y,v=w", /* one in 2^56 reaches that */
      "ot=th:8;x:y,v=w" },
    { "ot=th:ffffffffffffff", "", "", "ot=th:0", "ot=th:8" },
};
/* clang-format on */

/* ---- contexts and links ------------------------------------------------------------------------------------------ */

static void fill_id(struct roundtrip_source *source, uint8_t *id, size_t len) {
    for (size_t i = 0; i < len; i++)
        id[i] = (uint8_t)roundtrip_next(source);
    id[0] |= 1;
}

static struct roundtrip_context some_context(struct roundtrip_source *source) {
    struct roundtrip_context context = { .flags = (uint8_t)roundtrip_next(source),
                                         .remote = !roundtrip_one_in(source, 3),
                                         .briefly = roundtrip_one_in(source, 8) };
    fill_id(source, context.trace_id, 16);
    fill_id(source, context.span_id, 8);
    context.trace_id[15] &= 0xfe; /* never the one trace id that reaches the highest threshold */
    if (roundtrip_one_in(source, 2))
        context.state = &roundtrip_states[roundtrip_below(source, ROUNDTRIP_STATES)];
    return context;
}

/* To one of the first `known` of the family's spans, or to a foreign one, whose ids may be zero. */
static struct roundtrip_link some_link(struct roundtrip_source *source, const struct roundtrip_family *family,
                                       size_t known) {
    struct roundtrip_link link = { .context = some_context(source) };
    size_t zeros = roundtrip_one_in(source, 6) ? 1 + roundtrip_below(source, 3) : 0; /* a bit for each id */
    if (known > 0 && roundtrip_one_in(source, 3))
        link.to = &family->spans[roundtrip_below(source, known)];
    if (zeros & 1)
        memset(link.context.trace_id, 0, 16);
    if (zeros & 2)
        memset(link.context.span_id, 0, 8);
    if (roundtrip_one_in(source, 3))
        link.attributes = roundtrip_some_attributes(source, 4, true);
    return link;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static uint64_t some_time(struct roundtrip_source *source) {
    static const uint64_t edges[] = { 1, 1000000000, UINT64_C(1) << 62, INT64_MAX, UINT64_MAX };
    if (!source->plain && roundtrip_one_in(source, 2))
        return 0;
    if (roundtrip_one_in(source, 4))
        return edges[roundtrip_below(source, sizeof edges / sizeof *edges)];
    return UINT64_C(1700000000000000000) + roundtrip_next(source) % UINT64_C(100000000000);
}

static struct roundtrip_step make_step(struct roundtrip_source *source, enum roundtrip_action action,
                                       const struct roundtrip_family *family, size_t known) {
    struct roundtrip_step step = { .action = action, .otherwise = roundtrip_one_in(source, 2) };
    switch (action) {
    case ROUNDTRIP_SET:
        while (step.attributes.count == 0)
            step.attributes = roundtrip_some_attributes(source, 1, false);
        break;
    case ROUNDTRIP_EXCEPTION:
        step.strings[1] = roundtrip_some_string(source);
        step.strings[2] = roundtrip_one_in(source, 2) ? roundtrip_some_string(source) : NULL;
        /* fallthrough */
    case ROUNDTRIP_EVENT:
        step.strings[0] = roundtrip_some_string(source);
        step.attributes = roundtrip_some_attributes(source, 4, false);
        step.time = action == ROUNDTRIP_EVENT ? some_time(source) : 0;
        break;
    case ROUNDTRIP_LINK:
        step.link = some_link(source, family, known);
        break;
    case ROUNDTRIP_NAME:
        step.text = roundtrip_some_text(source);
        break;
    case ROUNDTRIP_STATUS:
        step.text = roundtrip_some_text(source);
        step.code = (int)roundtrip_below(source, 3);
        if (roundtrip_one_in(source, 12))
            step.code = 3 + (int)roundtrip_below(source, 100);
        break;
    case ROUNDTRIP_FAIL:
        step.text = roundtrip_some_text(source);
        step.type = roundtrip_some_text(source);
        break;
    case ROUNDTRIP_END:
        step.time = some_time(source);
        break;
    default:
        break;
    }
    return step;
}

static enum roundtrip_action some_action(struct roundtrip_source *source) {
    static const enum roundtrip_action rare[] = { ROUNDTRIP_EVENT,     ROUNDTRIP_EVENT, ROUNDTRIP_LINK,
                                                  ROUNDTRIP_EXCEPTION, ROUNDTRIP_NAME,  ROUNDTRIP_STATUS,
                                                  ROUNDTRIP_STATUS,    ROUNDTRIP_FAIL };
    if (roundtrip_one_in(source, 2))
        return ROUNDTRIP_SET;
    enum roundtrip_action action = rare[roundtrip_below(source, sizeof rare / sizeof *rare)];
    /* An exception's time is the library's. */
    return source->plain && action == ROUNDTRIP_EXCEPTION ? ROUNDTRIP_EVENT : action;
}

/* More attributes, events or links than a span keeps. */
static void add_flood(struct roundtrip_source *source, const struct roundtrip_family *family,
                      struct roundtrip_span *span, size_t known) {
    static const enum roundtrip_action kinds[] = { ROUNDTRIP_SET, ROUNDTRIP_EVENT, ROUNDTRIP_LINK };
    enum roundtrip_action action = kinds[roundtrip_below(source, 3)];
    otel_attrs many = roundtrip_many_attributes(source);
    for (size_t i = 0; i < many.count; i++) {
        struct roundtrip_step *step = &span->steps[span->step_count++];
        *step = (struct roundtrip_step){ .action = action, .strings = { "flood" } };
        if (action == ROUNDTRIP_LINK)
            step->link = some_link(source, family, known);
        else if (action == ROUNDTRIP_SET || i % 16 == 0)
            step->attributes = (otel_attrs){ &many.items[i], 1 };
    }
}

static void add_steps(struct roundtrip_source *source, const struct roundtrip_family *family,
                      struct roundtrip_span *span, size_t known, size_t count) {
    for (size_t i = 0; i < count; i++)
        span->steps[span->step_count++] = make_step(source, some_action(source), family, known);
}

static void insert_hand_over(struct roundtrip_source *source, struct roundtrip_span *span) {
    size_t at = roundtrip_below(source, span->step_count);
    memmove(&span->steps[at + 1], &span->steps[at], (span->step_count - at) * sizeof *span->steps);
    span->steps[at] = (struct roundtrip_step){ .action = ROUNDTRIP_HAND_OVER };
    span->step_count++;
}

static void make_steps(struct roundtrip_source *source, const struct roundtrip_family *family,
                       struct roundtrip_span *span, size_t known) {
    bool flooded = !source->plain && roundtrip_one_in(source, 60);
    span->steps = roundtrip_make(source->pool, (flooded ? ROOM + FLOOD : ROOM) * sizeof *span->steps);
    add_steps(source, family, span, known, roundtrip_below(source, STEPS_MAX));
    if (flooded)
        add_flood(source, family, span, known);
    if (!source->plain && roundtrip_one_in(source, 200))
        return; /* never ended */
    span->steps[span->step_count++] = make_step(source, ROUNDTRIP_END, family, known);
    if (roundtrip_one_in(source, 4)) /* too late */
        add_steps(source, family, span, known, 1 + roundtrip_below(source, 4));
    if (roundtrip_one_in(source, 8))
        span->steps[span->step_count++] = make_step(source, ROUNDTRIP_END, family, known);
    if (roundtrip_one_in(source, 6))
        insert_hand_over(source, span);
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static void make_parent(struct roundtrip_source *source, const struct roundtrip_family *family,
                        struct roundtrip_span *span, size_t known) {
    span->attached = roundtrip_one_in(source, 2);
    span->root = roundtrip_one_in(source, 10);
    if (known > 0 && !roundtrip_one_in(source, 4)) {
        span->parent_is = ROUNDTRIP_OWN;
        span->parent = &family->spans[roundtrip_below(source, known)];
    } else if (roundtrip_one_in(source, 2)) {
        span->parent_is = ROUNDTRIP_FOREIGN;
        span->context = some_context(source);
        if (source->plain || !roundtrip_one_in(source, 8))
            span->context.flags |= OTEL_FLAG_SAMPLED;
        if (roundtrip_one_in(source, 20)) { /* no span at all */
            memset(span->context.trace_id, 0, 16);
            memset(span->context.span_id, 0, 8);
        }
    }
}

static void make_start(struct roundtrip_source *source, const struct roundtrip_family *family,
                       struct roundtrip_span *span, size_t known) {
    span->name_is_string = roundtrip_one_in(source, 2);
    span->name = roundtrip_some_text(source);
    if (span->name_is_string || span->name.len == 0) { /* no length means that it ends with a NUL */
        span->name_is_string = true;
        span->name = otel_cstr(roundtrip_some_string(source));
    }
    span->kind = (int)(roundtrip_one_in(source, 30) ? 5 + roundtrip_below(source, 100) : roundtrip_below(source, 5));
    span->start_time = some_time(source);
    if (roundtrip_one_in(source, 2))
        span->attributes = roundtrip_some_attributes(source, 8, false);
    else if (!source->plain && roundtrip_one_in(source, 40))
        span->attributes = roundtrip_many_attributes(source);
    if (roundtrip_one_in(source, 5))
        span->link_count = 1 + roundtrip_below(source, 3);
    span->links = roundtrip_make(source->pool, span->link_count * sizeof *span->links);
    for (size_t i = 0; i < span->link_count; i++)
        span->links[i] = some_link(source, family, known);
}

/* Turns that this thread takes for the span. */
static size_t turns_of(const struct roundtrip_span *span) {
    size_t steps = 0;
    while (steps < span->step_count && span->steps[steps].action != ROUNDTRIP_HAND_OVER)
        steps++;
    return 1 + steps + (steps < span->step_count);
}

/* Mixes the turns of all spans, so that children outlive parents, but in the order in which they start. */
static void make_schedule(struct roundtrip_source *source, struct roundtrip_family *family) {
    size_t left[FAMILY_MAX] = { 0 }, started = 0, total = 0;
    for (size_t i = 0; i < family->count; i++)
        total += left[i] = turns_of(&family->spans[i]);
    family->schedule = roundtrip_make(source->pool, total * sizeof *family->schedule);
    while (family->turns < total) {
        bool start = started < family->count && (started == 0 || roundtrip_one_in(source, 6));
        size_t which = start ? started : roundtrip_below(source, started);
        if (!start && left[which] == 0) { /* the next that has turns left, or one that has not started */
            for (which = 0; which < started && left[which] == 0;)
                which++;
        }
        started += which == started;
        left[which]--;
        family->schedule[family->turns++] = (uint16_t)which;
    }
}

static void make_family(struct roundtrip_source *source, struct roundtrip_tracer *tracers, size_t count,
                        struct roundtrip_family *family) {
    family->count = count;
    family->spans = roundtrip_make(source->pool, count * sizeof *family->spans);
    for (size_t i = 0; i < count; i++) {
        struct roundtrip_span *span = &family->spans[i];
        span->tracer = &tracers[roundtrip_below(source, ROUNDTRIP_TRACERS)];
        make_parent(source, family, span, i);
        make_start(source, family, span, i);
        make_steps(source, family, span, i + 1);
    }
    make_schedule(source, family);
}

struct roundtrip_plan roundtrip_make_plan(struct roundtrip_source *source, struct roundtrip_tracer *tracers,
                                          size_t spans) {
    struct roundtrip_plan plan = { .families = roundtrip_make(source->pool, spans * sizeof *plan.families) };
    while (plan.spans < spans) {
        size_t most = spans - plan.spans < FAMILY_MAX ? spans - plan.spans : FAMILY_MAX;
        struct roundtrip_family *family = &plan.families[plan.count++];
        make_family(source, tracers, 1 + roundtrip_below(source, most), family);
        plan.spans += family->count;
    }
    return plan;
}
