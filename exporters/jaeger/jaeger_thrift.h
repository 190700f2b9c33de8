/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger_thrift.h - spans as Jaeger's Thrift structs (exporters/jaeger/idl), in either protocol.
 *
 * Back to front, like all that thrift_writer.h writes. A batch is its tail, its spans, the last one first, and its head; it
 * may as well be sent in these three parts.
 */
#ifndef OTEL_JAEGER_THRIFT_H
#define OTEL_JAEGER_THRIFT_H

#include "common/line.h"
#include "common/thrift_writer.h"

#include <otel/exporter.h>

struct otel__jaeger_writer {
    struct otel__thrift thrift;
    struct otel__line *text; /* scratch */
};

/*
 * The end of a Batch; as the argument of emitBatch it is `in_message`. `number` of a client's batches, by which a receiver
 * sees that one is missing.
 */
void otel__jaeger_batch_tail(struct otel__jaeger_writer *w, uint64_t number, bool in_message);
/*
 * One element of a Batch's spans. The buffer's status says whether it fits, and, when memory is short, that its text was
 * cut.
 */
void otel__jaeger_span(struct otel__jaeger_writer *w, const otel_span_data *span);
/* What stands in front of `count` spans: the resource as their Process, and the message's head. */
void otel__jaeger_batch_head(struct otel__jaeger_writer *w, const otel_resource_data *resource, size_t count,
                             bool in_message);

#endif
