/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_prefork_test.c - a prefork server writes to one file, which is replaced many times: the ledgers of all processes
 * together say what is in the files, each line of which can be read.
 */
#include "fake_root.h"
#include "in_child.h"
#include "ledger_check.h"
#include "sanitizers.h"
#include "spans_file.h"

#include <otel/sdk.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHILDREN = 4, SPANS = 20000 };

static _Atomic uint64_t *exported;

OTEL_TRACER(tracer, "file_prefork_test", "1");

static void make_spans(void) {
    for (int i = 0; i < SPANS; i++) {
        OTEL_SPAN(span, tracer, "request");
        otel_set(&span, "http.route", "/search");
        otel_set(&span, "n", i);
    }
}

/* Adds what this process exported to what all have. */
static int stop_and_account(void) {
    char why[256];
    otel_ledger ledger = { .size = sizeof ledger };
    STEP(otel_sdk_stop(60000) == OTEL_OK);
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why)) {
        dprintf(2, "%s\n", why);
        return 1;
    }
    STEP(ledger.processors[0].dropped_failed == 0);
    STEP(ledger.processors[0].exported > 0);
    atomic_fetch_add(exported, ledger.processors[0].exported);
    return 0;
}

static otel_status start(const char *path) {
    const otel_otlp_file_options file = { .size = sizeof file, .path = path, .max_bytes = 1 << 20, .kept_files = 1000 };
    const otel_batch_options batch = { .size = sizeof batch, .max_queue_size = 2 * SPANS };
    otel_processor *processor = otel_batch_processor(&batch, otel_otlp_file_exporter(&file));
    return otel_sdk_start(OTEL_SDK(.service_name = "prefork", .processors = OTEL_PROCESSORS(processor)));
}

static void the_files_hold_what_the_ledgers_say(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    pid_t children[CHILDREN];
    assert_int_equal(start(spans_file_path()), OTEL_OK);
    make_spans(); /* the parent's worker is busy when it forks */
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            make_spans();
            _exit(stop_and_account());
        }
    }
    make_spans();
    for (int i = 0; i < CHILDREN; i++) {
        int result = -1;
        assert_int_equal(waitpid(children[i], &result, 0), children[i]);
        assert_int_equal(result, 0);
    }
    assert_int_equal(stop_and_account(), 0);
    const struct otlp_lines sum = spans_file_read();
    print_message("measured: %d processes exported %" PRIu64 " spans to one path; its files hold %zu, on %zu lines\n",
                  CHILDREN + 1, atomic_load(exported), sum.spans, sum.lines);
    assert_int_equal(sum.unreadable + sum.rest, 0);
    assert_int_equal(sum.spans, atomic_load(exported));
    fake_root_remove();
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_files_hold_what_the_ledgers_say) };
    exported = shared_counter();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
