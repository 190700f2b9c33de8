#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exporters are built on what users have, too: of the SDK they know its public headers and the leaf folder sdk/src/base only.

usage: independence_test.py OBJECTS [unittest arguments]

OBJECTS is the folder with the object files of libotel-sdk.
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPORTERS = ROOT / "exporters"
SOURCES = [path for path in EXPORTERS.rglob("*.[ch]") if "include" not in path.relative_to(EXPORTERS).parts]
PUBLIC = {path.name for root in (ROOT, EXPORTERS) for path in root.glob("*/include/otel/*.h")}
# Of api/src, for libraries that offer constructors of their own: they read option structs as the SDK does.
LEAF = "options.h"
# Made of the .proto files in exporters/otlp/proto.
GENERATED_HEADER, GENERATED_SYMBOL = re.compile(r"\w+\.pb-c\.h"), re.compile("otel__rpc__")

objects = None


def included(path, brackets):
    return re.findall(rf"^#include {brackets[0]}([^{brackets[1]}]+)", path.read_text(encoding="utf-8"), re.MULTILINE)


def is_known(header):
    """Of those in quotes: another exporter's, a common one, or one of the leaf folder."""
    below = ROOT / "sdk/src" if header.startswith("base/") else EXPORTERS
    return (below / header).is_file() or header == LEAF or GENERATED_HEADER.fullmatch(header) is not None


def symbols(path, *flags):
    """The internal names of an object file."""
    listed = subprocess.run(["nm", "-P", *flags, path], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return {line.split()[0] for line in listed.splitlines() if line.startswith("otel__")}


def objects_of(*folders):
    return [path for folder in folders for path in objects.glob(f"{folder}/**/*.o")]


class Independence(unittest.TestCase):
    def test_headers_that_exporters_include(self):
        self.assertGreater(len(SOURCES), 30)
        for path in SOURCES:
            with self.subTest(source=str(path.relative_to(ROOT))):
                self.assertEqual([header for header in included(path, '""') if not is_known(header)], [])
                ours = {header[len("otel/") :] for header in included(path, "<>") if header.startswith("otel/")}
                self.assertLessEqual(ours, PUBLIC)

    def test_symbols_that_exporters_need(self):
        """Whatever they declare themselves."""
        exporters, base = objects_of("__/exporters"), objects_of("src/base")
        self.assertTrue(exporters and base)
        defined = set().union(*(symbols(path, "-g", "--defined-only") for path in exporters + base))
        for path in exporters:
            with self.subTest(object=str(path.relative_to(objects))):
                missing = symbols(path, "-u") - defined
                self.assertEqual([name for name in missing if not GENERATED_SYMBOL.match(name)], [])


if __name__ == "__main__":
    objects = Path(sys.argv.pop(1))
    unittest.main(argv=sys.argv)
