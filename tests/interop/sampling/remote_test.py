#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program follows the strategies of the real Jaeger, over HTTP and over gRPC, while their file changes.

usage: remote_test.py --shares PROGRAM --logs FOLDER [--grpc] [unittest arguments]

PROGRAM is shares; with --grpc it has libotel-grpc in it. Exit code 77: Jaeger cannot be had on this machine
(../jaeger/build says why).
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import jaeger_server  # noqa: E402
from processes import free_ports  # noqa: E402

INTERVAL = 1.5  # of polling, in seconds
RELOAD = 0.1  # of Jaeger, of its file
PATIENCE = 20  # until a program that has just started follows
SERVICE = "shop & co"

options = None
jaeger_program = None

CONFIG = """\
service:
  extensions: [jaeger_storage, remote_sampling]
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [jaeger_storage_exporter]
  telemetry:
    metrics:
      level: none
extensions:
  jaeger_storage:
    backends:
      memory_store:
        memory:
          max_traces: 100
  remote_sampling:
    file:
      path: {strategies}
      default_sampling_probability: 0.125
      reload_interval: {reload}s
    http:
      endpoint: "127.0.0.1:{http}"
    grpc:
      endpoint: "127.0.0.1:{grpc}"
receivers:
  otlp:
    protocols:
      http:
        endpoint: "127.0.0.1:{otlp}"
exporters:
  jaeger_storage_exporter:
    trace_storage: memory_store
"""


def probabilistic(share, **operations):
    listed = [{"operation": name, "type": "probabilistic", "param": each} for name, each in operations.items()]
    return {"service": SERVICE, "type": "probabilistic", "param": share, "operation_strategies": listed}


def rate_limiting(rate):
    return {"service": SERVICE, "type": "ratelimiting", "param": rate}


class Jaeger(jaeger_server.Jaeger):
    """With its strategies in a file; `ports` by name."""

    def __init__(self, program, folder):
        super().__init__(program, folder)
        self._strategies = folder / "strategies.json"

    def command(self):
        http, grpc, otlp = free_ports(3)
        self.ports = {"http": http, "grpc": grpc}
        config = self.folder / "jaeger.yaml"
        config.write_text(
            CONFIG.format(strategies=json.dumps(str(self._strategies)), reload=RELOAD, http=http, grpc=grpc, otlp=otlp)
        )
        return [self.program, "--config", config]

    def tell(self, *services):
        """The file becomes another one at once, and the time of that is returned."""
        fresh = self._strategies.with_suffix(".new")
        fresh.write_text(json.dumps({"service_strategies": services}))
        fresh.replace(self._strategies)
        return time.monotonic()


class Shares:
    """The program, and what it has said last."""

    def __init__(self, names, log, **environment):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        self.log = log
        with open(log, "wb") as errors:
            self._child = subprocess.Popen(
                [options.shares, *names],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**inherited, "no_proxy": "127.0.0.1", **environment},
            )
        self.rounds = []  # (time, {name: (count, sampled)})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        counts = {}
        for line in self._child.stdout:
            if line == ".\n":
                self.rounds.append((time.monotonic(), counts))
                counts = {}
            else:
                name, count, sampled = line.rsplit(" ", 2)
                counts[name] = (int(count), int(sampled))

    def stop(self):
        self._child.stdin.close()
        code = self._child.wait(30)
        self._reader.join(30)
        self._child.stdout.close()
        return code

    def wait(self, seconds, **shares):
        """When all shares were first those, give or take what chance does to some rounds of spans."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            found = self._first_since(begin, shares)
            if found:
                return found
            time.sleep(0.02)
        raise TimeoutError(f"after {seconds} s still not {shares}: {self.rounds[-4:]}\n{self.log.read_text()}")

    def _first_since(self, begin, shares):
        """Four rounds together have 2000 spans of each name: six times the deviation of a half is 0.067."""
        rounds = [each for each in list(self.rounds) if each[0] >= begin]
        for at in range(len(rounds) - 3):
            four = [counts for _, counts in rounds[at : at + 4]]
            if all(self._fits(four, name, share) for name, share in shares.items()):
                return rounds[at][0]
        return None

    @staticmethod
    def _fits(rounds, name, share):
        count = sum(each[name][0] for each in rounds)
        sampled = sum(each[name][1] for each in rounds)
        return sampled == share * count if share in (0, 1) else abs(sampled / count - share) < 0.067


class Remote(unittest.TestCase):
    def setUp(self):
        self.folder = Path(options.logs) / self.id().rpartition(".")[2]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.jaeger = Jaeger(jaeger_program, self.folder)
        self.jaeger.tell(probabilistic(0.25))
        self.jaeger.__enter__()
        self.addCleanup(self.jaeger.__exit__, None, None, None)

    def endpoint(self, transport):
        port = self.jaeger.ports[transport]
        return f"http://127.0.0.1:{port}/sampling" if transport == "http" else f"http://127.0.0.1:{port}"

    def start(self, transport, service=SERVICE, sampler="parentbased_jaeger_remote"):
        argument = f"endpoint={self.endpoint(transport)},pollingIntervalMs={int(INTERVAL * 1000)},initialSamplingRate=0"
        shares = Shares(
            ["a", "b"],
            self.folder / "shares.log",
            OTEL_SERVICE_NAME=service,
            OTEL_TRACES_SAMPLER=sampler,
            OTEL_TRACES_SAMPLER_ARG=argument,
            OTEL_TRACES_EXPORTER="otlp_file",
            OTEL_C_OTLP_FILE_PATH=str(self.folder / "spans.jsonl"),
        )
        self.addCleanup(shares.stop)
        return shares

    def follow(self, transport, shares, strategy, what, **expected):
        """Within two intervals, and what Jaeger takes to read its file."""
        told = self.jaeger.tell(strategy)
        took = shares.wait(PATIENCE, **expected) - told
        print(f"measured: {transport}: {what}: followed after {took:.2f} s, polling every {INTERVAL} s", flush=True)
        self.assertLess(took, 2 * INTERVAL + RELOAD)

    def check(self, transport):
        shares = self.start(transport)
        shares.wait(PATIENCE, a=0.25, b=0.25)
        self.follow(transport, shares, probabilistic(0.75), "a probability", a=0.75, b=0.75)
        self.follow(transport, shares, probabilistic(0.5, a=1, b=0), "operations", a=1, b=0)
        self.follow(transport, shares, probabilistic(0.5, b=0.75), "other operations", a=0.5, b=0.75)
        self.check_rate(transport, shares)
        self.assertEqual(shares.stop(), 0)
        self.assertNotIn("sampling strategy", shares.log.read_text())

    def check_rate(self, transport, shares, rate=40, seconds=3):
        self.jaeger.tell(rate_limiting(rate))
        time.sleep(2 * INTERVAL + RELOAD + 1)
        begin, seen = time.monotonic(), len(shares.rounds)
        time.sleep(seconds)
        rounds, passed = shares.rounds[seen:], time.monotonic() - begin
        sampled = sum(counts[name][1] for _, counts in rounds for name in ("a", "b"))
        print(f"measured: {transport}: {sampled / passed:.1f} spans a second of {rate} allowed", flush=True)
        self.assertAlmostEqual(sampled / passed, rate, delta=rate * 0.25)

    def test_http(self):
        self.check("http")

    def test_grpc(self):
        if not options.grpc:
            self.skipTest("a build without gRPC")
        self.check("grpc")

    def test_an_unknown_service_has_the_default(self):
        shares = self.start("http", service="another", sampler="jaeger_remote")
        shares.wait(PATIENCE, a=0.125, b=0.125)

    def test_both_transports_describe_the_same(self):
        for transport in ("http", "grpc") if options.grpc else ("http",):
            self.jaeger.tell(probabilistic(0.5, a=0.25))
            shares = self.start(transport)
            shares.wait(PATIENCE, a=0.25, b=0.5)
            self.assertEqual(shares.stop(), 0)


def main():
    global options, jaeger_program
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shares", required=True)
    parser.add_argument("--logs", required=True)
    parser.add_argument("--grpc", action="store_true")
    options, rest = parser.parse_known_args()
    build = subprocess.run([HERE.parent / "jaeger" / "build"], stdout=subprocess.PIPE, text=True, check=False)
    if build.returncode != 0:
        sys.exit(build.returncode)
    jaeger_program = build.stdout.strip()
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
