# SPDX-License-Identifier: Apache-2.0
"""What the dashboards' JSON holds, as the tests ask for it."""

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY  # noqa: E402

FOLDER = DEPLOY / "grafana" / "dashboards"
# What Grafana puts in place of its variables, for a page that shows the last hour of everything.
VARIABLES = {"service": "kalki-.+", "route": ".+", "__rate_interval": "30s", "__interval": "15s", "__range": "1h"}


class Query(NamedTuple):
    board: str
    panel: str
    reference: str
    language: str  # prometheus or loki
    text: str

    @property
    def where(self):
        return f"{self.board}, '{self.panel}', {self.reference}"

    def filled(self, **values):
        """As it is sent: with the variables' values. A variable that has none stays and fails to parse."""
        known = {**VARIABLES, **values}
        return re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found.group(1), found.group(0)), self.text)


def boards():
    """By file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels(board):
    """All of them; Grafana keeps those of a collapsed row inside the row."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(language=None):
    for name, board in boards().items():
        for panel in panels(board):
            for target in panel.get("targets", []):
                kind = target["datasource"]["type"]
                if language in (None, kind):
                    yield Query(name, panel["title"], target["refId"], kind, target["expr"])
        for variable in board["templating"]["list"]:
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            if found and language in (None, "prometheus"):
                yield Query(name, f"variable {variable['name']}", "-", "prometheus", found.group(1))
