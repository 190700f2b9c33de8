#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A trace with everything goes to the real Zipkin in both of its formats, and what Zipkin tells of it is compared.

usage: zipkin_test.py --spans PROGRAM --logs FOLDER [unittest arguments]

PROGRAM is the one of zipkin/spans.c, and the logs of a failed test stay in the folder of --logs. Exit code 77: Zipkin
cannot be had on this machine (zipkin/fetch says why).
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from processes import wait_until
from zipkin_server import Zipkin

HERE = Path(__file__).resolve().parent
ARRIVAL_SECONDS = 30
SECOND = 1700000000 * 1000000  # us

options = None
zipkin_archive = None


def scope(name, **more):
    return {"otel.scope.name": name, "otel.library.name": name, "service.namespace": "corner", **more}


PLAIN = scope("plain")

# As zipkin/spans.c makes them, by the number of their id. Zipkin shows names in lower case; what is not here is absent.
SPANS = {
    1: {
        "kind": "SERVER",
        "name": "serve",
        "annotations": [
            {"timestamp": SECOND + 1500, "value": "plain"},
            {"timestamp": SECOND + 1600, "value": '"full": {"a":"b\\"c","n":1}'},
            {"timestamp": SECOND + 1700, "value": '"cut": {"1":1,"2":2,"otel.dropped_attributes_count":1}'},
        ],
        "tags": scope(
            "shop.lib",
            **{
                "otel.scope.version": "2.1",
                "otel.library.version": "2.1",
                "scope.attribute": "3",
                "otel.status_code": "ERROR",
                "error": "disk full",
                "otel.dropped_events_count": "1",
                "text": 'na\u00efve "quoted"\n\x01',
                "empty": "",
                "nothing": "",
                "yes": "true",
                "int": "-9223372036854775808",
                "double": "1234567.25",
                "nan": "NaN",
                "bytes": "/wAB",
                "ints": "[1,-2]",
                "doubles": "[0.5,1e+300]",
                "bools": "[true,false]",
                "array": '["a",1,null]',
                "map": '{"k":["Infinity"]}',
            },
        ),
    },
    2: {
        "parentId": 1,
        "kind": "CLIENT",
        "name": "call",
        "remoteEndpoint": {"ipv4": "10.1.2.3", "port": 5432},
        "tags": {
            **PLAIN,
            "otel.status_code": "OK",
            "network.peer.address": "::ffff:10.1.2.3",
            "network.peer.port": "5432",
            "db.name": "orders",
        },
    },
    3: {
        "parentId": 1,
        "kind": "CLIENT",
        "name": "call6",
        "remoteEndpoint": {"ipv6": "2001:db8::7"},
        "tags": {**PLAIN, "network.peer.address": "2001:db8::7"},
    },
    4: {
        "parentId": 1,
        "kind": "PRODUCER",
        "name": "produce",
        "remoteEndpoint": {"serviceName": "queue"},
        "tags": {**PLAIN, "peer.service": "Queue"},
    },
    5: {
        "parentId": 4,
        "kind": "CONSUMER",
        "name": "consume",
        "tags": {**PLAIN, "otel.status_code": "ERROR", "error": ""},
    },
    6: {"parentId": 1, "duration": 1, "tags": PLAIN},
}


def span_id(number):
    return f"{number:016x}"


def expected(trace_id):
    """The whole of each span, by id."""
    spans = {}
    for number, told in SPANS.items():
        span = {
            "traceId": trace_id,
            "id": span_id(number),
            "timestamp": SECOND + number * 1000,
            "duration": 1000,
            "localEndpoint": {"serviceName": "shop"},
            **told,
        }
        if "parentId" in span:
            span["parentId"] = span_id(span["parentId"])
        spans[span["id"]] = span
    return spans


class Formats(unittest.TestCase):
    """One Zipkin for all tests: their traces have ids of their own."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        logs = Path(options.logs)
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        cls.zipkin = Zipkin(zipkin_archive, logs)
        cls.zipkin.__enter__()
        cls.addClassCleanup(cls.zipkin.__exit__, None, None, None)

    def send(self, spans_format, digit, **settings):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        command = [options.spans, self.zipkin.endpoint, spans_format, digit]
        sent = subprocess.run(command, env={**environment, **settings}, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((sent.returncode, sent.stderr), (0, ""))
        return digit * 32

    def whole_trace(self, trace_id):
        def arrived():
            trace = self.zipkin.trace(trace_id)
            return trace if trace and len(trace) == len(SPANS) else None

        return wait_until(arrived, ARRIVAL_SECONDS, f"the trace {trace_id} in Zipkin")

    def check(self, spans_format, digit, **settings):
        trace_id = self.send(spans_format, digit, **settings)
        spans = {span["id"]: span for span in self.whole_trace(trace_id)}
        want = expected(trace_id)
        self.assertEqual(set(spans), set(want))
        for each in want:
            with self.subTest(span=want[each].get("name", "(no name)")):
                told, meant = (json.dumps(span, indent=1, sort_keys=True) for span in (spans[each], want[each]))
                self.assertEqual(told, meant)

    def test_json(self):
        self.check("json", "1")

    def test_protobuf(self):
        self.check("protobuf", "2")

    def test_the_same_in_requests_of_one_span(self):
        self.check("json", "3", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1")


def main():
    global options, zipkin_archive
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", required=True)
    parser.add_argument("--logs", required=True)
    options, rest = parser.parse_known_args()
    fetch = subprocess.run([HERE / "zipkin" / "fetch"], stdout=subprocess.PIPE, text=True, check=False)
    if fetch.returncode != 0:
        sys.exit(fetch.returncode)
    zipkin_archive = fetch.stdout.splitlines()[-1]
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
