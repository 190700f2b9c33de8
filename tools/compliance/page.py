# SPDX-License-Identifier: Apache-2.0
"""COMPLIANCE.md: how to read it, a summary, and one table for each area."""

import re

from checks import LEVELS

SHOWN = {"met": "met", "deviation": "deviation", "": "not yet"}

INTRODUCTION = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Generated from docs/compliance by ./dev compliance; change the tables there. -->
# Compliance

What the specifications of OpenTelemetry, W3C, Jaeger and Zipkin ask of a tracing SDK, as {count} requirements that can
each be tested, and how far otel-c has come.

| status | |
|---|---|
| met | the code does it, in the file named, and the test named fails when it no longer does |
| deviation | otel-c knowingly does something else; the reason stands instead of the file |
| not yet | not done, not done in full, or not shown by a test |

The level is that of the specification: MUST, SHOULD, MAY, and DEV for what the specification itself still develops. A
test is named as `ctest` knows it, with the function of the test program: `ctest --test-dir build/dev -R unit/span_test`
runs it. `./dev test` fails when a test named here is missing or does not pass.
"""


def escaped(text):
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text)


def table(head, rows):
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows]])


def anchor(title):
    """As GitHub makes it of a heading."""
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def where(row):
    if row.status != "met":
        return escaped(row.where)
    return ", ".join(f"[{escaped(path)}]({path})" + (f" `{name}`" if name else "") for path, name in row.places)


def tests(row):
    return ", ".join(f"`{test}`" + (f": `{function}`" if function else "") for test, function in row.tests)


def counts(rows):
    return [str(sum(row.status == status for row in rows)) for status in SHOWN] + [str(len(rows))]


def totals(rows):
    return ", ".join(f"{count} {name}" for count, name in zip(counts(rows), [*SHOWN.values(), "in all"]))


def by_level(rows):
    return [f"  {level}: {totals([row for row in rows if row.level == level])}" for level in LEVELS]


def summary(areas, rows):
    lines = []
    for area, title in areas.items():
        link = f"[{escaped(title)}](#{anchor(heading(area, title))})"
        lines.append([link, area, *counts([row for row in rows if row.area == area])])
    lines.append(["**all**", "", *(f"**{count}**" for count in counts(rows))])
    return table(["area", "ids", "met", "deviation", "not yet", "all"], lines)


def heading(area, title):
    return f"{title} ({area})"


def section(area, title, rows):
    lines = [
        [row.id, row.level, escaped(row.requirement), SHOWN.get(row.status, row.status), where(row), tests(row)]
        for row in rows
        if row.area == area
    ]
    head = ["id", "level", "requirement", "status", "where", "test"]
    return f"## {heading(area, title)}\n\n{table(head, lines)}\n"


def page(areas, rows):
    sections = [section(area, title, rows) for area, title in areas.items()]
    return "\n".join([INTRODUCTION.format(count=len(rows)), summary(areas, rows) + "\n", *sections])
