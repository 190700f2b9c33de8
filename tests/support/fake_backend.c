/* SPDX-License-Identifier: Apache-2.0 */
/* fake_backend.c - a double of the SDK; see fake_backend.h. */
#include "fake_backend.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

struct fake_backend fake;

static void count(enum fake_call call, struct otel__thread *thread) {
    atomic_fetch_add(&fake.calls[call], 1);
    if (atomic_load(&fake.closed)) {
        atomic_fetch_add(&fake.calls_when_closed, 1);
    }
    if (fake.hook != NULL) {
        fake.hook(call, thread);
    }
}

/* Only the thread that installed the table writes `last`. */
static pthread_t installer;

static bool keeps(void) { return pthread_equal(pthread_self(), installer); }

static void keep_text(char *to, size_t *length, otel_str text) {
    *length = text.len;
    size_t most = text.len < 63 ? text.len : 63;
    if (most > 0) {
        memcpy(to, text.ptr, most);
    }
    to[most] = '\0';
}

static void start(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options,
                  const otel_context *parent, otel_span *out) {
    uint64_t birth = atomic_fetch_add(&fake.births, 1) + 1;
    *out = (otel_span){ { 0x1111, 0x2222, birth, OTEL_FLAG_SAMPLED | birth << 32, birth,
                          parent->opaque_[OTEL__W_STATE] } };
    if (keeps()) {
        fake.last.thread = otel__thread_index(thread);
        fake.last.tracer = tracer;
        fake.last.start = *options;
        fake.last.parent = *parent;
        fake.last.parent_given = parent;
    }
    count(FAKE_START, thread);
}

static bool enabled(struct otel__thread *thread, otel_tracer *tracer, const otel_span_options *options) {
    if (keeps()) {
        fake.last.tracer = tracer;
        fake.last.start = *options;
    }
    count(FAKE_ENABLED, thread);
    return true;
}

static bool recording(const otel_span *span) {
    count(FAKE_RECORDING, otel__thread_self());
    return fake_ends(span) == 0;
}

static void end(struct otel__thread *thread, const otel_span *span, uint64_t time) {
    uint64_t birth = span->opaque_[OTEL__W_BIRTH];
    if (birth < FAKE_BIRTHS) {
        atomic_fetch_add(&fake.ends[birth], 1);
    }
    atomic_store(&fake.last_ended, birth);
    if (keeps()) {
        fake.last.thread = otel__thread_index(thread);
        fake.last.span = *span;
        fake.last.time = time;
    }
    count(FAKE_END, thread);
}

static void set(struct otel__thread *thread, const otel_span *span, otel_str key, const otel_value *value) {
    if (keeps()) {
        fake.last.span = *span;
        keep_text(fake.last.key, &fake.last.key_len, key);
        fake.last.value = *value;
    }
    count(FAKE_SET, thread);
}

static void event(struct otel__thread *thread, const otel_span *span, const otel_event_options *options) {
    if (keeps()) {
        fake.last.span = *span;
        fake.last.event = *options;
    }
    count(FAKE_EVENT, thread);
}

static void exception(struct otel__thread *thread, const otel_span *span, const otel_exception_options *options) {
    if (keeps()) {
        fake.last.span = *span;
        fake.last.exception = *options;
    }
    count(FAKE_EXCEPTION, thread);
}

static void add_link(struct otel__thread *thread, const otel_span *span, const otel_link *link) {
    if (keeps()) {
        fake.last.span = *span;
        fake.last.link = *link;
    }
    count(FAKE_LINK, thread);
}

static void name(struct otel__thread *thread, const otel_span *span, otel_str text) {
    if (keeps()) {
        fake.last.span = *span;
        keep_text(fake.last.text, &fake.last.text_len, text);
    }
    count(FAKE_NAME, thread);
}

static void status(struct otel__thread *thread, const otel_span *span, otel_code code, otel_str text) {
    if (keeps()) {
        fake.last.span = *span;
        fake.last.code = code;
        keep_text(fake.last.text, &fake.last.text_len, text);
    }
    count(FAKE_STATUS, thread);
}

static void failed(struct otel__thread *thread, const otel_span *span, otel_str type, otel_str text) {
    if (keeps()) {
        fake.last.span = *span;
        keep_text(fake.last.key, &fake.last.key_len, type);
        keep_text(fake.last.text, &fake.last.text_len, text);
    }
    count(FAKE_FAIL, thread);
}

static void thread_exit(struct otel__thread *thread) { count(FAKE_THREAD_EXIT, thread); }

static void misuse(struct otel__thread *thread, otel__misuse what, const otel_span *span) {
    fake.last.span = span ? *span : (otel_span){ { 0 } };
    atomic_fetch_add(&fake.misuses[what], 1);
    count(FAKE_MISUSE, thread);
}

const struct otel__backend fake_table = {
    .version = OTEL__BACKEND_VERSION,
    .size = sizeof fake_table,
    .span_start = start,
    .enabled = enabled,
    .span_recording = recording,
    .span_end = end,
    .span_set = set,
    .span_event = event,
    .span_exception = exception,
    .span_link = add_link,
    .span_name = name,
    .span_status = status,
    .span_fail = failed,
    .thread_exit = thread_exit,
    .misuse = misuse,
};

void fake_install(void) {
    memset(&fake, 0, sizeof fake);
    installer = pthread_self();
    assert_true(otel__backend_install(&fake_table));
}

void fake_remove(void) { assert_true(otel__backend_remove(fake_deadline(10u * 1000000000u))); }

unsigned fake_ends(const otel_span *span) {
    uint64_t birth = span->opaque_[OTEL__W_BIRTH];
    return birth < FAKE_BIRTHS ? atomic_load(&fake.ends[birth]) : 0;
}

uint64_t fake_deadline(uint64_t ns) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + ns;
}
