# SPDX-License-Identifier: Apache-2.0
"""What `route_spans` sends, as one table: rules.py says what becomes of it by each route."""

from dataclasses import dataclass, field
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from spans import CLIENT, CONSUMER, ERROR, INTERNAL, OK, PRODUCER, SERVER, UNSET, Value

START = 1700000000123456789
TRACESTATE = "vendor=1,other=2"
OTHER_TRACE = "09090900000000000000000000000000"

# Trace flags (sampled, random), and OTLP's bits for what is known of the parent or of the far end of a link.
FROM_HERE, FROM_AFAR = 0x103, 0x303


def trace_id(number):
    return f"fedcba98765432100123456789abcd{number:02x}"


def span_id(number):
    return f"{number * 0x21:02x}" * 8


class Event(NamedTuple):
    name: str
    time: int
    attributes: Dict[str, Value] = {}
    dropped: int = 0


class Link(NamedTuple):
    """`trace` is None within the trace; `type` is what Jaeger calls a reference."""

    trace: Optional[str]
    span: str
    tracestate: str = ""
    attributes: Dict[str, Value] = {}
    flags: Optional[int] = None
    dropped: int = 0
    type: Optional[str] = None


class Scope(NamedTuple):
    name: str
    version: str = ""
    attributes: Dict[str, Value] = {}
    schema_url: str = ""


def text(value):
    return Value("string", value)


def integer(value):
    return Value("int", value)


def double(value):
    """What is no number goes by its name, as that is equal to itself."""
    return Value("double", value)


def boolean(value):
    return Value("bool", value)


def octets(base64):
    return Value("bytes", base64)


def array(*items):
    return Value("array", items)


def mapping(**members):
    return Value("map", tuple(sorted(members.items())))


NONE = Value("empty", None)

PLAIN = Scope("plain")
RESOURCE = {
    "service.namespace": text("corner"),
    "process.pid": integer(4242),
    "resource.bools": array(boolean(True), boolean(False)),
}


@dataclass(frozen=True)
class Span:
    """Times are nanoseconds; `dropped` counts attributes, events, links. None: the route has no place for it."""

    name: str
    parent: str
    kind: Optional[int]
    start: int
    end: int
    status: Optional[int] = UNSET
    message: str = ""
    tracestate: str = TRACESTATE
    flags: Optional[int] = FROM_HERE
    attributes: Dict[str, Value] = field(default_factory=dict)
    events: List[Event] = field(default_factory=list)
    links: List[Link] = field(default_factory=list)
    dropped: Tuple[int, int, int] = (0, 0, 0)
    scope: Optional[Scope] = PLAIN
    service: str = "Shop"
    resource: Dict[str, Value] = field(default_factory=lambda: RESOURCE)
    peer: Optional[Dict[str, Any]] = None  # the remote endpoint, which Zipkin has apart from attributes


def lasting_5_ms(number, name, kind, parent=span_id(1), **more):
    start = START + (number - 1) * 1000
    return Span(name, parent, kind, start, start + 5000000, **more)


SPANS = {
    span_id(1): lasting_5_ms(
        1,
        "GET /€",
        SERVER,
        parent="ee" * 8,  # of another service: not part of what is sent
        flags=FROM_AFAR,
        status=ERROR,
        message="disk full",
        attributes={
            "string": text('naïve "quoted"\n\x01'),
            "empty": text(""),
            "none": NONE,
            "true": boolean(True),
            "false": boolean(False),
            "int": integer(-42),
            "large": integer(-(2**63)),
            "double": double(1234567.25),
            "nan": double("NaN"),
            "infinite": double("-Infinity"),
            "bytes": octets("/wAB"),
            "bools": array(boolean(True), boolean(False)),
            "ints": array(integer(1), integer(-2)),
            "doubles": array(double(0.5), double("NaN")),
            "array": array(text('a"'), integer(1), NONE),
            "map": mapping(deep=array(double("Infinity")), raw=octets("/w==")),
            "error": text("mine"),
        },
        events=[
            Event("plain", START + 1000000),
            Event("full", START + 2000000, {"key": text("könig"), "tries": integer(3)}),
            Event("named otherwise", START + 3000000, {"event": text("mine"), "n": integer(1)}, dropped=1),
        ],
        dropped=(1, 2, 0),
        scope=Scope("shop.api", "1.2", {"scope.attribute": integer(3)}, "https://example.test/shop"),
    ),
    span_id(2): lasting_5_ms(
        2,
        "SELECT",
        CLIENT,
        status=OK,
        attributes={
            "network.peer.address": text("::ffff:10.1.2.3"),
            "network.peer.port": integer(5432),
            "db.name": text("orders"),
        },
    ),
    span_id(3): lasting_5_ms(
        3,
        "Call",
        CLIENT,
        attributes={"network.peer.address": text("2001:db8::7"), "error": boolean(False)},
    ),
    span_id(4): lasting_5_ms(
        4,
        "send",
        PRODUCER,
        attributes={"peer.service": text("Queue")},
        links=[
            Link(OTHER_TRACE, "55" * 8, flags=FROM_AFAR),
            Link(None, span_id(2), TRACESTATE, {"why": text("batch")}, FROM_HERE),
            Link(
                OTHER_TRACE,
                "66" * 8,
                "b=2",
                {"opentracing.ref_type": text("child_of"), "n": integer(1)},
                FROM_AFAR,
                dropped=1,
            ),
            Link(None, span_id(1), TRACESTATE, flags=FROM_HERE),
        ],
        dropped=(0, 0, 1),
    ),
    # Shorter than a microsecond.
    span_id(5): Span("receive", span_id(4), CONSUMER, START + 4000, START + 4999, status=ERROR),
    span_id(6): lasting_5_ms(6, "", INTERNAL),
}
