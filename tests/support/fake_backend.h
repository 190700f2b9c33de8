/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_backend.h - a double of the SDK behind libotel-api: it starts spans with counted ids, counts every call and
 * keeps the arguments of the last one of each kind that the installing thread made. Safe for many threads.
 */
#ifndef OTEL_TEST_FAKE_BACKEND_H
#define OTEL_TEST_FAKE_BACKEND_H

#include "backend.h"

enum fake_call {
    FAKE_START,
    FAKE_ENABLED,
    FAKE_RECORDING,
    FAKE_END,
    FAKE_SET,
    FAKE_EVENT,
    FAKE_EXCEPTION,
    FAKE_LINK,
    FAKE_NAME,
    FAKE_STATUS,
    FAKE_FAIL,
    FAKE_THREAD_EXIT,
    FAKE_MISUSE,
    FAKE_CALLS
};

enum { FAKE_BIRTHS = 1 << 17 };

struct fake_backend {
    _Atomic unsigned calls[FAKE_CALLS];
    _Atomic unsigned misuses[OTEL__MISUSE_COUNT];
    _Atomic unsigned char ends[FAKE_BIRTHS]; /* how often the span of this birth was ended */
    _Atomic uint64_t births;
    _Atomic uint64_t last_ended; /* the birth */
    _Atomic bool closed;         /* set by a test once nobody may call any more */
    _Atomic unsigned calls_when_closed;
    /* Runs at the end of each call, inside of it. */
    void (*hook)(enum fake_call call, struct otel__thread *thread);

    struct {
        uint32_t thread; /* index */
        otel_tracer *tracer;
        otel_span_options start;
        otel_context parent;
        const otel_context *parent_given; /* readable until the start returns */
        uint64_t time;
        char key[64];
        char text[64];
        size_t key_len, text_len;
        otel_value value;
        otel_event_options event;
        otel_exception_options exception;
        otel_link link;
        otel_code code;
        otel_span span;
    } last;
};

extern struct fake_backend fake;
extern const struct otel__backend fake_table;

/* Forgets everything and installs the table; fails the test when that is refused. */
void fake_install(void);
/* Removes the table within ten seconds; fails the test when somebody stays inside. */
void fake_remove(void);
/* How often the span was ended. */
unsigned fake_ends(const otel_span *span);
/* Nanoseconds from now, of CLOCK_MONOTONIC. */
uint64_t fake_deadline(uint64_t ns);

#endif
