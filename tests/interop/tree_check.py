# SPDX-License-Identifier: Apache-2.0
"""Compares a trace with what it should be. Every check returns a list of sentences, one for each difference.

Two kinds of check: what must hold in any trace (soundness: ids, parent links, flags, times), and what one trace must
look like (a tree of Want). tree_check_test.py shows that each of them notices when a good trace is spoiled.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Callable, List, Union

from spans import ERROR, HAS_IS_REMOTE, IS_REMOTE, UNSET, Value

FLAGS_KNOWN = 0xFF | HAS_IS_REMOTE | IS_REMOTE


def string(text):
    return Value("string", text)


def boolean(truth):
    return Value("bool", truth)


def integer(number):
    return Value("int", number)


def double(number):
    return Value("double", number)


def array(*values):
    return Value("array", values)


@dataclass
class Some:
    """A value of this type that cannot be known beforehand, such as a port, but can be told from a wrong one."""

    type: str
    means: str
    holds: Callable[[Any], bool]

    def __str__(self):
        return f"{self.type}: {self.means}"

    def __eq__(self, other):
        return isinstance(other, Value) and other.type == self.type and bool(self.holds(other.value))


Wanted = Union[Value, Some]


@dataclass
class WantEvent:
    name: str
    attributes: dict = field(default_factory=dict)


@dataclass
class WantLink:
    trace_id: str
    span_id: str
    attributes: dict = field(default_factory=dict)
    flags: int = 0
    trace_state: str = ""


@dataclass
class Want:
    service: str
    name: str
    kind: int
    attributes: dict = field(default_factory=dict)
    events: List[WantEvent] = field(default_factory=list)
    links: List[WantLink] = field(default_factory=list)
    status: int = UNSET
    status_message: Wanted = Value("string", "")
    children: List["Want"] = field(default_factory=list)


@dataclass
class Remote:
    """The span context that a request brought along from outside, and that the trace must continue."""

    trace_id: str
    span_id: str


@dataclass
class Surroundings:
    """What all spans of one trace have in common, or have from their service."""

    trace_flags: int
    resources: dict
    scopes: dict
    trace_state: str = ""
    remote: Union[Remote, None] = None
    earliest: int = 0
    latest: int = 2**63


def differences(label, found, wanted):
    return [] if wanted == found else [f"{label}: found {found}, wanted {wanted}"]


def attribute_differences(label, found, wanted):
    problems = []
    for key in sorted(set(found) | set(wanted)):
        if key not in wanted:
            problems.append(f"{label}: attribute {key} = {found[key]} is not expected")
        elif key not in found:
            problems.append(f"{label}: attribute {key} is missing, wanted {wanted[key]}")
        else:
            problems += differences(f"{label}: attribute {key}", found[key], wanted[key])
    return problems


# Soundness: what holds in every trace.


def structure_problems(spans, remote=None):
    """One trace, unique ids, one root (the only span whose parent may be missing here), and every span under it."""
    trace_ids = {span.trace_id for span in spans}
    if len(trace_ids) != 1:
        return [f"{len(trace_ids)} trace ids instead of one: {sorted(trace_ids)}"]
    if remote and trace_ids != {remote.trace_id}:
        return [f"the trace id is {trace_ids.pop()} and not the caller's {remote.trace_id}"]
    by_id = {span.span_id: span for span in spans}
    if len(by_id) != len(spans):
        ids = [span.span_id for span in spans]
        return [f"span id {twice} more than once" for twice in sorted(by_id) if ids.count(twice) > 1]
    roots = [span for span in spans if span.parent_id not in by_id]
    if len(roots) != 1:
        return [f"{len(roots)} spans without a parent in the trace instead of one: {', '.join(map(str, roots))}"]
    parent = remote.span_id if remote else ""
    problems = differences(f"{roots[0]}: parent span id", repr(roots[0].parent_id), repr(parent))
    lost = set(by_id) - {span.span_id for span in _under(roots[0], spans)}
    return problems + [f"{by_id[each]}: not connected with the root" for each in sorted(lost)]


def _under(root, spans):
    found, rest = [root], [root]
    while rest:
        parent = rest.pop()
        children = [span for span in spans if span.parent_id == parent.span_id]
        found += children
        rest += children
    return found


def time_problems(spans, earliest, latest):
    """Spans run forward and lie within their parents; events lie within their span, in the order recorded."""
    problems = []
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        if not earliest <= span.start < span.end <= latest:
            problems.append(f"{span}: not earliest < start < end < latest: {earliest} {span.start} {span.end} {latest}")
        parent = by_id.get(span.parent_id)
        if parent and span.start < parent.start:
            problems.append(f"{span}: starts {parent.start - span.start} ns before its parent {parent}")
        if parent and span.end > parent.end:
            problems.append(f"{span}: ends {span.end - parent.end} ns after its parent {parent}")
        problems += _event_time_problems(span)
    return problems


def _event_time_problems(span):
    problems = []
    previous = span.start
    for event in span.events:
        if event.time < previous:
            problems.append(f"{span}: event {event.name} lies {previous - event.time} ns before what precedes it")
        if event.time > span.end:
            problems.append(f"{span}: event {event.name} lies {event.time - span.end} ns after the span's end")
        previous = max(previous, event.time)
    return problems


def flag_problems(spans, trace_flags, remote=None):
    """The eight trace flags, that it is known whether the parent is remote, and whether it is: across a border only."""
    problems = []
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        parent = by_id.get(span.parent_id)
        from_elsewhere = parent.service != span.service if parent else remote is not None
        wanted = trace_flags | HAS_IS_REMOTE | (IS_REMOTE if from_elsewhere else 0)
        problems += differences(f"{span}: flags", hex(span.flags), hex(wanted))
        unknown = [link.flags for link in span.links if link.flags & ~FLAGS_KNOWN]
        problems += [f"{span}: unknown bits in the flags {flags:#x} of a link" for flags in unknown]
    return problems


def soundness_problems(spans, around):
    problems = structure_problems(spans, around.remote)
    if problems:
        return problems  # The other checks walk the tree and would repeat this in other words.
    problems += time_problems(spans, around.earliest, around.latest)
    problems += flag_problems(spans, around.trace_flags, around.remote)
    for span in spans:
        problems += differences(f"{span}: tracestate", repr(span.trace_state), repr(around.trace_state))
        problems += differences(f"{span}: dropped attributes, events and links", span.dropped, (0, 0, 0))
        dropped = sum(part.dropped for part in span.events + span.links)
        problems += differences(f"{span}: dropped attributes of events and links", dropped, 0)
        if span.status_message and span.status != ERROR:
            problems.append(f"{span}: a status message {span.status_message!r} without an error")
        problems += _origin_problems(span, around)
    return problems


def _origin_problems(span, around):
    if span.service not in around.resources:
        return [f"{span}: from a service that is not expected; expected are {', '.join(around.resources)}"]
    problems = attribute_differences(f"{span}: resource", span.resource, around.resources[span.service])
    name, version = around.scopes[span.service]
    problems += differences(f"{span}: scope name", repr(span.scope.name), repr(name))
    problems += differences(f"{span}: scope version", repr(span.scope.version), repr(version))
    return problems + attribute_differences(f"{span}: scope", span.scope.attributes, {})


# The tree: what this one trace looks like.


def _link_problems(label, found, wanted):
    problems = differences(f"{label}: number of links", len(found), len(wanted))
    for number, (link, want) in enumerate(zip(found, wanted), 1):
        each = f"{label}: link {number}"
        problems += differences(f"{each}: trace id", link.trace_id, want.trace_id)
        problems += differences(f"{each}: span id", link.span_id, want.span_id)
        problems += differences(f"{each}: flags", hex(link.flags), hex(want.flags))
        problems += differences(f"{each}: tracestate", repr(link.trace_state), repr(want.trace_state))
        problems += attribute_differences(each, link.attributes, want.attributes)
    return problems


def _event_problems(label, found, wanted):
    names, wanted_names = [event.name for event in found], [event.name for event in wanted]
    if names != wanted_names:
        return [f"{label}: events {names}, wanted in this order {wanted_names}"]
    problems = []
    for event, want in zip(found, wanted):
        problems += attribute_differences(f"{label}: event {event.name}", event.attributes, want.attributes)
    return problems


def span_problems(span, want):
    label = str(span)
    problems = differences(f"{label}: service", span.service, want.service)
    problems += differences(f"{label}: name", repr(span.name), repr(want.name))
    problems += differences(f"{label}: kind", span.kind, want.kind)
    problems += differences(f"{label}: status", span.status, want.status)
    problems += differences(f"{label}: status message", Value("string", span.status_message), want.status_message)
    problems += attribute_differences(label, span.attributes, want.attributes)
    problems += _event_problems(label, span.events, want.events)
    return problems + _link_problems(label, span.links, want.links)


def tree_problems(spans, want):
    """The whole tree under the root, children compared in the order in which they started."""
    by_id = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in by_id]
    if len(roots) != 1:
        return [f"{len(roots)} roots instead of one"]
    return _subtree_problems(roots[0], want, spans)


def _subtree_problems(span, want, spans):
    problems = span_problems(span, want)
    children = sorted((each for each in spans if each.parent_id == span.span_id), key=lambda each: each.start)
    if len(children) != len(want.children):
        names = [f"{child.service}: {child.name}" for child in children]
        wanted = [f"{child.service}: {child.name}" for child in want.children]
        return problems + [f"{span}: children {names}, wanted {wanted}"]
    for child, wanted in zip(children, want.children):
        problems += _subtree_problems(child, wanted, spans)
    return problems


def trace_problems(spans, want, around):
    """Everything that is wrong with one trace."""
    if not spans:
        return ["there is no such trace"]
    return soundness_problems(spans, around) or tree_problems(spans, want)


def shape(spans):
    """What makes a trace whole, without what differs between two requests of one kind."""
    return sorted((span.service, span.name, span.kind) for span in spans)


def partial_traces(traces, whole):
    """The traces (trace id to spans) that don't have exactly the spans of a whole one under one root."""
    problems = []
    for trace_id, spans in traces.items():
        missing, extra = Counter(whole) - Counter(shape(spans)), Counter(shape(spans)) - Counter(whole)
        ids = {span.span_id for span in spans}
        roots = sum(span.parent_id not in ids for span in spans)
        if missing or extra or roots != 1:
            problems.append(f"trace {trace_id}: {roots} roots, missing {_names(missing)}, too many {_names(extra)}")
    return problems


def _names(shapes):
    return [f"{service}: {name}" for service, name, _ in shapes.elements()]
