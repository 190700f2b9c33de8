/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_expect.c - see roundtrip_expect.h. */
#include "roundtrip_expect.h"

#include "roundtrip_text.h"

enum { LIMIT = 128, LONGEST_KEY = 65535 };
enum { SAMPLED = 1, RANDOM = 2, HAS_IS_REMOTE = 0x100, IS_REMOTE = 0x200 };

/* ---- values ------------------------------------------------------------------------------------------------------ */

static otel_value decimal(uint64_t number, struct roundtrip_pool *pool) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    otel_str text = roundtrip_copy(pool, otel_strn(digits + at, sizeof digits - at));
    return otel_stringn(text.ptr, text.len);
}

static otel_value repaired_strings(const otel_value *value, struct roundtrip_pool *pool) {
    const otel_str *from = value->u.p;
    otel_str *to = roundtrip_make(pool, value->len * sizeof *to);
    for (size_t i = 0; i < value->len; i++)
        to[i] = roundtrip_repaired(pool, from[i]);
    return otel_strings(to, value->len);
}

static otel_value expect_nested(const otel_value *value, struct roundtrip_pool *pool);

/* False: it is none. */
static bool expect_value(const otel_value *value, struct roundtrip_pool *pool, otel_value *out) {
    *out = *value;
    switch ((int)value->type) {
    case OTEL_TYPE_NONE:
        *out = otel_none();
        return true;
    case OTEL_TYPE_BOOL:
        *out = otel_bool(value->u.i != 0);
        return true;
    case OTEL_TYPE_INT:
    case OTEL_TYPE_DOUBLE:
        return true;
    case OTEL_TYPE_UINT:
        *out = decimal((uint64_t)value->u.i, pool);
        return true;
    case OTEL_TYPE_STRING:
    case OTEL_TYPE_BYTES:
    case OTEL_TYPE_STRINGS:
    case OTEL_TYPE_BOOLS:
    case OTEL_TYPE_INTS:
    case OTEL_TYPE_DOUBLES:
    case OTEL_TYPE_ARRAY:
    case OTEL_TYPE_MAP:
        break;
    default:
        return false;
    }
    if (!value->u.p && value->len > 0)
        return false;
    if (value->type == OTEL_TYPE_STRINGS)
        *out = repaired_strings(value, pool);
    else if (value->type == OTEL_TYPE_ARRAY || value->type == OTEL_TYPE_MAP)
        *out = expect_nested(value, pool);
    else if (value->type == OTEL_TYPE_STRING && !roundtrip_is_utf8(otel_strn(value->u.p, value->len)))
        out->type = OTEL_TYPE_BYTES;
    return true;
}

/* ---- lists of attributes ----------------------------------------------------------------------------------------- */

static otel_attr *find(const struct roundtrip_list *list, otel_str key) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].key.len == key.len && memcmp(list->items[i].key.ptr, key.ptr, key.len) == 0)
            return &list->items[i];
    return NULL;
}

static void put(struct roundtrip_list *list, size_t limit, otel_attr attr, struct roundtrip_pool *pool) {
    otel_str key = roundtrip_repaired(pool, attr.key);
    otel_value value;
    if (key.len == 0 || key.len > LONGEST_KEY || !expect_value(&attr.value, pool, &value)) {
        list->dropped++;
        return;
    }
    otel_attr *same = find(list, key);
    if (same)
        same->value = value;
    else if (list->count < limit)
        list->items[list->count++] = (otel_attr){ key, value };
    else
        list->dropped++;
}

static otel_value expect_map(otel_attrs entries, struct roundtrip_pool *pool) {
    struct roundtrip_list map = { .items = roundtrip_make(pool, entries.count * sizeof *map.items) };
    for (size_t i = 0; i < entries.count; i++) {
        otel_attr entry = { roundtrip_repaired(pool, entries.items[i].key), otel_none() };
        if (entry.key.len == 0)
            continue;
        if (!expect_value(&entries.items[i].value, pool, &entry.value))
            entry.value = otel_none();
        otel_attr *same = find(&map, entry.key);
        if (same)
            same->value = entry.value;
        else
            map.items[map.count++] = entry;
    }
    return otel_map((otel_attrs){ map.items, map.count });
}

/* What could not be an attribute is empty inside of others. */
static otel_value expect_nested(const otel_value *value, struct roundtrip_pool *pool) {
    if (value->type == OTEL_TYPE_MAP)
        return expect_map((otel_attrs){ value->u.p, value->len }, pool);
    const otel_value *from = value->u.p;
    otel_value *to = roundtrip_make(pool, value->len * sizeof *to);
    for (size_t i = 0; i < value->len; i++)
        if (!expect_value(&from[i], pool, &to[i]))
            to[i] = otel_none();
    return otel_array(to, value->len);
}

/* With room for `more` that may follow. */
static struct roundtrip_list make_list(otel_attrs attributes, size_t more, size_t limit, struct roundtrip_pool *pool) {
    struct roundtrip_list list = { .items = roundtrip_make(pool, (attributes.count + more) * sizeof *list.items) };
    for (size_t i = 0; attributes.items && i < attributes.count; i++)
        put(&list, limit, attributes.items[i], pool);
    return list;
}

struct roundtrip_list roundtrip_expect_list(otel_attrs attributes, struct roundtrip_pool *pool) {
    return make_list(attributes, 0, SIZE_MAX, pool);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

static bool is_zero(const uint8_t *id, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (id[i] != 0)
            return false;
    return true;
}

/* The trace id's randomness reaches one half. */
static bool in_upper_half(const uint8_t trace_id[16]) { return trace_id[9] >= 0x80; }

/* NULL: none. */
static const struct roundtrip_state *state_of_root(const struct roundtrip_span *span) {
    return span->parent_is == ROUNDTRIP_FOREIGN && !span->root ? span->context.state : NULL;
}

static void expect_root(const struct roundtrip_span *span, enum roundtrip_roots roots,
                        struct roundtrip_wanted_context *out) {
    memcpy(out->trace_id, span->trace_id, 16);
    out->sampled = roots == ROUNDTRIP_ALL_ROOTS || in_upper_half(span->trace_id);
    out->flags = RANDOM;
    const struct roundtrip_state *state = state_of_root(span);
    if (!out->sampled)
        out->tracestate = state ? state->inherited_unsampled : "";
    else if (roots == ROUNDTRIP_HALF_OF_ROOTS)
        out->tracestate = state ? state->of_half : "ot=th:8";
    else
        out->tracestate = state ? state->of_root : "";
}

static void expect_child_of_own(const struct roundtrip_span *parent, enum roundtrip_roots roots,
                                struct roundtrip_wanted_context *out) {
    struct roundtrip_wanted_context of_parent = roundtrip_expect_context(parent, roots);
    memcpy(out->trace_id, of_parent.trace_id, 16);
    memcpy(out->parent_id, parent->span_id, 8);
    out->sampled = of_parent.sampled;
    out->flags = of_parent.flags & RANDOM;
    out->tracestate = of_parent.tracestate;
}

static void expect_child_of_foreign(const struct roundtrip_context *parent, struct roundtrip_wanted_context *out) {
    memcpy(out->trace_id, parent->trace_id, 16);
    memcpy(out->parent_id, parent->span_id, 8);
    out->remote_parent = parent->remote;
    out->sampled = (parent->flags & SAMPLED) != 0;
    out->flags = parent->flags & RANDOM;
    out->tracestate = "";
    if (parent->state)
        out->tracestate = out->sampled ? parent->state->inherited : parent->state->inherited_unsampled;
}

struct roundtrip_wanted_context roundtrip_expect_context(const struct roundtrip_span *span,
                                                         enum roundtrip_roots roots) {
    struct roundtrip_wanted_context out = { .has_parent = false };
    bool nobody = span->parent_is == ROUNDTRIP_NO_PARENT ||
                  (span->parent_is == ROUNDTRIP_FOREIGN && is_zero(span->context.trace_id, 16));
    out.has_parent = !nobody && !span->root;
    if (!out.has_parent)
        expect_root(span, roots, &out);
    else if (span->parent_is == ROUNDTRIP_OWN)
        expect_child_of_own(span->parent, roots, &out);
    else
        expect_child_of_foreign(&span->context, &out);
    if (out.sampled)
        out.flags |= SAMPLED;
    return out;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

/* What is being put together, and what that needs. */
struct draft {
    struct roundtrip_wanted *out;
    enum roundtrip_roots roots;
    struct roundtrip_pool *pool;
};

static void expect_link(const struct draft *draft, const struct roundtrip_link *link) {
    struct roundtrip_wanted *out = draft->out;
    struct roundtrip_wanted_link wanted = { .tracestate = otel_cstr("") };
    if (link->to) {
        struct roundtrip_wanted_context context = roundtrip_expect_context(link->to, draft->roots);
        memcpy(wanted.trace_id, context.trace_id, 16);
        memcpy(wanted.span_id, link->to->span_id, 8);
        wanted.tracestate = otel_cstr(context.tracestate);
        wanted.flags = context.flags | HAS_IS_REMOTE;
    } else {
        memcpy(wanted.trace_id, link->context.trace_id, 16);
        memcpy(wanted.span_id, link->context.span_id, 8);
        wanted.tracestate = otel_cstr(link->context.state ? link->context.state->text : "");
        wanted.flags = link->context.flags | HAS_IS_REMOTE | (link->context.remote ? IS_REMOTE : 0u);
    }
    bool nameless = is_zero(wanted.trace_id, 16) || is_zero(wanted.span_id, 8);
    bool empty = nameless && link->attributes.count == 0 && wanted.tracestate.len == 0;
    if (empty || out->link_count == LIMIT) {
        out->dropped_links++;
        return;
    }
    wanted.attributes = make_list(link->attributes, 0, LIMIT, draft->pool);
    out->links[out->link_count++] = wanted;
}

static void expect_event(const struct draft *draft, const struct roundtrip_step *step, const char *name) {
    struct roundtrip_wanted *out = draft->out;
    if (out->event_count == LIMIT) {
        out->dropped_events++;
        return;
    }
    struct roundtrip_wanted_event *event = &out->events[out->event_count++];
    event->name = roundtrip_repaired(draft->pool, otel_cstr(name));
    event->time = step->time;
    event->when = step->when;
    static const char *const keys[] = { "exception.type", "exception.message", "exception.stacktrace" };
    event->attributes = make_list((otel_attrs){ NULL, 0 }, 4 + step->attributes.count, LIMIT, draft->pool);
    for (size_t i = 0; step->action == ROUNDTRIP_EXCEPTION && i < 3; i++)
        if (step->strings[i])
            put(&event->attributes, LIMIT, OTEL_ATTR(keys[i], step->strings[i]), draft->pool);
    for (size_t i = 0; step->attributes.items && i < step->attributes.count; i++)
        put(&event->attributes, LIMIT, step->attributes.items[i], draft->pool);
    bool named = find(&event->attributes, otel_cstr(keys[0])) || find(&event->attributes, otel_cstr(keys[1]));
    if (step->action == ROUNDTRIP_EXCEPTION && !named)
        put(&event->attributes, LIMIT, OTEL_ATTR(keys[0], "_OTHER"), draft->pool);
}

static void expect_status(const struct draft *draft, int code, otel_str text) {
    struct roundtrip_wanted *out = draft->out;
    if (out->status == OTEL_CODE_OK || (code != OTEL_CODE_OK && code != OTEL_CODE_ERROR))
        return;
    out->status = (uint32_t)code;
    out->status_text = code == OTEL_CODE_ERROR ? roundtrip_repaired(draft->pool, text) : otel_cstr("");
}

static void expect_failure(const struct draft *draft, const struct roundtrip_step *step) {
    otel_value type = step->type.ptr && step->type.len > 0 ? otel__str(step->type) : otel_string("_OTHER");
    put(&draft->out->attributes, LIMIT, (otel_attr){ otel_cstr("error.type"), type }, draft->pool);
    expect_status(draft, OTEL_CODE_ERROR, step->text);
}

/* False: the span has ended. */
static bool expect_step(const struct draft *draft, const struct roundtrip_step *step) {
    struct roundtrip_wanted *out = draft->out;
    switch (step->action) {
    case ROUNDTRIP_SET:
        put(&out->attributes, LIMIT, step->attributes.items[0], draft->pool);
        break;
    case ROUNDTRIP_EVENT:
        expect_event(draft, step, step->strings[0]);
        break;
    case ROUNDTRIP_EXCEPTION:
        expect_event(draft, step, "exception");
        break;
    case ROUNDTRIP_LINK:
        expect_link(draft, &step->link);
        break;
    case ROUNDTRIP_NAME:
        out->name = roundtrip_repaired(draft->pool, step->text);
        break;
    case ROUNDTRIP_STATUS:
        expect_status(draft, step->code, step->text);
        break;
    case ROUNDTRIP_FAIL:
        expect_failure(draft, step);
        break;
    case ROUNDTRIP_END:
        out->ended = true;
        out->end_time = step->time;
        out->end_when = step->when;
        return false;
    case ROUNDTRIP_HAND_OVER:
        break;
    }
    return true;
}

/* Of events and links a span cannot get more than this. */
static size_t room_of(const struct roundtrip_span *span) { return span->step_count + span->link_count; }

struct roundtrip_wanted roundtrip_expect(const struct roundtrip_span *span, enum roundtrip_roots roots,
                                         struct roundtrip_pool *pool) {
    static const uint32_t kinds[] = { 1, 2, 3, 4, 5 };
    struct roundtrip_wanted out = {
        .context = roundtrip_expect_context(span, roots),
        .name = roundtrip_repaired(pool, span->name),
        .kind = span->kind >= 0 && span->kind < 5 ? kinds[span->kind] : 1,
        .start_time = span->start_time,
        .start_when = span->when,
        .attributes = make_list(span->attributes, span->step_count, LIMIT, pool),
        .events = roundtrip_make(pool, room_of(span) * sizeof *out.events),
        .links = roundtrip_make(pool, room_of(span) * sizeof *out.links),
    };
    const struct draft draft = { &out, roots, pool };
    for (size_t i = 0; i < span->link_count; i++)
        expect_link(&draft, &span->links[i]);
    for (size_t i = 0; i < span->step_count && expect_step(&draft, &span->steps[i]); i++) {}
    return out;
}
