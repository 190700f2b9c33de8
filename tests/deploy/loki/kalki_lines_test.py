# SPDX-License-Identifier: Apache-2.0
"""Lines that the real kalki writes, taken through promtail's stages and asked the queries of the runbook."""

import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY, PROJECT, Problems, arguments, document, node_program  # noqa: E402

from processes import Program  # noqa: E402

READY_SECONDS = STOP_SECONDS = PATIENCE_SECONDS = 60
ATTEMPTS = 20
SEARCHES = 5
FIELDS = {
    "operation": str,
    "http.request.method": str,
    "http.route": str,
    "http.response.status_code": int,
    "duration_ms": (int, float),
}
FAILED_SEARCH = [
    ("kalki-query", "ERROR", "shard 1: the checksum of block 17 is wrong"),
    ("kalki-query", "ERROR", "request answered"),
    ("kalki-gateway", "ERROR", "kalki-query failed"),
    ("kalki-gateway", "WARNING", "request answered"),
]


class Service:
    def __init__(self, folder, name, *more, **env):
        self.name, self.log = name, folder / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "KALKI_"))}
        kept.update(OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none", KALKI_DATA_DIR=str(folder), **env)
        self.program = Program(name, [Service.bin / name, "--port", 0, *more], self.log, kept)
        try:
            self.port = int(self.program.wait_ready(self._announced, READY_SECONDS).group(1))
        except BaseException:
            self.program.kill()
            raise

    def _announced(self):
        return re.search(r"listening on http://127\.0\.0\.1:(\d+)", self.log.read_text())

    def ask(self, method, target, body=None):
        """The status and the id of the trace."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, target, body and json.dumps(body))
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.getheader("X-Trace-Id")
        finally:
            connection.close()


def insert(query, number):
    return query.ask("POST", "/documents", {"title": f"document {number}", "text": "a gust of wind"})[0]


def locked(file):
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    database.execute("BEGIN EXCLUSIVE")
    return database


def make_slow(query, file):
    """Another program holds the database for most of a second, until a statement was slow; the statuses of all attempts."""
    statuses = []
    while "slow query" not in query.log.read_text() and len(statuses) < ATTEMPTS:
        database = locked(file)
        timer = threading.Timer(0.9, database.close)
        timer.start()
        statuses.append(insert(query, len(statuses)))
        timer.join()
    return statuses


def make_trouble(problems, gateway, query, file):
    """What happened: the id of the failed search's trace, and the statuses of the documents that were sent."""
    for _ in range(SEARCHES):
        problems.check(gateway.ask("GET", "/search?q=wind")[0] == 200, "a search failed")
    gateway.ask("GET", "/health")
    status, trace_id = gateway.ask("GET", "/search?q=wind&fail=error")
    problems.check(status == 502, f"the search that fails on purpose is answered with {status}")
    statuses = make_slow(query, file)
    database = locked(file)
    statuses.append(insert(query, "that waits in vain"))
    database.close()
    problems.check(statuses[-1] == 504, f"a database that is locked for good: {statuses[-1]}")
    return trace_id, statuses


def run(problems, folder):
    """What happened, and the lines as Docker would write them."""
    file = folder / "documents.db"
    services = []
    try:
        query = Service(folder, "kalki-query", "--database-url", f"sqlite:{file}", "--log-level", "info")
        services.append(query)
        url = f"http://127.0.0.1:{query.port}"
        gateway = Service(folder, "kalki-gateway", "--query-url", url, KALKI_LOG_LEVEL="info")
        services.append(gateway)
        happened = make_trouble(problems, gateway, query, file)
        for service in services:
            problems.check(service.program.stop(STOP_SECONDS) == 0, f"{service.name} did not end well")
    finally:
        for service in services:
            service.program.kill()
    return *happened, [docker_line(service.name, line) for service in services for line in service.log.open()]


def docker_line(service, line):
    attributes = {"com.docker.compose.service": service}
    return json.dumps({"log": line, "stream": "stderr", "attrs": attributes, "time": "2026-11-28T21:30:00.2Z"})


def check_levels(problems, folder):
    """A service that nobody told anything is quiet while all is well; its own level beats that of all programs."""
    for arguments_, env, wanted in [
        ([], {}, False),
        ([], {"OTEL_C_LOG_LEVEL": "info"}, True),
        (["--log-level", "error"], {"OTEL_C_LOG_LEVEL": "info"}, False),
    ]:
        service = Service(folder, "kalki-query", *arguments_, **env)
        service.ask("GET", "/query?q=wind")
        service.program.stop(STOP_SECONDS)
        text = service.log.read_text()
        problems.check(("request answered" in text) == wanted, f"with {arguments_} and {env}:\n{text}")
        service.log.unlink()
    done = subprocess.run([Service.bin / "kalki-query", "--log-level", "loud"], capture_output=True, timeout=60, check=False)
    problems.check(done.returncode == 1 and b"loud" in done.stderr, f"a level that there is not: {done}")


def check_requests(problems, entries):
    for entry in entries:
        line = json.loads(entry.line) if entry.line.startswith("{") else {}
        if line.get("message") != "request answered":
            continue
        fields = line["fields"]
        failed = fields["http.response.status_code"] >= 500
        right = all(isinstance(fields.get(name), kind) for name, kind in FIELDS.items())
        right = right and set(fields) == set(FIELDS) | ({"error_type"} if failed else set())
        problems.check(right and "health" not in fields["operation"], f"a request's line: {entry.line}")
        problems.check(entry.metadata.get("trace_id") and entry.metadata.get("span_id"), f"no ids: {entry.line}")
        problems.check(entry.time == line["time"], f"not at its time: {entry.line}")


def told(entries):
    return sorted((entry.labels["service"], entry.labels["level"], json.loads(entry.line)["message"]) for entry in entries)


def check_errors(problems, found):
    wanted = {line[::2] for line in FAILED_SEARCH if line[1] == "ERROR"} | {("kalki-query", "the database failed")}
    got = {(service, message) for service, _, message in told(found)}
    problems.check(got == wanted, f"errors: {got}, not {wanted}")


def check_slow(problems, found):
    fields = [json.loads(entry.line)["fields"] for entry in found]
    got = {(entry.labels["level"], each["operation"]) for entry, each in zip(found, fields)}
    wanted = {("WARNING", "INSERT documents"), ("INFO", "POST /documents")}
    problems.check(got >= wanted, f"slow: {got}, not {wanted}")
    problems.check(all(each["duration_ms"] > 500 for each in fields), f"slow: {fields}")


def check_rate(problems, lines, statuses):
    """As many lines as there were events. Three are INFO without a request: listening, stopping, stopped."""
    got = Counter((entry.labels["service"], entry.labels["level"]) for entry in lines)
    taken = statuses.count(201)
    wanted = {
        ("kalki-gateway", "INFO"): SEARCHES + 3,
        ("kalki-gateway", "WARNING"): 1,
        ("kalki-gateway", "ERROR"): 1,
        ("kalki-query", "INFO"): SEARCHES + taken + 3,
        ("kalki-query", "ERROR"): 2 + len(statuses) - taken,
        # For people: "listening on" and what became of the spans.
        ("kalki-gateway", "UNKNOWN"): 2,
        ("kalki-query", "UNKNOWN"): 2,
    }
    for stream, count in wanted.items():
        problems.check(got[stream] == count, f"{got[stream]} lines of {stream}, not {count}")


def logql(name):
    return re.findall(r"```logql\n(.+?)\n```", (PROJECT / "docs" / name).read_text(), re.DOTALL)


def main():
    given = arguments(__doc__, bin={"type": Path, "required": True})
    import pipeline
    import queries_test

    command = node_program(given, "logql.mjs")
    Service.bin = given.bin
    problems = Problems()
    asked, page = logql("runbook.md"), logql("logging-stack.md")
    problems.check(asked == page[:3], "the queries of runbook.md are not the first three of logging-stack.md")
    with tempfile.TemporaryDirectory() as folder:
        trace_id, statuses, lines = run(problems, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        check_levels(problems, Path(folder))
    (scrape,) = document(DEPLOY / "loki/promtail.yaml")["scrape_configs"]
    entries = list(pipeline.read(lines, scrape))
    check_requests(problems, entries)
    of_trace = re.sub('"[0-9a-f]{32}"', f'"{trace_id}"', page[3])
    queries = queries_test.read_queries(command, [*asked, of_trace])
    errors, slow, rate, trace = [[each for each in entries if queries_test.passes(query, each)] for query in queries]
    check_errors(problems, errors)
    check_slow(problems, slow)
    check_rate(problems, rate, statuses)
    problems.check(told(trace) == sorted(FAILED_SEARCH), f"the lines of a trace: {told(trace)}")
    problems.finish(f"{len(entries)} lines, {len(errors)} of errors, {len(slow)} of what was slow")


if __name__ == "__main__":
    main()
