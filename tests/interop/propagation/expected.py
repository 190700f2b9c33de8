# SPDX-License-Identifier: Apache-2.0
"""What arrives of a context, by format and by who reads it. What is left out stands here with its reason."""

import re
from urllib.parse import quote_plus, unquote, unquote_plus

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LEVEL_1_KEY = re.compile(r"[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}")
SAMPLED = 1

NOTHING = {"trace_id": "", "span_id": "", "flags": 0, "remote": False, "tracestate": "", "baggage": []}


def _span(context, flags, tracestate=""):
    """What names a span; a context without one sends none."""
    if not context["trace_id"]:
        return NOTHING
    ids = {name: context[name] for name in ("trace_id", "span_id")}
    return {**NOTHING, **ids, "flags": context["flags"] & flags, "remote": True, "tracestate": tracestate}


def _level_1(tracestate):
    """Python and Go know the keys of level 1 only, and drop a list with any other as a whole, sending and receiving."""
    keys = [member.partition("=")[0] for member in tracestate.split(",")]
    return tracestate if all(LEVEL_1_KEY.fullmatch(key) for key in keys) else ""


def _tokens(entries):
    """Names that a header cannot express are not sent."""
    return [entry for entry in entries if TOKEN.fullmatch(entry[0])]


def _tracecontext(context):
    return _span(context, 3, _level_1(context["tracestate"]))


def _b3(context):
    """No tracestate, no baggage, and of the flags one."""
    return _span(context, SAMPLED)


def _baggage(context):
    return {**NOTHING, "baggage": _tokens(context["baggage"])}


# ---- what the other SDK sees of what we send -------------------------------------------------------------------------


def _baggage_in_python(context):
    """Python decodes names too, takes `+` for a space there, trims values, and takes metadata for a part of them."""
    entries = []
    for name, value, metadata in _tokens(context["baggage"]):
        whole = f"{value};{metadata}" if metadata else value
        entries.append([unquote_plus(name).strip(), whole.strip(), ""])
    return {**NOTHING, "baggage": entries}


def _jaeger_in_python(context):
    """Baggage comes with a span only, without metadata, and its values are trimmed."""
    entries = [[name, value.strip(), ""] for name, value, _ in _tokens(context["baggage"])]
    return {**_b3(context), "baggage": entries if context["trace_id"] else []}


THEIRS = {
    "python": {
        "tracecontext": _tracecontext,
        "baggage": _baggage_in_python,
        "b3": _b3,
        "b3multi": _b3,
        "jaeger": _jaeger_in_python,
    },
    # Go reads and writes no baggage of Jaeger's.
    "go": {"tracecontext": _tracecontext, "baggage": _baggage, "b3": _b3, "b3multi": _b3, "jaeger": _b3},
}


def theirs(sdk, form, context):
    return THEIRS[sdk][form](context)


# ---- what we see of what the other SDK sends -------------------------------------------------------------------------


def _baggage_of_python(context):
    """Python writes names in escapes, which the format does not have there, spaces as `+`, and no metadata."""
    entries = [[quote_plus(name), unquote(quote_plus(value)), ""] for name, value, _ in context["baggage"]]
    return {**NOTHING, "baggage": entries}


def _jaeger_of_python(context):
    """Baggage comes with a span only; names are sent as they are, and those that no header may have are not read."""
    entries = [[name, value, ""] for name, value, _ in _tokens(context["baggage"])]
    return {**_b3(context), "baggage": entries if context["trace_id"] else []}


OURS = {
    "python": {
        "tracecontext": _tracecontext,
        "baggage": _baggage_of_python,
        "b3": _b3,
        "b3multi": _b3,
        "jaeger": _jaeger_of_python,
    },
    "go": THEIRS["go"],
}


def ours(sdk, form, context):
    return OURS[sdk][form](context)


# ---- decisions beyond the sampled flag -------------------------------------------------------------------------------

# What comes out of the other SDK when this goes in. Python makes sampled of debug, and something of an open decision.
PASSED_ON = {
    "python": {
        ("b3", "debug"): "sampled",
        ("b3", "open"): "sampled",
        ("b3multi", "debug"): "sampled",
        ("b3multi", "open"): "not sampled",
    },
    "go": {(form, said): said for form, said in (("b3", "debug"), ("b3", "open"), ("b3multi", "debug"),
                                                ("b3multi", "open"), ("jaeger", "debug"))},
}


def decision(form, ids, said):
    """The headers that say so."""
    trace_id, span_id = ids
    state = {"debug": "d", "open": "", "sampled": "1", "not sampled": "0"}[said]
    if form == "jaeger":
        return [["uber-trace-id", f"{trace_id}:{span_id}:0:{'3' if said == 'debug' else state}"]]
    if form == "b3":
        return [["b3", "-".join(filter(None, (trace_id, span_id, state)))]]
    more = {"debug": [["x-b3-flags", "1"]], "open": []}.get(said, [["x-b3-sampled", state]])
    return [["x-b3-traceid", trace_id], ["x-b3-spanid", span_id], *more]
