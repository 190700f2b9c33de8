# SPDX-License-Identifier: Apache-2.0
"""The tables in docs/compliance as they are, true or not."""

import re
from dataclasses import dataclass

TABLES = ("trace.tsv", "export.tsv")
COLUMNS = ["id", "level", "requirement", "status", "where", "test"]


class Mistake(Exception):
    """Something without which nothing else can be judged."""


def listed(cell):
    return [item for item in cell.split(", ") if item]


@dataclass
class Row:
    place: str  # docs/compliance/trace.tsv:7
    id: str
    level: str
    requirement: str
    status: str
    where: str
    test: str

    @property
    def area(self):
        """PROP-W3C of PROP-W3C-12."""
        return re.sub(r"-\d+$", "", self.id)

    @property
    def number(self):
        return int(self.id.rpartition("-")[2])

    @property
    def places(self):
        """File and name in it, which may be empty."""
        return [item.partition(":")[::2] for item in listed(self.where)]

    @property
    def tests(self):
        """Test and function in it, which may be empty."""
        return [item.partition(":")[::2] for item in listed(self.test)]


def lines(root, name, columns):
    """Number and cells of each line below the header."""
    path = f"docs/compliance/{name}"
    try:
        text = (root / path).read_text(encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{path}: {error.strerror}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        cells = line.split("\t")
        if number == 1 and cells != columns:
            raise Mistake(f"{path}:1: the columns are not {', '.join(columns)}")
        if len(cells) != len(columns):
            raise Mistake(f"{path}:{number}: {len(cells)} columns, not {len(columns)}")
        if number > 1:
            yield f"{path}:{number}", cells


def read_rows(root):
    return [Row(place, *cells) for name in TABLES for place, cells in lines(root, name, COLUMNS)]


AREAS = ["area", "title", "complete"]


def read_areas(root):
    """Title by area, in the order of the page."""
    return {area: title for _, (area, title, _) in lines(root, "areas.tsv", AREAS)}


def read_complete(root):
    """The areas in which every requirement must have a status, or those up to a number: {"API": inf, "ENV": 48}."""
    marks = {area: mark for _, (area, _, mark) in lines(root, "areas.tsv", AREAS) if mark}
    return {area: float("inf") if mark == "all" else int(mark) for area, mark in marks.items()}
