# SPDX-License-Identifier: Apache-2.0
"""Writes COMPLIANCE.md from the tables in docs/compliance, or checks that it and they are true.

usage: python3 tools/compliance [--check] [--build FOLDER] [--results FILE...] [--areas AREA,...] [--root FOLDER]

The tables are tab separated: id, level, requirement, status, where, test.
    status  met, deviation, or nothing as long as the requirement is not met
    where   of a met one: FILE or FILE:NAME, several separated by ", "; of a deviation: the reason
    test    TEST as ctest names it or TEST:FUNCTION with the function of a cmocka program; several separated by ", "

Without --results a check sees that the tests exist; with the JUnit files that ctest wrote, that they have passed.
"""

import argparse
import signal
import sys
from pathlib import Path

from checks import Checks
from evidence import Results, Suite
from page import by_level, page, totals
from tables import Mistake, read_areas, read_complete, read_rows

HERE = Path(__file__).resolve()


def parsed(arguments):
    parser = argparse.ArgumentParser(prog="compliance", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is not true")
    parser.add_argument("--build", type=Path, help="the build whose tests count (ROOT/build/dev)")
    parser.add_argument("--results", type=Path, nargs="+", default=[], help="JUnit files that ctest wrote")
    parser.add_argument("--areas", default="", help="further areas in which every requirement must have a status: API,CTX")
    parser.add_argument("--root", type=Path, default=HERE.parents[2], help="the repository")
    return parser.parse_args(arguments)


def complaints(options, areas, rows, text):
    suite = Suite(options.root, options.build or options.root / "build" / "dev")
    checks = Checks(options.root, areas, rows, suite)
    checks.tables()
    checks.page(text)
    if options.results:
        checks.results(Results(options.results))
    asked = {area: float("inf") for area in filter(None, options.areas.split(","))}
    checks.areas_done({**read_complete(options.root), **asked})
    return checks.complaints


def main(arguments):
    options = parsed(arguments)
    try:
        areas, rows = read_areas(options.root), read_rows(options.root)
        text = page(areas, rows)
        if not options.check:
            (options.root / "COMPLIANCE.md").write_text(text, encoding="utf-8")
            print("COMPLIANCE.md:", totals(rows))
            print(*by_level(rows), sep="\n")
            return 0
        found = complaints(options, areas, rows, text)
    except Mistake as mistake:
        found = [str(mistake)]
    print(*found, sep="\n", file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads the first lines only has no use for the rest
    sys.exit(main(sys.argv[1:]))
