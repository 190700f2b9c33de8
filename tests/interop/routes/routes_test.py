#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One trace that shows every feature goes to the real servers by every route, and what they tell of it is compared.

usage: routes_test.py --spans PROGRAM --many PROGRAM --logs FOLDER --libraries FOLDER [unittest arguments]

The programs are route_spans and jaeger_spans, and the libraries are where libotel-grpc is, if there is one. Each route's
answer is compared, field by field, with scene.py as rules.py says that it arrives. The servers' logs stay in the folder
of --logs. Exit code 77: a server cannot be had on this machine (../jaeger/build and ../zipkin/fetch say why); where only
one can, its routes are tested.
"""

import argparse
import os
import shutil
import subprocess
import sys
import unittest
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import rules  # noqa: E402
import scene  # noqa: E402
from jaeger_server import Jaeger  # noqa: E402
from processes import wait_until  # noqa: E402
from routes import JAEGER, JAEGER_GRPC, ROUTES  # noqa: E402
from zipkin_server import Zipkin  # noqa: E402

ARRIVAL_SECONDS = 30
MANY = 10000

options = None
servers = {}


def start_server(kind, script, case):
    """The running server, None where it cannot be had."""
    made = subprocess.run([HERE.parent / script], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode != 0:
        return None
    server = kind(made.stdout.splitlines()[-1], Path(options.logs))
    server.__enter__()
    case.addClassCleanup(server.__exit__, None, None, None)
    return server


def run(program, route, server, *arguments, **settings):
    """The number of spans that it says were sent."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment = {**inherited, "no_proxy": "127.0.0.1", **route.environment(server), **settings}
    sent = subprocess.run(
        [program, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
    )
    if sent.returncode != 0 or sent.stderr:
        raise AssertionError(f"{route.name}: exit code {sent.returncode}\n{sent.stderr}")
    return int(sent.stdout)


class Routes(unittest.TestCase):
    """One of each server for all routes, each of which has traces of its own. The tests are made below, one a route."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        shutil.rmtree(options.logs, ignore_errors=True)
        Path(options.logs).mkdir(parents=True)
        servers["jaeger"] = start_server(Jaeger, "jaeger/build", cls)
        servers["zipkin"] = start_server(Zipkin, "zipkin/fetch", cls)

    def server(self, route):
        server = servers[route.family.server]
        if not server:
            self.skipTest(f"there is no {route.family.server}")
        if "grpc" in route.name and not (Path(options.libraries) / "libotel-grpc.so").exists():
            self.skipTest("this build has no libotel-grpc")
        return server

    def arrived(self, route, server, trace_id):
        """The trace's spans by id, once they are as many as were sent."""

        def whole_trace():
            told = route.family.query(server, trace_id)
            spans = route.family.read(trace_id, told) if told else {}
            return spans if len(spans) >= len(scene.SPANS) else None

        return wait_until(whole_trace, ARRIVAL_SECONDS, f"the trace {trace_id} in {server.name}")

    def check(self, route, number, **settings):
        server = self.server(route)
        sent = run(options.spans, route, server, f"{number:02x}", *route.arguments, **settings)
        self.assertEqual(sent, len(scene.SPANS))
        trace_id = scene.trace_id(number)
        told = self.arrived(route, server, trace_id)
        want = rules.expected(route.family.rules, trace_id)
        self.assertEqual(set(told), set(want))
        fields = 0
        for span_id, span in want.items():
            for field, value in asdict(span).items():
                with self.subTest(route=route.name, span=scene.SPANS[span_id].name, field=field):
                    self.assertEqual(asdict(told[span_id])[field], value)
                fields += 1
        return fields

    def check_many(self, route):
        """More than fits into a batch, a request, a datagram; each a little later than the one before."""
        server = self.server(route)
        before = server.count_spans("many")
        self.assertEqual(run(options.many, route, server, "many", str(MANY)), MANY)
        wait_until(lambda: server.count_spans("many") >= before + MANY, ARRIVAL_SECONDS, f"{MANY} spans in Jaeger")
        self.assertEqual(server.count_spans("many"), before + MANY)


def route_test(route, number):
    def test(self):
        fields = self.check(route, number)
        self.check(route, number + 0x80, OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1")
        print(f"measured: {route.name}: {len(scene.SPANS)} spans, {fields} fields as expected", flush=True)

    return test


def many_test(route):
    def test(self):
        self.check_many(route)
        print(f"measured: {route.name}: {MANY} of {MANY} spans in Jaeger", flush=True)

    return test


def test_name(route):
    return "".join(letter if letter.isalnum() else "_" for letter in route.name)


for index, each in enumerate(ROUTES, 1):
    setattr(Routes, f"test_{test_name(each)}", route_test(each, index))
    if each.family in (JAEGER, JAEGER_GRPC) and not each.arguments:
        setattr(Routes, f"test_many_by_{test_name(each)}", many_test(each))


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("--spans", "--many", "--logs", "--libraries"):
        parser.add_argument(option, required=True)
    options, rest = parser.parse_known_args()
    result = unittest.main(argv=[sys.argv[0], "--verbose", *rest], exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.skipped:
        missing = sorted({reason for _, reason in result.skipped})
        print(f"SKIPPED: {len(result.skipped)} routes: {', '.join(missing)}", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)


if __name__ == "__main__":
    main()
