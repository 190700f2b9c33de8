# SPDX-License-Identifier: Apache-2.0
"""What may be wrong with the tables and the page, each said in one line."""

import re

LEVELS = ("MUST", "SHOULD", "MAY", "DEV")
STATUSES = ("met", "deviation", "")


class Checks:
    def __init__(self, root, areas, rows, suite):
        self.root, self.areas, self.rows, self.suite = root, areas, rows, suite
        self.complaints = []

    def complain(self, row, text):
        self.complaints.append(f"{row.place}: {row.id}: {text}")

    # ---- the tables ------------------------------------------------------------------------------------------------

    def tables(self):
        seen = {}
        for row in self.rows:
            if seen.setdefault(row.id, row) is not row:
                self.complain(row, f"the id is that of {seen[row.id].place} too")
            self.row(row)

    def row(self, row):
        if row.area not in self.areas:
            self.complain(row, f"docs/compliance/areas.tsv has no area {row.area}")
        if row.level not in LEVELS:
            self.complain(row, f"the level {row.level!r} is none of {', '.join(LEVELS)}")
        if not row.requirement:
            self.complain(row, "no requirement")
        if row.status not in STATUSES:
            self.complain(row, f"the status {row.status!r} is neither met nor deviation nor empty")
        elif row.status == "met":
            self.met(row)
        elif row.status == "deviation":
            self.deviation(row)
        elif row.where or row.test:
            self.complain(row, "no status, yet a file or a test")

    def met(self, row):
        if not row.where:
            self.complain(row, "met, but no file is named")
        if not row.test:
            self.complain(row, "met, but no test is named")
        for path, name in row.places:
            self.place(row, path, name)
        self.named_tests(row)

    def deviation(self, row):
        if not row.where:
            self.complain(row, "a deviation without a reason")
        self.named_tests(row)

    def place(self, row, path, name):
        file = self.root / path
        if not file.is_file():
            self.complain(row, f"there is no file {path}")
        elif name and not re.search(rf"\b{re.escape(name)}\b", file.read_text(encoding="utf-8")):
            self.complain(row, f"{path} has no {name}")

    def named_tests(self, row):
        for test, function in row.tests:
            if test not in self.suite:
                self.complain(row, f"there is no test {test}")
            elif function:
                missing = self.suite.missing(test, function)
                if missing:
                    self.complain(row, missing)

    # ---- what became of the tests ----------------------------------------------------------------------------------

    def results(self, results):
        """No test of a row may have failed. One that cannot run everywhere needs another beside it that can."""
        for row in self.rows:
            outcomes = {item: results.outcome(*item) for item in row.tests if item[0] in self.suite}
            shown = "passed" in outcomes.values()
            for item, outcome in outcomes.items():
                if outcome == "failed" or (outcome != "passed" and not shown):
                    self.complain(row, f"{':'.join(filter(None, item))} {outcome}")

    # ---- the page and the areas ------------------------------------------------------------------------------------

    def page(self, text):
        path = self.root / "COMPLIANCE.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            self.complaints.append("COMPLIANCE.md: not what the tables give; ./dev compliance writes it")

    def areas_done(self, complete):
        for area in complete:
            if area not in self.areas:
                self.complaints.append(f"docs/compliance/areas.tsv: there is no area {area}")
        for row in self.rows:
            if row.number <= complete.get(row.area, 0) and not row.status:
                self.complain(row, f"no status, and the area {row.area} is to be complete")
