# SPDX-License-Identifier: Apache-2.0
"""The gate: instructions of each operation against those that were agreed on, for one compiler and processor."""
import json
import os
import platform
import subprocess
import sys

import figures
import micro

PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "instructions.json")
TOLERANCE = 0.10
SLACK = 1  # instruction
SKIPPED = 77


def machine(compiler):
    """What the instructions depend on beside the sources."""
    defined = subprocess.run([compiler, "-dM", "-E", "-x", "c", os.devnull], stdout=subprocess.PIPE, text=True, check=True).stdout
    macros = dict(line.split(maxsplit=2)[1:] for line in defined.splitlines() if len(line.split(maxsplit=2)) == 3)
    name = f"clang {macros['__clang_major__']}" if "__clang_major__" in macros else f"gcc {macros['__GNUC__']}"
    return f"{name} {platform.machine()} {' '.join(platform.libc_ver())}"


def off(measured, agreed):
    """Operations that cost something else than agreed; fewer instructions count too: then agree on those."""
    for name in sorted(agreed.keys() | measured.keys()):
        if name not in measured or name not in agreed:
            yield f"{name}: {'is not measured any more' if name in agreed else 'has no baseline'}"
        elif abs(measured[name] - agreed[name]) > max(SLACK, TOLERANCE * agreed[name]):
            yield f"{name}: {measured[name]:.1f} instructions, agreed {agreed[name]:.1f}"


def write(here, measured):
    figures.save(PATH, {"machine": here, "operations": {k: round(v, 1) for k, v in measured.items()}})
    print(f"{len(measured)} operations agreed on")
    return 0


def run(args):
    here = machine(args.compiler)
    agreed = {"machine": here}
    if args.baseline == "check":
        with open(PATH, encoding="utf-8") as file:
            agreed = json.load(file)
    if agreed["machine"] != here:
        print(f"SKIPPED: the baseline is of {agreed['machine']}, this is {here}")
        return SKIPPED
    measured = micro.in_instructions(args.bin)
    if measured is None:
        print("SKIPPED: there is no Valgrind here, or its header was not there when otel-micro was built")
        return SKIPPED
    if args.baseline == "write":
        return write(here, measured)
    differences = list(off(measured, agreed["operations"]))
    for difference in differences:
        print(difference, file=sys.stderr)
    if differences:
        print("If that is meant, ./dev bench --baseline write agrees on it.", file=sys.stderr)
    print(f"{len(measured)} operations counted, {len(differences)} off by more than {TOLERANCE:.0%}")
    return 1 if differences else 0
