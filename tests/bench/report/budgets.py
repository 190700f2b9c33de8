# SPDX-License-Identifier: Apache-2.0
"""The budgets: what each figure may be, as a ratio to another figure of the same run or as a count."""
import figures

BATCH = 512


def ratio(over, under):
    return None if over is None or not under else over / under


class Figures:
    """Medians of what was measured: of("ten", "process_ns"), of("ten", "process_ns", "rust")."""

    def __init__(self, results):
        self.results = results

    def of(self, workload, key, program="otel-c", **conditions):
        wanted = {"workload": workload, "program": program, "threads": 1, **conditions}
        found = [r[key] for r in self.results if key in r and all(r.get(k) == v for k, v in wanted.items())]
        return figures.middle(found) if found else None


def budgets(results, loss_free, allocations):
    """Rows of (what, measured, most, unit); `measured` None: not measured."""
    f = Figures(results)
    curl = f.of("curl", "peak_rss_kib")
    rss = f.of("ten", "peak_rss_kib")
    requests = f.of("ten", "requests")
    spans = f.of("ten", "spans")
    return [
        ("ten: producer / Rust's", ratio(f.of("ten", "producer_ns"), f.of("ten", "producer_ns", "rust")), 1 / 4, "x"),
        ("ten: process / Rust's", ratio(f.of("ten", "process_ns"), f.of("ten", "process_ns", "rust")), 1 / 4, "x"),
        ("spec: process / Rust's", ratio(f.of("spec", "process_ns"), f.of("spec", "process_ns", "rust")), 1 / 3, "x"),
        ("unsampled: producer / Rust's", ratio(f.of("unsampled", "producer_ns"), f.of("unsampled", "producer_ns", "rust")), 1 / 10, "x"),
        ("noop: producer / Go's", ratio(f.of("noop", "producer_ns"), f.of("noop", "producer_ns", "go")), 1 / 20, "x"),
        ("two producers: each / one alone", ratio(f.of("ten", "producer_ns", threads=2), f.of("ten", "producer_ns")), 1.5, "x"),
        ("ten: peak RSS above libcurl's", None if curl is None or rss is None else (rss - curl) / 1024, 3, "MB"),
        ("ten: rate without loss, at least", loss_free, -500000, "spans/s"),
        ("ten: requests / (spans / batch)", ratio(requests, spans and spans / BATCH), 1.2, "x"),
        ("idle: requests", f.of("idle", "idle_requests"), 0, ""),
        ("idle: wake-ups", f.of("idle", "idle_wakeups"), 0, ""),
        ("allocations: producer", allocations and allocations["producer"], 0, "a run"),
        ("allocations: worker, without libcurl's", allocations and allocations["worker"], 0, "a run"),
    ]


# What does not depend on the machine: missing it is an error.
COUNTED = ("ten: requests", "idle:", "allocations:")


def missed_counts(rows):
    return [what for what, measured, most, _ in rows if what.startswith(COUNTED) and verdict(measured, most) == "MISS"]


def verdict(measured, most):
    """A negative budget is a least."""
    if measured is None:
        return "not measured"
    return "pass" if (measured >= -most if most < 0 else measured <= most) else "MISS"


def number(value):
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3f}"


def print_budgets(rows):
    print(f"\n{'budget':<42} {'measured':>10} {'budget':>10}")
    for what, measured, most, unit in rows:
        print(f"{what:<42} {number(measured):>10} {number(abs(most)):>10} {unit:<8} {verdict(measured, most)}")


def as_json(rows):
    return [{"budget": what, "measured": measured, "most": most, "unit": unit, "verdict": verdict(measured, most)}
            for what, measured, most, unit in rows]
