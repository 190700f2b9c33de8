# SPDX-License-Identifier: Apache-2.0
"""What `jaeger_spans scene` sends, whichever the protocol: the one table that all receivers are compared with."""

from typing import NamedTuple

TRACE = "fedcba98765432100123456789abcdef"
OTHER = "09090900000000000000000000000000"
IDS = ["a001000000000000", "0000000000000002", "0303000000000000", "0404000000000000", "0505000000000000"]
START = 1700000000123456
SERVICE = "shop"


class Span(NamedTuple):
    """Tags and fields are (key, type, value), in the order in which they are sent; times are microseconds."""

    name: str
    parent: str
    start: int
    duration: int
    references: list  # (type, trace id, span id), without the parent
    tags: list
    logs: list  # (time, fields)
    flags: int = 1


def text(key, value):
    return (key, "string", value)


def number(key, value):
    return (key, "int64", value)


def scope(name, version=None):
    kinds = [("name", name)] + ([("version", version)] if version else [])
    return [text(f"otel.{prefix}.{kind}", value) for prefix in ("scope", "library") for kind, value in kinds]


def link(trace, span, *more):
    return [text("event", "link"), text("trace_id", trace), text("span_id", span), *more]


PROCESS_TAGS = [text("service.version", "7"), number("process.pid", 4242), text("resource.bools", "[true,false]")]

SPANS = {
    IDS[0]: Span(
        "GET /€",
        None,
        START,
        10000,
        [],
        [
            text("span.kind", "server"),
            ("error", "bool", True),
            text("w3c.tracestate", "vendor=1,other=2"),
            *scope("shop.api", "1.2"),
            text("otel.status_code", "ERROR"),
            text("otel.status_description", "out of tea"),
            number("otel.dropped_attributes_count", 1),
            number("otel.dropped_events_count", 2),
            number("otel.dropped_links_count", 3),
            text("string", 'text " \n'),
            text("empty", ""),
            ("true", "bool", True),
            ("false", "bool", False),
            number("int", -42),
            number("large", 2**63 - 1),
            ("double", "float64", 2.5),
            text("nan", "NaN"),
            text("minus", "-Infinity"),
            ("bytes", "binary", b"\x00\x01\xfe\xff"),
            text("none", ""),
            text("texts", '["a","\\""]'),
            text("bools", "[true,false]"),
            text("ints", "[1,-2]"),
            text("doubles", '[0.5,"NaN"]'),
            text("map", '{"n":1,"deep":[1,-2]}'),
            text("scope.attribute", "yes"),
        ],
        [
            (
                START + 1000,
                [
                    number("otel.dropped_attributes_count", 2),
                    text("key", "könig"),
                    number("tries", 3),
                    text("event", "cache miss"),
                ],
            ),
            (START + 2000, [text("event", "mine")]),
        ],
    ),
    IDS[1]: Span(
        "SELECT",
        IDS[0],
        START + 1,
        5000,
        [],
        [text("span.kind", "client"), *scope("plain"), text("otel.status_code", "OK")],
        [],
    ),
    IDS[2]: Span(
        "send",
        IDS[0],
        START + 2,
        5000,
        [("FOLLOWS_FROM", OTHER, IDS[4]), ("FOLLOWS_FROM", TRACE, IDS[1]), ("CHILD_OF", OTHER, IDS[4])],
        [text("span.kind", "producer"), *scope("plain")],
        [
            (START + 2, link(TRACE, IDS[1], text("w3c.tracestate", "b=2"), text("why", "batch"))),
            (
                START + 2,
                link(
                    OTHER,
                    IDS[4],
                    number("otel.dropped_attributes_count", 1),
                    text("opentracing.ref_type", "child_of"),
                ),
            ),
            (START + 2, link(TRACE, IDS[0])),
        ],
    ),
    # Shorter than a microsecond.
    IDS[3]: Span("receive", IDS[0], START + 3, 1, [], [text("span.kind", "consumer"), *scope("plain")], []),
    IDS[4]: Span("work", IDS[0], START + 4, 5000, [], [text("span.kind", "internal"), *scope("plain")], []),
}
