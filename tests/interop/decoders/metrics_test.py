#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Metrics say the same to protobuf-c and to Python's protobuf with OpenTelemetry's own definitions, and add up.

usage: metrics_test.py --requests PROGRAM --folder FOLDER [unittest arguments]

PROGRAM is otlp_metrics_requests; what it writes and the packages of requirements.txt are kept in FOLDER. Other numbers each
run: REQUESTS_SEED repeats one; its value is printed first. Exit code 77: the packages cannot be had.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import packages  # noqa: E402

options = None
seed = None

PACKAGE = "opentelemetry.proto.metrics.v1."
# Kinds of metrics that the SDK does not make, and what it never says.
NEVER_SENT = ("ExponentialHistogram", "Summary", "Metric.exponential_histogram", "Metric.summary", "MetricsData")
UNSAID = {PACKAGE + name for name in ("Metric.metadata", "NumberDataPoint.flags", "HistogramDataPoint.flags")}


def first_difference(one, other):
    for number, (line, wanted) in enumerate(zip(one.split("\n"), other.split("\n")), 1):
        if line != wanted:
            return f"line {number}: {line[:200]!r}, should be {wanted[:200]!r}"
    return f"{len(one)} characters, should be {len(other)}"


def metrics_of(request):
    return {
        metric.name: metric
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def key_of(point):
    return tuple(canonical.text(attribute) for attribute in point.attributes)


def data_of(metric):
    return getattr(metric, metric.WhichOneof("data"))


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(options.folder) / "metrics"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        subprocess.run([options.requests, str(seed), str(cls.folder)], env=environment, timeout=120, check=True)
        cls.bodies = {form: cls.read(form) for form in ("cumulative", "delta")}
        cls.decoded = {
            form: [ExportMetricsServiceRequest.FromString(body) for body, _ in bodies]
            for form, bodies in cls.bodies.items()
        }

    @classmethod
    def read(cls, form):
        count = len(list(cls.folder.glob(f"{form}-*.txt")))
        files = [cls.folder / f"{form}-{number}" for number in range(count)]
        return [(file.read_bytes(), file.with_suffix(".txt").read_text()) for file in files]

    def each(self):
        for form, bodies in self.bodies.items():
            self.assertGreaterEqual(len(bodies), 4)
            for number, ((body, wanted), message) in enumerate(zip(bodies, self.decoded[form])):
                yield f"{form} {number} of seed {seed}", body, wanted, message

    def test_decoded_to_the_same(self):
        for name, _, wanted, message in self.each():
            found = canonical.text(message)
            if found != wanted:
                self.fail(f"{name}, {first_difference(found, wanted)}")
            self.assertNotIn("unknown fields", found)

    def test_written_as_python_writes_it(self):
        for name, body, _, message in self.each():
            self.assertTrue(message.SerializeToString() == body, name)

    def test_every_field_was_there(self):
        found = {name for _, _, _, message in self.each() for name in canonical.fields(message)}
        known = canonical.all_fields(ExportMetricsServiceRequest.DESCRIPTOR)
        ours = {name for name in known if name.startswith(PACKAGE)}
        ours = {name for name in ours if not name[len(PACKAGE) :].startswith(NEVER_SENT)}
        self.assertEqual(ours - found, UNSAID)

    def test_instruments_are_the_metrics_that_they_should_be(self):
        sums = {"orders": True, "weight": True, "open": False, "balance": False, "faults": True, "queue": False}
        for form, temporality in (("cumulative", 2), ("delta", 1)):
            metrics = metrics_of(self.decoded[form][0])
            for name, monotonic in sums.items():
                self.assertEqual(metrics[name].sum.is_monotonic, monotonic, name)
                self.assertEqual(metrics[name].sum.aggregation_temporality, temporality if monotonic else 2, name)
            for name in ("duration", "size"):
                self.assertEqual(metrics[name].histogram.aggregation_temporality, temporality, name)
            for name in ("level", "heat", "load"):
                self.assertEqual(metrics[name].WhichOneof("data"), "gauge", name)
            self.assertEqual(list(metrics["size"].histogram.data_points[0].explicit_bounds), [-1, 0, 0.5, 1e6])

    def test_deltas_add_up_to_what_is_cumulative(self):
        wanted = {}
        for request in self.decoded["cumulative"]:
            for name in ("orders", "duration"):
                for point in data_of(metrics_of(request)[name]).data_points:
                    wanted[name, key_of(point)] = point.as_int if name == "orders" else point.count
        found = {}
        for request in self.decoded["delta"]:
            for name in ("orders", "duration"):
                for point in data_of(metrics_of(request)[name]).data_points if name in metrics_of(request) else []:
                    value = point.as_int if name == "orders" else point.count
                    found[name, key_of(point)] = found.get((name, key_of(point)), 0) + value
        self.assertEqual(found, wanted)
        self.assertEqual(sum(value for (name, _), value in wanted.items() if name == "duration"), 4 * 500)

    def test_histograms_are_whole(self):
        for name, _, _, message in self.each():
            for point in (point for each in ("duration", "size") if each in metrics_of(message)
                          for point in metrics_of(message)[each].histogram.data_points):
                self.assertEqual(sum(point.bucket_counts), point.count, name)
                self.assertEqual(len(point.bucket_counts), len(point.explicit_bounds) + 1, name)

    def test_exemplars_lead_to_spans(self):
        point = metrics_of(self.decoded["cumulative"][0])["duration"].histogram.data_points[0]
        self.assertNotIn("secret", [attribute.key for attribute in point.attributes])
        self.assertGreater(len(point.exemplars), 0)
        for exemplar in point.exemplars:
            self.assertEqual((len(exemplar.trace_id), len(exemplar.span_id)), (16, 8))
            self.assertEqual([attribute.key for attribute in exemplar.filtered_attributes], ["secret"])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", required=True)
    parser.add_argument("--folder", required=True)
    return parser.parse_known_args()


if __name__ == "__main__":
    options, rest = parse_arguments()
    packages.enter(options.folder, HERE / "requirements.txt")

    import canonical
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    seed = int(os.environ.get("REQUESTS_SEED", random.getrandbits(64)))
    print(f"REQUESTS_SEED={seed}", flush=True)
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])
