/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc.c - sends one span as the environment says, or, with CALL, by a call of libotel-grpc; what becomes of it is in the
 * SDK's own lines.
 */
#ifdef CALL
#include <otel/grpc.h>
#endif
#include <otel/sdk.h>
#include <otel/trace.h>
#include <stddef.h>

OTEL_TRACER(tracer, "grpc");

int main(void) {
    otel_sdk_options options = { .size = sizeof options };
#ifdef CALL
    const otel_otlp_options otlp = { .size = sizeof otlp, .timeout_ms = 300 };
    otel_processor *processors[] = { otel_simple_processor(otel_otlp_grpc_exporter(&otlp)) };
    options.processors = (otel_processors){ processors, 1 };
#endif
    if (otel_sdk_start(&options) != OTEL_OK)
        return 1;
    otel_span span = otel_span_start(tracer, OTEL_START("span"));
    otel_span_end(&span);
    otel_sdk_stop(2000);
    return 0;
}
