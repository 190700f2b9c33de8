# SPDX-License-Identifier: Apache-2.0
"""The metrics that kalki's services expose (contract.tsv), and a service that exposes just those: a double of kalki.

Run as a program, it serves the double's /metrics: contract.py SERVICE PORT.
"""

import http.server
import itertools
import math
import sys
import time
from pathlib import Path
from typing import NamedTuple

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]


class Metric(NamedTuple):
    name: str
    kind: str
    labels: dict
    services: list

    @property
    def is_histogram(self):
        return self.kind.endswith("histogram")

    def series(self):
        """The names that the text format has for it."""
        return [self.name + end for end in ("_bucket", "_sum", "_count")] if self.is_histogram else [self.name]

    def label_sets(self):
        """Every combination of the labels' values."""
        for values in itertools.product(*self.labels.values()):
            yield dict(zip(self.labels, values))


def read():
    for line in (Path(__file__).parent / "contract.tsv").read_text().splitlines():
        if not line.startswith("#"):
            name, kind, labels, services = line.split("\t")
            pairs = (pair.split("=", 1) for pair in labels.split())
            yield Metric(name, kind, {key: values.split("|") for key, values in pairs}, services.split())


def _line(name, labels, value):
    # An empty label is no label, for Prometheus and here.
    inside = ",".join(f'{key}="{text}"' for key, text in labels.items() if text)
    return f"{name}{{{inside}}} {value:g}"


def _histogram(metric, labels, count):
    """As many in each bucket."""
    bounds = BOUNDS if metric.kind == "histogram" else []
    for position, bound in enumerate(bounds):
        share = (position + 1) / (len(bounds) + 1)
        yield _line(metric.name + "_bucket", {**labels, "le": f"{bound:g}"}, math.floor(count * share))
    yield _line(metric.name + "_bucket", {**labels, "le": "+Inf"}, count)
    yield _line(metric.name + "_sum", labels, count * 0.2)
    yield _line(metric.name + "_count", labels, count)


def exposition(service, seconds):
    """The text format. Counters grow with the seconds, so that rates are above zero."""
    for metric in read():
        if service not in metric.services:
            continue
        yield f"# TYPE {metric.name} {metric.kind.removeprefix('plain_')}"
        for number, labels in enumerate(metric.label_sets()):
            grown = math.floor(seconds * 20) + number
            if metric.is_histogram:
                yield from _histogram(metric, labels, grown)
            else:
                yield _line(metric.name, labels, grown if metric.kind == "counter" else 1 + number)


def serve(service, port):
    began = time.monotonic()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = "\n".join(exposition(service, time.monotonic() - began)).encode() + b"\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
