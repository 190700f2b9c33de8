# SPDX-License-Identifier: Apache-2.0
"""kalki's programs on free ports, and a double of kalki-query that remembers what it was asked."""

import argparse
import http.client
import json
import os
import re
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from processes import Program

READY_SECONDS = 60
STOP_SECONDS = 60
PATIENCE_SECONDS = 60

options = None


class Kalki:
    """One of kalki's programs. Without exporter, unless the environment given names one."""

    def __init__(self, name, *arguments, env=None):
        self.name = name
        self.log = Path(options.logs) / f"{name}-{os.getpid()}-{Kalki._count()}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "KALKI_"))}
        environment = {**kept, "OTEL_TRACES_EXPORTER": "none", **(env or {})}
        command = [Path(options.bin) / name, "--port", 0, *arguments]
        self.program = Program(name, command, self.log, environment)
        try:
            found = self.program.wait_ready(self._announced, READY_SECONDS)
        except BaseException:
            self.program.kill()
            raise
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    _started = 0

    @classmethod
    def _count(cls):
        Kalki._started += 1
        return Kalki._started

    def _announced(self):
        pattern = rf"^{self.name}: listening on http://127\.0\.0\.1:(\d+)$"
        return re.search(pattern, self.log.read_text(errors="replace"), re.MULTILINE)

    def ask(self, target, method="GET", body=None, headers=None):
        """Status and decoded body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()

    def stop(self):
        code = self.program.stop(STOP_SECONDS)
        if code != 0:
            raise AssertionError(f"{self.name} ended with {code}:\n{self.program.log_tail()}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256  # many users begin at once


class QueryDouble:
    """Answers like kalki-query, with what `answers` says for a path: (status, body) or a function of the request."""

    def __init__(self):
        self.requests = []  # (method, target, headers, body)
        self.answers = {}
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                double.requests.append((self.command, self.path, dict(self.headers), body))
                answer = double.answers.get(self.path.split("?")[0], (404, {"error": "no such path"}))
                status, content = answer(self) if callable(answer) else answer
                content = json.dumps(content).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer

            def log_message(self, *_):
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def main():
    global options
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, help="the folder of kalki's programs")
    parser.add_argument("--tests", required=True, help="the folder of the test programs")
    parser.add_argument("--logs", required=True)
    options, rest = parser.parse_known_args()
    Path(options.logs).mkdir(parents=True, exist_ok=True)
    result = unittest.main(module="__main__", argv=[sys.argv[0], *rest], exit=False).result
    if result.wasSuccessful() and result.skipped and len(result.skipped) == result.testsRun:
        print(f"SKIPPED: {result.skipped[0][1]}")
        sys.exit(77)
    sys.exit(0 if result.wasSuccessful() else 1)
