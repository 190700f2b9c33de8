# SPDX-License-Identifier: Apache-2.0
"""The words in which dashboards are described, and the questions that come up again: rates, shares, percentiles.

A panel is made by stat(), graph(), table(), heat() or logs(): a title, what it asks (pairs of PromQL and legend), its unit.
In every query S stands for the choice at the top of the page, so that one dashboard serves all services.
"""

S = 'job=~"$service"'
WINDOW = "$__rate_interval"
# Probes come always and are quick: they would hide what users see.
WORK = ',http_route!~"/health.*"'

# What kalki promises: half of all requests, nineteen of twenty, and all but one of a hundred are answered within these.
TARGETS = {"p50": 0.1, "p95": 0.5, "p99": 2}
LATENCY = [("green", None), ("yellow", TARGETS["p50"]), ("orange", TARGETS["p95"]), ("red", TARGETS["p99"])]
SHARE = [("green", None), ("orange", 0.7), ("red", 0.8)]
FAILURES = [("green", None), ("red", 0.1)]
ANY = [("green", None), ("red", 1)]


def panel(kind, title, queries, unit, **more):
    return {"kind": kind, "title": title, "queries": queries, "unit": unit, **more}


def stat(title, query, unit, **more):
    return panel("stat", title, [(query, "{{job}}")], unit, **more)


def graph(title, queries, unit, **more):
    return panel("timeseries", title, queries, unit, **more)


def table(title, queries, unit, **more):
    """One line for each set of labels, one column for each query."""
    return panel("table", title, queries, unit, **more)


def heat(title, metric, unit, more=""):
    query = f"sum by (le) (increase({metric}_bucket{{{S}{more}}}[{WINDOW}]))"
    return panel("heatmap", title, [(query, "{{le}}")], unit)


def logs(title, query):
    return panel("logs", title, [(query, "")], "none")


def metric(name, more=""):
    return f"{name}{{{S}{more}}}"


def rate(name, by="job", more=""):
    return f"sum by ({by}) (rate({name}{{{S}{more}}}[{WINDOW}]))"


def percentile(name, share, by="", more=""):
    """Of a histogram: the seconds that this share of what happened took at most."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({name}_bucket{{{S}{more}}}[{WINDOW}])))"


def percentiles(title, name, by="", more="", **others):
    """The three that have a target, with the targets as colours."""
    label = f"{{{{{by}}}}} " if by else ""
    queries = [(percentile(name, share, by, more), f"{label}p{100 * share:.0f}") for share in (0.5, 0.95, 0.99)]
    return graph(title, queries, "s", thresholds=LATENCY, exemplars=True, **others)


def ratio(part, whole):
    return f"({part}) / ({whole})"


def or_zero(query):
    """For what seldom happens: nothing counted is a zero, not a gap; `on ()` keeps the zero out where there is something."""
    return f"({query}) or on () vector(0)"
