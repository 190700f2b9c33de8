#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents that kalki-query takes in, and what both services may be told: bodies of requests, variables, health.

usage: kalki_documents_test.py --bin FOLDER --logs FOLDER [unittest arguments]
"""

import json
import socket
import subprocess
import threading
import unittest
from pathlib import Path

import kalki_test
from kalki_test import GATEWAY, PATIENCE_SECONDS, QUERY, START_SPANS, KalkiTest, environment
from processes import wait_until


class Documents(KalkiTest):
    """Bodies of requests, and what is done with them."""

    ONE = b'{"title":"Zebra","text":"stripes"}'
    LARGEST = 1 << 20

    def post(self, query, body):
        return query.get("/documents", None, "POST", body)

    def test_documents_are_found_soon_after(self):
        query = self.service(QUERY)
        status, _, answer = self.post(query, self.ONE)
        self.assertEqual((status, answer), (201, {"ids": [36]}))
        found = {"id": 36, "title": "Zebra", "text": "stripes"}
        self.assertEqual(query.get("/documents/36")[2], found)
        wait_until(lambda: query.get("/query?q=stripes")[2]["matches"] == 1, PATIENCE_SECONDS, "the document is found")
        self.stop_all(query)

    def test_mistakes_are_named_and_are_the_callers(self):
        query = self.service(QUERY)
        cases = {b"": "no body", b"{": "no JSON", b"[]": "1 to 1000", b'{"title":"a"}': "text is missing"}
        for body, reason in cases.items():
            status, headers, answer = self.post(query, body)
            self.assertEqual(status, 400)
            self.assertIn(reason, answer["error"])
            [span] = self.viewer.await_spans(headers["X-Trace-Id"], 1)
            self.assertEqual((span["name"], span["status"]["code"]), ("POST /documents", "UNSET"))
        for path in ("/documents/", "/documents/3/4"):
            self.assertEqual(query.get(path)[0], 404)
        self.assertEqual(query.get("/documents/x")[0], 400)
        self.assertEqual(query.get("/documents/3", method="DELETE")[0], 405)
        status, headers, _ = query.get("/documents")
        self.assertEqual((status, headers["Allow"]), (405, "POST"))
        self.stop_all(query)

    def test_bodies_are_bounded(self):
        query = self.service(QUERY)
        most = b'{"title":"a","text":"b"}'.ljust(self.LARGEST)
        self.assertEqual(self.post(query, most)[0], 201)
        self.assertEqual(self.post(query, most + b" ")[0], 413)
        chunks = (b" " * 65536 for _ in range(40))  # a body of chunks, without its length
        self.assertEqual(self.post(query, chunks)[0], 413)
        announced = self.send(query, b"Content-Length: 30000000\r\n\r\n{")
        self.assertIn(b"413", announced.split(b"\r\n")[0])
        self.assertEqual(self.post(query, self.ONE)[0], 201)
        self.stop_all(query)

    def send(self, query, rest):
        return query.send_raw(b"POST /documents HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + rest)

    def test_lengths_that_are_wrong_are_refused(self):
        query = self.service(QUERY)
        for length in (b"x", b"-5", b"", b"5, 5", b"34\r\nContent-Length: 7", b"34\r\nTransfer-Encoding: chunked"):
            with self.subTest(length):
                answer = self.send(query, b"Content-Length: " + length + b"\r\n\r\n" + self.ONE)
                self.assertIn(b"400", answer.split(b"\r\n")[0])
        self.assertEqual(query.get("/documents/36")[0], 404)  # nothing was taken in
        self.stop_all(query)

    def test_bodies_that_end_early_leave_nothing(self):
        query = self.service(QUERY)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", query.port), timeout=PATIENCE_SECONDS) as connection:
                connection.sendall(b"POST /documents HTTP/1.1\r\nHost: a\r\nContent-Length: 90\r\n\r\n" + self.ONE)
        self.assertEqual(self.post(query, self.ONE)[2], {"ids": [36]})
        self.stop_all(query)

    def answered(self, answer):
        self.assertIn(answer[0], (201, 504))
        return answer if answer[0] == 201 else None

    def test_thousands_at_once_are_searchable(self):
        query = self.service(QUERY)
        for batch in range(5):
            many = [{"title": f"needle {batch}.{i}", "text": "in a haystack " * 10} for i in range(1000)]
            # On a slow machine the database may take too long; then nothing was taken in.
            _, _, answer = wait_until(
                lambda m=many: self.answered(self.post(query, json.dumps(m))), PATIENCE_SECONDS, "a batch is taken in"
            )
            self.assertEqual(len(answer["ids"]), 1000)
        found = lambda: query.get("/query?q=needle")[2]["matches"]  # noqa: E731
        wait_until(lambda: found() == 5000, PATIENCE_SECONDS, "5000 documents are found")
        builds = [each for each in map(self.viewer.spans, self.viewer.trace_ids()) if each[0]["name"] == "build index"]
        self.assertLess(len(builds), 10)
        self.stop_all(query)


class Settings(KalkiTest):
    def test_health_is_not_traced(self):
        gateway, query = self.kalki()
        for service in (gateway, query):
            status, headers, answer = service.get("/health")
            self.assertEqual((status, answer["status"]), (200, "healthy"))
            self.assertNotIn("X-Trace-Id", headers)
        ledgers = self.stop_all(gateway, query)
        self.assertEqual([ledger["made"] for ledger in ledgers], [0, len(START_SPANS)])

    def test_wrong_options_are_explained(self):
        for arguments in ("--port 70000", "--port x", "--port", "--no-such 1", "--query-url ://"):
            command = [Path(kalki_test.options.bin) / GATEWAY, *arguments.split()]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
            self.assertEqual((ended.returncode, ended.stdout), (1, ""))
            self.assertIn("cannot", ended.stderr)

    def test_variables_stand_behind_options(self):
        database = self.logs / "documents.db"
        variables = {"KALKI_DATABASE_URL": f"sqlite:{database}", "KALKI_FAIL_EVERY": "1", "KALKI_LISTEN": ""}
        query = self.service(QUERY, **variables)
        self.assertTrue(database.exists())
        self.assertGreaterEqual(query.get("/query?q=wind")[0], 500)
        query.stop()
        query.log.unlink()
        query = self.service(QUERY, "--fail-every", 0, **variables)
        self.assertEqual(query.get("/query?q=wind")[0], 200)
        query.stop()

    def test_wrong_settings_are_explained(self):
        cases = (
            ("KALKI_PORT", "x", "cannot understand KALKI_PORT=x: not a number from 0 to 65535"),
            ("KALKI_LOG_LEVEL", "loud", "cannot use --log-level loud (or KALKI_LOG_LEVEL): it is none of debug"),
            ("KALKI_DATABASE_URL", "mysql://u:s/e@x/y", "cannot use --database-url mysql://u:***@x/y (or KALKI_"),
            ("KALKI_DATABASE_URL", "postgresql://u:s/e@x/y", "cannot use --database-url postgresql://u:***@x/y (or"),
            ("KALKI_DATABASE_URL", "mysql://x/y?PASSWORD=s", "cannot use --database-url mysql://x/y?PASSWORD=*** (or"),
            ("KALKI_LISTEN", "nowhere", "cannot listen on nowhere"),
            ("KALKI_DATABASE_URL", "mysql://u:s:e@c@x/y", "cannot use --database-url mysql://u:***@x/y (or KALKI_"),
            ("KALKI_DATABASE_URL", "postgresql://h:99999/y", "its port is not one of 1 to 65535"),
        )
        for variable, value, reason in cases:
            env = environment(self.endpoint, {variable: value})
            ended = subprocess.run(
                [Path(kalki_test.options.bin) / QUERY], env=env, capture_output=True, text=True, timeout=30, check=False
            )
            self.assertEqual(ended.returncode, 1)
            self.assertIn(reason, ended.stderr)

    def test_service_that_stops_serves_on_and_says_so(self):
        query = self.service(QUERY, "--stop-delay-ms", 2000)
        self.assertEqual(query.get("/health/ready")[0], 200)
        ending = threading.Thread(target=query.stop)
        ending.start()
        wait_until(lambda: query.get("/health/ready")[0] == 503, PATIENCE_SECONDS, "not ready")
        self.assertEqual(query.get("/health/live")[0], 200)
        self.assertEqual(query.get("/query?q=wind")[0], 200)
        ending.join()

    def test_folder_that_cannot_be_written_degrades(self):
        query = self.service(QUERY, "--data-dir", self.logs / "none")
        status, _, answer = query.get("/health")
        self.assertEqual((status, answer["status"]), (200, "degraded"))
        self.assertEqual(answer["checks"]["file_system"]["writable"], False)
        self.assertEqual(query.get("/health/ready")[0], 200)
        self.stop_all(query)


# Or unittest would run the tests of kalki_test a second time.
def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in (Documents, Settings):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


if __name__ == "__main__":
    kalki_test.main()
