#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The names that the libraries take in a user's program: those exported are listed in api/symbols.txt,
sdk/symbols.txt, xray/symbols.txt, exporters/grpc/symbols.txt and exporters/prometheus/symbols.txt, and all begin with ours.

usage: symbols_test.py --libraries FOLDER [--version VERSION] [--update] [unittest arguments]

--update writes the lists instead, from what is built.
"""

import argparse
import sys
import unittest
from pathlib import Path

from binaries import abi, beside_libc, dynamic, stays_loaded, symbols

ROOT = Path(__file__).resolve().parents[2]
UPDATE = "tests/install/symbols_test.py --libraries build/dev/lib --update"
HEAD = f"""# SPDX-License-Identifier: Apache-2.0
# What libotel-%s exports. A name that goes, or that means something else, breaks programs that are linked already.
# After a change on purpose, and ./dev build: {UPDATE}
"""
FOLDERS = {"api": "api", "sdk": "sdk", "xray": "xray", "grpc": "exporters/grpc", "prometheus": "exporters/prometheus"}
OPTIONAL = {"grpc": "gRPC core", "prometheus": "libmicrohttpd"}
options = None


def library(name, end):
    return options.libraries / f"libotel-{name}.{end}"


def exported(name):
    return symbols(library(name, "so"), "-D")


def built():
    """The libraries that there are: some need what need not be there."""
    return [name for name in FOLDERS if name not in OPTIONAL or library(name, "so").exists()]


def listing(name):
    return ROOT / FOLDERS[name] / "symbols.txt"


def listed(name):
    return [line for line in listing(name).read_text().splitlines() if line and not line.startswith("#")]


class Symbols(unittest.TestCase):
    longMessage = False

    def check_list(self, name):
        now, before = set(exported(name)), set(listed(name))
        self.assertTrue(now)
        lines = [f"{name}/symbols.txt is not what libotel-{name} exports:"]
        lines += [f"+{symbol} is exported and not listed" for symbol in sorted(now - before)]
        lines += [f"-{symbol} is listed and not exported" for symbol in sorted(before - now)]
        lines += [f"If that is meant to be so: {UPDATE}"]
        self.assertEqual(now, before, "\n".join(lines))

    def test_api_exports_what_is_listed(self):
        self.check_list("api")

    def test_sdk_exports_what_is_listed(self):
        self.check_list("sdk")

    def test_xray_exports_what_is_listed(self):
        self.check_list("xray")

    def check_optional(self, name):
        if name not in built():
            self.skipTest(f"built without {OPTIONAL[name]}")
        self.check_list(name)

    def test_grpc_exports_what_is_listed(self):
        self.check_optional("grpc")

    def test_prometheus_exports_what_is_listed(self):
        self.check_optional("prometheus")

    def test_all_names_are_ours(self):
        """In an archive names are global that the shared library hides, those of generated code among them."""
        for name in built():
            for file, arguments in (library(name, "so"), ["-D"]), (library(name, "a"), ["-g"]):
                found = symbols(file, *arguments)
                self.assertTrue(found)
                foreign = [symbol for symbol in found if not symbol.startswith("otel_")]
                self.assertEqual(
                    foreign, [], f"{file.name} defines {foreign}: make them static, or call them otel__..."
                )

    def test_the_sdk_keeps_its_inner_names(self):
        """Those that begin with otel__ are for the SDK, which finds them in libotel-api."""
        self.assertEqual([symbol for symbol in exported("sdk") if symbol.startswith("otel__")], [])

    def test_sonames_carry_what_a_change_of_the_abi_changes(self):
        for name in built():
            self.assertEqual(dynamic(library(name, "so"), "SONAME"), [f"libotel-{name}.so.{abi(options.version)}"])

    def test_api_needs_libc_only(self):
        self.assertEqual(beside_libc(library("api", "so")), [])

    def test_none_is_ever_unloaded(self):
        for name in built():
            self.assertTrue(stays_loaded(library(name, "so")))


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--libraries", required=True, type=Path)
    parser.add_argument("--version", default="", help="of the project, which the SONAMEs carry")
    parser.add_argument("--update", action="store_true")
    options, rest = parser.parse_known_args()
    if not options.update:
        unittest.main(argv=[sys.argv[0], "--verbose", *rest])
    for name in built():
        listing(name).write_text(HEAD % name + "".join(f"{symbol}\n" for symbol in exported(name)))


if __name__ == "__main__":
    main()
