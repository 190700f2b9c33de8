# SPDX-License-Identifier: Apache-2.0
"""Every query of every panel: its metrics are kalki's, promtool can read it, and the real Prometheus answers with data.

Prometheus scrapes doubles that expose the contract's metrics; or with --bin the real kalki, started from that folder and
used meanwhile; or programs that run already: --target kalki-gateway=127.0.0.1:9464 --target kalki-query=...
"""

import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import boards
import contract
from stack import DEPLOY, Problems, arguments, document, tool  # also finds the modules of tests/interop

import kalki
from processes import Program, free_ports
from prometheus import Prometheus

SECONDS = 30  # until the last panel has data
# Prometheus' own.
ALSO = {"up", "ALERTS"}
NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def metric_names(query):
    """The names in it that are followed by labels or a range, or stand alone: neither functions nor labels."""
    bare = re.sub(r'"[^"]*"', '""', query)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}", "{}", re.sub(r"\[[^]]*\]", "[]", bare))
    words = {"or", "and", "unless", "bool", "offset"}
    for found in NAME.finditer(bare):
        follows = bare[found.end() :].lstrip()
        number = found.start() > 0 and bare[found.start() - 1].isdigit()
        if not follows.startswith("(") and found.group() not in words and not number:
            yield found.group()


def check_names(problems, queries):
    known = ALSO | {name for metric in contract.read() for name in metric.series()}
    for query in queries:
        names = set(metric_names(query.filled()))
        problems.check(names, f"{query.where}: no metric in {query.text}")
        for name in sorted(names - known):
            problems.check(False, f"{query.where}: {name} is no metric of kalki's")
    return {name for query in queries for name in metric_names(query.filled())}


def check_shown(problems, names):
    """Each metric of the contract is somewhere on a dashboard."""
    for metric in contract.read():
        shown = names & set(metric.series())
        problems.check(shown or metric.name == "target_info", f"no panel shows {metric.name}")


def check_syntax(problems, queries, folder):
    """As the rules of one file, a group for each query, so that promtool names the one that it cannot read."""
    promtool = tool("promtool", "prometheus")
    lines = ["groups:"]
    for query in queries:
        quoted = query.filled().replace("'", "''")
        name = query.where.replace("'", "")
        lines += [f"- name: '{name}'", "  rules:", "  - record: a:query", f"    expr: '{quoted}'"]
    rules = folder / "queries.yml"
    rules.write_text("\n".join(lines) + "\n")
    done = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, check=False)
    problems.check(done.returncode == 0, f"promtool: {done.stdout}{done.stderr}")


def start_doubles(stack, folder):
    services = ("gateway", "query", "llm")
    targets = {}
    for service, port in zip(services, free_ports(len(services))):
        command = [sys.executable, "-B", contract.__file__, service, port]
        program = Program(service, command, folder / f"{service}.log")
        stack.callback(program.stop, 5)
        targets[f"kalki-{service}"] = f"127.0.0.1:{port}"
    return targets


def find_targets(given, stack, folder):
    if given.target:
        return dict(one.split("=", 1) for one in given.target)
    if given.bin:
        return stack.enter_context(kalki.Kalki(given.bin, folder)).targets
    return start_doubles(stack, folder)


def has_data(prometheus, query):
    try:
        return prometheus.ask(query.filled())
    except OSError:
        return False  # it cannot be read, as promtool has said


def check_data(problems, queries, prometheus):
    """Asks until each has answered with a number, or the time is over."""
    missing = list(queries)
    deadline = time.monotonic() + SECONDS
    while missing and time.monotonic() < deadline:
        missing = [query for query in missing if not has_data(prometheus, query)]
        time.sleep(0.5)
    for query in missing:
        problems.check(False, f"{query.where}: no data: {query.filled()}")
    problems.check(
        not prometheus.ask('kalki_requests_total{job="no such job"}'), "Prometheus answers whatever it is asked"
    )


def check_exemplars(problems, prometheus):
    """Points of graphs lead to traces, by the label that Grafana's data source looks for."""
    source = document(DEPLOY / "grafana/provisioning/datasources/kalki.yaml")["datasources"][0]
    label = source["jsonData"]["exemplarTraceIdDestinations"][0]["name"]
    found = [labels.get(label, "") for labels in prometheus.exemplars("kalki_request_duration_seconds_bucket")]
    ids = [one for one in found if re.fullmatch("[0-9a-f]{32}", one)]
    problems.check(ids and len(ids) == len(found), f"exemplars hold {label}: {found[:5]}")
    print(f"measured: exemplars: {len(ids)} with a trace")


def main():
    given = arguments(
        __doc__,
        target={"action": "append", "metavar": "JOB=HOST:PORT", "help": "what to scrape instead of doubles"},
        bin={"type": Path, "metavar": "FOLDER", "help": "where the real kalki is"},
    )
    program = tool("prometheus", "prometheus")
    problems = Problems()
    queries = list(boards.queries("prometheus"))
    names = check_names(problems, queries)
    check_shown(problems, names)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        check_syntax(problems, queries, folder)
        targets = find_targets(given, stack, folder)
        began = time.monotonic()
        prometheus = stack.enter_context(Prometheus(program, folder, targets))
        check_data(problems, queries, prometheus)
        if given.bin:
            check_exemplars(problems, prometheus)
        if not problems.found:
            print(f"measured: dashboards: {len(queries)} queries had data after {time.monotonic() - began:.0f} s")
    problems.finish(f"{len(queries)} queries, {len(names)} names of metrics")


if __name__ == "__main__":
    main()
