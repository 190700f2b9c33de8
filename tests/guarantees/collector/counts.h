/* SPDX-License-Identifier: Apache-2.0 */
/* counts.h - what the collector has received, decoded by protobuf-c, which has nothing in common with our writer. */
#ifndef OTEL_TEST_COUNTS_H
#define OTEL_TEST_COUNTS_H

#include "tally.h"

#include <jansson.h>
#include <stdbool.h>

enum { COUNTS_NAMES = 32 };

struct counts {
    uint64_t connections, open; /* so far; now */
    uint64_t requests, refused; /* refused: not to be decoded */
    uint64_t held;              /* requests whose answer is being held back */
    uint64_t spans, duplicates; /* duplicates: spans whose id has come before */
    struct tally ids;
    struct tally pids; /* spans for each value of the attribute process.pid */
    struct {
        char text[32];
        uint64_t spans;
    } names[COUNTS_NAMES];
    json_t *kept; /* the spans that have an attribute test.keep */
};

/* One request's body; false: it is not an ExportTraceServiceRequest. */
bool counts_add(struct counts *counts, const uint8_t *body, size_t len);
/* All of it as one JSON object; a new reference. With `ids`, those of all spans too. */
json_t *counts_json(const struct counts *counts, bool ids);
/* As if nothing had come so far. */
void counts_forget(struct counts *counts);
void counts_free(struct counts *counts);

#endif
