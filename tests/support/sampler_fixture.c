/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_fixture.c - see sampler_fixture.h. */
#include "sampler_fixture.h"

#include "backend.h"
#include "reports.h"
#include "sampler_ot.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

int samplers_begin(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    return 0;
}

int samplers_end(void **state) {
    (void)state;
    reports_stop();
    return 0;
}

struct question question(const char *trace_id) {
    struct question q = { .has_parent = false };
    for (size_t i = 0; i < 16; i++)
        q.trace_id[i] = (uint8_t)strtoul((const char[]){ trace_id[2 * i], trace_id[2 * i + 1], 0 }, NULL, 16);
    return q;
}

const char id_9[] = "d1c2b3a4958677869a90000000000000";

struct question with_parent(struct question q, bool remote, bool sampled, const char *tracestate) {
    q.has_parent = true;
    q.parent_state = otel__tracestate_intern(otel_cstr(tracestate));
    otel_span_context context = {
        .size = sizeof context, .remote = remote, .flags = sampled ? 3 : 2, .span_id = { 1 }
    };
    memcpy(context.trace_id, q.trace_id, 16);
    q.parent = otel_span_wrap(&context);
    q.parent.opaque_[OTEL__W_STATE] = q.parent_state;
    return q;
}

void ask(struct question *q, const otel_sampler *sampler) {
    const otel_context context = { { 0 } };
    const struct otel__sampling in = { .context = &context,
                                       .parent = q->has_parent ? &q->parent : NULL,
                                       .trace_id = q->trace_id,
                                       .name = { "name", 4 },
                                       .parent_state = q->parent_state };
    memset(&q->answer, 0xee, sizeof q->answer);
    otel__sampler_decide(sampler, &in, &q->answer);
}

void forget(struct question *q) {
    if (q->answer.owned)
        otel__tracestate_drop(q->answer.state);
    otel__tracestate_drop(q->parent_state);
}

void assert_state(const struct question *q, const char *expected) {
    otel_str text = otel__tracestate_text(q->answer.state);
    assert_int_equal(text.len, strlen(expected));
    if (text.len)
        assert_memory_equal(text.ptr, expected, text.len);
    if (q->answer.state && !q->answer.owned)
        assert_true(q->answer.state == q->parent_state);
}

void check(const otel_sampler *sampler, struct question q, otel_decision decision, const char *tracestate) {
    ask(&q, sampler);
    assert_int_equal(q.answer.decision, decision);
    assert_int_equal(q.answer.lists, 0);
    assert_state(&q, tracestate);
    forget(&q);
}

void assert_ot(const struct question *q, const json_t *expected, const char *without) {
    const char *key;
    json_t *value;
    otel_str ot = otel__ot_find(otel__tracestate_text(q->answer.state));
    size_t items = ot.len ? 1 : 0, wanted = 0;
    for (size_t i = 0; i < ot.len; i++)
        items += ot.ptr[i] == ';';
    json_object_foreach((json_t *)(uintptr_t)expected, key, value) {
        if (without && strcmp(key, without) == 0)
            continue;
        otel_str found = otel__ot_get(ot, key);
        assert_non_null(found.ptr);
        assert_int_equal(found.len, json_string_length(value));
        assert_memory_equal(found.ptr, json_string_value(value), found.len);
        wanted++;
    }
    assert_int_equal(items, wanted);
}

void assert_others(const struct question *q, const json_t *expected) {
    const otel_tracestate state = { { q->answer.state } };
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const json_t *pair = json_array_get(expected, i);
        otel_str value = otel_tracestate_get(&state, vector_text(json_array_get(pair, 0)));
        otel_str wanted = vector_text(json_array_get(pair, 1));
        assert_int_equal(value.len, wanted.len);
        assert_memory_equal(value.ptr, wanted.ptr, wanted.len);
    }
}

uint64_t random_bits(uint64_t *seed) { /* splitmix64 */
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void assert_description(otel_sampler *sampler, const char *expected) {
    char text[512];
    assert_int_equal(otel_sampler_description(sampler, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
    otel_sampler_destroy(sampler);
}
