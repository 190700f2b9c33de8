# SPDX-License-Identifier: Apache-2.0
"""Each file of samples/kalki/deploy is exercised by a test: the covers.txt of some topic names it, and a test that exists.

A line of covers.txt is the name of a test and the path of a file below deploy/, in which * stands for any characters
except slashes.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY, HERE, PROJECT, Problems  # noqa: E402


def deployed_files():
    """What git has or would take; a made file such as a log is nobody's business."""
    listed = subprocess.run(
        ["git", "-C", PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", DEPLOY],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        return sorted(PROJECT / name for name in listed.stdout.split("\0") if name and (PROJECT / name).exists())
    return sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def covers():
    for listing in sorted(HERE.glob("*/covers.txt")):
        for number, line in enumerate(listing.read_text().splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                test, pattern = line.split()
                yield f"{listing.relative_to(PROJECT)}:{number}", test, pattern


def registered_tests(ctest, build):
    shown = subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"], capture_output=True, check=True)
    return {test["name"] for test in json.loads(shown.stdout)["tests"]}


def matches(pattern, name):
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--ctest", required=True)
    given = parser.parse_args()
    problems = Problems()
    files = [str(path.relative_to(DEPLOY)) for path in deployed_files()]
    tests = registered_tests(given.ctest, given.build)
    problems.check(files, f"there are no files in {DEPLOY}")
    named = set()
    for where, test, pattern in covers():
        hits = {name for name in files if matches(pattern, name)}
        problems.check(hits, f"{where}: there is no file {pattern}")
        problems.check(test in tests, f"{where}: there is no test {test}")
        named |= hits
    for name in sorted(set(files) - named):
        problems.check(False, f"no test exercises deploy/{name}: write one, and name both in a covers.txt")
    manual = DEPLOY / "README.md"
    for place in re.findall(r"\]\(([^):#]+)", manual.read_text()):
        problems.check((DEPLOY / place).exists(), f"README.md leads to {place}, which is not there")
    for folder in sorted({name.split("/")[0] for name in files if "/" in name}):
        problems.check(f"({folder}" in manual.read_text(), f"README.md does not name {folder}/")
    problems.finish(f"{len(files)} files, {len(named)} of them exercised")


if __name__ == "__main__":
    main()
