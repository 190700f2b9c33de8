#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What kalki-gateway makes of what its dependencies do: answers that are kept, summaries, documents, sessions, health.

usage: gateway_test.py --bin FOLDER --tests FOLDER --logs FOLDER [unittest arguments]
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import threading
import unittest

import programs
from processes import free_ports, wait_until
from programs import Kalki, QueryDouble

RESULTS = {"query": "wind", "matches": 2, "results": [{"id": 1, "title": "One"}, {"id": 2, "title": "Two \"quoted\""}]}
HEALTHY = {"status": "healthy", "checks": {"database": {"status": "healthy", "pool": {"used": 1}, "query_ms": 0.25}}}


class WithQuery(unittest.TestCase):
    def setUp(self):
        self.query = QueryDouble()
        self.addCleanup(self.query.stop)
        self.query.answers = {"/query": (200, RESULTS), "/health": (200, HEALTHY)}

    def start(self, name, *arguments, **settings):
        started = Kalki(name, *arguments, **settings)
        self.addCleanup(started.program.kill)
        return started

    def gateway(self, *arguments, **settings):
        return self.start("kalki-gateway", "--query-url", self.query.url, *arguments, **settings)

    def asked(self, path="/query"):
        return [request for request in self.query.requests if request[1].split("?")[0] == path]


class Callers(WithQuery):
    def test_who_never_finish_asking_are_left(self):
        """Each byte comes well before a silent connection would be closed."""
        gateway = self.gateway()
        with socket.create_connection(("127.0.0.1", gateway.port)) as caller:
            caller.settimeout(0.5)
            caller.sendall(b"GET /search?q=wind HTTP/1.1\r\nX-Slow: ")

            def is_left():
                try:
                    caller.sendall(b"x")
                    return caller.recv(1) == b""
                except TimeoutError:
                    return False
                except ConnectionError:
                    return True

            wait_until(is_left, 60, "the connection is closed")
        self.assertEqual(gateway.ask("/search?q=wind")[0], 200)
        gateway.stop()


class Answers(WithQuery):
    def test_are_not_kept_by_default(self):
        gateway = self.gateway()
        for _ in range(2):
            self.assertEqual(gateway.ask("/search?q=wind"), (200, RESULTS))
        self.assertEqual(len(self.asked()), 2)
        gateway.stop()

    def test_are_kept_for_a_while(self):
        gateway = self.gateway("--cache-seconds", 2)
        for _ in range(3):
            self.assertEqual(gateway.ask("/search?q=wind"), (200, RESULTS))
        self.assertEqual(len(self.asked()), 1)
        self.assertEqual(gateway.ask("/search?q=sail")[0], 200)
        self.assertEqual(len(self.asked()), 2)
        wait_until(lambda: gateway.ask("/search?q=wind") and len(self.asked()) == 3, 30, "the answer has expired")
        gateway.stop()

    def test_that_failed_are_not_kept(self):
        gateway = self.gateway("--cache-seconds", 60)
        self.query.answers["/query"] = (500, {"error": "failed"})
        self.assertEqual(gateway.ask("/search?q=wind")[0], 502)
        self.query.answers["/query"] = (200, RESULTS)
        self.assertEqual(gateway.ask("/search?q=wind"), (200, RESULTS))
        gateway.stop()

    def test_outlive_the_query_service(self):
        gateway = self.gateway("--cache-seconds", 60)
        self.assertEqual(gateway.ask("/search?q=wind")[0], 200)
        self.query.stop()
        self.assertEqual(gateway.ask("/search?q=wind"), (200, RESULTS))
        # On connections of its own, since a server that only stops listening still answers on those that are open.
        self.assertEqual(gateway.ask("/health")[0], 503)
        gateway.stop()


class Summaries(WithQuery):
    def gateway_with_llm(self, *arguments):
        self.llm = self.start("kalki-llm", *arguments)
        return self.gateway("--llm-url", self.llm.url)

    def test_name_what_was_found(self):
        gateway = self.gateway_with_llm()
        status, answer = gateway.ask("/search?q=wind&summary=1")
        self.assertEqual(status, 200)
        self.assertEqual(answer.pop("summary"), '2 documents about "wind", first of all One and Two "quoted".')
        self.assertEqual(answer, RESULTS)
        self.assertEqual(gateway.ask("/search?q=wind&summary=0"), (200, RESULTS))
        gateway.stop()
        self.llm.stop()

    def test_are_refused_without_who_writes_them(self):
        gateway = self.gateway()
        self.assertEqual(gateway.ask("/search?q=wind&summary=1")[0], 501)
        self.assertNotIn("llm", gateway.ask("/health")[1]["checks"])
        gateway.stop()

    def test_that_fail_leave_the_answer_as_it_is(self):
        gateway = self.gateway_with_llm("--fail-every", 2)
        outcomes = []
        for _ in range(4):
            status, answer = gateway.ask("/search?q=wind&summary=1")
            self.assertEqual((status, answer["results"]), (200, RESULTS["results"]))
            outcomes.append(answer.get("summary_error", "none"))
        self.assertEqual(outcomes, ["none", "error", "none", "error"])
        gateway.stop()

    def test_that_never_come_hold_up_nobody_else(self):
        gateway = self.gateway_with_llm("--hang-every", 1)
        answers = []
        slow = [
            threading.Thread(target=lambda: answers.append(gateway.ask("/search?q=wind&summary=1"))) for _ in range(20)
        ]
        for thread in slow:
            thread.start()
        wait_until(lambda: len(self.asked()) == 20, 30, "all have been searched for")
        others = 0
        while not answers and others < 10:
            self.assertEqual(gateway.ask("/search?q=sail"), (200, RESULTS))
            others += 1
        for thread in slow:
            thread.join()
        self.assertEqual(others, 10)
        self.assertEqual({(status, answer["summary_error"]) for status, answer in answers}, {(200, "timeout")})
        gateway.stop()

    def test_of_an_api_that_is_not_there(self):
        gateway = self.gateway_with_llm()
        self.llm.stop()
        self.assertEqual(gateway.ask("/search?q=wind&summary=1")[1]["summary_error"], "unavailable")
        status, health = gateway.ask("/health")
        self.assertEqual((status, health["status"]), (200, "degraded"))
        self.assertEqual(health["checks"]["llm"]["status"], "unhealthy")
        gateway.stop()

    def test_are_not_written_of_nonsense(self):
        llm = self.start("kalki-llm")
        for body in (None, "", "{", "[]", '{"query":1,"titles":[]}', '{"query":"a"}'):
            self.assertEqual(llm.ask("/v1/summary", "POST", body)[0], 400, body)
        self.assertEqual(llm.ask("/v1/summary", "POST", '{"query":"a","titles":[1]}')[0], 200)
        self.assertEqual(llm.ask("/v1/summary")[0], 405)
        self.assertEqual(llm.ask("/health")[0], 200)
        llm.stop()


class Documents(WithQuery):
    def test_go_on_with_the_trace_and_come_back(self):
        gateway = self.gateway(env={"OTEL_TRACES_EXPORTER": "console"})
        self.query.answers["/documents"] = (201, {"ids": [40]})
        self.query.answers["/documents/40"] = (200, {"id": 40, "title": "New"})
        body = json.dumps({"title": "New", "text": "x" * 5000})
        headers = {"X-Session-Id": "here", "Content-Type": "application/json"}
        self.assertEqual(gateway.ask("/documents", "POST", body, headers), (201, {"ids": [40]}))
        self.assertEqual(gateway.ask("/documents/40", headers=headers), (200, {"id": 40, "title": "New"}))
        [(method, _, sent, received)] = self.asked("/documents")
        self.assertEqual((method, received.decode()), ("POST", body))
        self.assertRegex(sent["traceparent"], "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]$")
        self.assertIn("session.id=here", sent["baggage"])
        gateway.stop()
        lines = gateway.log.read_text().splitlines()
        trace_id, span_id = sent["traceparent"].split("-")[1:3]
        [client] = [line for line in lines if f"span={span_id}" in line]
        self.assertRegex(client, r'CLIENT +"POST"')
        self.assertIn(f"trace={trace_id}", client)
        [server] = [line for line in lines if f"trace={trace_id}" in line and "SERVER" in line]
        self.assertIn('"POST /documents"', server)

    def test_mistakes_are_the_callers_and_failures_are_not(self):
        gateway = self.gateway()
        for answered, expected in ((400, 400), (413, 413), (500, 502), (503, 502), (504, 504)):
            self.query.answers["/documents"] = (answered, {"error": "so"})
            self.assertEqual(gateway.ask("/documents", "POST", "{}")[0], expected)
        self.assertEqual(gateway.ask("/documents", "POST")[0], 400)
        for name in ("..", "a%2Fb", "a%3Fb", "%20", "x" * 65):
            self.assertEqual(gateway.ask(f"/documents/{name}")[0], 404)
        self.assertEqual(self.asked("/documents/a"), [])
        gateway.stop()


class Sessions(WithQuery):
    def test_are_listed_with_what_they_did(self):
        gateway = self.gateway()
        for session in ("first", "second", "first"):
            gateway.ask("/search?q=wind", headers={"X-Session-Id": session})
        gateway.ask("/search?q=wind", headers={"X-Session-Id": "x" * 200})
        status, answer = gateway.ask("/sessions")
        self.assertEqual((status, answer["count"], answer["complete"]), (200, 2, True))
        self.assertEqual({each["id"]: each["requests"] for each in answer["sessions"]}, {"first": 2, "second": 1})
        for each in answer["sessions"]:
            self.assertTrue(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each["last_seen"]), each)
        gateway.stop()


class Health(WithQuery):
    def test_tells_of_everything_that_is_needed(self):
        llm = self.start("kalki-llm")
        gateway = self.gateway("--llm-url", llm.url)
        status, health = gateway.ask("/health")
        self.assertEqual((status, health["status"], health["service"]), (200, "healthy", "kalki-gateway"))
        checks = health["checks"]
        self.assertEqual(set(checks), {"query_service", "database", "cache", "llm", "file_system"})
        self.assertEqual((checks["database"]["pool"], checks["database"]["query_ms"]), ({"used": 1}, 0.25))
        self.assertEqual((checks["cache"]["backend"], checks["cache"]["entries"]), ("memory", 0))
        self.assertIn("memory_bytes", checks["cache"])
        self.assertNotIn("traceparent", {key.lower() for key in self.asked("/health")[0][2]})
        gateway.stop()

    def test_follows_the_query_service_and_its_database(self):
        gateway = self.gateway()
        sick = {"status": "unhealthy", "checks": {"database": {"status": "unhealthy", "error": "gone"}}}
        self.query.answers["/health"] = (503, sick)
        status, health = gateway.ask("/health")
        self.assertEqual((status, health["status"]), (503, "unhealthy"))
        self.assertEqual(health["checks"]["database"]["status"], "unhealthy")
        self.assertEqual(health["checks"]["query_service"]["status"], "unhealthy")
        self.assertEqual(gateway.ask("/health/ready")[0], 503)
        self.assertEqual(gateway.ask("/health/live")[0], 200)
        self.query.answers["/health"] = (200, HEALTHY)
        self.assertEqual(gateway.ask("/health/ready")[0], 200)
        gateway.stop()


class Settings(WithQuery):
    def test_may_be_variables(self):
        llm = self.start("kalki-llm", env={"KALKI_FAIL_EVERY": "1"})
        settings = {"KALKI_QUERY_URL": self.query.url, "KALKI_LLM_URL": llm.url, "KALKI_CACHE_SECONDS": "60"}
        gateway = self.start("kalki-gateway", env={**settings, "KALKI_CACHE_URL": "memory:"})
        for _ in range(2):
            self.assertEqual(gateway.ask("/search?q=wind&summary=1")[1]["summary_error"], "error")
        self.assertEqual(len(self.asked()), 1)
        gateway.stop()

    def test_do_not_keep_a_service_that_nobody_reads(self):
        """Its pipes are full, or have no reader any more: it serves, ends as it should, and writes its ledger."""
        for closes in (False, True):
            reader, writer = os.pipe()
            os.set_blocking(writer, False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(writer, b"x" * 4096)
            os.set_blocking(writer, True)
            ledger = programs.Path(programs.options.logs) / "unread-ledger.json"
            ledger.unlink(missing_ok=True)
            (port,) = free_ports(1)
            env = {**os.environ, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
            command = [programs.Path(programs.options.bin) / "kalki-gateway", "--port", str(port), "--ledger-file", ledger]
            program = subprocess.Popen(command, stdout=writer, stderr=writer, env=env)
            self.addCleanup(program.kill)
            os.close(writer)
            if closes:
                os.close(reader)
            wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60, "it listens")
            program.terminate()
            self.assertEqual(program.wait(60), 0)
            self.assertEqual(json.loads(ledger.read_text())["service"], "kalki-gateway")
            if not closes:
                os.close(reader)

    def test_that_are_wrong_are_named(self):
        (port,) = free_ports(1)
        wrong = (
            ("--cache-url", "file:x"),
            ("--cache-url", "redis://nowhere"),
            ("--llm-url", "::"),
            ("--llm-url", "ftp://x"),
            ("--query-url", ""),
        )
        for name, value in wrong:
            log = programs.Path(programs.options.logs) / f"wrong-{port}.log"
            log.unlink(missing_ok=True)
            command = [programs.Path(programs.options.bin) / "kalki-gateway", "--port", 0, name, value]
            program = programs.Program("kalki-gateway", command, log)
            self.addCleanup(program.kill)
            self.assertEqual(program.wait(60), 1, (name, value))
            self.assertIn(f"cannot use {name} {value}", log.read_text())


if __name__ == "__main__":
    programs.main()
