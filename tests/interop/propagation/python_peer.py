# SPDX-License-Identifier: Apache-2.0
"""The propagators of OpenTelemetry's Python SDK for exchange_test.py, which describes the questions and answers."""

import json
import logging
import sys

from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.jaeger import JaegerPropagator
from opentelemetry.propagators.textmap import Getter, Setter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

PROPAGATORS = {
    "tracecontext": TraceContextTextMapPropagator(),
    "baggage": W3CBaggagePropagator(),
    "b3": B3SingleFormat(),
    "b3multi": B3MultiFormat(),
    "jaeger": JaegerPropagator(),
}


class Headers(Getter, Setter):
    """A carrier is a list of [name, value]."""

    def get(self, carrier, key):
        return [value for name, value in carrier if name.lower() == key.lower()] or None

    def keys(self, carrier):
        return [name for name, _ in carrier]

    def set(self, carrier, key, value):
        carrier.append([key, value])


def context_of(said):
    context = Context()
    for name, value, _ in said["baggage"]:
        context = baggage.set_baggage(name, value, context)
    if not said["trace_id"]:
        return context
    span = trace.SpanContext(
        int(said["trace_id"], 16),
        int(said["span_id"], 16),
        is_remote=False,
        trace_flags=trace.TraceFlags(said["flags"]),
        trace_state=trace.TraceState.from_header([said["tracestate"]]),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(span), context)


def say(context):
    span = trace.get_current_span(context).get_span_context()
    return {
        "trace_id": trace.format_trace_id(span.trace_id) if span.is_valid else "",
        "span_id": trace.format_span_id(span.span_id) if span.is_valid else "",
        "flags": int(span.trace_flags),
        "remote": span.is_remote,
        "tracestate": span.trace_state.to_header(),
        "baggage": [[name, value, ""] for name, value in baggage.get_all(context).items()],
    }


def answer(question):
    propagator, headers = PROPAGATORS[question["format"]], []
    if "inject" in question:
        context = context_of(question["inject"])
    else:
        context = propagator.extract(question["extract"], Context(), Headers())
    propagator.inject(headers, context, Headers())
    return {"context": say(context), "headers": headers}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))
