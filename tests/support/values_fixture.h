/* SPDX-License-Identifier: Apache-2.0 */
/* values_fixture.h - values that count their releases, for the tests of values in contexts. */
#ifndef OTEL_TEST_VALUES_FIXTURE_H
#define OTEL_TEST_VALUES_FIXTURE_H

#include "context.h"
#include "fake_backend.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

OTEL_TRACER(tracer, "values_test");

static otel_context_key color, size;

struct thing {
    _Atomic int released;
    pthread_t by;
};

static inline void release(void *value) {
    struct thing *thing = value;
    thing->by = pthread_self();
    atomic_fetch_add(&thing->released, 1);
    errno = EDOM;
}

static inline int set_up(void **state) {
    (void)state;
    if (color.name == NULL) {
        color = otel_context_key_create("color");
        size = otel_context_key_create("size");
    }
    fake_install();
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    fake_remove();
    return otel__thread_busy() || otel__self->valued != 0 ? -1 : 0;
}

/* The empty context with the thing in it. */
static inline otel_context with(otel_context_key key, struct thing *thing) {
    static const otel_context empty;
    return otel_context_with_value(&empty, key, thing, release);
}

static inline otel_span span_of(uint8_t number) {
    return otel_span_wrap(
        &(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { number }, .span_id = { number } });
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
