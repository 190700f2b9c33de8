#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checks of the interop tests, checked: a good trace passes them, and no way of spoiling it goes unnoticed.

The good trace is the shortest that has everything: two services, a remote parent, every type of attribute, events, a
link, an error. Each spoiling changes one thing in the answer Jaeger would give and names what must be complained about.
"""

import copy
import unittest

from classic_check import classic_problems
from spans import CLIENT, ERROR, INTERNAL, SERVER, Malformed, spans_of
from tree_check import (
    Remote,
    Some,
    Surroundings,
    Want,
    WantEvent,
    WantLink,
    array,
    boolean,
    double,
    integer,
    partial_traces,
    shape,
    string,
    trace_problems,
)

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER_TRACE = "1af7651916cd43dd8448eb211c80319c"
CALLER, ROOT, CALL, SERVED, STEP = "00f067aa0ba902b7", "a0" * 8, "b0" * 8, "c0" * 8, "d0" * 8
T0 = 1_700_000_000_000_000_000
STATE = "vendor=1"


def pair(key, **value):
    return {"key": key, "value": value}


def resource_spans(service, spans):
    return {
        "resource": {"attributes": [pair("service.name", stringValue=service)]},
        "scopeSpans": [{"scope": {"name": service + ".scope", "version": "1.2"}, "spans": spans}],
    }


def a_span(span_id, parent, name, kind, start, end, flags, **more):
    return {
        "traceId": TRACE,
        "spanId": span_id,
        "parentSpanId": parent,
        "traceState": STATE,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(T0 + start),
        "endTimeUnixNano": str(T0 + end),
        "flags": flags,
        "attributes": [],
        "events": [],
        "links": [],
        "status": {},
        **more,
    }


def good():
    """What Jaeger answers for the good trace."""
    step = a_span(STEP, SERVED, "rank", INTERNAL, 3000, 6000, 0x101)
    step["attributes"] = [
        pair("s", stringValue="text"),
        pair("b", boolValue=True),
        pair("i", intValue="7"),
        pair("d", doubleValue=1),
        pair("ss", arrayValue={"values": [{"stringValue": "x"}, {"stringValue": "y"}]}),
        pair("is", arrayValue={"values": [{"intValue": "1"}, {"intValue": "2"}]}),
        pair("port", intValue="8080"),
    ]
    step["events"] = [
        {"name": "second by name", "timeUnixNano": str(T0 + 4000), "attributes": [pair("k", stringValue="v")]},
        {"name": "first by name", "timeUnixNano": str(T0 + 5000), "attributes": []},
    ]
    step["links"] = [
        {"traceId": OTHER_TRACE, "spanId": ROOT, "flags": 0x101, "attributes": [pair("why", stringValue="cached")]}
    ]
    step["status"] = {"code": ERROR, "message": "broken"}
    return {
        "resourceSpans": [
            resource_spans(
                "front",
                [
                    a_span(ROOT, CALLER, "GET /a", SERVER, 0, 9000, 0x301),
                    a_span(CALL, ROOT, "GET", CLIENT, 1000, 8000, 0x101),
                ],
            ),
            resource_spans("back", [a_span(SERVED, CALL, "GET /b", SERVER, 2000, 7000, 0x301), step]),
        ]
    }


WANT = Want(
    "front",
    "GET /a",
    SERVER,
    children=[
        Want(
            "front",
            "GET",
            CLIENT,
            children=[
                Want(
                    "back",
                    "GET /b",
                    SERVER,
                    children=[
                        Want(
                            "back",
                            "rank",
                            INTERNAL,
                            attributes={
                                "s": string("text"),
                                "b": boolean(True),
                                "i": integer(7),
                                "d": double(1.0),
                                "ss": array(string("x"), string("y")),
                                "is": array(integer(1), integer(2)),
                                "port": Some("int", "a port", lambda port: 0 < port < 65536),
                            },
                            events=[WantEvent("second by name", {"k": string("v")}), WantEvent("first by name")],
                            links=[WantLink(OTHER_TRACE, ROOT, {"why": string("cached")}, flags=0x101)],
                            status=ERROR,
                            status_message=string("broken"),
                        )
                    ],
                )
            ],
        )
    ],
)

AROUND = Surroundings(
    trace_flags=0x01,
    resources={name: {"service.name": string(name)} for name in ("front", "back")},
    scopes={name: (name + ".scope", "1.2") for name in ("front", "back")},
    trace_state=STATE,
    remote=Remote(TRACE, CALLER),
    earliest=T0,
    latest=T0 + 10000,
)


def span_in(data, span_id):
    for each in data["resourceSpans"]:
        for scope in each["scopeSpans"]:
            for span in scope["spans"]:
                if span["spanId"] == span_id:
                    return span
    raise KeyError(span_id)


def spans_list(data, service_index):
    return data["resourceSpans"][service_index]["scopeSpans"][0]["spans"]


def put(span_id, **fields):
    """A spoiling that overwrites fields of one span."""
    return lambda data: span_in(data, span_id).update(fields)


def put_value(key, **value):
    """A spoiling that gives one attribute of the innermost span another value."""

    def spoil(data):
        [found] = [each for each in span_in(data, STEP)["attributes"] if each["key"] == key]
        found["value"] = value

    return spoil


def put_event(number, **fields):
    return lambda data: span_in(data, STEP)["events"][number].update(fields)


def put_link(**fields):
    return lambda data: span_in(data, STEP)["links"][0].update(fields)


def put_origin(service_index, part, **fields):
    def spoil(data):
        each = data["resourceSpans"][service_index]
        (each["resource"] if part == "resource" else each["scopeSpans"][0]["scope"]).update(fields)

    return spoil


def at(offset):
    return str(T0 + offset)


def remove(service_index, number):
    return lambda data: spans_list(data, service_index).pop(number)


def repeat(service_index, number):
    return lambda data: spans_list(data, service_index).append(copy.deepcopy(spans_list(data, service_index)[number]))


def swap_events(data):
    events = span_in(data, STEP)["events"]
    events[0]["timeUnixNano"], events[1]["timeUnixNano"] = events[1]["timeUnixNano"], events[0]["timeUnixNano"]
    events.reverse()


def cycle(data):
    span_in(data, SERVED)["parentSpanId"] = STEP


def made_in_the_other_service(data):
    step = spans_list(data, 1).pop(1)
    step["flags"] = 0x301
    spans_list(data, 0).append(step)


SPOILINGS = {
    # ids and parent links
    "another trace id in one span": (put(SERVED, traceId=OTHER_TRACE), "2 trace ids"),
    "the same span twice": (repeat(1, 1), "more than once"),
    "the caller's span forgotten": (put(ROOT, parentSpanId=""), "parent span id"),
    "another remote parent": (put(ROOT, parentSpanId=STEP[::-1]), "parent span id"),
    "a parent that is not there": (put(SERVED, parentSpanId="ee" * 8), "2 spans without a parent"),
    "no parent across the border": (put(SERVED, parentSpanId=""), "2 spans without a parent"),
    "a cycle": (cycle, "not connected"),
    "the root lost": (remove(0, 0), "parent span id"),
    "the client span lost": (remove(0, 1), "2 spans without a parent"),
    "a leaf lost": (remove(1, 1), "children"),
    "a child under the wrong parent": (put(STEP, parentSpanId=CALL, flags=0x301), "children"),
    # times
    "end before start": (put(STEP, endTimeUnixNano=at(2999)), "start < end"),
    "end at start": (put(STEP, endTimeUnixNano=at(3000)), "start < end"),
    "start before the test": (put(ROOT, startTimeUnixNano=at(-1)), "earliest < start"),
    "end after the test": (put(ROOT, endTimeUnixNano=at(10001)), "earliest < start"),
    "a child that starts 1 ns too early": (put(STEP, startTimeUnixNano=at(1999)), "1 ns before its parent"),
    "a child that ends 1 ns too late": (put(STEP, endTimeUnixNano=at(7001)), "1 ns after its parent"),
    "a served span that starts before the call": (put(SERVED, startTimeUnixNano=at(999)), "1 ns before its parent"),
    "a served span that ends after the call": (put(SERVED, endTimeUnixNano=at(8001)), "1 ns after its parent"),
    "an event before its span": (put_event(0, timeUnixNano=at(2999)), "1 ns before what precedes it"),
    "an event after its span": (put_event(1, timeUnixNano=at(6001)), "1 ns after the span's end"),
    "an event before the one recorded before it": (put_event(1, timeUnixNano=at(3999)), "1 ns before what precedes"),
    # flags and tracestate
    "sampled flag lost": (put(SERVED, flags=0x300), "flags: found 0x300"),
    "random flag added": (put(SERVED, flags=0x303), "flags: found 0x303"),
    "remote not known": (put(STEP, flags=0x001), "flags: found 0x1"),
    "local parent called remote": (put(CALL, flags=0x301), "flags: found 0x301"),
    "remote parent called local": (put(SERVED, flags=0x101), "flags: found 0x101"),
    "caller called local": (put(ROOT, flags=0x101), "flags: found 0x101"),
    "a reserved bit": (put(STEP, flags=0x501), "flags: found 0x501"),
    "tracestate lost in one span": (put(STEP, traceState=""), "tracestate"),
    # what the spans say
    "another name": (put(CALL, name="POST"), "name"),
    "another kind": (put(CALL, kind=INTERNAL), "kind"),
    "kind left out": (put(CALL, kind=0), "kind"),
    "status lost": (put(STEP, status={}), "status"),
    "status on another span": (put(CALL, status={"code": ERROR}), "status"),
    "status message lost": (put(STEP, status={"code": ERROR}), "status message"),
    "message without error": (put(CALL, status={"message": "m"}), "without an error"),
    "attributes lost": (put(STEP, attributes=[]), "is missing"),
    "an attribute too many": (put(CALL, attributes=[pair("x", stringValue="")]), "is not expected"),
    "text of another value": (put_value("s", stringValue="Text"), "attribute s"),
    "text as bytes": (put_value("s", bytesValue="dGV4dA=="), "attribute s"),
    "an empty value": (put_value("s"), "attribute s"),
    "false for true": (put_value("b", boolValue=False), "attribute b"),
    "integer for boolean": (put_value("b", intValue="1"), "attribute b"),
    "another integer": (put_value("i", intValue="8"), "attribute i"),
    "double for integer": (put_value("i", doubleValue=7), "attribute i"),
    "text for integer": (put_value("i", stringValue="7"), "attribute i"),
    "integer for double": (put_value("d", intValue="1"), "attribute d"),
    "another double": (put_value("d", doubleValue=1.0000000000000002), "attribute d"),
    "a port out of range": (put_value("port", intValue="0"), "attribute port"),
    "a port as text": (put_value("port", stringValue="8080"), "attribute port"),
    "an array cut": (put_value("ss", arrayValue={"values": [{"stringValue": "x"}]}), "attribute ss"),
    "an array turned round": (
        put_value("ss", arrayValue={"values": [{"stringValue": "y"}, {"stringValue": "x"}]}),
        "attribute ss",
    ),
    "doubles in an array of integers": (
        put_value("is", arrayValue={"values": [{"doubleValue": 1}, {"doubleValue": 2}]}),
        "attribute is",
    ),
    # events
    "events sorted by name": (swap_events, "in this order"),
    "an event lost": (lambda data: span_in(data, STEP)["events"].pop(), "in this order"),
    "an event too many": (put(CALL, events=[{"name": "x", "timeUnixNano": at(2000)}]), "in this order"),
    "an event's name": (put_event(0, name="x"), "in this order"),
    "an event's attribute lost": (put_event(0, attributes=[]), "is missing"),
    "an event's attribute too many": (put_event(1, attributes=[pair("x", boolValue=True)]), "is not expected"),
    # links
    "the link lost": (put(STEP, links=[]), "number of links"),
    "another linked trace": (put_link(traceId=TRACE), "link 1: trace id"),
    "another linked span": (put_link(spanId=STEP), "link 1: span id"),
    "the link's attribute lost": (put_link(attributes=[]), "link 1: attribute why is missing"),
    "the link's flags lost": (put_link(flags=0), "link 1: flags"),
    "a reserved bit in the link": (put_link(flags=0x501), "unknown bits"),
    "a tracestate in the link": (put_link(traceState="a=b"), "link 1: tracestate"),
    # what was dropped
    "a dropped attribute": (put(STEP, droppedAttributesCount=1), "dropped"),
    "a dropped event": (put(STEP, droppedEventsCount=1), "dropped"),
    "a dropped link": (put(STEP, droppedLinksCount=1), "dropped"),
    "an event's dropped attribute": (put_event(0, droppedAttributesCount=1), "dropped"),
    "the link's dropped attribute": (put_link(droppedAttributesCount=1), "dropped"),
    # resource and scope
    "a span made in the other service": (made_in_the_other_service, "service: found front"),
    "another service": (
        put_origin(1, "resource", attributes=[pair("service.name", stringValue="other")]),
        "service that is not expected",
    ),
    "no service name": (put_origin(1, "resource", attributes=[]), "service that is not expected"),
    "a resource attribute too many": (
        put_origin(1, "resource", attributes=[pair("service.name", stringValue="back"), pair("x", intValue="1")]),
        "resource: attribute x",
    ),
    "the other service's resource": (
        put_origin(1, "resource", attributes=[pair("service.name", stringValue="front")]),
        "flags",
    ),
    "the scope's name": (put_origin(1, "scope", name=""), "scope name"),
    "the scope's version": (put_origin(1, "scope", version="1.20"), "scope version"),
    "a scope attribute": (put_origin(1, "scope", attributes=[pair("x", intValue="1")]), "scope: attribute x"),
}

MALFORMED = {
    "a key twice in a span": put(CALL, attributes=[pair("k", intValue="1"), pair("k", intValue="1")]),
    "a key twice in an event": put_event(0, attributes=[pair("k", intValue="1"), pair("k", intValue="2")]),
    "a value of two types": put_value("s", stringValue="text", intValue="1"),
    "a value of an unknown type": put_value("s", stringValueStrindex=1),
    "a boolean that is none": put_value("b", boolValue=1),
    "a short trace id": put(CALL, traceId=TRACE[:16]),
    "a trace id of zeros": put(CALL, traceId="0" * 32),
    "a span id of zeros": put(CALL, spanId="0" * 16),
    "a parent id of zeros": put(ROOT, parentSpanId="0" * 16),
    "a span id in upper case": put(CALL, spanId=CALL.upper()),
    "a link to zeros": put_link(spanId="0" * 16),
}


def spoiled(spoil):
    data = good()
    spoil(data)
    return data


class TraceChecks(unittest.TestCase):
    def test_good_trace_passes(self):
        self.assertEqual(trace_problems(spans_of(good()), WANT, AROUND), [])

    def test_order_of_the_answer_does_not_matter(self):
        data = good()
        data["resourceSpans"].reverse()
        for each in (0, 1):
            spans_list(data, each).reverse()
        self.assertEqual(trace_problems(spans_of(data), WANT, AROUND), [])

    def test_no_trace_is_noticed(self):
        self.assertEqual(trace_problems([], WANT, AROUND), ["there is no such trace"])

    def test_every_spoiling_is_noticed(self):
        for name, (spoil, complaint) in SPOILINGS.items():
            with self.subTest(name):
                problems = trace_problems(spans_of(spoiled(spoil)), WANT, AROUND)
                self.assertTrue(any(complaint in problem for problem in problems), f"{complaint!r} not in {problems}")

    def test_what_the_encoding_forbids_is_refused(self):
        for name, spoil in MALFORMED.items():
            with self.subTest(name), self.assertRaises(Malformed):
                spans_of(spoiled(spoil))

    def test_a_continued_trace_must_be_the_callers(self):
        around = copy.copy(AROUND)
        around.remote = Remote(OTHER_TRACE, CALLER)
        self.assertIn("not the caller's", trace_problems(spans_of(good()), WANT, around)[0])

    def test_a_new_trace_must_not_have_a_parent(self):
        around = copy.copy(AROUND)
        around.remote = None
        self.assertIn("parent span id", trace_problems(spans_of(good()), WANT, around)[0])

    def test_children_are_compared_in_the_order_of_their_start(self):
        data, want = good(), copy.deepcopy(WANT)
        spans_list(data, 0).append(a_span("e0" * 8, ROOT, "after", INTERNAL, 8100, 8200, 0x101))
        want.children.append(Want("front", "after", INTERNAL))
        self.assertEqual(trace_problems(spans_of(data), want, AROUND), [])
        want.children.reverse()
        self.assertNotEqual(trace_problems(spans_of(data), want, AROUND), [])


class PartialTraces(unittest.TestCase):
    whole = shape(spans_of(good()))

    def test_whole_traces_pass(self):
        self.assertEqual(partial_traces({TRACE: spans_of(good())}, self.whole), [])

    def test_any_lost_span_is_noticed(self):
        for service_index, number in ((0, 0), (0, 1), (1, 0), (1, 1)):
            with self.subTest(f"span {number} of service {service_index}"):
                spans = spans_of(spoiled(remove(service_index, number)))
                self.assertEqual(len(partial_traces({TRACE: spans}, self.whole)), 1)

    def test_a_span_too_many_is_noticed(self):
        spans = spans_of(spoiled(repeat(1, 1)))
        self.assertEqual(len(partial_traces({TRACE: spans}, self.whole)), 1)

    def test_a_broken_parent_link_is_noticed(self):
        spans = spans_of(spoiled(put(SERVED, parentSpanId="ee" * 8)))
        self.assertEqual(len(partial_traces({TRACE: spans}, self.whole)), 1)


def tag(key, kind, value):
    return {"key": key, "type": kind, "value": value}


def page_span(span_id, parent, name, start, duration, process, kind, **more):
    own = [
        tag("span.kind", "string", kind),
        tag("otel.scope.name", "string", ("front" if process == "p1" else "back") + ".scope"),
        tag("otel.scope.version", "string", "1.2"),
        tag("w3c.tracestate", "string", STATE),
    ]
    return {
        "spanID": span_id,
        "operationName": name,
        "references": [{"refType": "CHILD_OF", "traceID": TRACE, "spanID": parent}],
        "startTime": T0 // 1000 + start,
        "duration": duration,
        "tags": own + more.get("tags", []),
        "logs": more.get("logs", []),
        "processID": process,
        "warnings": more.get("warnings"),
    }


def good_page():
    """The good trace as Jaeger's page reads it."""
    step = page_span(
        STEP,
        SERVED,
        "rank",
        3,
        3,
        "p2",
        "internal",
        tags=[
            tag("s", "string", "text"),
            tag("b", "bool", True),
            tag("i", "int64", 7),
            tag("d", "float64", 1),
            tag("ss", "string", '["x","y"]'),
            tag("is", "string", "[1,2]"),
            tag("port", "int64", 8080),
            tag("error", "bool", True),
            tag("otel.status_code", "string", "ERROR"),
            tag("otel.status_description", "string", "broken"),
        ],
        logs=[
            {
                "timestamp": T0 // 1000 + 4,
                "fields": [tag("event", "string", "second by name"), tag("k", "string", "v")],
            },
            {"timestamp": T0 // 1000 + 5, "fields": [tag("event", "string", "first by name")]},
        ],
    )
    step["references"].append({"refType": "FOLLOWS_FROM", "traceID": OTHER_TRACE, "spanID": ROOT})
    return {
        "spans": [
            page_span(ROOT, CALLER, "GET /a", 0, 9, "p1", "server", warnings=["invalid parent span IDs"]),
            page_span(CALL, ROOT, "GET", 1, 7, "p1", "client"),
            page_span(SERVED, CALL, "GET /b", 2, 5, "p2", "server"),
            step,
        ],
        "processes": {"p1": {"serviceName": "front", "tags": []}, "p2": {"serviceName": "back", "tags": []}},
    }


PAGE_SPOILINGS = {
    "a span lost": lambda page: page["spans"].pop(),
    "a span twice": lambda page: page["spans"].append(page["spans"][0]),
    "another name": lambda page: page["spans"][1].update(operationName="x"),
    "a start 1 us off": lambda page: page["spans"][1].update(startTime=page["spans"][1]["startTime"] + 1),
    "another duration": lambda page: page["spans"][1].update(duration=8),
    "a warning": lambda page: page["spans"][1].update(warnings=["clock skew"]),
    "no parent": lambda page: page["spans"][1].update(references=[]),
    "no link": lambda page: page["spans"][3]["references"].pop(),
    "a tag lost": lambda page: page["spans"][3]["tags"].pop(),
    "a tag of another type": lambda page: page["spans"][3]["tags"][6].update(type="float64"),
    "a tag of another value": lambda page: page["spans"][3]["tags"][6].update(value=8),
    "a log lost": lambda page: page["spans"][3]["logs"].pop(),
    "logs turned round": lambda page: page["spans"][3]["logs"].reverse(),
    "a log's field lost": lambda page: page["spans"][3]["logs"][0]["fields"].pop(),
    "a log's time": lambda page: page["spans"][3]["logs"][0].update(timestamp=T0 // 1000),
    "another process": lambda page: page["spans"][3].update(processID="p1"),
    "a process tag": lambda page: page["processes"]["p2"]["tags"].append(tag("x", "string", "y")),
}


class PageChecks(unittest.TestCase):
    def problems(self, page):
        return classic_problems(page, spans_of(good()), AROUND.remote)

    def test_good_page_passes(self):
        self.assertEqual(self.problems(good_page()), [])

    def test_no_page_is_noticed(self):
        self.assertNotEqual(self.problems(None), [])

    def test_every_spoiling_is_noticed(self):
        for name, spoil in PAGE_SPOILINGS.items():
            with self.subTest(name):
                page = good_page()
                spoil(page)
                self.assertNotEqual(self.problems(page), [])


if __name__ == "__main__":
    unittest.main()
