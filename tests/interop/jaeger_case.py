# SPDX-License-Identifier: Apache-2.0
"""What tests of the sample services against the real Jaeger have in common: the two, the comparison, the command line.

usage: NAME_test.py --bin FOLDER --version VERSION --logs FOLDER [unittest arguments]

FOLDER of --bin holds kalki-gateway and kalki-query, VERSION is the one of the SDK in them, and the logs of a failed
test stay in the folder of --logs. Exit code 77: Jaeger cannot be had on this machine (jaeger/build says why).
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import unittest
from pathlib import Path

import kalki_trees
from classic_check import classic_problems
from jaeger_server import Jaeger
from kalki_services import Kalki
from spans import by_trace
from tree_check import Surroundings, trace_problems

HERE = Path(__file__).resolve().parent
SHOWN = 25  # differences of one kind

SAMPLED, RANDOM = 0x01, 0x02

# Where Jaeger puts what it finds odd about a span.
WARNINGS = "@jaeger@warnings"

options = None
jaeger_program = None


class KalkiInJaeger(unittest.TestCase):
    """Each test has a Jaeger of its own, so that everything in it comes from this test."""

    def setUp(self):
        self.logs = Path(options.logs) / self.id().partition(".")[2]
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.jaeger = self.within(self.start_jaeger())
        self.earliest = time.time_ns()
        self.when = {}  # when a trace's request was sent and answered

    def start_jaeger(self):
        return Jaeger(jaeger_program, self.logs)

    def run(self, result=None):
        """Keeps the logs of a failed test only."""
        bad_before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) == bad_before:
            shutil.rmtree(self.logs, ignore_errors=True)
        else:
            print(f"The logs are in {self.logs}", file=sys.stderr)

    def within(self, context):
        """Enters a context that is left when the test ends, however it ends."""
        entered = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return entered

    def none_of(self, problems, what):
        if problems:
            shown = "\n  ".join(problems[:SHOWN])
            more = f"\n  ... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
            self.fail(f"{what}: {len(problems)} differences\n  {shown}{more}")

    def kalki(self, **settings):
        return self.within(Kalki(Path(options.bin), self.logs, self.jaeger.endpoints["http"], **settings))

    def stop(self, kalki):
        """Both must end cleanly, with every span accounted for and none lost."""
        self.none_of(kalki.stop(), "stopping the services")
        self.none_of(kalki.ledger_problems(), "the services' ledgers")

    def get(self, kalki, path, status, headers=kalki_trees.HEADERS):
        """The trace id of a request that must be answered with this status."""
        sent = time.time_ns()
        answer = kalki.get(path, headers)
        self.when[answer.trace_id] = (sent, time.time_ns())
        self.assertEqual(answer.status, status)
        return answer.trace_id

    def traces(self):
        """What Jaeger has from both services, by trace id; the roots of kalki-query's start apart, as spans."""
        spans = {}
        for service in kalki_trees.SERVICES:
            spans.update(((span.trace_id, span.span_id), span) for span in self.jaeger.find_spans(service))
        starts = [span for span in spans.values() if span.name == kalki_trees.BUILD_INDEX]
        start_traces = {span.trace_id for span in starts}
        return by_trace(span for span in spans.values() if span.trace_id not in start_traces), starts

    def index_span(self):
        """The span of kalki-query's start, which every ranking links to."""
        _, starts = self.traces()
        self.assertEqual(len(starts), 1, f"spans of kalki-query's start: {list(map(str, starts))}")
        self.check_trace(starts[0].trace_id, kalki_trees.build_index())
        return starts[0]

    def check_only_trace(self, trace_id):
        traces, _ = self.traces()
        self.assertEqual(set(traces), {trace_id}, "traces of requests in Jaeger")

    def surroundings(self, trace_id=None, trace_flags=SAMPLED | RANDOM, **more):
        earliest, latest = self.when.get(trace_id, (self.earliest, time.time_ns()))
        return Surroundings(
            trace_flags=trace_flags,
            resources=kalki_trees.resources(options.version),
            scopes=kalki_trees.SCOPES,
            earliest=earliest,
            latest=latest,
            **more,
        )

    def check_trace(self, trace_id, want, **more):
        """The trace as stored, as Jaeger's page reads it, and without any warning of Jaeger's."""
        around = self.surroundings(trace_id, **more)
        spans = self.jaeger.spans(trace_id)
        self.none_of(trace_problems(spans, want, around), f"trace {trace_id}")
        page = self.jaeger.classic_trace(trace_id)
        self.none_of(classic_problems(page, spans, around.remote), f"trace {trace_id} in the page's form")
        warned = [
            f"{span}: {span.attributes[WARNINGS]}"
            for span in self.jaeger.adjusted_spans(trace_id)
            if WARNINGS in span.attributes and not (around.remote and span.parent_id == around.remote.span_id)
        ]
        self.none_of(warned, f"Jaeger's warnings about trace {trace_id}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--logs", required=True)
    return parser.parse_known_args()


def need(program):
    """Ends this program as skipped, or with CI=true as failed, where there is no such command."""
    if not shutil.which(program):
        print(f"SKIPPED: no {program} command", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)


def main():
    """Runs the tests of the program that was started."""
    global options, jaeger_program
    options, rest = parse_arguments()
    build = subprocess.run([HERE / "jaeger" / "build"], stdout=subprocess.PIPE, text=True, check=False)
    if build.returncode != 0:
        sys.exit(build.returncode)
    jaeger_program = build.stdout.strip()
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])
