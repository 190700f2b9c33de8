#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tracing and measuring kalki costs in bytes: the figures of docs/costs.md, made again.

usage: costs.py --bin FOLDER [--requests N]

Searches go through the gateway at several sampling ratios, into a receiver that counts what comes; a scrape of each
service's metrics is counted too.
"""

import argparse
import http.server
import json
import os
import re
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "interop"))

from processes import Program, free_ports  # noqa: E402

LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
WORDS = ("wind", "sea+wind", "rope", "bread+oven", "ice*", "the+moon", "storm", "anchor*")


class Receiver(http.server.BaseHTTPRequestHandler):
    """Counts the bytes of every request that carries spans."""

    received = 0

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.rfile.read(length)
        Receiver.received += length if self.path == "/v1/traces" else 0
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def start(folder, binaries, name, environment, *arguments):
    (port,) = free_ports(1)
    log = folder / f"{name}.log"
    log.write_bytes(b"")
    environment = {**environment, "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}
    command = [binaries / name, "--port", 0, "--ledger-file", folder / f"{name}.json", *arguments]
    program = Program(name, command, log, environment)
    url = program.wait_ready(lambda: LISTENING.search(log.read_text()), 30).group(1)
    return program, url, f"http://127.0.0.1:{port}/metrics"


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def run(folder, binaries, receiver, requests, ratio, compression):
    """The spans and bytes of one run, and what a scrape of the gateway is like."""
    Receiver.received = 0
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "KALKI_"))},
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,
        "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": str(ratio),
        "OTEL_BSP_MAX_QUEUE_SIZE": "32768",
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_C_SELF_METRICS": "true",
    }
    query, query_url, query_metrics = start(folder, binaries, "kalki-query", environment)
    gateway, url, metrics = start(folder, binaries, "kalki-gateway", environment, "--query-url", query_url)
    for i in range(requests):
        get(f"{url}/search?q={WORDS[i % len(WORDS)]}")
    scrapes = [get(metrics).decode(), get(query_metrics).decode()]
    for program in (gateway, query):
        program.stop(30)
    ledgers = [json.loads((folder / f"{name}.json").read_text()) for name in ("kalki-gateway", "kalki-query")]
    exported, lost = (sum(each[key] for each in ledgers) for key in ("exported", "lost"))
    return exported, lost, Receiver.received, scrapes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=2000)
    arguments = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    receiver = f"http://127.0.0.1:{server.server_port}"
    print(f"{'ratio':>6} {'compression':>12} {'spans':>8} {'lost':>5} {'bytes':>10} {'a span':>7} {'a request':>10}")
    with tempfile.TemporaryDirectory(prefix="kalki-costs-") as name:
        for ratio, compression in ((1, "none"), (1, "gzip"), (0.1, "gzip"), (0.01, "gzip")):
            spans, lost, count, scrapes = run(
                Path(name), arguments.bin, receiver, arguments.requests, ratio, compression
            )
            each = f"{count / spans:.0f}" if spans else "-"
            print(
                f"{ratio:>6} {compression:>12} {spans:>8} {lost:>5} {count:>10} {each:>7} {count / arguments.requests:>10.1f}"
            )
        for service, text in zip(("gateway", "query"), scrapes):
            lines = [line for line in text.splitlines() if not line.startswith("#")]
            print(f"a scrape of kalki-{service}: {len(lines)} samples, {len(text)} bytes")
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
