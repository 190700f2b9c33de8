#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/guarantees.md names tests that there are, and every test of a guarantee.

usage: guarantees_test.py BUILD_FOLDER
"""

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"


def known(build):
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True, stdout=subprocess.PIPE)
    return {test["name"] for test in json.loads(listing.stdout)["tests"]}


def main():
    tests = known(sys.argv[1])
    named = set(re.findall(r"`((?:guarantees|install|unit)/[\w*]+)`", PAGE.read_text(encoding="utf-8")))
    told = {test for name in named for test in fnmatch.filter(tests, name)}
    wrong = [f"names {name}, which is no test" for name in sorted(named) if not fnmatch.filter(tests, name)]
    # The same program under Valgrind goes without saying.
    guarantees = {test for test in tests if test.startswith("guarantees/") and not test.endswith("_valgrind")}
    wrong += [f"does not name {test}" for test in sorted(guarantees - told)]
    for complaint in wrong:
        print(f"{PAGE.name} {complaint}")
    print(f"{len(named)} names, {len(told)} tests")
    return 1 if wrong or not named else 0


if __name__ == "__main__":
    sys.exit(main())
