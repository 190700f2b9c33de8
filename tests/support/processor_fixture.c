/* SPDX-License-Identifier: Apache-2.0 */
/* processor_fixture.c - see processor_fixture.h. */
#include "processor_fixture.h"

#include "provider.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

struct exporter_double first, second;

void start_sdk(otel_processors processors) {
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .log_level = OTEL_LOG_NONE, .processors = processors)),
                     OTEL_OK);
    reports_start(OTEL_LOG_TRACE);
}

otel_processor *batch_of(struct exporter_double *exporter, int queue, int batch) {
    const otel_batch_options options = {
        .size = sizeof options, .max_queue_size = queue, .max_batch_size = batch, .schedule_delay_ms = NEVER_MS
    };
    exporter->blocking = true;
    return otel_batch_processor(&options, exporter_double_make(exporter));
}

void start_batch(int queue, int batch) { start_sdk(OTEL_PROCESSORS(batch_of(&first, queue, batch))); }

void start_direct(void) { start_sdk(OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&first)))); }

struct otel__lane *lane(void) {
    return otel__provider->pipeline.processors[0]->lane;
}

void end_span(const char *name) {
    const otel_span span = otel_span_start(lib, OTEL_START(name));
    otel_span_end(&span);
}

void end_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++)
        end_span("s");
}

void hold_in_export(struct exporter_double *exporter) {
    atomic_store(&exporter->hold, HOLD_EXPORT);
    end_span("held");
    assert_soon(atomic_load(&exporter->held) == 1);
}

void *flush_in_thread(void *data) {
    atomic_store((_Atomic int *)data, (int)otel_sdk_flush(LONG_MS));
    return NULL;
}

void *stop_in_thread(void *data) {
    atomic_store((_Atomic int *)data, (int)otel_sdk_stop(LONG_MS));
    return NULL;
}

otel_ledger ledger_read(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

int processors_stop(void **state) {
    (void)state;
    atomic_store(&first.hold, 0);
    atomic_store(&second.hold, 0);
    otel_sdk_stop(LONG_MS);
    ledger_read();
    assert_int_equal(first.overlaps + second.overlaps, 0);
    assert_int_equal(first.late + second.late, 0);
    exporter_double_reset(&first);
    exporter_double_reset(&second);
    return 0;
}
