# SPDX-License-Identifier: Apache-2.0
"""Every LogQL query of docs/logging-stack.md and of the dashboards: it can be read, and finds the right lines."""

import json
import operator
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "grafana")]
from stack import DEPLOY, PROJECT, Problems, arguments, document, node_program  # noqa: E402

LINES = (Path(__file__).parent / "lines.jsonl").read_text().splitlines()
PAGE = PROJECT / "docs" / "logging-stack.md"
LABELS = {"service", "level"}
# What the page's queries find, in its order: messages, or for a rate how many lines of each service and level.
WANTED = [
    ["kalki-query does not answer", 'the database is gone: "duration_ms" unknown'],
    ["slow query"],
    Counter(
        [
            ("kalki-gateway", "INFO"),
            ("kalki-query", "WARNING"),
            ("kalki-query", "DEBUG"),
            ("kalki-gateway", "ERROR"),
            ("kalki-query", "CRITICAL"),
            ("kalki-llm", "UNKNOWN"),
        ]
    ),
    ["slow query", "query", "kalki-query does not answer"],
]
# None of these is LogQL; a reader that takes them reads nothing.
WRONG = ["{service=kalki}", '{service="a"} |= ', '{service="a"} | json x=', 'sum(rate({service="a"}))', ""]
COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq}


def read_queries(command, texts):
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _line_filter(step, line):
    found = step["value"] in line if step["operator"] in ("|=", "!=") else re.search(step["value"], line)
    return bool(found) != step["operator"].startswith("!")


def _parse_json(step, line, labels):
    import jmespath

    document = json.loads(line)
    for name, path in step["pairs"].items():
        value = jmespath.search(path, document)
        labels[name] = "" if value is None else str(value)


def passes(query, entry):
    """A line goes from step to step, as in Loki; what a step finds in it is there for those that follow."""
    import pipeline

    def fits(labels, step):
        return pipeline.selected(labels, [(step["name"], step["operator"], step["value"])])

    if not all(fits(entry.labels, step) for step in query["selector"]):
        return False
    labels = {**entry.labels, **entry.metadata}
    for step in query["steps"]:
        if step["kind"] == "json":
            _parse_json(step, entry.line, labels)
        elif step["kind"] == "line" and not _line_filter(step, entry.line):
            return False
        elif step["kind"] == "label" and not fits(labels, step):
            return False
        elif step["kind"] == "number":
            value = labels.get(step["name"]) or "nan"
            if not COMPARE[step["operator"]](float(value), float(step["value"])):
                return False
    return True


def found_by(query, entries):
    lines = [entry for entry in entries if passes(query, entry)]
    if query["range"]:
        return Counter(tuple(entry.labels[label] for label in query["by"]) for entry in lines)
    return [json.loads(entry.line)["message"] for entry in lines]


def main():
    given = arguments(__doc__)
    import boards
    import pipeline

    command = node_program(given, "logql.mjs")
    problems = Problems()
    page = re.findall(r"```logql\n(.+?)\n```", PAGE.read_text(), re.DOTALL)
    shown = [query.filled() for query in boards.queries("loki")]
    problems.check(len(page) == len(WANTED) and shown, f"{len(page)} queries on the page, {len(shown)} on dashboards")
    texts = page + shown
    queries = read_queries(command, texts)
    for text, query in zip(texts, queries):
        problems.check(not query["errors"], f"cannot be read at {query['errors']}: {text}")
        labels = {step["name"] for step in query["selector"]}
        problems.check(labels and labels <= LABELS, f"there are no such labels: {labels}: {text}")
    for text, query in zip(WRONG, read_queries(command, WRONG)):
        problems.check(query["errors"] or not query["selector"], f"taken for LogQL: {text}")
    (scrape,) = document(DEPLOY / "loki/promtail.yaml")["scrape_configs"]
    entries = list(pipeline.read(LINES, scrape))
    for text, query, wanted in zip(page, queries, WANTED):
        found = found_by(query, entries)
        problems.check(found == wanted, f"{text}\n  finds {found}, not {wanted}")
    problems.finish(f"{len(texts)} queries read, {len(page)} of them run over {len(entries)} lines")


if __name__ == "__main__":
    main()
