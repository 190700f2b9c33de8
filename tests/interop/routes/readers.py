# SPDX-License-Identifier: Apache-2.0
"""What the servers' query APIs tell, each in its own form, as spans of scene.py by id. Nothing is repaired on the way."""

import scene
from scene import Event, Link, Scope, Value, text
from spans import CLIENT, CONSUMER, PRODUCER, SERVER, Malformed

ZIPKIN_KINDS = {"CLIENT": CLIENT, "SERVER": SERVER, "PRODUCER": PRODUCER, "CONSUMER": CONSUMER}
ZIPKIN_MEMBERS = {
    *("traceId", "id", "parentId", "kind", "name", "timestamp", "duration"),
    *("localEndpoint", "remoteEndpoint", "annotations", "tags"),
}
TAG_TYPES = {"string": "string", "bool": "bool", "int64": "int", "float64": "double", "binary": "bytes"}
NAMES_OF_DOUBLES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def by_id(trace_id, spans):
    """(trace, id, span) each, of which none may be of another trace or there twice."""
    told = {}
    for trace, span_id, span in spans:
        if trace != trace_id or span_id in told:
            raise Malformed(f"span {span_id} of trace {trace} in trace {trace_id}")
        told[span_id] = span
    return told


# ---- Jaeger, /api/v3: OTLP's JSON, which spans.py reads --------------------------------------------------------------


def named(value):
    """A double that is no number by its name, as that is equal to itself."""
    if value.type == "array":
        return Value("array", tuple(named(item) for item in value.value))
    if value.type == "map":
        return Value("map", tuple((key, named(member)) for key, member in value.value))
    if value.type == "double":
        return Value("double", NAMES_OF_DOUBLES.get(str(value.value), value.value))
    return value


def attributes(told):
    return {key: named(value) for key, value in told.items()}


def otlp_span(span):
    resource = attributes(span.resource)
    service = resource.pop("service.name").value
    return scene.Span(
        name=span.name,
        parent=span.parent_id,
        kind=span.kind or None,
        start=span.start,
        end=span.end,
        status=span.status,
        message=span.status_message,
        tracestate=span.trace_state,
        flags=span.flags or None,
        attributes=attributes(span.attributes),
        events=[Event(event.name, event.time, attributes(event.attributes), event.dropped) for event in span.events],
        links=[
            Link(link.trace_id, link.span_id, link.trace_state, attributes(link.attributes), link.flags, link.dropped)
            for link in span.links
        ],
        dropped=span.dropped,
        scope=Scope(span.scope.name, span.scope.version, attributes(span.scope.attributes)),
        service=service,
        resource=resource,
    )


def otlp(trace_id, spans):
    return by_id(trace_id, ((span.trace_id, span.span_id, otlp_span(span)) for span in spans))


# ---- Jaeger, /api: what its page reads -------------------------------------------------------------------------------


def tags(pairs):
    told = {}
    for pair in pairs:
        if pair["key"] in told:
            raise Malformed(f"the key {pair['key']!r} twice in one list")
        kind = TAG_TYPES[pair["type"]]
        value = int(pair["value"]) if kind == "int" else pair["value"]
        told[pair["key"]] = Value(kind, value)
    return told


def classic_span(span, process, trace_id):
    references = [Link(each["traceID"], each["spanID"], type=each["refType"]) for each in span["references"]]
    parents = [each for each in references if (each.trace, each.type) == (trace_id, "CHILD_OF")]
    if span.get("warnings") or len(parents) != 1:
        raise Malformed(f"span {span['spanID']}: warnings {span.get('warnings')}, parents {parents}")
    start = span["startTime"] * 1000
    return scene.Span(
        name=span["operationName"],
        parent=parents[0].span,
        kind=None,
        start=start,
        end=start + span["duration"] * 1000,
        status=None,
        tracestate="",
        flags=None,
        attributes=tags(span["tags"]),
        events=[Event("", log["timestamp"] * 1000, tags(log["fields"])) for log in span["logs"]],
        links=[each for each in references if each not in parents],
        scope=None,
        service=process["serviceName"],
        resource=tags(process["tags"]),
    )


def classic(trace_id, trace):
    processes = trace["processes"]
    return by_id(
        trace_id,
        (
            (span["traceID"], span["spanID"], classic_span(span, processes[span["processID"]], trace_id))
            for span in trace["spans"]
        ),
    )


# ---- Zipkin ----------------------------------------------------------------------------------------------------------


def zipkin_span(span):
    if not set(span) <= ZIPKIN_MEMBERS:
        raise Malformed(f"unknown members: {set(span) - ZIPKIN_MEMBERS}")
    start = span["timestamp"] * 1000
    return scene.Span(
        name=span.get("name", ""),
        parent=span["parentId"],
        kind=ZIPKIN_KINDS[span["kind"]] if "kind" in span else None,
        start=start,
        end=start + span["duration"] * 1000,
        status=None,
        tracestate="",
        flags=None,
        attributes={key: text(value) for key, value in span["tags"].items()},
        events=[Event(each["value"], each["timestamp"] * 1000) for each in span.get("annotations", [])],
        scope=None,
        service=span["localEndpoint"]["serviceName"],
        resource={},
        peer=span.get("remoteEndpoint"),
    )


def zipkin(trace_id, spans):
    return by_id(trace_id, ((span["traceId"], span["id"], zipkin_span(span)) for span in spans))
