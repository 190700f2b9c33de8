# SPDX-License-Identifier: Apache-2.0
"""Compares the form of a trace that Jaeger's page reads (/api/traces) with the spans that were stored.

The page shows nothing that is not in this form, and this form says some things in its own way: status and kind are
tags, the parent is a reference, times are microseconds, arrays are JSON text, integers beyond 2^53 are text.
"""

import json

from spans import CLIENT, CONSUMER, ERROR, INTERNAL, OK, PRODUCER, SERVER
from tree_check import attribute_differences, differences

_KINDS = {INTERNAL: "internal", SERVER: "server", CLIENT: "client", PRODUCER: "producer", CONSUMER: "consumer"}
_STATUS = {OK: "OK", ERROR: "ERROR"}
_TYPES = {"string": "string", "bool": "bool", "int": "int64", "double": "float64", "array": "string"}
_EXACT_IN_JSON = 2**53 - 1


def _plain(value):
    if value.type == "array":
        return [_plain(item) for item in value.value]
    whole = value.type == "double" and value.value.is_integer()
    return int(value.value) if whole else value.value  # Jaeger writes the double 1.0 as 1.


def _shown(value):
    if value.type == "array":
        return ("string", json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False))
    if value.type == "int" and abs(value.value) > _EXACT_IN_JSON:
        return ("int64", str(value.value))
    return (_TYPES[value.type], value.value)


def _tags(pairs):
    return {pair["key"]: (pair["type"], pair["value"]) for pair in pairs}


def _wanted_tags(span):
    tags = {key: _shown(value) for key, value in span.attributes.items()}
    tags["span.kind"] = ("string", _KINDS[span.kind])
    tags["otel.scope.name"] = ("string", span.scope.name)
    tags["otel.scope.version"] = ("string", span.scope.version)
    if span.trace_state:
        tags["w3c.tracestate"] = ("string", span.trace_state)
    if span.status in _STATUS:
        tags["otel.status_code"] = ("string", _STATUS[span.status])
    if span.status == ERROR:
        tags["error"] = ("bool", True)
    if span.status_message:
        tags["otel.status_description"] = ("string", span.status_message)
    return tags


def _wanted_log(event):
    fields = {"event": ("string", event.name)}
    fields.update({key: _shown(value) for key, value in event.attributes.items()})
    return fields


def _reference_problems(label, shown, span):
    found = sorted((each["refType"], each["traceID"], each["spanID"]) for each in shown["references"])
    wanted = [("FOLLOWS_FROM", link.trace_id, link.span_id) for link in span.links]
    if span.parent_id and (span.trace_id, span.parent_id) not in {(link.trace_id, link.span_id) for link in span.links}:
        wanted.append(("CHILD_OF", span.trace_id, span.parent_id))
    return differences(f"{label}: references", found, sorted(wanted))


def _log_problems(label, shown, span):
    problems = differences(f"{label}: number of logs", len(shown["logs"]), len(span.events))
    for log, event in zip(shown["logs"], span.events):
        each = f"{label}: log {event.name}"
        problems += attribute_differences(each, _tags(log["fields"]), _wanted_log(event))
        problems += differences(f"{each}: time", log["timestamp"], event.time // 1000)
    return problems


def _span_problems(shown, span, process, warnings_allowed):
    label = f"page of {span}"
    problems = differences(f"{label}: operation", shown["operationName"], span.name)
    problems += differences(f"{label}: start", shown["startTime"], span.start // 1000)
    problems += differences(f"{label}: duration", shown["duration"], (span.end - span.start) // 1000)
    if not warnings_allowed:
        problems += differences(f"{label}: warnings", shown["warnings"], None)
    problems += attribute_differences(label, _tags(shown["tags"]), _wanted_tags(span))
    problems += differences(f"{label}: process", process["serviceName"], span.service)
    resource = {key: _shown(value) for key, value in span.resource.items() if key != "service.name"}
    problems += attribute_differences(f"{label}: process", _tags(process["tags"]), resource)
    return problems + _reference_problems(label, shown, span) + _log_problems(label, shown, span)


def classic_problems(trace, spans, remote=None):
    """Differences between the classic form and the stored spans. Jaeger warns of a parent outside the trace."""
    if trace is None:
        return ["the page has no such trace"]
    shown = {each["spanID"]: each for each in trace["spans"]}
    if len(shown) != len(trace["spans"]) or set(shown) != {span.span_id for span in spans}:
        ids = [each["spanID"] for each in trace["spans"]]
        return [f"the page has the spans {ids}, stored are {list(map(str, spans))}"]
    problems = []
    for span in spans:
        of_page = shown[span.span_id]
        outside = remote is not None and span.parent_id == remote.span_id
        problems += _span_problems(of_page, span, trace["processes"][of_page["processID"]], outside)
    return problems
