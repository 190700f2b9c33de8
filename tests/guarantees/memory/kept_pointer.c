/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kept_pointer.c - an exporter with a bug: it keeps a pointer into a span that it may look at only while it exports. By
 * then the memory is free, or another span's, and nobody would notice: AddressSanitizer and Valgrind do.
 *
 * The argument says what is read: `name` or `context` of a span, `attribute` (which lies in a block of its own), all of
 * them too late; or `borrowed`, all of them in time.
 */
#include "ledger_check.h"

#include <otel/sdk.h>
#include <stdio.h>
#include <string.h>

/* AGAIN: so many spans that records and blocks are used a second time. */
enum { LONG_VALUE = 2000, AGAIN = 100 };

OTEL_TRACER(tracer, "kept_pointer");

static const char *kept_name, *kept_attribute, *kept_context;
static volatile char seen;

static void read_all(void) {
    seen = *kept_name;
    seen = *kept_attribute;
    seen = *kept_context;
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    const otel_span_data *span = otel_batch_span(batch, 0);
    (void)self;
    (void)timeout_ms;
    (void)outcome;
    kept_name = span->name.ptr;
    kept_attribute = span->attributes.items[0].value.u.p;
    kept_context = (const char *)span->span;
    read_all();
    return OTEL_OK;
}

/* Not blocking: when the end of a span returns it has been exported, and its record is free. */
static const otel_exporter_ops ops = { .size = sizeof ops, .name = "buggy", .export_batch = export_batch };

static void make_span(void) {
    char value[LONG_VALUE + 1];
    memset(value, 'x', LONG_VALUE);
    value[LONG_VALUE] = '\0';
    const otel_span span = otel_span_start(tracer, OTEL_START("name"));
    otel_set(&span, "key", (const char *)value);
    otel_span_end(&span);
}

static bool stop(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    char why[512] = "";
    if (otel_sdk_stop(1000) != OTEL_OK)
        return false;
    otel_sdk_ledger(&ledger);
    const bool balances = ledger_balances(&ledger, why, sizeof why);
    fputs(why, stderr);
    return balances;
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    if (otel_sdk_start(OTEL_SDK(.processors = OTEL_PROCESSORS(
                                    otel_simple_processor(otel_exporter_create(&ops, NULL))))) != OTEL_OK)
        return 1;
    make_span();
    if (strcmp(what, "name") == 0)
        seen = *kept_name;
    else if (strcmp(what, "attribute") == 0)
        seen = *kept_attribute;
    else if (strcmp(what, "context") == 0)
        seen = *kept_context;
    for (unsigned i = 0; i < AGAIN; i++)
        make_span();
    return stop() && seen != '\0' ? 0 : 1;
}
