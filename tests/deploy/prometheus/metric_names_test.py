# SPDX-License-Identifier: Apache-2.0
"""The rules read only what kalki exports: names and labels of ../grafana/contract.tsv, and what other rules record.

A rule about a metric that nobody exports would be content for ever.
"""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import kalki_double  # noqa: E402
from rule_files import exported_series, rules, selectors  # noqa: E402

ADDED_BY_PROMETHEUS = {"job", "instance"}


class Names(unittest.TestCase):
    def test_rules_read_what_is_exported(self):
        series, read = exported_series(), set()
        for rule in rules():
            for name, labels in selectors(rule.expression):
                with self.subTest(f"{rule.name}: {name}"):
                    self.assertIn(name, series)
                    self.assertLessEqual(labels, series[name] | ADDED_BY_PROMETHEUS)
                read.add(name)
        self.assertGreater(len(read), 10)

    def test_rules_read_what_is_recorded(self):
        recorded = {rule.name for rule in rules("record")}
        for rule in rules():
            for name in re.findall(r"\b\w+:\w+:\w+\b", rule.expression):
                with self.subTest(f"{rule.name}: {name}"):
                    self.assertIn(name, recorded)

    def test_the_double_exports_nothing_else(self):
        series = exported_series()
        for each in (
            *kalki_double.HEALTHY_COUNTERS,
            *kalki_double.HEALTHY_GAUGES,
            *kalki_double.BROKEN_SUMMARIES,
            *kalki_double.BROKEN_SEARCHES,
        ):
            name, _, labels = each.partition("{")
            with self.subTest(each):
                self.assertIn(name, series)
                self.assertLessEqual(set(re.findall(r'(\w+)="', labels)), series[name])


if __name__ == "__main__":
    unittest.main(verbosity=2)
