#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample services send to the real Jaeger, and what Jaeger's query API gives back is compared with what they did.

usage: as jaeger_case.py says.
"""

import math
import random

import jaeger_case
import kalki_trees
from jaeger_case import RANDOM, SAMPLED, KalkiInJaeger
from kalki_trees import NOTHING, SQUALL
from processes import wait_until
from tree_check import Remote, partial_traces, shape, soundness_problems

ARRIVAL_SECONDS = 30
RATIO_TRACES = 2000
RATIO_DEVIATIONS = 4
# What a ratio sampler writes into the tracestate: the least 56-bit randomness it keeps, without trailing zeros.
THRESHOLDS = {"0": None, "0.1": "e666", "1": "0"}


def traceparent(remote, flags):
    return f"00-{remote.trace_id}-{remote.span_id}-{flags:02x}"


def random_remote(source=random):
    return Remote(f"{source.getrandbits(128) | 1:032x}", f"{source.getrandbits(64) | 1:016x}")


def searches_from(remotes):
    """One search for each remote parent, every second of which says that it was sampled."""
    return [(SQUALL.path, {"traceparent": traceparent(remote, number % 2)}) for number, remote in enumerate(remotes)]


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


if __name__ == "__main__":
    jaeger_case.main()
