#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample services send to the real Jaeger, and what Jaeger's query API gives back is compared with what they did.

usage: jaeger_test.py --bin FOLDER --version VERSION --logs FOLDER [unittest arguments]

FOLDER of --bin holds kalki-gateway and kalki-query, VERSION is the one of the SDK in them, and the logs of a failed
test stay in the folder of --logs. Exit code 77: Jaeger cannot be had on this machine (jaeger/build says why).
"""

import argparse
import math
import random
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
from kalki_trees import NOTHING, SQUALL
from processes import wait_until
from spans import by_trace
from tree_check import Remote, Surroundings, partial_traces, shape, soundness_problems, trace_problems

HERE = Path(__file__).resolve().parent
ARRIVAL_SECONDS = 30
SHOWN = 25  # differences of one kind

SAMPLED, RANDOM = 0x01, 0x02
RATIO_TRACES = 2000
RATIO_DEVIATIONS = 4
# What a ratio sampler writes into the tracestate: the least 56-bit randomness it keeps, without trailing zeros.
THRESHOLDS = {"0": None, "0.1": "e666", "1": "0"}

# Where Jaeger puts what it finds odd about a span.
WARNINGS = "@jaeger@warnings"

options = None
jaeger_program = None


def traceparent(remote, flags):
    return f"00-{remote.trace_id}-{remote.span_id}-{flags:02x}"


def random_remote(source=random):
    return Remote(f"{source.getrandbits(128) | 1:032x}", f"{source.getrandbits(64) | 1:016x}")


def searches_from(remotes):
    """One search for each remote parent, every second of which says that it was sampled."""
    return [(SQUALL.path, {"traceparent": traceparent(remote, number % 2)}) for number, remote in enumerate(remotes)]


class KalkiInJaeger(unittest.TestCase):
    """Each test has a Jaeger of its own, so that everything in it comes from this test."""

    def setUp(self):
        self.logs = Path(options.logs) / self.id().rpartition(".")[2]
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.jaeger = self.within(Jaeger(jaeger_program, self.logs))
        self.earliest = time.time_ns()
        self.when = {}  # when a trace's request was sent and answered

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
        return self.within(Kalki(Path(options.bin), self.logs, self.jaeger.otlp_endpoint, **settings))

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
        """What Jaeger has from both services, by trace id; the traces of kalki-query's start apart, as spans."""
        spans = {}
        for service in kalki_trees.SERVICES:
            spans.update(((span.trace_id, span.span_id), span) for span in self.jaeger.find_spans(service))
        starts = [span for span in spans.values() if span.name == kalki_trees.BUILD_INDEX]
        return by_trace(span for span in spans.values() if span not in starts), starts

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


class Trees(KalkiInJaeger):
    """Single requests, each compared with the whole tree that it must leave."""

    def test_search_shows_up_while_the_services_run(self):
        kalki = self.kalki()
        trace_id = self.get(kalki, SQUALL.path, 200)

        def whole_trace():
            return shape(self.jaeger.spans(trace_id)) == kalki_trees.WHOLE_SEARCH

        wait_until(whole_trace, ARRIVAL_SECONDS, f"the trace {trace_id} in Jaeger")
        self.check_trace(trace_id, kalki_trees.found(kalki, SQUALL, self.index_span()))
        self.stop(kalki)
        self.check_only_trace(trace_id)

    def test_nothing_is_lost_when_the_services_are_ended_at_once(self):
        kalki = self.kalki(OTEL_BSP_SCHEDULE_DELAY="60000")
        trace_id = self.get(kalki, SQUALL.path, 200)
        self.stop(kalki)
        self.check_only_trace(trace_id)
        self.check_trace(trace_id, kalki_trees.found(kalki, SQUALL, self.index_span()))

    def test_batches_of_one_span_bring_the_same(self):
        kalki = self.kalki(OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1")
        trace_id = self.get(kalki, SQUALL.path, 200)
        self.stop(kalki)
        self.check_trace(trace_id, kalki_trees.found(kalki, SQUALL, self.index_span()))

    def test_json_brings_the_same(self):
        kalki = self.kalki(OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
        trace_id = self.get(kalki, SQUALL.path, 200)
        self.stop(kalki)
        self.check_trace(trace_id, kalki_trees.found(kalki, SQUALL, self.index_span()))

    def test_search_that_finds_nothing(self):
        kalki = self.kalki()
        trace_id = self.get(kalki, NOTHING.path, 200)
        self.stop(kalki)
        self.check_trace(trace_id, kalki_trees.found(kalki, NOTHING, self.index_span()))

    def test_failing_searches(self):
        kalki = self.kalki()
        failures = [
            (SQUALL, kalki_trees.CORRUPT),
            (SQUALL, kalki_trees.TIMEOUT),
            (kalki_trees.FAIL, kalki_trees.CORRUPT_BY_WORD),
        ]
        trace_ids = [
            self.get(kalki, search.path + failure.argument, failure.gateway_status) for search, failure in failures
        ]
        self.stop(kalki)
        for trace_id, (search, failure) in zip(trace_ids, failures):
            with self.subTest(search.query + failure.argument):
                self.check_trace(trace_id, kalki_trees.failed(kalki, search, failure))

    def test_request_without_a_search(self):
        kalki = self.kalki()
        trace_id = self.get(kalki, "/search", 400)
        self.stop(kalki)
        self.check_trace(trace_id, kalki_trees.refused(kalki))

    def test_query_service_down(self):
        kalki = self.kalki()
        self.none_of(kalki.stop("kalki-query"), "stopping kalki-query")
        trace_id = self.get(kalki, SQUALL.path, 502)
        self.stop(kalki)
        self.check_trace(trace_id, kalki_trees.unreachable(kalki, SQUALL))

    def test_traces_hold_every_attribute_type(self):
        """The trees compared above would prove less if the samples no longer carried all of these."""
        kalki = self.kalki()
        trace_id = self.get(kalki, SQUALL.path, 200)
        self.stop(kalki)
        spans = self.jaeger.spans(trace_id)
        values = [value for span in spans for value in span.attributes.values()]
        scalars = {"string", "bool", "int", "double"}
        self.assertLessEqual(scalars | {"array"}, {value.type for value in values})
        self.assertLessEqual(scalars, {value.value[0].type for value in values if value.type == "array"})
        self.assertTrue(any(span.links for span in spans), "no link")
        self.assertTrue(any(len(span.events) > 1 for span in spans), "no two events, whose order would show")


class FromOutside(KalkiInJaeger):
    """Requests that bring a trace along."""

    def check_continues(self, flags, tracestate=None):
        remote = random_remote()
        headers = {**kalki_trees.HEADERS, "traceparent": traceparent(remote, flags)}
        if tracestate:
            headers["tracestate"] = tracestate
        kalki = self.kalki()
        self.assertEqual(self.get(kalki, SQUALL.path, 200, headers), remote.trace_id)
        self.stop(kalki)
        self.check_only_trace(remote.trace_id)
        want = kalki_trees.found(kalki, SQUALL, self.index_span())
        self.check_trace(remote.trace_id, want, trace_flags=flags, trace_state=tracestate or "", remote=remote)

    def test_sampled_trace_is_continued_with_its_tracestate(self):
        self.check_continues(SAMPLED, "vendor=t61rcWkgMzE,tenant@system=1:2;3")

    def test_random_flag_is_kept(self):
        self.check_continues(SAMPLED | RANDOM)

    def test_unsampled_trace_leaves_nothing(self):
        remotes = {flags: random_remote() for flags in (0, RANDOM)}
        kalki = self.kalki()
        for flags, remote in remotes.items():
            self.get(kalki, SQUALL.path, 200, {"traceparent": traceparent(remote, flags)})
        sampled = self.get(kalki, SQUALL.path, 200)
        self.stop(kalki)
        self.check_only_trace(sampled)

    def test_damaged_traceparent_begins_a_new_trace(self):
        remote = random_remote()
        damaged = traceparent(Remote(remote.trace_id, "0" * 16), SAMPLED)
        headers = {**kalki_trees.HEADERS, "traceparent": damaged, "tracestate": "vendor=1"}
        kalki = self.kalki()
        trace_id = self.get(kalki, SQUALL.path, 200, headers)
        self.stop(kalki)
        self.assertNotEqual(trace_id, remote.trace_id)
        self.check_only_trace(trace_id)
        self.check_trace(trace_id, kalki_trees.found(kalki, SQUALL, self.index_span()))


class Ratios(KalkiInJaeger):
    """Both ratio samplers over many traces: how many arrive, and that each of them is whole."""

    def send(self, sampler, ratio, requests):
        """The traces of these requests that arrived, none of them in part."""
        kalki = self.kalki(OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=ratio)
        answers = kalki.get_all(requests)
        self.stop(kalki)
        self.assertEqual({answer.status for answer in answers}, {200})
        sent = {answer.trace_id for answer in answers}
        self.assertEqual(len(sent), len(requests), "trace ids")
        traces, _ = self.traces()
        self.assertLessEqual(set(traces), sent, "traces that nobody asked for")
        self.none_of(partial_traces(traces, kalki_trees.WHOLE_SEARCH), f"{sampler} {ratio}: partial traces")
        return traces

    def count(self, sampler, ratio):
        traces = self.send(sampler, ratio, [(SQUALL.path, {})] * RATIO_TRACES)
        around = self.surroundings(trace_state=f"ot=th:{THRESHOLDS[ratio]}")
        problems = [problem for spans in traces.values() for problem in soundness_problems(spans, around)]
        self.none_of(problems, f"{sampler} {ratio}")
        return len(traces)

    def check_tenth(self, sampler):
        deviation = math.sqrt(RATIO_TRACES * 0.1 * 0.9)
        self.assertAlmostEqual(self.count(sampler, "0.1"), RATIO_TRACES * 0.1, delta=RATIO_DEVIATIONS * deviation)

    def test_traceidratio_0(self):
        self.assertEqual(self.count("traceidratio", "0"), 0)

    def test_traceidratio_tenth(self):
        self.check_tenth("traceidratio")

    def test_traceidratio_1(self):
        self.assertEqual(self.count("traceidratio", "1"), RATIO_TRACES)

    def test_parentbased_traceidratio_0(self):
        self.assertEqual(self.count("parentbased_traceidratio", "0"), 0)

    def test_parentbased_traceidratio_tenth(self):
        self.check_tenth("parentbased_traceidratio")

    def test_parentbased_traceidratio_1(self):
        self.assertEqual(self.count("parentbased_traceidratio", "1"), RATIO_TRACES)

    def test_traceidratio_decides_by_the_last_56_bits_of_the_trace_id(self):
        """With trace ids from outside it is known which traces a tenth is, whatever the caller has decided."""
        source = random.Random(20240229)
        remotes = [random_remote(source) for _ in range(300)]
        threshold = int(THRESHOLDS["0.1"].ljust(14, "0"), 16)
        sampled = {remote.trace_id for remote in remotes if int(remote.trace_id[-14:], 16) >= threshold}
        self.assertTrue(0 < len(sampled) < len(remotes))
        self.assertEqual(set(self.send("traceidratio", "0.1", searches_from(remotes))), sampled)

    def test_parentbased_traceidratio_follows_the_caller_at_ratio_0(self):
        self.check_follows_the_caller("0")

    def test_parentbased_traceidratio_follows_the_caller_at_ratio_1(self):
        self.check_follows_the_caller("1")

    def check_follows_the_caller(self, ratio):
        """Left to itself the sampler would take nothing, or everything; a caller's decision beats both."""
        remotes = [random_remote() for _ in range(20)]
        traces = self.send("parentbased_traceidratio", ratio, searches_from(remotes))
        self.assertEqual(set(traces), {remote.trace_id for remote in remotes[1::2]})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--logs", required=True)
    return parser.parse_known_args()


def main():
    global options, jaeger_program
    options, rest = parse_arguments()
    build = subprocess.run([HERE / "jaeger" / "build"], stdout=subprocess.PIPE, text=True, check=False)
    if build.returncode != 0:
        sys.exit(build.returncode)
    jaeger_program = build.stdout.strip()
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
