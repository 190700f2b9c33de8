#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The small samples, run as a user runs them: what they print, what spans they leave, and that they end well without
a collector.

usage: samples_test.py --bin FOLDER [--sanitize SANITIZERS] [unittest arguments]
"""

import argparse
import json
import os
import re
import subprocess
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

SAMPLES = ("basic", "threads", "event_loop", "prefork", "metrics", "logging", "custom_exporter", "custom_sampler")
RUN_SECONDS = 60

# A line of the console exporter: when, how long, kind, name, status and contents, ids, origin.
SPAN_LINE = re.compile(
    r"^\S+Z +(?P<duration>\S+)  (?P<kind>[A-Z]+) +\"(?P<name>[^\"]*)\"(?P<contents>.*)  trace=(?P<trace>[0-9a-f]{32}) "
    r"span=(?P<id>[0-9a-f]{16}) parent=(?P<parent>none|[0-9a-f]{16})(?P<remote>\(remote\))?  "
    r"service=\"(?P<service>[^\"]*)\" otel\.scope\.name=\"(?P<scope>[^\"]*)\" "
    r"otel\.scope\.version=\"(?P<version>[^\"]*)\" otel\.library\.name=\"(?P=scope)\" "
    r"otel\.library\.version=\"(?P=version)\"$"
)

options = None


@dataclass
class Span:
    kind: str
    name: str
    contents: str
    trace: str
    id: str
    parent: str
    remote: bool
    service: str
    scope: str


def run(sample, **settings):
    """Exit code and output of a sample, with no OpenTelemetry settings but these."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    command = [Path(options.bin) / sample]
    return subprocess.run(
        command,
        env={**env, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )


def spans_of(output):
    spans = []
    for match in filter(None, map(SPAN_LINE.match, output.splitlines())):
        part = match.groupdict()
        names = ("kind", "name", "contents", "trace", "id", "parent", "service", "scope")
        spans.append(Span(remote=bool(part["remote"]), **{name: part[name] for name in names}))
    return spans


class Samples(unittest.TestCase):
    def spans(self, sample):
        """The spans that a sample prints, and what it prints besides."""
        ended = run(sample, OTEL_TRACES_EXPORTER="console")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        spans = spans_of(ended.stdout)
        self.assertEqual(len({span.id for span in spans}), len(spans), ended.stdout)
        rest = [line for line in ended.stdout.splitlines() if not SPAN_LINE.match(line)]
        return spans, rest

    def only(self, spans, name):
        found = [span for span in spans if span.name == name]
        self.assertEqual(len(found), 1, f"{name} in {spans}")
        return found[0]

    def test_basic(self):
        spans, printed = self.spans("basic")
        self.assertEqual(printed, ["sending the trace: success"])
        self.assertEqual(len(spans), 2)
        outer, inner = self.only(spans, "check out"), self.only(spans, "charge card")
        self.assertEqual((outer.kind, outer.parent), ("INTERNAL", "none"))
        self.assertEqual((inner.kind, inner.parent, inner.trace), ("CLIENT", outer.id, outer.trace))
        self.assertIn('{"cart.id":"c-17","cart.items":3,"order.paid":false}', outer.contents)
        self.assertIn('otel.status_code=ERROR otel.status_description="the bank refused the card"', inner.contents)
        self.assertIn('"payment.amount":49.9,"error.type":"card_declined"', inner.contents)
        self.assertRegex(inner.contents, r'events=\[\+\S+ "card declined" {"payment\.attempt":1}\]')
        self.assertEqual({(span.service, span.scope) for span in spans}, {("shop", "shop.checkout")})

    def test_threads(self):
        spans, printed = self.spans("threads")
        self.assertEqual(sorted(printed[:3]), ["GET /cart/1: 200", "GET /cart/2: 500", "GET /cart/3: 500"])
        self.assertEqual(len(spans), 6)
        self.assertEqual({span.trace for span in spans}, {"0af7651916cd43dd8448eb211c80319c"})
        requests = {span.id: span for span in spans if span.name == "GET /cart"}
        selects = [span for span in spans if span.name == "SELECT carts"]
        origins = {(span.kind, span.parent, span.remote) for span in requests.values()}
        self.assertEqual(origins, {("SERVER", "00f067aa0ba902b7", True)})
        self.assertEqual({(span.kind, span.remote) for span in selects}, {("CLIENT", False)})
        self.assertEqual({span.parent for span in selects}, set(requests))
        for select in selects:
            request = requests[select.parent]
            works = '"url.path":"/cart/1"' in request.contents
            self.assertEqual("ERROR" in request.contents, not works, request)
            self.assertEqual('ERROR otel.status_description="the database is gone"' in select.contents, not works, select)
            if works:
                self.assertIn('"http.response.status_code":200,"cart.items":3', request.contents)

    def test_event_loop(self):
        spans, printed = self.spans("event_loop")
        # In which order is the machine's affair: the backend's threads sleep 10 ms more or less.
        self.assertCountEqual(printed[:3], [f"request {number} is answered" for number in range(3)])
        self.assertEqual(len(spans), 9)
        self.assertEqual(len({span.trace for span in spans}), 3)
        for trace in {span.trace for span in spans}:
            members = [span for span in spans if span.trace == trace]
            request = self.only(members, "GET")
            self.assertEqual((request.kind, request.parent), ("SERVER", "none"))
            self.assertEqual({self.only(members, name).parent for name in ("backend", "render")}, {request.id})
            self.assertIn('"reply sent"', self.only(members, "backend").contents)
            self.assertEqual(request.contents.strip(), self.only(members, "render").contents.strip())

    def test_prefork(self):
        if "thread" in options.sanitize:
            self.skipTest("ThreadSanitizer ends a forked child that starts a thread")
        if "address" in options.sanitize:
            self.skipTest("a child inherits AddressSanitizer's own locks from a thread that is just starting")
        spans, printed = self.spans("prefork")
        who = ("parent", "worker 0", "worker 1")
        self.assertEqual(sorted(printed), [f"{each}, sending its trace: success" for each in who])
        self.assertEqual(len(spans), 3)
        fork = self.only(spans, "fork workers")
        self.assertEqual(fork.parent, "none")
        work = [span for span in spans if span.name == "work"]
        self.assertEqual({(span.trace, span.parent, span.remote) for span in work}, {(fork.trace, fork.id, False)})
        workers = [re.search(r'{"worker.number":(\d),"worker.pid":(\d+)}', span.contents).groups() for span in work]
        self.assertEqual({number for number, _ in workers}, {"0", "1"})
        self.assertEqual(len({pid for _, pid in workers}), 2)

    def test_metrics(self):
        ended = run("metrics", OTEL_METRICS_EXPORTER="console", OTEL_TRACES_EXPORTER="none")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        *lines, last = ended.stdout.splitlines()
        self.assertEqual(last, "sending metrics and traces: success")
        loaves = [line for line in lines if '"bakery.loaves"' in line]
        counts = [re.search(r"  (\d+) {loaf}  ({.*?})", line).groups() for line in loaves]
        self.assertEqual(counts, [("4", '{"bread.kind":"rye"}'), ("8", '{"bread.kind":"wheat"}')])
        (batches,) = [line for line in lines if '"bakery.batch.duration"' in line]
        self.assertRegex(batches, r"  count=2 sum=\S+ min=\S+ max=\S+ s  .* exemplars=\[\S+ trace=[0-9a-f]{32} span=")
        (flour,) = [line for line in lines if '"bakery.flour"' in line]
        self.assertIn('GAUGE      "bakery.flour"  94000 g  ', flour)

    def test_logging(self):
        ended = run("logging", OTEL_TRACES_EXPORTER="console", OTEL_C_LOG_LEVEL="debug")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        (pay,) = spans_of(ended.stdout)
        own = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
        lines = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
        self.assertEqual(own, [f"shop: card declined trace_id={pay.trace} span_id={pay.id} trace_flags=03"])
        wanted = [line for line in lines if line["level"] != "ERROR" and line["logger"] == "shop.cart"]
        said = [(line["level"], line["message"]) for line in wanted]
        self.assertEqual(said, [("INFO", "open for business"), ("DEBUG", "asking the bank"), ("WARNING", "card declined")])
        (declined,) = [line for line in lines if line["level"] == "WARNING"]
        self.assertEqual((declined["trace_id"], declined["span_id"]), (pay.trace, pay.id))
        self.assertEqual(declined["fields"], {"bank": "north", "attempt": 3})
        written, suppressed, dropped = map(int, re.findall(r"(\d+) (?:lines|supp|drop)", ended.stdout))
        self.assertEqual((written, dropped), (len(lines), 0))
        self.assertGreaterEqual(suppressed, 1000 - 2 * 100, "one second may end in the middle")

    def test_custom_exporter(self):
        spans, printed = self.spans("custom_exporter")
        self.assertEqual(spans, [], "options in code beat the environment")
        counts = {line.split()[0]: line.split()[1:3] for line in printed if " spans, " in line}
        self.assertEqual(counts, {"loaf": ["1000", "spans,"], "bake": ["1", "spans,"]})
        self.assertEqual(printed[-1], "stopping: success")

    def test_custom_sampler(self):
        """2 of 100 orders are of important customers, and of the other 98 each tenth is kept, from the first on."""
        spans, _ = self.spans("custom_sampler")
        roots = [span for span in spans if span.parent == "none"]
        self.assertEqual({span.name for span in roots}, {"GET /orders"})
        reasons = [re.search(r'"sampling\.reason":"([^"]*)"', span.contents).group(1) for span in roots]
        self.assertEqual((reasons.count("important customer"), reasons.count("one of ten")), (2, 10))
        queries = [span for span in spans if span.name == "SELECT orders"]
        self.assertEqual({span.parent for span in queries}, {span.id for span in roots})
        self.assertEqual(len(spans), 24)

    def test_without_a_collector(self):
        """Nobody listens on the discard port: the samples say so, once, and end in time."""
        if options.with_curl != "ON":
            self.skipTest("without libcurl there is no exporter that could fail")
        for sample in SAMPLES:
            with self.subTest(sample):
                begin = time.monotonic()
                ended = run(sample, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
                self.assertEqual(ended.returncode, 0, ended.stderr)
                self.assertLess(time.monotonic() - begin, RUN_SECONDS / 2)
                if sample != "custom_exporter":
                    self.assertRegex(ended.stdout, r"sending ((the|its) traces?|metrics and traces): (export failed|timed out)")
                    self.assertIn("127.0.0.1:9", ended.stderr)

    def test_with_tracing_switched_off(self):
        for sample in SAMPLES:
            with self.subTest(sample):
                ended = run(sample, OTEL_SDK_DISABLED="true")
                self.assertEqual((ended.returncode, spans_of(ended.stdout)), (0, []), ended.stderr)
                self.assertIn("success", ended.stdout)


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--sanitize", default="", help="what the samples were built with")
    parser.add_argument("--with-curl", default="ON", help="whether there is an OTLP exporter")
    options, rest = parser.parse_known_args()
    unittest.main(argv=[__file__, "--verbose", *rest])


if __name__ == "__main__":
    main()
