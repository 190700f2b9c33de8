# SPDX-License-Identifier: Apache-2.0
"""What shows that a requirement is met: the tests there are, and what became of them."""

import json
import re
import subprocess
import xml.etree.ElementTree
from functools import lru_cache
from pathlib import Path

from tables import Mistake

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


class Suite:
    """The tests that ctest knows in a build."""

    def __init__(self, root, build):
        command = ["ctest", "--test-dir", str(build), "--show-only=json-v1"]
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            tests = json.loads(said)["tests"]
        except (OSError, subprocess.CalledProcessError, ValueError):
            tests = []
        if not tests:
            raise Mistake(f"{build}: ctest finds no tests there; ./dev build dev makes them")
        self.root = root
        # The command is missing where the program was not built.
        self.programs = {test["name"]: Path(test.get("command", [""])[0]).name for test in tests}

    def __contains__(self, test):
        return test in self.programs

    def sources(self, test):
        """Where the program of a test is written: tests/<test>.c, or the source that is named like the program."""
        named = self.root / "tests" / f"{test}.c"
        return [named] if named.is_file() else sorted((self.root / "tests").rglob(f"{self.programs[test]}.c"))

    def missing(self, test, function):
        """What is wrong with the function of a test that exists; None when it is there and run."""
        texts = [code(source) for source in self.sources(test)]
        if not texts:
            return f"the source of {test} was not found below tests/"
        definition = re.compile(rf"\bvoid {re.escape(function)}\(void \*\*\w+\)\s*{{")
        texts = [text for text in texts if definition.search(text)]
        if not texts:
            return f"{test} has no function {function}"
        if not any(re.search(rf"\b{re.escape(function)}\b", main_of(text)) for text in texts):
            return f"{test} does not run its function {function}"
        return None


@lru_cache(maxsize=None)
def code(source):
    return COMMENT.sub(" ", source.read_text(encoding="utf-8"))


def main_of(text):
    """From main() on; all tests stand above it."""
    return text[text.rfind("int main(") :]


class Results:
    """What ctest wrote about its runs. A test that passed in one run and failed in another has failed."""

    def __init__(self, files):
        self.cases = {}
        for path in files:
            try:
                cases = xml.etree.ElementTree.parse(path).iter("testcase")
            except (OSError, xml.etree.ElementTree.ParseError) as error:
                raise Mistake(f"{path}: no results of ctest ({error})") from error
            for case in cases:
                self.cases.setdefault(case.get("name"), []).append(case)

    def outcome(self, test, function):
        """passed, failed, was skipped, or did not run."""
        outcomes = {outcome_of(case, function) for case in self.cases.get(test, [])}
        return next((worst for worst in ("failed", "passed", "was skipped") if worst in outcomes), "did not run")


def outcome_of(case, function):
    skipped = case.find("skipped")
    if case.get("status") == "fail":
        return "failed"
    if skipped is not None:
        return "was skipped" if skipped.get("message", "").startswith("SKIP_") else "did not run"
    return function_outcome(case.findtext("system-out") or "", function) if function else "passed"


def function_outcome(output, function):
    """What cmocka said of one function; ctest shortens long output, and then the program answers for it."""
    said = re.search(rf"\[ +(OK|SKIPPED|FAILED) +\] {re.escape(function)}\b", output)
    if said:
        return {"OK": "passed", "SKIPPED": "was skipped", "FAILED": "failed"}[said.group(1)]
    return "passed" if "test output was removed" in output else "did not run"
