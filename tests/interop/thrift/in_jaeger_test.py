#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real Jaeger takes the Jaeger exporter's four protocols, and shows the same spans, whichever it was.

usage: in_jaeger_test.py --spans PROGRAM --logs FOLDER [--grpc] [unittest arguments]

PROGRAM is jaeger_spans, with gRPC if --grpc says so. What Jaeger's query API returns is compared field by field with scene.py. Exit code 77: Jaeger
cannot be had on this machine (../jaeger/build says why).
"""

import argparse
import base64
import os
import socket
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import jaeger_server  # noqa: E402
import scene  # noqa: E402
from processes import Program, free_ports, wait_until  # noqa: E402

ARRIVAL_SECONDS = 30
MANY = 10000

options = None
jaeger_program = None

CONFIG = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces:
      receivers: [jaeger]
      exporters: [jaeger_storage_exporter]
  telemetry:
    metrics:
      level: none
extensions:
  jaeger_storage:
    backends:
      memory_store:
        memory:
          max_traces: 25000
  jaeger_query:
    enable_tracing: false
    storage:
      traces: memory_store
    http:
      endpoint: "127.0.0.1:{query}"
    grpc:
      endpoint: "127.0.0.1:{query_grpc}"
receivers:
  jaeger:
    protocols:
      thrift_compact:
        endpoint: "127.0.0.1:{compact}"
        socket_buffer_size: 16777216
      thrift_binary:
        endpoint: "127.0.0.1:{binary}"
        socket_buffer_size: 16777216
      thrift_http:
        endpoint: "127.0.0.1:{http}"
      grpc:
        endpoint: "127.0.0.1:{grpc}"
exporters:
  jaeger_storage_exporter:
    trace_storage: memory_store
"""


def free_udp_ports(count):
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Jaeger(jaeger_server.Jaeger):
    """With the receiver of Jaeger's own protocols; `ports` by name."""

    def _start(self):
        query, query_grpc, http, grpc = free_ports(4)
        compact, binary = free_udp_ports(2)
        self.ports = {"compact": compact, "binary": binary, "http": http, "grpc": grpc}
        self._config.write_text(CONFIG.format(query=query, query_grpc=query_grpc, **self.ports))
        self._query = f"http://127.0.0.1:{query}"
        self.log.write_bytes(b"")
        self._running = Program("jaeger", [self._program, "--config", self._config], self.log)
        try:
            self._running.wait_ready(self._ready, jaeger_server.START_SECONDS)
        except BaseException:
            self._running.kill()
            raise

    def environment(self, protocol):
        kind = protocol.rpartition(".")[2]
        if protocol.startswith("http"):
            where = {"OTEL_EXPORTER_JAEGER_ENDPOINT": f"http://127.0.0.1:{self.ports['http']}/api/traces"}
        elif protocol == "grpc":
            where = {"OTEL_EXPORTER_JAEGER_ENDPOINT": f"http://127.0.0.1:{self.ports['grpc']}"}
        else:
            where = {
                "OTEL_EXPORTER_JAEGER_AGENT_HOST": "127.0.0.1",
                "OTEL_EXPORTER_JAEGER_AGENT_PORT": str(self.ports[kind]),
            }
        return {"OTEL_EXPORTER_JAEGER_PROTOCOL": protocol, "no_proxy": "127.0.0.1", **where}

    def count_spans(self, service):
        answer = self._get("/api/traces", service=service, limit=1000, start=0, end=2 * 10**15, lookback="custom")
        return sum(len(trace["spans"]) for trace in (answer or {}).get("data") or [])


def send(environment, *arguments):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [options.spans, *arguments],
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return int(done.stdout)


def plain_tags(tags):
    values = {"binary": base64.b64decode, "int64": int}
    return sorted((tag["key"], tag["type"], values.get(tag["type"], lambda value: value)(tag["value"])) for tag in tags)


def plain(span):
    """As scene.py has it, but for the order of tags, which Jaeger sorts."""
    references = [(each["refType"], each["traceID"], each["spanID"]) for each in span["references"]]
    parents = [each for each in references if each[:2] == ("CHILD_OF", scene.TRACE)]
    return scene.Span(
        span["operationName"],
        parents[0][2] if parents else None,
        span["startTime"],
        span["duration"],
        sorted(each for each in references if each not in parents),
        plain_tags(span["tags"]),
        [(log["timestamp"], plain_tags(log["fields"])) for log in span["logs"]],
        span.get("flags", 1),
    )


def sorted_inside(span):
    return span._replace(
        references=sorted(span.references),
        tags=sorted(span.tags),
        logs=[(time, sorted(fields)) for time, fields in span.logs],
    )


def expected(protocol, span_id):
    """Over gRPC the span that is shorter than a microsecond keeps its 999 ns, which this page does not show."""
    span = sorted_inside(scene.SPANS[span_id])
    return span._replace(duration=0) if protocol == "grpc" and span.duration == 1 else span


class InJaeger(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = Path(options.logs) / self.id().rpartition(".")[2]
        folder.mkdir(parents=True, exist_ok=True)
        self.jaeger = Jaeger(jaeger_program, folder).__enter__()
        self.addCleanup(self.jaeger.__exit__, None, None, None)

    def check(self, protocol):
        self.assertEqual(send(self.jaeger.environment(protocol), "scene"), len(scene.SPANS))

        def whole_trace():
            trace = self.jaeger.classic_trace(scene.TRACE)
            return trace if trace and len(trace["spans"]) >= len(scene.SPANS) else None

        trace = wait_until(whole_trace, ARRIVAL_SECONDS, "the trace in Jaeger")
        self.assertEqual({span["traceID"] for span in trace["spans"]}, {scene.TRACE})
        self.assertEqual({span["spanID"] for span in trace["spans"]}, set(scene.SPANS))
        for span in trace["spans"]:
            self.assertEqual(plain(span), expected(protocol, span["spanID"]), span["spanID"])
            self.assertFalse(span.get("warnings"), span["spanID"])
            process = trace["processes"][span["processID"]]
            self.assertEqual(process["serviceName"], scene.SERVICE)
            self.assertEqual(plain_tags(process["tags"]), sorted(scene.PROCESS_TAGS))
        print(f"measured: {protocol}: {len(trace['spans'])} spans the same in Jaeger", flush=True)

    def check_many(self, protocol):
        sent = send(self.jaeger.environment(protocol), "many", str(MANY))
        self.assertEqual(sent, MANY)
        wait_until(lambda: self.jaeger.count_spans("many") >= MANY, ARRIVAL_SECONDS, f"{MANY} spans in Jaeger")
        self.assertEqual(self.jaeger.count_spans("many"), MANY)
        print(f"measured: {protocol}: {MANY} of {MANY} spans in Jaeger", flush=True)

    def test_http_thrift_binary(self):
        self.check("http/thrift.binary")
        self.check_many("http/thrift.binary")

    def test_udp_thrift_compact(self):
        self.check("udp/thrift.compact")
        self.check_many("udp/thrift.compact")

    def test_udp_thrift_binary(self):
        self.check("udp/thrift.binary")
        self.check_many("udp/thrift.binary")

    def test_grpc(self):
        if not options.grpc:
            self.skipTest("the program has no gRPC")
        self.check("grpc")
        self.check_many("grpc")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", required=True)
    parser.add_argument("--logs", required=True)
    parser.add_argument("--grpc", action="store_true")
    return parser.parse_known_args()


if __name__ == "__main__":
    options, rest = parse_arguments()
    build = subprocess.run([HERE.parent / "jaeger" / "build"], stdout=subprocess.PIPE, text=True, check=False)
    if build.returncode != 0:
        sys.exit(build.returncode)
    jaeger_program = build.stdout.strip()
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])
