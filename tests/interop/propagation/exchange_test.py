#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random contexts cross between otel-c and another SDK, both ways and in every format: what arrives, field by field.

usage: exchange_test.py --sdk python|go --peer PROGRAM --folder FOLDER [unittest arguments]

PROGRAM is propagation_peer. Each side is a program that is asked in lines of JSON: {"format", "inject": context} or
{"format", "extract": [[name, value] of each header, ...]}. It answers each with the context as it sees it, and the
headers that it sends on of it. FOLDER keeps the other SDK. Other contexts each run: EXCHANGE_SEED repeats one; its
value is printed first. Exit code 77: the SDK cannot be had.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import contexts  # noqa: E402
import expected  # noqa: E402
import packages  # noqa: E402

COUNT = 2000
FORMATS = ("tracecontext", "baggage", "b3", "b3multi", "jaeger")
IDS = ("a3f1c05d9e7b42688d14f0726b9c3e51", "5c1e9a07d43b8f26")
ANY_CASE = (str.lower, str.upper, str.title)

options = None
seed = None


def cannot(reason):
    print(f"SKIPPED: {reason}", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


def build_go_peer(folder):
    """Only what is not there is a reason to skip: that the program does not compile is a failure."""
    program = Path(folder).resolve() / "go_peer"
    settings = {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    environment = {**os.environ, **settings}
    try:
        subprocess.run(["go", "mod", "download"], cwd=HERE / "go", env=environment, timeout=300, check=True)
    except FileNotFoundError:
        cannot("there is no go command")
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        cannot(f"the modules of go.mod cannot be had: {error}")
    build = ["nice", "go", "build", "-trimpath", "-buildvcs=false", "-o", str(program), "."]
    subprocess.run(build, cwd=HERE / "go", env=environment, timeout=600, check=True)
    return [str(program)]


def ask(program, questions):
    text = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(program, input=text, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(answers) == len(questions), f"{program}: {len(answers)} answers"
    return answers


def inject(program, form, made):
    return [answer["headers"] for answer in ask(program, [{"format": form, "inject": each} for each in made])]


def extract(program, form, sent):
    answers = ask(program, [{"format": form, "extract": each} for each in sent])
    return [in_order(answer["context"]) for answer in answers]


def pass_on(program, form, headers):
    return ask(program, [{"format": form, "extract": headers}])[0]["headers"]


def in_order(context):
    return {**context, "baggage": sorted(context["baggage"])}


def in_any_case(headers, dice):
    """Names of headers as others may write them; of Jaeger's baggage the prefix only, since the rest is a name."""

    def changed(name):
        prefix, dash, rest = ("uberctx", "-", name[8:]) if name.startswith("uberctx-") else (name, "", "")
        return dice.choice(ANY_CASE)(prefix) + dash + rest

    return [[changed(name), value] for name, value in headers]


class Exchange(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = [options.peer]
        if options.sdk == "go":
            cls.theirs = build_go_peer(options.folder)
        else:
            cls.theirs = [sys.executable, "-B", str(HERE / "python_peer.py")]
        cls.dice = random.Random(seed)
        cls.made = [contexts.make(cls.dice) for _ in range(COUNT)]

    def compare(self, form, found, wanted, sent):
        for number, (one, other) in enumerate(zip(found, wanted)):
            for field, value in in_order(other).items():
                where = f"{form} {number} of seed {seed}: {field} of {sent[number]}"
                self.assertEqual(one[field], value, where)
        self.assertEqual(len(found), len(wanted))

    def count(self, form, way, found):
        spans = sum(bool(each["trace_id"]) for each in found)
        states = sum(bool(each["tracestate"]) for each in found)
        entries = sum(len(each["baggage"]) for each in found)
        print(
            f"measured: {form}, {way}: {len(found)} contexts; arrived: {spans} spans, {states} tracestates, "
            f"{entries} entries of baggage",
            flush=True,
        )

    def test_what_we_send_is_what_they_see(self):
        for form in FORMATS:
            with self.subTest(form):
                sent = inject(self.ours, form, self.made)
                found = extract(self.theirs, form, sent)
                self.compare(form, found, [expected.theirs(options.sdk, form, each) for each in self.made], sent)
                self.count(form, f"otel-c to {options.sdk}", found)

    def test_what_they_send_is_what_we_see(self):
        for form in FORMATS:
            with self.subTest(form):
                sent = [in_any_case(each, self.dice) for each in inject(self.theirs, form, self.made)]
                found = extract(self.ours, form, sent)
                self.compare(form, found, [expected.ours(options.sdk, form, each) for each in self.made], sent)
                self.count(form, f"{options.sdk} to otel-c", found)

    def test_what_we_send_fits_headers(self):
        for form in FORMATS:
            for headers in inject(self.ours, form, self.made):
                for name, value in headers:
                    self.assertRegex(name, r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
                    self.assertRegex(value, r"\A([!-~]([ -~]*[!-~])?)?\Z")

    def test_of_decisions_they_pass_on_what_they_can(self):
        for (form, said), wanted in expected.PASSED_ON[options.sdk].items():
            with self.subTest(form, said=said):
                headers = expected.decision(form, IDS, said)
                self.assertEqual(pass_on(self.ours, form, headers), headers)
                passed = {name: value for name, value in pass_on(self.theirs, form, headers)}
                self.assertEqual(passed, {name: value for name, value in expected.decision(form, IDS, wanted)})


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdk", required=True, choices=("python", "go"))
    parser.add_argument("--peer", required=True)
    parser.add_argument("--folder", required=True)
    return parser.parse_known_args()


if __name__ == "__main__":
    options, rest = parse_arguments()
    if options.sdk == "python":
        packages.enter(options.folder, HERE / "requirements.txt")
    seed = int(os.environ.get("EXCHANGE_SEED", random.getrandbits(64)))
    print(f"EXCHANGE_SEED={seed}", flush=True)
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])
