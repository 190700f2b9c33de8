#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kalki-load against a server whose slowness and failures are known.

usage: load_test.py --bin FOLDER --tests FOLDER --logs FOLDER [unittest arguments]
"""

import csv
import itertools
import math
import re
import subprocess
import time
import unittest
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import programs
from programs import QueryDouble

ROW = re.compile(r"^(\S+ \S+|all) +(\d+) +(\d+) (\w+) +([\d.]+) (\w+) +([\d.]+) (\w+) +([\d.]+) (\w+) +([\d.]+)$", re.M)


def nearest_rank(values, percent):
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


class Load(unittest.TestCase):
    def setUp(self):
        self.server = QueryDouble()
        self.addCleanup(self.server.stop)
        self.csv = Path(programs.options.logs) / "load.csv"
        self.svg = Path(programs.options.logs) / "load.svg"

    def load(self, *arguments):
        """Exit code and output."""
        command = [Path(programs.options.bin) / "kalki-load", "--url", self.server.url, *arguments]
        command = [str(part) for part in command]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        return ended.returncode, ended.stdout

    def test_measures_what_users_wait_for(self):
        def search(_):
            time.sleep(0.15)
            return 200, {"results": [{"id": 7}]}

        turns = itertools.count(1)
        self.server.answers = {
            "/search": search,
            "/documents/7": lambda _: (404, {}) if next(turns) % 5 == 0 else (200, {}),
            "/sessions": (200, {}),
            "/documents": (201, {}),
        }
        mix = "search=40,document=30,sessions=20,ingest=10"
        arguments = ["--users", 10, "--requests", 200, "--think-ms", 10, "--seconds", 200, "--batch", 3, "--mix", mix]
        code, printed = self.load(*arguments, "--csv", self.csv, "--svg", self.svg)
        self.assertEqual(code, 0, printed)

        with open(self.csv, newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual((len(rows), len(self.server.requests)), (200, 200))
        sessions = {headers["X-Session-Id"] for _, _, headers, _ in self.server.requests}
        self.assertGreaterEqual(len(sessions), 10)

        table = {found[1]: found.groups() for found in ROW.finditer(printed)}
        for endpoint in (*{row["endpoint"] for row in rows}, "all"):
            chosen = [row for row in rows if endpoint in (row["endpoint"], "all")]
            _, requests, errors, _, p50, _, p95, _, p99, _, longest = table[endpoint]
            self.assertEqual(int(requests), len(chosen))
            self.assertEqual(int(errors), sum(row["failed"] == "1" for row in chosen))
            times = [float(row["ms"]) for row in chosen]
            for said, percent in ((p50, 50), (p95, 95), (p99, 99), (longest, 100)):
                self.assertAlmostEqual(float(said), nearest_rank(times, percent), delta=0.06)

        self.assertTrue(all(float(row["ms"]) >= 150 for row in rows if row["endpoint"] == "GET /search"))
        self.assertEqual(table["GET /search"][5], "MISSED")
        documents = Counter(row["status"] for row in rows if row["endpoint"] == "GET /documents/{id}")
        self.assertEqual(documents["404"], sum(documents.values()) // 5)
        posts = sum(row["endpoint"] == "POST /documents" for row in rows)
        self.assertIn(f"ingested: {3 * posts} documents", printed)
        self.assertTrue(ElementTree.parse(self.svg).getroot().tag.endswith("svg"))

    def test_fails_for_a_missed_target_only_if_strict(self):
        self.server.answers = {"/search": (500, {})}
        arguments = ["--users", 2, "--requests", 10, "--think-ms", 0, "--mix", "search=1"]
        self.assertEqual(self.load(*arguments)[0], 0)
        self.assertEqual(self.load(*arguments, "--strict")[0], 1)

    def test_a_summary_that_is_missing_is_an_error(self):
        self.server.answers = {"/search": (200, {"results": [], "summary_error": "timeout"})}
        arguments = ["--users", 1, "--requests", 5, "--think-ms", 0, "--mix", "summary=1"]
        code, printed = self.load(*arguments)
        self.assertEqual(code, 0)
        self.assertEqual(ROW.search(printed).group(2, 3), ("5", "5"))

    def test_nobody_there_is_an_error_too(self):
        self.server.stop()
        self.addCleanup(lambda: None)
        arguments = ["--users", 2, "--requests", 10, "--think-ms", 0, "--mix", "search=1", "--strict"]
        code, printed = self.load(*arguments)
        self.assertEqual(code, 1)
        self.assertEqual(ROW.search(printed).group(2, 3), ("10", "10"))

    def test_wrong_settings_are_refused(self):
        for wrong in (["--mix", "x=1"], ["--users", 0], ["--batch", 0], ["--unknown", 1]):
            self.assertEqual(self.load(*wrong)[0], 1, wrong)


if __name__ == "__main__":
    programs.main()
