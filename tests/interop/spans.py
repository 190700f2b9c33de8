# SPDX-License-Identifier: Apache-2.0
"""Spans as Jaeger's query API tells them (OTLP JSON), turned into plain values that a test can compare.

Nothing is repaired on the way: what the encoding forbids (a key twice in one list, an unknown value member, an id that
is not hexadecimal) raises Malformed, so that a broken exporter cannot look like a good one.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Tuple

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
UNSET, OK, ERROR = 0, 1, 2

# Bits of Span.flags and Link.flags above the eight trace flags.
HAS_IS_REMOTE, IS_REMOTE = 0x100, 0x200


class Malformed(ValueError):
    """The answer is not OTLP JSON as the protocol defines it."""


class Value(NamedTuple):
    """An attribute value with its type, since in a trace the integer 1, the double 1.0 and true all differ."""

    type: str
    value: Any

    def __str__(self):
        if self.type == "array":
            return "[" + ", ".join(str(item) for item in self.value) + "]"
        return f"{self.type} {self.value!r}"


Attributes = Dict[str, Value]


@dataclass
class Event:
    name: str
    time: int
    attributes: Attributes
    dropped: int = 0


@dataclass
class Link:
    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    flags: int
    dropped: int = 0


@dataclass
class Scope:
    name: str
    version: str
    attributes: Attributes = field(default_factory=dict)


@dataclass
class Span:
    trace_id: str
    span_id: str
    parent_id: str
    trace_state: str
    flags: int
    name: str
    kind: int
    start: int
    end: int
    attributes: Attributes
    events: List[Event]
    links: List[Link]
    status: int
    status_message: str
    dropped: Tuple[int, int, int]  # attributes, events, links
    resource: Attributes
    scope: Scope

    @property
    def service(self):
        return self.resource.get("service.name", Value("empty", None)).value

    def __str__(self):
        return f"{self.service}: {self.name} [{self.span_id}]"


_SCALARS = {"stringValue": ("string", str), "boolValue": ("bool", bool), "bytesValue": ("bytes", str)}


def value_of(any_value):
    """One AnyValue. Int64 come as decimal text, doubles as numbers or as the names of the non-finite ones."""
    if not any_value:
        return Value("empty", None)
    if len(any_value) != 1:
        raise Malformed(f"a value with several members: {any_value}")
    [(member, content)] = any_value.items()
    if member in _SCALARS:
        name, kind = _SCALARS[member]
        if not isinstance(content, kind):
            raise Malformed(f"{member} holds {content!r}")
        return Value(name, content)
    if member == "intValue":
        return Value("int", int(content))
    if member == "doubleValue":
        return Value("double", float(content))
    if member == "arrayValue":
        return Value("array", tuple(value_of(item) for item in content.get("values", [])))
    if member == "kvlistValue":
        return Value("map", tuple(sorted(attributes_of(content.get("values", [])).items())))
    raise Malformed(f"a value of an unknown type: {any_value}")


def attributes_of(pairs):
    attributes = {}
    for pair in pairs:
        if pair["key"] in attributes:
            raise Malformed(f"the key {pair['key']!r} twice in one attribute list")
        attributes[pair["key"]] = value_of(pair.get("value", {}))
    return attributes


def _id(text, digits):
    if not re.fullmatch(f"[0-9a-f]{{{digits}}}", text) or set(text) == {"0"}:
        raise Malformed(f"{text!r} is not an id of {digits} hexadecimal digits that are not all zero")
    return text


def _event(event):
    return Event(
        name=event.get("name", ""),
        time=int(event.get("timeUnixNano", 0)),
        attributes=attributes_of(event.get("attributes", [])),
        dropped=event.get("droppedAttributesCount", 0),
    )


def _link(link):
    return Link(
        trace_id=_id(link["traceId"], 32),
        span_id=_id(link["spanId"], 16),
        trace_state=link.get("traceState", ""),
        attributes=attributes_of(link.get("attributes", [])),
        flags=link.get("flags", 0),
        dropped=link.get("droppedAttributesCount", 0),
    )


_DROPPED = ("droppedAttributesCount", "droppedEventsCount", "droppedLinksCount")


def _span(span, resource, scope):
    parent = span.get("parentSpanId", "")
    return Span(
        trace_id=_id(span["traceId"], 32),
        span_id=_id(span["spanId"], 16),
        parent_id=_id(parent, 16) if parent else "",
        trace_state=span.get("traceState", ""),
        flags=span.get("flags", 0),
        name=span.get("name", ""),
        kind=span.get("kind", 0),
        start=int(span.get("startTimeUnixNano", 0)),
        end=int(span.get("endTimeUnixNano", 0)),
        attributes=attributes_of(span.get("attributes", [])),
        events=[_event(event) for event in span.get("events", [])],
        links=[_link(link) for link in span.get("links", [])],
        status=span.get("status", {}).get("code", UNSET),
        status_message=span.get("status", {}).get("message", ""),
        dropped=tuple(span.get(count, 0) for count in _DROPPED),
        resource=resource,
        scope=scope,
    )


def _scope(scope):
    return Scope(scope.get("name", ""), scope.get("version", ""), attributes_of(scope.get("attributes", [])))


def spans_of(traces_data):
    """Every span of an OTLP TracesData, in the order told."""
    spans = []
    for resource_spans in traces_data.get("resourceSpans", []):
        resource = attributes_of(resource_spans.get("resource", {}).get("attributes", []))
        for scope_spans in resource_spans.get("scopeSpans", []):
            scope = _scope(scope_spans.get("scope", {}))
            spans += [_span(span, resource, scope) for span in scope_spans.get("spans", [])]
    return spans


def by_trace(spans):
    traces = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    return traces
