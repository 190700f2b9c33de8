#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kalki-query with a real PostgreSQL: what it keeps, what its spans say, and what it does while the database is away, killed,
silent or busy.

usage: kalki_postgres_test.py --bin FOLDER --logs FOLDER [unittest arguments]
"""

import concurrent.futures
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "deploy"))

import kalki_test  # noqa: E402
from kalki_test import CLIENT, QUERY, SERVER, KalkiTest, attributes_of, shape  # noqa: E402
from processes import wait_until  # noqa: E402
from servers import PostgreSQL  # noqa: E402

PATIENCE_SECONDS = 30
# A request that needs the database is answered within this, whatever the database does: calls end after 1.5 s.
ANSWER_SECONDS = 4
ONE = {"title": "Zebra", "text": "stripes in the wind"}


class PostgresTest(KalkiTest):
    def setUp(self):
        super().setUp()
        self.database = PostgreSQL(self.logs)
        self.database.__enter__()
        self.addCleanup(self.database.close)

    def query(self, url=None):
        return self.service(QUERY, "--database-url", url or self.database.url)

    def post(self, query, documents):
        begin = time.monotonic()
        answer = query.get("/documents", method="POST", body=json.dumps(documents))
        self.assertLess(time.monotonic() - begin, ANSWER_SECONDS)
        return answer

    def count(self):
        return int(self.database.sql("SELECT count(*) FROM documents"))

    def titles(self, query, words):
        return [found["title"] for found in query.get(f"/query?q={words}")[2]["results"]]

    def await_found(self, query, words, count):
        def found():
            return query.get(f"/query?q={words}")[2]["matches"] == count

        wait_until(found, PATIENCE_SECONDS, f"{count} documents with {words}")

    def health(self, query):
        begin = time.monotonic()
        status, _, answer = query.get("/health")
        self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual(status, 503 if answer["status"] == "unhealthy" else 200)
        return answer

    def await_health(self, query, wanted):
        wait_until(lambda: self.health(query)["status"] == wanted, PATIENCE_SECONDS, f"{query.name} is {wanted}")
        self.assertEqual(query.get("/health/ready")[0], 503 if wanted == "unhealthy" else 200)
        self.assertEqual(query.get("/health/live")[0], 200)


class Keeping(PostgresTest):
    def test_documents_outlive_the_service_and_the_database(self):
        query = self.query()
        self.assertEqual(self.titles(query, "squall")[0], "Squall lines")
        status, _, answer = self.post(query, ONE)
        self.assertEqual((status, answer), (201, {"ids": [36]}))
        self.assertEqual(self.post(query, [ONE, {"title": "❄ 'quoted\"", "text": "$1 \\ %s é"}])[2], {"ids": [37, 38]})
        self.await_found(query, "stripes", 2)
        query.stop()
        query.log.unlink()  # it names the port
        self.database.stop()
        self.database.start()
        query = self.query()
        self.assertEqual(self.titles(query, "stripes"), ["Zebra", "Zebra"])
        self.assertEqual(query.get("/documents/38")[2], {"id": 38, "title": "❄ 'quoted\"", "text": "$1 \\ %s é"})
        self.assertEqual(query.get("/documents/39")[0], 404)
        self.assertEqual(query.get("/documents/99999999999999999999")[0], 400)
        self.assertEqual(self.count(), 39)
        query.stop()

    def test_password_is_read_from_a_file_when_it_is_needed(self):
        self.database.close()
        self.database = PostgreSQL(self.logs, password="s3cret 'x")
        self.database.__enter__()
        self.addCleanup(self.database.close)
        secret = self.logs / "secret"
        secret.write_text("wrong\n")
        query = self.service(QUERY, "--database-url", self.database.url, KALKI_DATABASE_PASSWORD_FILE=str(secret))
        self.await_health(query, "unhealthy")
        secret.write_text("s3cret 'x\n")
        self.await_health(query, "healthy")
        self.assertEqual(self.post(query, ONE)[0], 201)
        self.assertNotIn("s3cret", query.log.read_text())
        self.stop_all(query)

    def test_two_services_may_start_at_once(self):
        """Both find no table, and the sample's documents are there once."""
        threads = concurrent.futures.ThreadPoolExecutor(2)
        self.addCleanup(threads.shutdown)  # at the very end: a program dies with the thread that has started it
        logs = [self.logs / name for name in "ab"]
        for folder in logs:
            folder.mkdir()
        queries = list(threads.map(self.start_in, logs))
        for query in queries:
            self.await_health(query, "healthy")
        self.assertEqual(self.count(), 36)

    def start_in(self, logs):
        query = kalki_test.Service(
            QUERY, logs, kalki_test.environment(self.endpoint, {}), "--database-url", self.database.url
        )
        self.addCleanup(query.program.kill)
        return query

    def test_thousands_of_documents_are_taken_in(self):
        query, batches, size = self.query(), 20, 500
        begin = time.monotonic()

        def send(number):
            batch = [{"title": f"needle {number} {i}", "text": "one of very many " * 5} for i in range(size)]
            return self.post(query, batch)[0]

        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            self.assertEqual(set(threads.map(send, range(batches))), {201})
        taken = time.monotonic() - begin
        self.await_found(query, "needle", batches * size)
        searchable = time.monotonic() - begin
        print(f"measured: {batches * size} documents: taken in after {taken:.2f} s, all searchable after {searchable:.2f} s")
        self.assertEqual(self.count(), 36 + batches * size)
        self.stop_all(query)


class Spans(PostgresTest):
    def assert_call(self, span, operation, text, **more):
        wanted = {
            "db.system.name": "postgresql",
            "db.operation.name": operation,
            "db.collection.name": "documents",
            "db.namespace": "kalki",
            "server.address": "127.0.0.1",
            "server.port": self.database.port,
        }
        found = attributes_of(span)
        self.assertIn(text, found.pop("db.query.text"))
        self.assertEqual(found, {**wanted, **more})

    def test_every_call_is_a_span_below_its_request(self):
        query = self.query()
        _, headers, _ = self.post(query, [ONE, ONE])
        spans = self.viewer.await_spans(headers["X-Trace-Id"], 2)
        self.assertEqual(shape(spans), [(QUERY, CLIENT, "INSERT documents"), (QUERY, SERVER, "POST /documents")])
        insert, served = self.span(spans, QUERY, "INSERT documents"), self.span(spans, QUERY, "POST /documents")
        self.assertEqual(insert["parent_span_id"], served["span_id"])
        batch = {"db.operation.batch.size": 2}
        self.assert_call(insert, "INSERT", "INSERT INTO documents (title, text) VALUES ($1, $2) RETURNING id", **batch)
        self.assertEqual(attributes_of(served)["http.route"], "/documents")
        _, headers, _ = query.get("/documents/36")
        spans = self.viewer.await_spans(headers["X-Trace-Id"], 2)
        self.assertEqual(shape(spans), [(QUERY, CLIENT, "SELECT documents"), (QUERY, SERVER, "GET /documents/{id}")])
        self.assert_call(self.span(spans, QUERY, "SELECT documents"), "SELECT", "WHERE id = $1")
        self.assertEqual(attributes_of(self.span(spans, QUERY, "GET /documents/{id}"))["http.route"], "/documents/{id}")
        self.await_found(query, "stripes", 2)
        self.stop_all(query)

    def test_what_the_database_refuses_is_told_by_its_code(self):
        query = self.query()
        self.database.sql("ALTER TABLE documents ADD CHECK (title <> 'Zebra')")
        status, headers, answer = self.post(query, ONE)
        self.assertEqual((status, answer), (500, {"error": "the database failed"}))
        insert = self.span(self.viewer.await_spans(headers["X-Trace-Id"], 2), QUERY, "INSERT documents")
        self.assertEqual(insert["status"]["code"], "ERROR")
        code = {"db.response.status_code": "23514", "error.type": "23514"}
        self.assert_call(insert, "INSERT", "INSERT", **code)
        self.assertEqual(self.post(query, {**ONE, "title": "Okapi"})[0], 201)
        self.assertEqual(self.health(query)["status"], "healthy")
        self.stop_all(query)


class Troubles(PostgresTest):
    def test_database_is_away_at_the_start(self):
        self.database.kill()
        query = self.query()
        self.await_health(query, "unhealthy")
        self.assertEqual(self.health(query)["checks"]["database"]["error"], "cannot be reached")
        for answer in (query.get("/query?q=wind"), self.post(query, ONE), query.get("/documents/3")):
            self.assertEqual(answer[0], 503)
        self.database.start()
        self.await_health(query, "healthy")
        self.assertEqual(query.get("/query?q=wind")[2]["matches"], 13)
        self.assertEqual(self.post(query, ONE)[0], 201)
        self.stop_all(query)
        self.assertIn("cannot be loaded from postgresql://", query.log.read_text())

    def ask_on(self, query, stop, answers):
        """Searches, reads and writes until told to stop; notes the statuses, and how long the slowest took."""
        while not stop.is_set():
            for target, method, body in (
                ("/query?q=wind", "GET", None),
                ("/documents/3", "GET", None),
                ("/documents", "POST", json.dumps(ONE)),
            ):
                begin = time.monotonic()
                try:
                    status = query.get(target, method=method, body=body)[0]
                except (OSError, http.client.HTTPException) as error:
                    status = f"{type(error).__name__}: {error}"
                answers.append((target, status, time.monotonic() - begin))

    def disturb(self, query, harm, heal):
        """Has requests run before, while and after the database is harmed; returns what was answered meanwhile."""
        stop, answers = threading.Event(), []
        threads = [threading.Thread(target=self.ask_on, args=(query, stop, answers)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(answers) > 100, PATIENCE_SECONDS, "answers before")
            self.assertEqual({status for _, status, _ in answers} - {200, 201}, set())
            harm()
            self.await_health(query, "degraded")
            self.assertEqual(query.get("/health/ready")[0], 200)  # so that it goes on getting requests
            self.assertEqual(query.get("/query?q=wind")[0], 200)  # which needs no database
            time.sleep(1)
            heal()
            self.await_health(query, "healthy")
            after = len(answers)
            wait_until(lambda: len(answers) > after + 100, PATIENCE_SECONDS, "answers after")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        return answers, after

    def check_disturbed(self, query, answers, after):
        """Searches never suffer, no request hangs, and soon after all is as before."""
        self.assertEqual({status for target, status, _ in answers if target.startswith("/query")}, {200})
        failed = {status for target, status, _ in answers} - {200, 201}
        self.assertTrue(failed)
        self.assertLessEqual(failed, {503, 504})
        slowest = max(seconds for _, _, seconds in answers)
        print(f"measured: {len(answers)} answers, the slowest after {slowest:.2f} s")
        self.assertLess(slowest, ANSWER_SECONDS)
        # The last of those that had begun before may still fail.
        self.assertEqual({status for _, status, _ in answers[after + 20 :]} - {200, 201}, set())
        written = sum(1 for target, status, _ in answers if status == 201)
        self.assertGreaterEqual(self.count(), 36 + written)  # what was promised is kept
        self.await_found(query, "stripes", written)
        self.stop_all(query)

    def test_database_is_killed_and_comes_back(self):
        query = self.query()
        self.check_disturbed(query, *self.disturb(query, self.database.kill, self.database.start))

    def test_database_is_silent_for_a_while(self):
        query = self.query()
        self.check_disturbed(query, *self.disturb(query, self.database.freeze, self.database.thaw))

    def test_lost_connections_are_replaced(self):
        """After an orderly restart of an idle database the first call works, without a failure."""
        query = self.query()
        for _ in range(3):
            self.assertEqual(query.get("/documents/3")[0], 200)
            self.database.stop()
            self.database.start()
        self.assertEqual(query.get("/documents/3")[0], 200)
        self.stop_all(query)

    def test_statement_that_waits_for_a_lock_ends_in_time(self):
        query = self.query()
        lock = "BEGIN; LOCK TABLE documents IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT"
        locking = threading.Thread(target=self.database.sql, args=(lock,))
        locking.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        wait_until(lambda: self.database.sql(waiting, "postgres") != "0", PATIENCE_SECONDS, "the lock")
        status, headers, _ = self.post(query, ONE)
        self.assertEqual(status, 504)
        insert = self.span(self.viewer.await_spans(headers["X-Trace-Id"], 2), QUERY, "INSERT documents")
        self.assertEqual(attributes_of(insert)["error.type"], "timeout")
        locking.join()
        self.assertEqual(self.post(query, ONE)[0], 201)
        self.stop_all(query)


# Or unittest would run the tests of kalki_test a second time.
def load_tests(loader, _tests, _pattern):
    suite = unittest.TestSuite()
    for case in (Keeping, Spans, Troubles):
        suite.addTests(loader.loadTestsFromTestCase(case))
    return suite


def reason_to_skip(arguments):
    """What is missing on this machine or in this build, or None."""
    try:
        PostgreSQL(".")
    except unittest.SkipTest as missing:
        return str(missing)
    program = Path(arguments[arguments.index("--bin") + 1]) / QUERY
    command = [program, "--port", "0", "--listen", "nowhere", "--database-url", "postgresql://127.0.0.1:1/none"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return "kalki-query was built without libpq" if "without libpq" in ended.stderr else None


if __name__ == "__main__":
    reason = reason_to_skip(sys.argv)
    if reason:
        print(f"SKIPPED: {reason}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    kalki_test.main()
