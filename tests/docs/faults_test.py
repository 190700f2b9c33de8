#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/faults.md has the rows of the programs that it is from, in their order, with what must come of each.

usage: faults_test.py OUTAGE_TEST...

Rows of a protocol that no program has are not looked at: there are builds without gRPC.
"""

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
TOLD = 4  # columns that do not depend on a run: protocol, fault, what is lost in a while, what is lost for ever


def rows(text):
    """The tables' rows without their heads, as lists of cells; of a page: only those of the matrix."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) >= TOLD and row[0] not in ("protocol", "")]


def numbers_problem(row):
    """What is wrong with the measured columns of a row of the page."""
    if len(row) != TOLD + 2:
        return "has not two measured columns"
    for cell in row[TOLD:]:
        parts = cell.split(" / ")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            return f"has {cell!r} where 'delivered / twice / lost' should be"
    return None


def main():
    listings = [subprocess.run([program, "--list"], check=True, stdout=subprocess.PIPE) for program in sys.argv[1:]]
    expected = [row[:TOLD] for listing in listings for row in rows(listing.stdout.decode())]
    protocols = {row[0] for row in expected}
    page = [row for row in rows(PAGE.read_text(encoding="utf-8")) if row[0] in protocols]
    shown = [row[:TOLD] for row in page]
    wrong = [f"lacks the row {row}" for row in expected if row not in shown]
    wrong += [f"has the row {row}, which is no longer true" for row in shown if row not in expected]
    if not wrong and shown != expected:
        wrong.append("has its rows in another order than the program")
    wrong += [f"the row {row[1]!r} {numbers_problem(row)}" for row in page if numbers_problem(row)]
    for complaint in wrong:
        print(f"{PAGE.name}: {complaint}")
    print(f"{len(expected)} rows")
    return 1 if wrong or not expected else 0


if __name__ == "__main__":
    sys.exit(main())
