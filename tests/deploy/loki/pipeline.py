# SPDX-License-Identifier: Apache-2.0
"""A double of promtail: takes a line through the stages that promtail.yaml uses, and refuses those that it does not know."""

import json
import re

import jmespath

TEMPLATE = re.compile(r"\{\{ if \.Value \}\}\{\{ \.Value \}\}\{\{ else \}\}(\w+)\{\{ end \}\}")


class Entry:
    def __init__(self, line, labels):
        self.line = line
        self.labels = dict(labels)
        self.metadata = {}
        self.time = None
        self.dropped = False
        self.extracted = {}


def _text(value):
    return value if isinstance(value, str) else json.dumps(value)


def _json(entry, options):
    try:
        document = json.loads(entry.line)
    except ValueError:
        return
    for name, expression in options["expressions"].items():
        value = jmespath.search(expression or name, document)
        if value is not None:
            entry.extracted[name] = _text(value)


def _named(entry, options, into):
    for name, source in options.items():
        value = entry.extracted.get(source or name)
        if value:
            into[name] = value


def _timestamp(entry, options):
    assert options["format"] == "RFC3339Nano", options
    value = entry.extracted.get(options["source"], "")
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", value):
        entry.time = value


def _template(entry, options):
    fallback = TEMPLATE.fullmatch(options["template"])
    assert fallback, f"no template that this double knows: {options}"
    entry.extracted.setdefault(options["source"], fallback.group(1))


def _output(entry, options):
    entry.line = entry.extracted.get(options["source"], entry.line)


def _labeldrop(entry, options):
    for name in options:
        entry.labels.pop(name, None)


def selected(labels, matchers):
    """Whether all of the matchers (name, operator, value) fit; a label that is missing is empty."""
    tests = {
        "=": lambda value, wanted: value == wanted,
        "!=": lambda value, wanted: value != wanted,
        "=~": lambda value, wanted: re.fullmatch(wanted, value) is not None,
        "!~": lambda value, wanted: re.fullmatch(wanted, value) is None,
    }
    return all(tests[operator](labels.get(name, ""), value) for name, operator, value in matchers)


def _match(entry, options):
    matchers = re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', options["selector"])
    assert matchers, options
    if not selected(entry.labels, matchers):
        return
    if options.get("action") == "drop":
        entry.dropped = True
    else:
        run(entry, options["stages"])


STAGES = {
    "json": _json,
    "labels": lambda entry, options: _named(entry, options, entry.labels),
    "structured_metadata": lambda entry, options: _named(entry, options, entry.metadata),
    "timestamp": _timestamp,
    "template": _template,
    "output": _output,
    "labeldrop": _labeldrop,
    "match": _match,
}


def run(entry, stages):
    for stage in stages:
        ((kind, options),) = stage.items()
        if not entry.dropped:
            STAGES[kind](entry, options)


def read(lines, config):
    """What Loki would be sent of these lines."""
    for line in lines:
        entry = Entry(line, {"filename": "/var/lib/docker/containers/0/0-json.log"})
        run(entry, config["pipeline_stages"])
        if not entry.dropped:
            yield entry
