# SPDX-License-Identifier: Apache-2.0
"""The rules of deploy/prometheus as they are written: Python's standard library reads no YAML, and tests change them as text."""

import re
from pathlib import Path
from typing import NamedTuple

from stack_config import RULES

METRICS = Path(__file__).resolve().parent / "grafana" / "contract.tsv"
# A rule begins at its dash and ends before the next rule, comment, group or empty line at a lower depth.
_RULE = re.compile(r"^      - (alert|record): (\S+)\n((?:        .*\n)+)", re.MULTILINE)
_EXPRESSION = re.compile(r"^        expr:(?: \|\n((?:          .*\n)+)| (.*)\n)", re.MULTILINE)
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}


class Rule(NamedTuple):
    kind: str  # alert or record
    name: str
    file: Path
    text: str  # all of it, as in the file

    @property
    def expression(self):
        block, line = _EXPRESSION.search(self.text).groups()
        return (block or line).strip()

    def with_expression(self, expression):
        return _EXPRESSION.sub(lambda _: f"        expr: {expression}\n", self.text)

    def value(self, key):
        """Of a key at any depth, without quotes; None where it is not there."""
        found = re.search(rf"^ +{key}: +(.*)$", self.text, re.MULTILINE)
        return found and found.group(1).strip("'")


def rules(kind=None):
    found = [
        Rule(match.group(1), match.group(2), file, match.group(0)) for file in RULES for match in _RULE.finditer(file.read_text())
    ]
    return [rule for rule in found if kind in (None, rule.kind)]


def exported_series():
    """The labels of each series that kalki and the SDK in it export, by its name."""
    series = {}
    for line in METRICS.read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, labels, _ = line.split("\t")
            names = {label.split("=")[0] for label in labels.split()}
            for suffix in _SUFFIXES.get(kind, ("",)):
                series[name + suffix] = names | ({"le"} if suffix == "_bucket" else set())
    return series


def selectors(expression):
    """The metrics that an expression reads, as pairs of name and the labels that choose among its series."""
    texts_gone = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    for name, labels in re.findall(r"(?<![\w:])((?:kalki|otel|process|system)_\w+)(?![\w:(])(?:\{([^}]*)\})?", texts_gone):
        yield name, set(re.findall(r"(\w+)\s*[=!]", labels))
