#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kalki-gateway with a real Redis that dies, comes back and freezes under load: no request fails, and /health tells.

usage: redis_test.py --bin FOLDER --tests FOLDER --logs FOLDER [unittest arguments]
"""

import csv
import subprocess
import time
import unittest
from pathlib import Path

import programs
from processes import Program, wait_until
from programs import Kalki
from servers import Redis

WAIT_SECONDS = 60
OUTAGE_SECONDS = 2  # long enough for the pauses between tries to become longer


class Load:
    """kalki-load until it is told to end."""

    def __init__(self, gateway, logs, name):
        self._csv = Path(logs) / f"{name}.csv"
        self._csv.unlink(missing_ok=True)
        command = [Path(programs.options.bin) / "kalki-load", "--url", gateway.url, "--users", 20, "--think-ms", 20]
        command += ["--seconds", 600, "--mix", "search=80,sessions=20", "--csv", self._csv]
        self.program = Program("kalki-load", command, Path(logs) / f"{name}.log")

    def end(self):
        """Every request: (began_s, status, failed)."""
        code = self.program.stop(WAIT_SECONDS)
        if code != 0:
            raise AssertionError(f"kalki-load ended with {code}:\n{self.program.log_tail()}")
        with open(self._csv, newline="") as file:
            rows = list(csv.DictReader(file))
        return [(float(row["began_s"]), int(row["status"]), row["failed"] == "1") for row in rows]


class WithRedis(unittest.TestCase):
    def setUp(self):
        self.redis = self.enterContext(Redis(programs.options.logs))

    def start_all(self, **settings):
        self.query = Kalki("kalki-query")
        self.addCleanup(self.query.program.kill)
        arguments = ["--query-url", self.query.url, "--cache-url", self.redis.url, "--cache-seconds", 60]
        self.gateway = Kalki("kalki-gateway", *arguments, **settings)
        self.addCleanup(self.gateway.program.kill)

    if not hasattr(unittest.TestCase, "enterContext"):

        def enterContext(self, context):
            entered = context.__enter__()
            self.addCleanup(context.__exit__, None, None, None)
            return entered

    def cache_health(self):
        status, health = self.gateway.ask("/health")
        return status, health["status"], health["checks"]["cache"]["status"]

    def await_health(self, *expected):
        wait_until(lambda: self.cache_health() == expected, WAIT_SECONDS, f"health is {expected}")


class Cache(WithRedis):
    def test_does_in_redis_what_it_does_in_memory(self):
        command = [Path(programs.options.tests) / "kalki_cache_test", self.redis.url]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(ended.returncode, 0, ended.stdout)

    def test_is_shared_by_gateways(self):
        self.start_all()
        first = self.gateway
        self.start_all()
        self.assertEqual(first.ask("/search?q=wind", headers={"X-Session-Id": "both"})[0], 200)
        self.query.stop()
        self.assertEqual(self.gateway.ask("/search?q=wind", headers={"X-Session-Id": "both"})[0], 200)
        [session] = self.gateway.ask("/sessions")[1]["sessions"]
        self.assertEqual((session["id"], session["requests"]), ("both", 2))

    def test_is_a_client_span_for_every_exchange(self):
        self.start_all(env={"OTEL_TRACES_EXPORTER": "console"})
        for _ in range(2):
            self.gateway.ask("/search?q=wind", headers={"X-Session-Id": "me"})
        self.gateway.ask("/health")
        self.gateway.stop()
        lines = [line for line in self.gateway.log.read_text().splitlines() if '"db.system.name":"redis"' in line]
        names = [line.split('"')[1] for line in lines]
        self.assertEqual(names, ["PIPELINE", "GET", "SET", "PIPELINE", "GET"])
        for name, line in zip(names, lines):
            self.assertIn(f'"db.operation.name":"{name}","server.address":"127.0.0.1"', line)
            self.assertIn(f'"server.port":{self.redis.port}', line)
            self.assertNotIn("parent=none", line)


    def test_takes_another_connection_where_redis_has_closed_one(self):
        self.start_all()
        self.gateway.ask("/search?q=wind", headers={"X-Session-Id": "me"})
        self.assertTrue(int(self.redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")[1:]) > 0)
        self.assertTrue(self.gateway.ask("/sessions")[1]["complete"])


class Outage(WithRedis):
    def outage(self, name, begin, end):
        self.start_all()
        self.await_health(200, "healthy", "healthy")
        load = Load(self.gateway, programs.options.logs, name)
        self.addCleanup(load.program.kill)
        wait_until(lambda: self.redis.ask("DBSIZE") not in (":0", ""), WAIT_SECONDS, "something is kept")
        begin()
        self.await_health(200, "degraded", "unhealthy")
        time.sleep(OUTAGE_SECONDS)
        self.assertEqual(self.gateway.ask("/health/ready")[0], 200)
        status, sessions = self.gateway.ask("/sessions")
        self.assertEqual((status, sessions["complete"]), (200, False))
        self.assertGreater(sessions["count"], 0)
        end()
        self.await_health(200, "healthy", "healthy")
        wait_until(lambda: self.gateway.ask("/sessions")[1]["complete"], WAIT_SECONDS, "the sessions are whole again")
        requests = load.end()
        self.assertGreater(len(requests), 100)
        self.assertEqual([request for request in requests if request[2] or request[1] != 200], [])
        print(f"measured: {name}: {len(requests)} requests, none failed")
        self.gateway.stop()

    def test_of_a_redis_that_was_killed_fails_no_request(self):
        self.outage("killed", self.redis.kill, self.redis.start)

    def test_of_a_redis_that_is_frozen_fails_no_request(self):
        self.outage("frozen", self.redis.freeze, self.redis.thaw)


if __name__ == "__main__":
    programs.main()
