#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The services of samples/kalki send to the local viewer, and what it received is compared with what was asked of them.

usage: kalki_test.py --bin FOLDER --logs FOLDER [unittest arguments]

FOLDER of --bin holds kalki-gateway, kalki-query and otel-view; the programs' output goes into the folder of --logs.
"""

import argparse
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

from processes import Program, wait_until

PATIENCE_SECONDS = 30

SERVER, CLIENT, INTERNAL = "SERVER", "CLIENT", "INTERNAL"
GATEWAY, QUERY = "kalki-gateway", "kalki-query"

# What one search leaves, from the outermost span on.
SEARCH_SPANS = [
    (GATEWAY, SERVER, "GET /search"),
    (GATEWAY, CLIENT, "GET"),
    (QUERY, SERVER, "GET /query"),
    (QUERY, INTERNAL, "parse query"),
    (QUERY, INTERNAL, "index lookup"),
    (QUERY, INTERNAL, "rank"),
]

# What kalki-query leaves when it starts: it makes its table, sees that it is empty, fills it and reads it.
START_SPANS = [
    (QUERY, INTERNAL, "build index"),
    (QUERY, CLIENT, "CREATE TABLE documents"),
    (QUERY, CLIENT, "SELECT documents"),
    (QUERY, CLIENT, "INSERT documents"),
    (QUERY, CLIENT, "SELECT documents"),
]

options = None


def environment(endpoint, settings):
    """The caller's environment without OpenTelemetry settings of its own. The queue holds all that a test makes, since
    these tests are about what arrives and not about overload."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    ours = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BSP_MAX_QUEUE_SIZE": "65536",
    }
    return {**kept, **ours, **settings}


def value_of(attribute):
    """An attribute of the viewer's JSON as the Python value of its type."""
    if attribute["type"] == "int":
        return int(attribute["value"])
    if attribute["type"] == "array":
        return [value_of(item) for item in attribute["value"]]
    return attribute["value"]


def attributes_of(holder):
    return {attribute["key"]: value_of(attribute) for attribute in holder["attributes"]}


class Viewer:
    """otel-view on a free port, without its terminal output."""

    def __init__(self, logs):
        self._ready = logs / "view.port"
        command = [Path(options.bin) / "otel-view", "--port", 0, "--quiet", "--ready-file", self._ready]
        command += ["--max-traces", 100000, "--max-bytes", "512M"]
        self.program = Program("otel-view", command, logs / "otel-view.log")
        try:
            self.program.wait_ready(self._ready.exists, PATIENCE_SECONDS)
        except BaseException:
            self.program.kill()
            raise
        self.port = int(self._ready.read_text())
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def _get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None
        finally:
            connection.close()

    def spans_received(self):
        return self._get("/api/stats")["spans"]["received"]

    def trace_ids(self):
        return [trace["trace_id"] for trace in self._get("/api/traces")["traces"]]

    def spans(self, trace_id):
        trace = self._get(f"/api/traces/{trace_id}")
        return trace["spans"] if trace else []

    def await_spans(self, trace_id, count):
        return wait_until(
            lambda: len(self.spans(trace_id)) >= count and self.spans(trace_id),
            PATIENCE_SECONDS,
            f"{count} spans of trace {trace_id}",
        )


class Service:
    """kalki-gateway or kalki-query on a free port, read from its first line."""

    def __init__(self, name, logs, env, *arguments):
        self.name = name
        self.log = logs / f"{name}.log"
        self._ledger = logs / f"{name}.json"
        command = [Path(options.bin) / name, "--port", 0, "--ledger-file", self._ledger, *arguments]
        self.program = Program(name, command, self.log, env)
        try:
            self.program.wait_ready(self._announced, PATIENCE_SECONDS)
        except BaseException:
            self.program.kill()
            raise
        self.port = int(self._announced().group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def _announced(self):
        pattern = rf"^{self.name}: listening on http://127\.0\.0\.1:(\d+)$"
        return re.search(pattern, self.log.read_text(errors="replace"), re.MULTILINE)

    def get(self, target, headers=None, method="GET", body=None):
        """Status, headers and decoded body of one request; `target` is sent byte for byte."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            answer = connection.getresponse()
            content = answer.read()
            is_json = content and answer.getheader("Content-Type") == "application/json"
            return answer.status, answer.headers, json.loads(content) if is_json else None
        finally:
            connection.close()

    def send_raw(self, content):
        """Whatever comes back for these bytes, until the service closes or has nothing more to say."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
            received = b""
            try:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
                while True:
                    more = connection.recv(65536)
                    if not more:
                        return received
                    received += more
            except OSError:
                return received

    def stop(self):
        """Ends the service as an operator would, and returns its ledger."""
        code = self.program.stop(PATIENCE_SECONDS)
        if code != 0:
            raise AssertionError(f"{self.name} ended with {code}:\n{self.program.log_tail()}")
        return json.loads(self._ledger.read_text())


class KalkiTest(unittest.TestCase):
    """Each test has a viewer and services of its own, so that all that the viewer received comes from this test."""

    def setUp(self):
        self.logs = Path(options.logs) / self.id().rpartition(".")[2]
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir(parents=True)
        self.viewer = Viewer(self.logs)
        self.addCleanup(self.viewer.program.kill)
        self.endpoint = self.viewer.endpoint

    def service(self, name, *arguments, **settings):
        service = Service(name, self.logs, environment(self.endpoint, settings), *arguments)
        self.addCleanup(service.program.kill)
        return service

    def kalki(self, *query_arguments, **settings):
        query = self.service(QUERY, *query_arguments, **settings)
        return self.service(GATEWAY, "--query-url", query.url, **settings), query

    def assert_sound(self, ledger):
        """The ledger's two identities, at rest, and nothing lost."""
        self.assertEqual(ledger["started"], ledger["ended"] + ledger["live"] + ledger["abandoned"], ledger)
        for each in ledger["processors"]:
            drops = each["dropped_queue_full"] + each["dropped_failed"] + each["dropped_stopped"]
            open_spans = each["queued"] + each["in_flight"]
            told = each["exported"] + each["rejected"] + drops + open_spans + each["not_sampled"]
            self.assertEqual(each["ended"], told, ledger)
        for count in ("lost", "live", "abandoned", "refused", "dropped_attributes", "dropped_events", "dropped_links"):
            self.assertEqual(ledger[count], 0, f"{count} in {ledger}")

    def stop_all(self, *services):
        """Ends the services, the caller first, and compares what they say they sent with what arrived."""
        ledgers = [service.stop() for service in services]
        for ledger in ledgers:
            self.assert_sound(ledger)
        self.assertEqual(sum(ledger["exported"] for ledger in ledgers), self.viewer.spans_received())
        return ledgers

    def span(self, spans, service, name):
        found = [span for span in spans if (span["service"], span["name"]) == (service, name)]
        self.assertEqual(len(found), 1, f"spans named {name} of {service} in {[span['name'] for span in spans]}")
        return found[0]


def shape(spans):
    return sorted((span["service"], span["kind"], span["name"]) for span in spans)


class Searches(KalkiTest):
    def search(self, gateway, target, count, headers=None):
        """Status, answer and spans of one request, whose trace has this many spans."""
        status, answered, answer = gateway.get(target, headers)
        return status, answer, self.viewer.await_spans(answered["X-Trace-Id"], count)

    def test_search_finds_the_right_documents(self):
        gateway, query = self.kalki()
        status, _, answer = gateway.get("/search?q=the+Mountain+wind")
        self.assertEqual(status, 200)
        self.assertEqual(answer["query"], "the Mountain wind")
        best = {found["title"] for found in answer["results"][:2]}
        self.assertEqual(best, {"Mountain and valley wind", "Lenticular clouds"})
        scores = [found["score"] for found in answer["results"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(gateway.get("/search?q=aval*")[2]["results"][0]["title"], "Avalanche signs")
        self.assertEqual(gateway.get("/search?q=aval")[2], {"query": "aval", "matches": 0, "results": []})
        self.stop_all(gateway, query)

    def test_search_is_one_tree_over_both_services(self):
        gateway, query = self.kalki()
        trace_id, caller = f"{random.getrandbits(128) | 1:032x}", f"{random.getrandbits(64) | 1:016x}"
        headers = {"TraceParent": f"00-{trace_id}-{caller}-01", "User-Agent": "test/1.0", "X-Session-Id": "blue, 7%"}
        status, _, spans = self.search(gateway, "/search?q=wind", 6, headers)
        self.assertEqual(status, 200)
        self.assertEqual({span["trace_id"] for span in spans}, {trace_id})
        self.assertEqual(shape(spans), sorted(SEARCH_SPANS))
        parents = {span["name"]: span["parent_span_id"] for span in spans}
        ids = {span["name"]: span["span_id"] for span in spans}
        self.assertEqual(parents.pop("GET /search"), caller)
        self.assertEqual(parents.pop("GET"), ids["GET /search"])
        self.assertEqual(parents.pop("GET /query"), ids["GET"])
        self.assertEqual(set(parents.values()), {ids["GET /query"]})
        self.assertEqual({span["status"]["code"] for span in spans}, {"UNSET"})
        self.check_times(spans)
        self.check_http(spans, gateway, query)
        self.check_work(spans)
        self.stop_all(gateway, query)

    def check_times(self, spans):
        by_id = {span["span_id"]: span for span in spans}
        for span in spans:
            start, end = int(span["start_time_unix_nano"]), int(span["end_time_unix_nano"])
            self.assertLess(start, end, span["name"])
            parent = by_id.get(span["parent_span_id"])
            if parent:
                self.assertLessEqual(int(parent["start_time_unix_nano"]), start, span["name"])
                self.assertGreaterEqual(int(parent["end_time_unix_nano"]), end, span["name"])

    def check_http(self, spans, gateway, query):
        server = {
            "http.request.method": "GET",
            "url.scheme": "http",
            "url.path": "/search",
            "url.query": "q=wind",
            "http.route": "/search",
            "server.address": "127.0.0.1",
            "server.port": gateway.port,
            "client.address": "127.0.0.1",
            "network.protocol.version": "1.1",
            "user_agent.original": "test/1.0",
            "http.response.status_code": 200,
        }
        self.assertEqual(attributes_of(self.span(spans, GATEWAY, "GET /search")), server)
        called = {"url.path": "/query", "http.route": "/query", "server.port": query.port}
        called["user_agent.original"] = "kalki-gateway/1.0.0"
        called["session.id"] = "blue, 7%"
        self.assertEqual(attributes_of(self.span(spans, QUERY, "GET /query")), {**server, **called})
        client = {
            "http.request.method": "GET",
            "url.full": f"{query.url}/query?q=wind",
            "server.address": "127.0.0.1",
            "server.port": query.port,
            "network.protocol.version": "1.1",
            "http.response.status_code": 200,
        }
        self.assertEqual(attributes_of(self.span(spans, GATEWAY, "GET")), client)

    def check_work(self, spans):
        parsed = {"kalki.query.length": 4, "kalki.query.terms": ["wind"], "kalki.query.prefixes": [False]}
        self.assertEqual(attributes_of(self.span(spans, QUERY, "parse query")), parsed)

        looked_up = self.span(spans, QUERY, "index lookup")
        found = attributes_of(looked_up)
        self.assertEqual((found["kalki.index.documents"], found["kalki.index.shards"]), (36, [0, 1, 2]))
        self.assertIs(found["kalki.index.complete"], True)
        matches = found["kalki.index.matches"]
        self.assertAlmostEqual(found["kalki.index.coverage"], sum(matches) / 36)
        events = [(event["name"], attributes_of(event)) for event in looked_up["events"]]
        searched = [{"kalki.shard": shard, "kalki.matches": count} for shard, count in enumerate(matches)]
        self.assertEqual(events, [("shard searched", each) for each in searched])

        ranked = self.span(spans, QUERY, "rank")
        found = attributes_of(ranked)
        self.assertEqual(found["kalki.rank.candidates"], sum(matches))
        self.assertIs(found["kalki.rank.truncated"], True)
        self.assertEqual(len(found["kalki.rank.scores"]), 5)
        [best] = ranked["events"]
        self.assertEqual(attributes_of(best)["kalki.document.title"], "The true and the apparent wind")
        self.assertEqual(attributes_of(best)["kalki.document.score"], found["kalki.rank.scores"][0])
        self.check_link(ranked)

    def check_link(self, ranked):
        [link] = ranked["links"]
        spans = self.viewer.await_spans(link["trace_id"], len(START_SPANS))
        self.assertEqual(shape(spans), sorted(START_SPANS))
        built = self.span(spans, QUERY, "build index")
        self.assertEqual(built["span_id"], link["span_id"])
        self.assertIsNone(built["parent_span_id"])
        self.assertEqual({span["parent_span_id"] for span in spans if span is not built}, {built["span_id"]})
        self.assertEqual(attributes_of(built), attributes_of(link))
        self.assertNotEqual(link["trace_id"], ranked["trace_id"])

    def test_stop_words_and_prefixes_are_told(self):
        gateway, query = self.kalki()
        _, _, spans = self.search(gateway, "/search?q=the+wind+of+mount*", 6)
        parsed = self.span(spans, QUERY, "parse query")
        ignored = [attributes_of(event) for event in parsed["events"]]
        self.assertEqual(ignored, [{"kalki.term": "the"}, {"kalki.term": "of"}])
        self.assertEqual(attributes_of(parsed)["kalki.query.terms"], ["wind", "mount"])
        self.assertEqual(attributes_of(parsed)["kalki.query.prefixes"], [False, True])
        self.stop_all(gateway, query)

    def check_failure(self, spans, kind, exception, text, statuses):
        """The look-up failed, and each span above says so in its own words."""
        self.assertEqual(shape(spans), sorted(SEARCH_SPANS[:-1]))
        looked_up = self.span(spans, QUERY, "index lookup")
        self.assertEqual(looked_up["status"], {"code": "ERROR", "message": text})
        attributes = attributes_of(looked_up)
        self.assertEqual((attributes["error.type"], attributes["kalki.index.complete"]), (kind, False))
        self.assertEqual([event["name"] for event in looked_up["events"]], ["shard searched", "exception"])
        thrown = attributes_of(looked_up["events"][1])
        self.assertEqual((thrown["exception.type"], thrown["exception.message"]), (exception, text))
        above = [(QUERY, "GET /query"), (GATEWAY, "GET"), (GATEWAY, "GET /search")]
        for (service, name), status in zip(above, statuses):
            span = self.span(spans, service, name)
            self.assertEqual(span["status"], {"code": "ERROR", "message": ""}, name)
            self.assertEqual(attributes_of(span)["error.type"], str(status), name)
            self.assertEqual(attributes_of(span)["http.response.status_code"], status, name)

    def test_failures_on_purpose(self):
        gateway, query = self.kalki()
        corrupt = ("shard_corrupt", "ShardCorrupt", "shard 1: the checksum of block 17 is wrong", (500, 500, 502))
        timeout = ("timeout", "ShardTimeout", "shard 1 did not answer within 50 ms", (504, 504, 504))
        cases = {"q=wind&fail=error": corrupt, "q=a+failing+search": corrupt, "q=wind&fail=timeout": timeout}
        for arguments, wanted in cases.items():
            with self.subTest(arguments):
                status, answer, spans = self.search(gateway, f"/search?{arguments}", 5)
                self.assertEqual(status, wanted[-1][-1])
                self.assertIn("error", answer)
                self.check_failure(spans, *wanted)
        self.assertEqual(gateway.get("/search?q=wind")[0], 200)
        self.stop_all(gateway, query)

    def test_every_third_search_fails_with_the_kinds_in_turn(self):
        gateway, query = self.kalki("--fail-every", 3)
        statuses = [gateway.get("/search?q=wind")[0] for _ in range(12)]
        self.assertEqual(statuses, [200, 200, 504, 200, 200, 502] * 2)
        self.stop_all(gateway, query)


class Troubles(KalkiTest):
    def test_query_service_is_down(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))  # taken, but nobody listens
            gateway = self.service(GATEWAY, "--query-url", f"http://127.0.0.1:{nobody.getsockname()[1]}")
            status, headers, answer = gateway.get("/search?q=wind")
        self.assertEqual((status, answer), (502, {"error": "the query service cannot be reached"}))
        spans = self.viewer.await_spans(headers["X-Trace-Id"], 2)
        client, server = self.span(spans, GATEWAY, "GET"), self.span(spans, GATEWAY, "GET /search")
        self.assertEqual((client["kind"], client["parent_span_id"]), (CLIENT, server["span_id"]))
        self.assertEqual(client["status"]["code"], "ERROR")
        self.assertIn("connect", client["status"]["message"].lower())
        self.assertEqual(attributes_of(client)["error.type"], "connection_failed")
        self.assertNotIn("http.response.status_code", attributes_of(client))
        self.assertEqual(server["status"], {"code": "ERROR", "message": ""})
        self.assertEqual(attributes_of(server)["error.type"], "502")
        self.stop_all(gateway)

    def test_request_that_runs_at_sigterm_is_answered_and_traced(self):
        """The query service is silent, so that the request is still running when the signal comes."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.settimeout(PATIENCE_SECONDS)
            gateway = self.service(GATEWAY, "--query-url", f"http://127.0.0.1:{silent.getsockname()[1]}")
            answers = []
            request = threading.Thread(target=lambda: answers.append(gateway.get("/search?q=wind")))
            request.start()
            connection, _ = silent.accept()
            [ledger] = self.stop_all(gateway)
            request.join()
            connection.close()
        [(status, headers, _)] = answers
        self.assertEqual(status, 504)
        self.assertEqual(ledger["exported"], 2)
        client = self.span(self.viewer.spans(headers["X-Trace-Id"]), GATEWAY, "GET")
        self.assertEqual(attributes_of(client)["error.type"], "timeout")

    def test_bad_requests_are_the_callers_mistake(self):
        gateway, query = self.kalki()
        cases = {
            "/search": 400,
            "/search?q": 400,
            "/search?q=" + "a" * 2000: 400,
            "/search?q=" + "a" * 60000: 414,
            "/nowhere": 404,
            "/": 404,
        }
        for target, wanted in cases.items():
            with self.subTest(target[:30]):
                self.assertEqual(gateway.get(target)[0], wanted)
        self.assertEqual(gateway.get("/search?q=wind", method="POST", body=b"x" * 100000)[0], 405)
        self.assertEqual(gateway.get("/search?q=wind", method="BREW")[0], 405)
        [ledger, _] = self.stop_all(gateway, query)
        found = [self.viewer.spans(each) for each in self.viewer.trace_ids()]
        traces = {root["name"]: root for spans in found for root in spans if not root["parent_span_id"]}
        self.assertEqual(set(traces), {"GET /search", "GET", "POST /search", "HTTP /search", "build index"})
        self.assertEqual({span["status"]["code"] for span in traces.values()}, {"UNSET"})
        self.assertEqual(attributes_of(traces["HTTP /search"])["http.request.method"], "_OTHER")
        self.assertEqual(attributes_of(traces["HTTP /search"])["http.request.method_original"], "BREW")
        self.assertNotIn("http.route", attributes_of(traces["GET"]))
        self.assertEqual(ledger["made"], 7)  # libmicrohttpd answers 414 before there is a request

    def test_any_bytes_can_be_searched_for(self):
        gateway, query = self.kalki()
        snow, surrogate = "сне́г ❄ wind".encode(), b"\xed\xa0\x80 \xc0\xaf wind"
        for searched in (b"\xff\xfewind", b"wind\x00\x01", snow, b'"\\wind\x7f', surrogate):
            target = "/search?q=" + "".join(f"%{byte:02x}" for byte in searched)
            status, _, answer = gateway.get(target)
            self.assertEqual((status, answer["query"]), (200, self.as_json_shows(searched)))
        self.assertIn("Reading the wind", str(gateway.get("/search?q=%ff+wind")[2]))
        self.stop_all(gateway, query)

    @staticmethod
    def as_json_shows(text):
        """With one U+FFFD for each byte that is not part of valid UTF-8."""
        shown = ""
        while text:
            for length in (1, 2, 3, 4):
                try:
                    shown, text = shown + text[:length].decode(), text[length:]
                    break
                except UnicodeDecodeError:
                    continue
            else:
                shown, text = shown + "\ufffd", text[1:]
        return shown

    def test_services_survive_what_is_not_http(self):
        gateway, query = self.kalki()
        source = random.Random(7)
        parts = [b"GET ", b"/search?q=", b" HTTP/1.1\r\n", b"traceparent: 00-", b"\r\n", b"\0", b"%"]
        parts += [b"Host: [::1]:\r\n", b"Host: a:b\r\n"]
        for service in (gateway, query):
            for _ in range(200):
                pieces = [source.choice(parts) if source.random() < 0.8 else source.randbytes(40) for _ in range(12)]
                service.send_raw(b"".join(pieces))
            service.send_raw(source.randbytes(200000))
        self.assertEqual(gateway.get("/search?q=wind")[0], 200)
        self.stop_all(gateway, query)


class Tracing(KalkiTest):
    """What the environment says about tracing reaches the services, and they serve whatever it says."""

    def test_no_collector(self):
        """With nobody to send to the services serve, end in time, and say what was lost."""
        self.endpoint = "http://127.0.0.1:9"
        gateway, query = self.kalki()
        self.assertEqual(gateway.get("/search?q=wind")[0], 200)
        begin = time.monotonic()
        ledgers = [gateway.stop(), query.stop()]
        self.assertLess(time.monotonic() - begin, PATIENCE_SECONDS)
        told = [(ledger["sampled"], ledger["exported"], ledger["lost"]) for ledger in ledgers]
        self.assertEqual(told, [(2, 0, 2), (9, 0, 9)])
        self.assertIn("kalki-query: spans made 9, sampled 9, exported 0, lost 9", query.log.read_text())

    def test_tracing_switched_off(self):
        gateway, query = self.kalki(OTEL_SDK_DISABLED="true")
        trace_id = f"{random.getrandbits(128) | 1:032x}"
        headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
        status, answered, _ = gateway.get("/search?q=wind", headers)
        self.assertEqual((status, answered["X-Trace-Id"]), (200, trace_id))
        self.assertNotIn("X-Trace-Id", gateway.get("/search?q=wind")[1])
        self.assertEqual([ledger["made"] for ledger in self.stop_all(gateway, query)], [0, 0])
        self.assertEqual(self.viewer.spans_received(), 0)

    def test_unsampled_spans_are_counted_and_not_sent(self):
        gateway, query = self.kalki(OTEL_TRACES_SAMPLER="always_off")
        for _ in range(10):
            self.assertEqual(gateway.get("/search?q=wind")[0], 200)
        ledgers = self.stop_all(gateway, query)
        self.assertEqual([(ledger["made"], ledger["sampled"]) for ledger in ledgers], [(20, 0), (45, 0)])


class Load(KalkiTest):
    """Many requests at once, over connections that are kept, until the services end under them."""

    THREADS = 8

    def ask(self, gateway, stop, requests, answers):
        """Searches until told to stop or refused, and notes the trace of each answer."""
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=PATIENCE_SECONDS)
        try:
            for _ in range(requests):
                if stop.is_set():
                    break
                connection.request("GET", "/search?q=wind+over+the+sea")
                answer = connection.getresponse()
                answer.read()
                answers.append((answer.status, answer.getheader("X-Trace-Id")))
        except (OSError, http.client.HTTPException):
            pass  # what a caller sees of a service that has ended
        finally:
            connection.close()

    def load(self, gateway, requests):
        stop, answers = threading.Event(), []
        arguments = (gateway, stop, requests, answers)
        threads = [threading.Thread(target=self.ask, args=arguments) for _ in range(self.THREADS)]
        for thread in threads:
            thread.start()
        return stop, threads, answers

    def test_every_span_of_many_requests_arrives(self):
        gateway, query = self.kalki()
        _, threads, answers = self.load(gateway, 100)
        for thread in threads:
            thread.join()
        self.assertEqual([status for status, _ in answers], [200] * 100 * self.THREADS)
        gateway_ledger, query_ledger = self.stop_all(gateway, query)
        self.assertEqual(gateway_ledger["exported"], 2 * len(answers))
        self.assertEqual(query_ledger["exported"], 4 * len(answers) + len(START_SPANS))
        for _, trace_id in answers:
            self.assertEqual(shape(self.viewer.spans(trace_id)), sorted(SEARCH_SPANS))

    def test_nothing_is_lost_when_the_services_end_under_load(self):
        for first in (GATEWAY, QUERY):
            with self.subTest(first=first):
                self.setUp()
                gateway, query = self.kalki()
                stop, threads, answers = self.load(gateway, 100000)
                wait_until(lambda a=answers: len(a) > 200, 60, "200 answers")
                order = (gateway, query) if first == GATEWAY else (query, gateway)
                order[0].stop()
                wait_until(lambda a=answers: first == GATEWAY or a[-1][0] == 502, 30, "the gateway alone")
                stop.set()
                for thread in threads:
                    thread.join()
                self.stop_all(*order)
                self.check_answered(answers, first)

    def check_answered(self, answers, first):
        """Each answered request has left its whole trace, and no request failed but for the query service's end."""
        self.assertLessEqual({status for status, _ in answers}, {200} if first == GATEWAY else {200, 502})
        for status, trace_id in answers:
            if status == 200:
                self.assertEqual(shape(self.viewer.spans(trace_id)), sorted(SEARCH_SPANS))


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--logs", required=True)
    options, rest = parser.parse_known_args()
    unittest.main(argv=[__file__, "--verbose", *rest])


if __name__ == "__main__":
    main()
