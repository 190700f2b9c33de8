# SPDX-License-Identifier: Apache-2.0
# What Jaeger's Thrift protocols carry: the names, numbers and types that exporters/jaeger/jaeger_thrift.c writes. The
# tests generate their decoder from this file; nothing of it is compiled into the libraries.
#
# Thrift has no unsigned numbers: ids are the bytes of the W3C ids, most significant first, taken as i64. Times are
# microseconds.

enum TagType { STRING = 0, DOUBLE = 1, BOOL = 2, LONG = 3, BINARY = 4 }
enum SpanRefType { CHILD_OF = 0, FOLLOWS_FROM = 1 }

# Exactly the value that vType names is there.
struct Tag {
  1: required string key
  2: required TagType vType
  3: optional string vStr
  4: optional double vDouble
  5: optional bool vBool
  6: optional i64 vLong
  7: optional binary vBinary
}

struct Log {
  1: required i64 timestamp
  2: required list<Tag> fields
}

struct SpanRef {
  1: required SpanRefType refType
  2: required i64 traceIdLow
  3: required i64 traceIdHigh
  4: required i64 spanId
}

struct Span {
  1: required i64 traceIdLow
  2: required i64 traceIdHigh
  3: required i64 spanId
  4: required i64 parentSpanId # 0: a root span
  5: required string operationName
  6: optional list<SpanRef> references
  7: required i32 flags # 1: sampled
  8: required i64 startTime
  9: required i64 duration
  10: optional list<Tag> tags
  11: optional list<Log> logs
}

struct Process {
  1: required string serviceName
  2: optional list<Tag> tags
}

# What a client lost before it got here.
struct ClientStats {
  1: required i64 fullQueueDroppedSpans
  2: required i64 tooLargeDroppedSpans
  3: required i64 failedToEmitSpans
}

struct Batch {
  1: required Process process
  2: required list<Span> spans
  3: optional i64 seqNo
  4: optional ClientStats stats
}
