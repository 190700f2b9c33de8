# SPDX-License-Identifier: Apache-2.0
"""The sample services, kalki-gateway and kalki-query, as a fixture that exports to a given Jaeger."""

import http.client
import json
import os
import re
import threading
from typing import NamedTuple

from processes import Program

READY_SECONDS = 30
STOP_SECONDS = 30
REQUEST_SECONDS = 30
LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")

# The queue holds all that any test makes, because these tests are about what arrives and not about overload; the short
# delay makes traces show up while the services still run.
SETTINGS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_PROPAGATORS": "tracecontext",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
    "OTEL_BSP_MAX_QUEUE_SIZE": "32768",
    "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=interop",
}

MUST_BE_ZERO = ("lost", "live", "abandoned", "refused", "dropped_attributes", "dropped_events", "dropped_links")


def _environment(endpoint, settings):
    """The caller's environment without its own OpenTelemetry settings, which would decide what is tested here."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    environment.update(SETTINGS, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    environment.update(settings)
    return environment


class Answer(NamedTuple):
    status: int
    trace_id: str


class Kalki:
    def __init__(self, bin_folder, log_folder, endpoint, **settings):
        self._bin = bin_folder
        self._logs = log_folder
        self._environment = _environment(endpoint, settings)
        self._programs = []

    def __enter__(self):
        try:
            self.query_port = self._start("kalki-query")
            self.gateway_port = self._start("kalki-gateway", "--query-url", f"http://127.0.0.1:{self.query_port}")
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, *_):
        self._kill()

    def _start(self, name, *arguments):
        """Starts one service, which takes a free port itself, and returns the port."""
        log = self._logs / f"{name}.log"
        command = [self._bin / name, "--port", 0, "--ledger-file", self._ledger_file(name), *arguments]
        program = Program(name, command, log, self._environment)
        self._programs.append(program)
        found = program.wait_ready(lambda: LISTENING.search(log.read_text(errors="replace")), READY_SECONDS)
        return int(found.group(1))

    def _ledger_file(self, name):
        return self._logs / f"{name}.ledger.json"

    def _kill(self):
        for program in self._programs:
            program.kill()

    def stop(self, only=None):
        """Ends both with SIGTERM, the caller before the called, or one; returns what was not clean about it."""
        problems = []
        for program in reversed(self._programs):
            if only not in (None, program.name):
                continue
            code = program.stop(STOP_SECONDS)
            if code is None:
                problems.append(f"{program.name} did not end within {STOP_SECONDS} s of SIGTERM:\n{program.log_tail()}")
            elif code != 0:
                problems.append(f"{program.name} ended with {code} after SIGTERM:\n{program.log_tail()}")
        return problems

    def ledger_problems(self):
        """What the stopped services say of their spans and should not: lost, unended or unaccounted ones."""
        problems = []
        for program in self._programs:
            ledger = json.loads(self._ledger_file(program.name).read_text())
            problems += [f"{program.name}: {name}: {ledger[name]}" for name in MUST_BE_ZERO if ledger[name] != 0]
            for count in ("ended", "exported"):
                if ledger[count] != ledger["started"]:
                    problems.append(f"{program.name}: {ledger['started']} spans started, {ledger[count]} {count}")
        return problems

    def get(self, path, headers=None):
        [answer] = self.get_all([(path, headers or {})], threads=1)
        return answer

    def get_all(self, requests, threads=4):
        """The answers to many requests (path, headers), in their order, sent on a few connections that are kept."""
        answers = [None] * len(requests)
        errors = []

        def send(first):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.gateway_port, timeout=REQUEST_SECONDS)
                for number in range(first, len(requests), threads):
                    path, headers = requests[number]
                    connection.request("GET", path, headers=headers)
                    answer = connection.getresponse()
                    answer.read()
                    answers[number] = Answer(answer.status, answer.getheader("X-Trace-Id"))
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                errors.append(f"{type(error).__name__}: {error}")

        workers = [threading.Thread(target=send, args=(first,)) for first in range(min(threads, len(requests)))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if errors:
            logs = "\n".join(f"{program.name}:\n{program.log_tail()}" for program in self._programs)
            raise ConnectionError(f"requests to the gateway failed: {errors}\n{logs}")
        return answers
