/* SPDX-License-Identifier: Apache-2.0 */
/* headers_fixture.h - headers that come in and go out, empty at the start of each test, with a double of the SDK. */
#ifndef OTEL_TEST_HEADERS_FIXTURE_H
#define OTEL_TEST_HEADERS_FIXTURE_H

#include "carrier.h"
#include "fake_backend.h"

static const otel_context no_context;
static struct carrier in, out;

static inline int set_up(void **state) {
    (void)state;
    fake_install();
    in.count = out.count = out.writes = 0;
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    fake_remove();
    return otel__thread_busy() ? -1 : 0;
}

#endif
