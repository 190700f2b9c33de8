# SPDX-License-Identifier: Apache-2.0
"""The real kalki, exporting its metrics to whom asks: its services, a sink for their spans, and a user who does everything."""

import http.server
import json
import os
import threading
import urllib.error
import urllib.request

from processes import Program, free_ports

STOP_SECONDS = 10
SERVICES = ("kalki-llm", "kalki-query", "kalki-gateway")  # in the order in which they start


class _Sink(http.server.BaseHTTPRequestHandler):
    """Takes every export: an empty answer means that all was accepted."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def _ask(url, body=None):
    headers = {"Content-Type": "application/json", "X-Session-Id": "a-session"}
    request = urllib.request.Request(url, body and json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


class Kalki:
    """A context: while it lasts, `targets` can be scraped."""

    def __init__(self, programs, folder):
        self._programs, self._folder = programs, folder
        self._running = []
        self._over = threading.Event()
        self._user = threading.Thread(target=self._use)
        self._sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
        ports = free_ports(2 * len(SERVICES))
        self._urls = {name: f"http://127.0.0.1:{port}" for name, port in zip(SERVICES, ports)}
        self.targets = {name: f"127.0.0.1:{port}" for name, port in zip(SERVICES, ports[len(SERVICES) :])}

    def _start(self, name, *arguments):
        port = self._urls[name].rsplit(":", 1)[1]
        more = {
            "kalki-gateway": [
                "--query-url",
                self._urls["kalki-query"],
                "--llm-url",
                self._urls["kalki-llm"],
                "--cache-seconds",
                "1",
            ]
        }
        ours = ("OTEL_", "KALKI_")  # the caller's own would decide what is tested here
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith(ours)},
            "OTEL_METRICS_EXPORTER": "prometheus",
            "OTEL_EXPORTER_PROMETHEUS_PORT": self.targets[name].rsplit(":", 1)[1],
            "OTEL_C_SELF_METRICS": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._sink.server_port}",
        }
        command = [self._programs / name, "--port", port, *more.get(name, []), *arguments]
        program = Program(name, command, self._folder / f"{name}.log", env)
        self._running.append(program)
        program.wait_ready(lambda: "listening" in (self._folder / f"{name}.log").read_text(), 60)

    def _use(self):
        """Searches, twice for the cache; summaries; documents; a page that is not there; a failure."""
        gateway, number = self._urls["kalki-gateway"], 0
        while not self._over.wait(0.05):
            number += 1
            for path in (
                f"search?q=trace{number // 2 % 5}",
                "search?q=span&summary=1",
                "documents/1",
                "documents/99999",
                "health",
            ):
                _ask(f"{gateway}/{path}")
            if number % 5 == 0:
                _ask(f"{gateway}/documents", {"title": f"document {number}", "text": "a trace is made of spans"})
                _ask(f"{gateway}/search?q=span&fail=exception")

    def __enter__(self):
        threading.Thread(target=self._sink.serve_forever, daemon=True).start()
        try:
            for name in SERVICES:
                self._start(name)
        except BaseException:
            self.__exit__()
            raise
        self._user.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        if self._user.is_alive():
            self._user.join()
        for program in reversed(self._running):
            program.stop(STOP_SECONDS)
        self._sink.shutdown()
