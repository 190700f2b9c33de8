#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trace of zipkin_test.py goes to the real Jaeger's port for Zipkin, in both formats.

usage: zipkin_jaeger_test.py --spans PROGRAM --logs FOLDER [unittest arguments]

As zipkin_test.py, with Jaeger instead (jaeger/build says why where it cannot be had).
"""

import argparse
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import spans as otlp
from jaeger_server import Jaeger
from zipkin_test import SECOND, SPANS, span_id

HERE = Path(__file__).resolve().parent
KINDS = {None: 0, "SERVER": otlp.SERVER, "CLIENT": otlp.CLIENT, "PRODUCER": otlp.PRODUCER, "CONSUMER": otlp.CONSUMER}

# Tags that Jaeger turns back into what they came from.
TURNED_BACK = ("otel.library.name", "otel.library.version", "otel.status_code", "service.namespace")

options = None
jaeger_program = None


def text(value):
    return otlp.Value("string", value)


def attributes(told):
    """What Jaeger makes of tags and remote endpoint."""
    found = {key: text(value) for key, value in told["tags"].items() if key not in TURNED_BACK}
    remote = told.get("remoteEndpoint", {})
    if "ipv4" in remote or "ipv6" in remote:
        found["net.peer.ip"] = text(remote.get("ipv4") or remote["ipv6"])
    if "port" in remote:
        found["net.peer.port"] = otlp.Value("int", remote["port"])
    return found


class Formats(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        logs = Path(options.logs)
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        cls.jaeger = Jaeger(jaeger_program, logs)
        cls.jaeger.__enter__()
        cls.addClassCleanup(cls.jaeger.__exit__, None, None, None)

    def check(self, spans_format, digit):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        command = [options.spans, self.jaeger.endpoints["zipkin"], spans_format, digit]
        sent = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((sent.returncode, sent.stderr), (0, ""))
        spans = {span.span_id: span for span in self.jaeger.spans(digit * 32)}
        self.assertEqual(set(spans), {span_id(number) for number in SPANS})
        for number, told in SPANS.items():
            with self.subTest(span=told.get("name", "(no name)")):
                self.check_span(spans[span_id(number)], number, told)

    def check_span(self, span, number, told):
        start = (SECOND + number * 1000) * 1000
        self.assertEqual(span.name.lower(), told.get("name", ""))
        self.assertEqual(span.parent_id, span_id(told["parentId"]) if "parentId" in told else "")
        self.assertEqual(span.kind, KINDS[told.get("kind")])
        self.assertEqual((span.start, span.end), (start, start + told.get("duration", 1000) * 1000))
        self.assertEqual(span.attributes, attributes(told))
        self.assertEqual(span.status, otlp.ERROR if "error" in told["tags"] else otlp.UNSET)
        self.assertEqual(span.resource, {"service.name": text("Shop"), "service.namespace": text("corner")})
        self.assertEqual(span.scope.name, told["tags"]["otel.scope.name"])
        events = [{"timestamp": event.time // 1000, "value": event.name} for event in span.events]
        self.assertEqual(events, told.get("annotations", []))

    def test_json(self):
        self.check("json", "1")

    def test_protobuf(self):
        self.check("protobuf", "2")


def main():
    global options, jaeger_program
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", required=True)
    parser.add_argument("--logs", required=True)
    options, rest = parser.parse_known_args()
    build = subprocess.run([HERE / "jaeger" / "build"], stdout=subprocess.PIPE, text=True, check=False)
    if build.returncode != 0:
        sys.exit(build.returncode)
    jaeger_program = build.stdout.strip()
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
