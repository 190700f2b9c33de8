# SPDX-License-Identifier: Apache-2.0
"""The dashboards and the provisioning as Grafana would read them: complete, without doubles, and made from their source."""

import itertools
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import boards as boards_of
from stack import DEPLOY, Problems, arguments, document

# The names of Grafana's units that are in use here. A wrong name shows as text behind the number.
UNITS = {"none", "short", "percent", "percentunit", "bytes", "s", "reqps", "ops"}
WANTED = {"system", "application", "business", "database", "llm", "vector-store", "sessions", "endpoints"}
TARGETS = {0.1, 0.5, 2}  # seconds, of half, 95 and 99 of 100 requests
# What several services tell alike, of their machine or of the Redis that they share: a sum would be a multiple of it.
SHARED = re.compile(r"\bsum ?(by \([^)]*\) )?\((system_memory_usage_bytes|kalki_sessions_active)")
GRAFANA = DEPLOY / "grafana"
WIDTH = 24


def _check_rendered(problems):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-B", GRAFANA / "render", folder], check=True)
        made = {path.name: path.read_text() for path in Path(folder).glob("*.json")}
    there = {path.name: path.read_text() for path in boards_of.FOLDER.glob("*.json")}
    for name in sorted(made.keys() | there.keys()):
        problems.check(made.get(name) == there.get(name), f"{name} is not what deploy/grafana/render makes: run it")


def _overlap(one, other):
    apart = (
        one["x"] + one["w"] <= other["x"]
        or other["x"] + other["w"] <= one["x"]
        or one["y"] + one["h"] <= other["y"]
        or other["y"] + other["h"] <= one["y"]
    )
    return not apart


def _check_panel(problems, where, panel, sources):
    defaults = panel["fieldConfig"]["defaults"]
    problems.check(defaults.get("unit") in UNITS, f"{where}: unit {defaults.get('unit')}")
    steps = defaults["thresholds"]["steps"]
    rising = [step["value"] for step in steps[1:]]
    problems.check(steps[0]["value"] is None and rising == sorted(rising), f"{where}: thresholds do not rise: {steps}")
    references = [target["refId"] for target in panel["targets"]]
    problems.check(references, f"{where}: asks nothing")
    problems.check(len(set(references)) == len(references), f"{where}: two targets of one name")
    for target in panel["targets"]:
        source = target["datasource"]
        problems.check(sources.get(source["uid"]) == source["type"], f"{where}: no such data source: {source}")
        problems.check(target["expr"].strip(), f"{where}: an empty query")
        problems.check(not SHARED.search(target["expr"]), f"{where}: sums what is told more than once")
        if source["type"] == "prometheus":
            problems.check(target["legendFormat"], f"{where}, {target['refId']}: no legend")
            problems.check(target["instant"] != target["range"], f"{where}: neither instant nor range")
    if any(step["value"] in TARGETS for step in steps) and defaults["unit"] == "s":
        problems.check(set(rising) == TARGETS, f"{where}: thresholds {rising} are not the targets")


def _check_board(problems, name, board, sources):
    problems.check(board["uid"] == Path(name).stem, f"{name}: its uid is {board['uid']}")
    problems.check(len(board["uid"]) <= 40, f"{name}: Grafana takes a uid of 40 characters at most")
    problems.check(board.get("id") is None, f"{name}: an id belongs to one Grafana only")
    problems.check(board["schemaVersion"] >= 39, f"{name}: schemaVersion {board['schemaVersion']}")
    every = {one["name"]: one["allValue"] for one in board["templating"]["list"]}
    problems.check(every.get("service") == boards_of.VARIABLES["service"], f"{name}: all services are {every}")
    panels = list(boards_of.panels(board))
    ids = [panel["id"] for panel in panels]
    problems.check(len(set(ids)) == len(ids), f"{name}: two panels of one id")
    titles = [panel["title"] for panel in panels if panel["type"] != "row"]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    problems.check(not twice, f"{name}: more than one panel is called {twice}")
    for panel in panels:
        place = panel["gridPos"]
        problems.check(place["x"] + place["w"] <= WIDTH, f"{name}, '{panel['title']}': wider than the page")
        if panel["type"] != "row":
            _check_panel(problems, f"{name}, '{panel['title']}'", panel, sources)
    for one, other in itertools.combinations(panels, 2):
        both = f"'{one['title']}' and '{other['title']}'"
        problems.check(not _overlap(one["gridPos"], other["gridPos"]), f"{name}: {both} lie on each other")


def _check_links(problems, sources):
    """From graph and log to the trace, and from the trace to the log: each link goes to a source that is there."""
    there = {source["uid"] for source in sources}
    for uid in re.findall(r'"datasourceUid": "([^"]*)"', json.dumps(sources)):
        problems.check(uid in there, f"a link goes to the data source {uid}, which does not exist")
    by_name = {source["name"]: source.get("jsonData", {}) for source in sources}
    exemplar = by_name["Prometheus"]["exemplarTraceIdDestinations"][0]
    problems.check(
        (exemplar["name"], exemplar["datasourceUid"]) == ("trace_id", "jaeger"), f"exemplars go to {exemplar}"
    )
    derived = by_name["Loki"]["derivedFields"][0]
    problems.check(derived["datasourceUid"] == "jaeger", f"lines of the log go to {derived}")
    problems.check(derived["url"] == "$${__value.raw}", "Grafana would expand the link's value when it reads the file")
    logs = by_name["Jaeger"]["tracesToLogsV2"]
    problems.check(logs["datasourceUid"] == "loki" and logs["filterByTraceID"], f"traces go to {logs}")
    problems.check({"key": "service.name", "value": "service"} in logs["tags"], "traces look for logs by other labels")


def main():
    arguments(__doc__)
    problems = Problems()
    sources = document(GRAFANA / "provisioning/datasources/kalki.yaml")["datasources"]
    types = {source["uid"]: source["type"] for source in sources}
    problems.check(len(types) == len(sources), "two data sources of one uid")
    problems.check(len([one for one in sources if one.get("isDefault")]) == 1, "not one default data source")
    _check_links(problems, sources)
    provider = document(GRAFANA / "provisioning/dashboards/kalki.yaml")["providers"][0]
    problems.check(
        provider["type"] == "file" and provider["options"]["path"], f"the provider reads no files: {provider}"
    )
    _check_rendered(problems)
    found = boards_of.boards()
    uids = [board["uid"] for board in found.values()]
    problems.check(sorted(uids) == sorted(f"kalki-{name}" for name in WANTED), f"dashboards are {uids}")
    for name, board in found.items():
        _check_board(problems, name, board, types)
    count = sum(len(list(boards_of.panels(board))) for board in found.values())
    problems.finish(f"{len(found)} dashboards, {count} panels and rows, {len(json.dumps(found)) // 1024} KiB")


if __name__ == "__main__":
    main()
