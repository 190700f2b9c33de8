# SPDX-License-Identifier: Apache-2.0
"""What becomes of scene.py's spans by each route: the rules by which a route deviates from the table, and why.

A rule changes a span of the table as the route does. What no rule of a route touches has to arrive as it is.
"""

import json
from dataclasses import replace
from typing import Callable, NamedTuple

import scene
from scene import Event, Link, Value, integer, text
from spans import CLIENT, CONSUMER, ERROR, INTERNAL, OK, PRODUCER, SERVER

KINDS = {INTERNAL: "internal", SERVER: "server", CLIENT: "client", PRODUCER: "producer", CONSUMER: "consumer"}
CODES = {OK: "OK", ERROR: "ERROR"}
COUNTS = ("otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count")
NAMED_DOUBLES = ("NaN", "Infinity", "-Infinity")
THE_TRACE = "trace"  # a value that becomes text: a trace's id, None for that of the span


class Rule(NamedTuple):
    """`topic` is a row of docs/routes.md, `says` what it tells there."""

    topic: str
    says: str
    apply: Callable


def add_attributes(span, tags):
    return replace(span, attributes={**span.attributes, **tags})


# ---- values ----------------------------------------------------------------------------------------------------------


def in_json(value):
    if value.type == "array":
        return [in_json(item) for item in value.value]
    if value.type == "map":
        return {key: in_json(member) for key, member in value.value}
    return value.value


def as_text(value):
    """As the specification's mapping for other formats has it."""
    if value.type in ("array", "map"):
        return json.dumps(in_json(value), separators=(",", ":"), ensure_ascii=False)
    if value.type == "bool":
        return "true" if value.value else "false"
    return "" if value.value is None else str(value.value)


def as_tag(value):
    """Jaeger keeps types that it has itself."""
    kept = value.type in ("string", "bool", "int", "bytes") or (
        value.type == "double" and value.value not in NAMED_DOUBLES
    )
    return value if kept else text(as_text(value))


def each(convert, values):
    return {key: convert(value) for key, value in values.items()}


def as_text_value(value):
    return text(as_text(value))


def typed_values(span):
    return replace(
        span,
        attributes=each(as_tag, span.attributes),
        resource=each(as_tag, span.resource),
        scope=span.scope._replace(attributes=each(as_tag, span.scope.attributes)),
        events=[event._replace(attributes=each(as_tag, event.attributes)) for event in span.events],
    )


def text_values(span):
    return replace(
        span,
        attributes=each(as_text_value, span.attributes),
        resource=each(as_text_value, span.resource),
        scope=span.scope._replace(attributes=each(as_text_value, span.scope.attributes)),
    )


# ---- what several routes have in common ------------------------------------------------------------------------------


def whole_microseconds(span, least=1):
    start = span.start // 1000 * 1000
    return replace(span, start=start, end=start + max((span.end - span.start) // 1000, least) * 1000)


def without_schema_url(span):
    return replace(span, scope=span.scope._replace(schema_url=""))


def event_times(span):
    return replace(span, events=[event._replace(time=event.time // 1000 * 1000) for event in span.events])


def scope_as_tags(span):
    tags = {}
    for key, value in (("name", span.scope.name), ("version", span.scope.version)):
        if value:
            tags.update({f"otel.scope.{key}": text(value), f"otel.library.{key}": text(value)})
    return replace(add_attributes(span, {**tags, **span.scope.attributes}), scope=None)


def without_flags(span):
    return replace(span, flags=None)


def count_tags(counts, make):
    return {key: make(count) for key, count in zip(COUNTS, counts) if count}


# ---- Jaeger's own protocols ------------------------------------------------------------------------------------------


def jaeger_kind(span):
    return replace(add_attributes(span, {"span.kind": text(KINDS[span.kind])}), kind=None)


def jaeger_status(span):
    tags = {"otel.status_code": text(CODES[span.status])} if span.status in CODES else {}
    if span.status == ERROR:
        tags["error"] = scene.boolean(True)
    if span.message:
        tags["otel.status_description"] = text(span.message)
    return replace(add_attributes(span, tags), status=None, message="")


def jaeger_tracestate(span):
    return replace(add_attributes(span, {"w3c.tracestate": text(span.tracestate)}), tracestate="")


def jaeger_counts(span):
    return replace(add_attributes(span, count_tags(span.dropped, integer)), dropped=(0, 0, 0))


def jaeger_event(event):
    fields = {**event.attributes, **count_tags([event.dropped], integer)}
    return Event("", event.time, {"event": text(event.name), **fields})


def jaeger_events(span):
    return replace(span, events=[jaeger_event(event) for event in span.events])


def is_to_parent(span, link):
    return link.trace is None and link.span == span.parent


def reference(link):
    child = link.attributes.get("opentracing.ref_type") == text("child_of")
    return Link(link.trace, link.span, type="CHILD_OF" if child else "FOLLOWS_FROM")


def link_log(span, link):
    fields = {
        "event": text("link"),
        "trace_id": Value(THE_TRACE, link.trace),
        "span_id": text(link.span),
        **link.attributes,
        **count_tags([link.dropped], integer),
    }
    if link.tracestate:
        fields["w3c.tracestate"] = text(link.tracestate)
    return Event("", span.start, fields)


def jaeger_links(span):
    telling = [link for link in span.links if link.attributes or link.tracestate or is_to_parent(span, link)]
    references = [reference(link) for link in span.links if not is_to_parent(span, link)]
    return replace(span, links=references, events=span.events + [link_log(span, link) for link in telling])


JAEGER = [
    Rule("times", "whole microseconds; a duration is one at least", lambda span: event_times(whole_microseconds(span))),
    Rule(
        "attribute values",
        "types stay; arrays and maps become JSON text, a double that is no number its name, an empty value empty text",
        typed_values,
    ),
    Rule("kind", "tag `span.kind`, `internal` too", jaeger_kind),
    Rule(
        "status",
        "tags `otel.status_code` and, of an error, `error`=true, which beats an attribute of that name, and "
        "`otel.status_description`",
        jaeger_status,
    ),
    Rule("tracestate", "tag `w3c.tracestate`", jaeger_tracestate),
    Rule("trace flags", "sampled only, and not shown", without_flags),
    Rule("schema URL", "left out", without_schema_url),
    Rule(
        "scope",
        "tags `otel.scope.name` and `.version`, the same as `otel.library.*`; its attributes are tags",
        scope_as_tags,
    ),
    Rule("counts of what was dropped", "tags `otel.dropped_*_count`, where not zero", jaeger_counts),
    Rule(
        "events",
        "logs whose field `event` is the name, unless an attribute of that name is; the count of dropped attributes is "
        "a field",
        jaeger_events,
    ),
    Rule(
        "links",
        "references, FOLLOWS_FROM unless the attribute `opentracing.ref_type` says child_of; what else a link "
        "tells, and one to the parent, is a log `event`=link",
        jaeger_links,
    ),
]
JAEGER_GRPC = [
    Rule(
        "times",
        "nanoseconds, of which Jaeger shows whole microseconds",
        lambda span: event_times(whole_microseconds(span, least=0)),
    ),
    *(rule for rule in JAEGER if rule.topic != "times"),
]

# ---- Zipkin's formats ------------------------------------------------------------------------------------------------


def zipkin_kind(span):
    return replace(span, kind=None if span.kind == INTERNAL else span.kind)


def zipkin_status(span):
    tags = {"otel.status_code": text(CODES[span.status])} if span.status in CODES else {}
    attributes = {key: value for key, value in span.attributes.items() if key != "error"}
    if span.status == ERROR:
        tags["error"] = text(span.message)
    return replace(span, attributes={**attributes, **tags}, status=None, message="")


def zipkin_annotation(event):
    members = {**each(in_json, event.attributes)}
    if event.dropped:
        members[COUNTS[0]] = event.dropped
    shown = f'"{event.name}": {json.dumps(members, separators=(",", ":"), ensure_ascii=False)}'
    return Event(shown if members else event.name, event.time)


def zipkin_events(span):
    return replace(span, events=[zipkin_annotation(event) for event in span.events])


def zipkin_counts(span):
    return replace(add_attributes(span, count_tags(span.dropped, lambda count: text(str(count)))), dropped=(0, 0, 0))


def zipkin_resource(span):
    return replace(add_attributes(span, span.resource), resource={})


def zipkin_peer(span):
    if span.kind not in (CLIENT, PRODUCER):
        return span
    told = each(as_text, span.attributes)
    if "peer.service" in told:
        return replace(span, peer={"serviceName": told["peer.service"]})
    address = told["network.peer.address"].replace("::ffff:", "")
    peer = {"ipv6" if ":" in address else "ipv4": address}
    if "network.peer.port" in told:
        peer["port"] = int(told["network.peer.port"])
    return replace(span, peer=peer)


def lower_case(span):
    peer = span.peer and {key: value.lower() if key == "serviceName" else value for key, value in span.peer.items()}
    return replace(span, name=span.name.lower(), service=span.service.lower(), peer=peer)


ZIPKIN_FORMAT = [
    Rule("times", "whole microseconds; a duration is one at least", lambda span: event_times(whole_microseconds(span))),
    Rule("peer", "the remote endpoint too, by the specification's ranking of attributes", zipkin_peer),
    Rule("events", 'annotations: the name, or `"name": {attributes}` with the count of dropped ones', zipkin_events),
    Rule("attribute values", "text: JSON for arrays and maps, base64 for bytes", text_values),
    Rule("kind", "none for internal", zipkin_kind),
    Rule(
        "status",
        "tags `otel.status_code` and, of an error, `error` with the description; otherwise there is no tag `error`, "
        "as that alone means a failure",
        zipkin_status,
    ),
    Rule("tracestate", "left out", lambda span: replace(span, tracestate="")),
    Rule("trace flags", "left out", without_flags),
    Rule("schema URL", "left out", without_schema_url),
    Rule(
        "scope",
        "tags `otel.scope.name` and `.version`, the same as `otel.library.*`; its attributes are tags",
        scope_as_tags,
    ),
    Rule("links", "left out", lambda span: replace(span, links=[])),
    Rule("counts of what was dropped", "tags `otel.dropped_*_count`, where not zero", zipkin_counts),
    Rule(
        "resource",
        "`service.name` is the local endpoint, the other attributes are tags of each span",
        zipkin_resource,
    ),
]
ZIPKIN = [*ZIPKIN_FORMAT, Rule("names", "of spans and services in lower case", lower_case)]

# ---- Zipkin's formats to Jaeger, which turns some of it back ---------------------------------------------------------


def take_tags(span, keys):
    taken = {key: span.attributes[key] for key in keys if key in span.attributes}
    left = {key: value for key, value in span.attributes.items() if key not in taken}
    return taken, replace(span, attributes=left)


def scope_again(span):
    """The newer names stay as tags beside it."""
    taken, span = take_tags(span, ("otel.library.name", "otel.library.version"))
    version = taken.get("otel.library.version", text("")).value
    return replace(span, scope=scene.Scope(taken["otel.library.name"].value, version))


def status_again(span):
    """Of the code itself nothing is left but by the tag `error`, so that OK is lost."""
    _, span = take_tags(span, ("otel.status_code",))
    return replace(span, status=ERROR if "error" in span.attributes else scene.UNSET)


def resource_again(span):
    """Those of some well-known names."""
    taken, span = take_tags(span, ("service.namespace", "process.pid"))
    return replace(span, resource=taken)


def peer_as_attributes(span):
    peer = span.peer or {}
    address = peer.get("ipv4") or peer.get("ipv6")
    tags = {"net.peer.ip": text(address)} if address else {}
    if "port" in peer:
        tags["net.peer.port"] = integer(peer["port"])
    return replace(add_attributes(span, tags), peer=None)


ZIPKIN_IN_JAEGER = [
    *ZIPKIN_FORMAT,
    Rule("scope", "Jaeger makes a scope of it again, and keeps tags `otel.scope.*`", scope_again),
    Rule("status", "Jaeger makes an error of it again, while OK is lost", status_again),
    Rule("resource", "Jaeger takes well-known names back", resource_again),
    Rule("peer", "Jaeger makes attributes `net.peer.*` of it", peer_as_attributes),
]

# ---- OTLP ------------------------------------------------------------------------------------------------------------

OTLP = [Rule("schema URL", "sent, and not shown by Jaeger", without_schema_url)]


def expected(rules, trace_id):
    """The whole table as it has to arrive, by span id. Within the trace, links name it."""
    spans = {}
    for span_id, span in scene.SPANS.items():
        for rule in rules:
            span = rule.apply(span)
        spans[span_id] = in_trace(span, trace_id)
    return spans


def in_trace(span, trace_id):
    def named(value):
        return text(value.value or trace_id) if value.type == THE_TRACE else value

    return replace(
        span,
        links=[link._replace(trace=link.trace or trace_id) for link in span.links],
        events=[event._replace(attributes=each(named, event.attributes)) for event in span.events],
    )
