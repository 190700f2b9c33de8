/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_assert.h - spans and ledgers as a test sees them: copies that compare as text, so that a failure shows what
 * differed.
 *
 * An attribute is written `key=type:value`, values as in C: a=int:1 b=string:"x\x00" c=bytes:"\xff" d=ints:[1,2]
 * e=strings:["x","y"] f=none: and so on, in the order in which the exporter sees them, one space between.
 */
#ifndef OTEL_TEST_SPAN_ASSERT_H
#define OTEL_TEST_SPAN_ASSERT_H

#include "ledger_check.h"

#include <otel/sdk.h>

/* The attributes as text, to be freed by the caller. */
char *attrs_text(otel_attrs attrs);

/* A copy of what an exporter sees of a span. */
struct span_copy {
    uint8_t trace_id[16], span_id[8], parent_id[8];
    bool is_root, parent_remote, ended;
    uint8_t flags, parent_flags;
    uint64_t start, end;
    otel_kind kind;
    otel_code status;
    char *name, *status_text, *tracestate, *parent_tracestate;
    char *attributes;
    char *events; /* `name@time{attributes}dropped`, one per line */
    char *links;  /* `trace-span/flags;tracestate{attributes}dropped`, one per line */
    size_t event_count, link_count, attribute_count;
    uint32_t dropped_attributes, dropped_events, dropped_links;
    char *scope; /* `name/version/schema{attributes}` */
    char *resource;
};

/* NULL only without memory. */
struct span_copy *span_copy_make(const otel_span_data *span);
void span_copy_free(struct span_copy *copy);

/* Reads the ledger into `ledger` and fails the test when an identity does not hold. */
void assert_ledger_at(otel_ledger *ledger, const char *file, int line);
#define assert_ledger(ledger) assert_ledger_at((ledger), __FILE__, __LINE__)

#endif
