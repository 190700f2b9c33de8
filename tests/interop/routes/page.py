# SPDX-License-Identifier: Apache-2.0
"""docs/routes.md, made of what routes_test.py compares with."""

import json

import rules
import scene
from routes import FAMILIES, IN_CODE, ROUTES, ZIPKIN_IN_JAEGER

INTRODUCTION = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by tests/interop/routes/rules_test.py, of what the test interop/routes compares with: do not edit. -->
# What arrives by which route

The same spans reach a backend by several protocols, of which only OTLP has a place for all of a span. This page says what
becomes of the rest. It is no promise on paper: a test sends one trace that shows every feature by each of these routes to
the real Jaeger and the real Zipkin, and compares each field that their query APIs return with what is said here.
"""

TOPICS = """
## What becomes of a span
Names, ids, parents and what has no row here arrive as they are. "as it is": the backend's query API returns just what was
recorded.

"""

VALUES = """
## What becomes of values
Attributes of one span, one of each type; those of events, scopes and resources likewise.

"""


ORDER = (
    "names",
    "kind",
    "times",
    "status",
    "tracestate",
    "trace flags",
    "attribute values",
    "events",
    "links",
    "counts of what was dropped",
    "scope",
    "schema URL",
    "resource",
    "peer",
)


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def table(*lines):
    head, *rest = lines
    return "\n".join([row(*head), "|---" * len(head) + "|", *(row(*line) for line in rest)]) + "\n"


def settings_of(route):
    """Without the endpoints, which are each user's own."""
    shown = [f"`{name}={value}`" for name, value in route.settings.items() if "{" not in value and "HOST" not in name]
    shown += [f"`{IN_CODE[argument]}` in code" for argument in route.arguments]
    return " ".join(shown)


def routes():
    head = ("route", "settings", "to the real")
    return "\n## Routes\n\n" + table(
        head, *((f"`{route.name}`", settings_of(route), route.family.server.capitalize()) for route in ROUTES)
    )


def cell(family, topic):
    told = [rule.says for rule in family.rules if rule.topic == topic]
    if family is ZIPKIN_IN_JAEGER:
        inherited = [rule.says for rule in ZIPKIN_IN_JAEGER.rules if rule in rules.ZIPKIN and rule.topic == topic]
        told = ["as to Zipkin"] * bool(inherited) + told[len(inherited) :]
    return "; then ".join(told) or "as it is"


def topics():
    head = ("", *(family.title for family in FAMILIES))
    return TOPICS + table(head, *((topic, *(cell(family, topic) for family in FAMILIES)) for topic in ORDER))


def plain(value):
    if value.type in ("array", "map"):
        return json.dumps(rules.in_json(value), ensure_ascii=False)
    return json.dumps(value.value, ensure_ascii=False)


def shown(value):
    return "nothing" if value.value is None else f"{value.type} `{plain(value)}`".replace("|", "\\|")


def values():
    first = scene.span_id(1)
    told = [rules.expected(family.rules, scene.trace_id(0))[first].attributes for family in FAMILIES]
    lines = [
        (shown(value), *("as it is" if each[key] == value else shown(each[key]) for each in told))
        for key, value in scene.SPANS[first].attributes.items()
        if key != "error"
    ]
    return VALUES + table(("recorded", *(family.title for family in FAMILIES)), *lines)


def page():
    return INTRODUCTION + routes() + topics() + values()
