#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of routes_test.py themselves: none is idle, and docs/routes.md says what they do. Needs no server.

usage: rules_test.py --page FILE [--write] [unittest arguments]

--write brings the file up to date instead.
"""

import argparse
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import page  # noqa: E402
import scene  # noqa: E402
from routes import FAMILIES  # noqa: E402

options = None


class Rules(unittest.TestCase):
    def test_each_rule_changes_some_span(self):
        for family in FAMILIES:
            spans = list(scene.SPANS.values())
            for rule in family.rules:
                with self.subTest(family=family.title, topic=rule.topic):
                    changed = [rule.apply(span) for span in spans]
                    self.assertNotEqual(changed, spans)
                    spans = changed

    def test_the_page_has_a_row_for_each_topic(self):
        self.assertEqual(set(page.ORDER), {rule.topic for family in FAMILIES for rule in family.rules})

    def test_the_page_is_up_to_date(self):
        self.assertEqual(Path(options.page).read_text(), page.page(), "bring it up to date with --write")


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", required=True)
    parser.add_argument("--write", action="store_true")
    options, rest = parser.parse_known_args()
    if options.write:
        Path(options.page).write_text(page.page())
        return
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
