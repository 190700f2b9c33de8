#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command and every snippet of README.md, run as a reader would run them.

usage: readme_test.py --logs FOLDER [unittest arguments]

The class Jaeger needs one; exit code 77: it cannot be had on this machine (tests/interop/jaeger/build says why).
"""

import argparse
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

from processes import Program

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [text.splitlines() for kind, text in BLOCKS if kind == "sh"]
OUTPUTS = [text.splitlines() for kind, text in BLOCKS if kind == "text"]

FIRST, WATCH, INSTALL, ELSEWHERE, COMPILE, SAMPLE = COMMANDS
DEMO, TEST = FIRST
CODE = [text for kind, text in BLOCKS if kind == "c"]
DEMO_TREE, BASIC_TREE = OUTPUTS
JAEGER = "./dev demo --jaeger"
STACK = "./dev demo --stack"  # deploy/stack_demo runs it
FIND, ADD = "find_package(otel REQUIRED)", "add_subdirectory(otel-c)"
CMAKE = "cmake -G Ninja -S . -B build && ninja -C build && build/shop"

OTLP_PORT, JAEGER_PORT = 4318, 16686
RUN_SECONDS = 600
JAEGER_SECONDS = 60
SKIPPED = 77

options = None


def environment(**settings):
    """The caller's, without its own settings of this library; nothing is installed by a test."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return {**inherited, "OTEL_DEV_SETUP": "no", "LC_ALL": "C.UTF-8", "COLUMNS": "100", **settings}


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def run(script, folder=ROOT, **settings):
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=RUN_SECONDS,
        check=False,
    )


def without_what_differs(lines):
    """Lines of the viewer, without ids, times, lengths of time and the bars that show them."""
    text = "\n".join(lines)
    text = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "TIME", text)
    text = re.sub(r"(?<![\w.=])\+?\d+(\.\d+)?(ns|µs|ms|s)\b", "LENGTH", text)
    text = re.sub(r"[━╸╺]+", "", text)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


def holds(output, wanted):
    """Whether the wanted lines stand in the output, one behind the other."""
    lines, wanted = without_what_differs(output.splitlines()), without_what_differs(wanted)
    return any(lines[start : start + len(wanted)] == wanted for start in range(len(lines)))


class Readme(unittest.TestCase):
    def check_run(self, script, folder=ROOT, **settings):
        ended = run(script, folder, **settings)
        self.assertEqual(ended.returncode, 0, f"{script}\n{ended.stdout}")
        return ended.stdout

    def test_demo_shows_this_tree(self):
        output = self.check_run(DEMO)
        self.assertTrue(holds(output, DEMO_TREE), output)

    def test_tests_are_those_of_ci(self):
        """They cannot run within themselves."""
        self.assertEqual(TEST, "./dev test")
        self.assertIn('/../dev" test', (ROOT / ".ci" / "run").read_text())

    def test_code_is_the_sample(self):
        sample = (ROOT / "samples" / "basic.c").read_text()
        self.assertEqual(CODE[0], sample[sample.index("#include") :])

    def test_code_that_measures_compiles(self):
        compile_it = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-fsyntax-only"]
        subprocess.run(
            [*compile_it, "-I", str(ROOT / "api" / "include"), "-x", "c", "-"],
            input=CODE[1],
            text=True,
            check=True,
        )

    @unittest.skipIf(listens(OTLP_PORT), f"another program listens on port {OTLP_PORT}")
    def test_code_leaves_this_tree(self):
        output = self.check_run("\n".join([*WATCH, "kill %1", "wait $!"]))
        self.assertIn("sending the trace: success", output)
        self.assertTrue(holds(output, BASIC_TREE), output)

    def test_sampling_takes_a_tenth(self):
        [command] = SAMPLE
        self.assertIn("--requests 1000", command)
        output = self.check_run(command)
        shown = int(re.search(r"^(\d+) traces", output, re.MULTILINE).group(1))
        self.assertAlmostEqual(shown, 100, delta=4 * math.sqrt(1000 * 0.1 * 0.9) + 1, msg=output)
        self.assertLess(output.count("\ntrace "), 10, "the terminal is flooded")
        self.assertLess(output.count('\n{"time":'), 10, "the terminal is flooded with lines of the logs")
        self.assertIn("./dev help shows what else", output, "it goes on behind those lines")

    def make_project(self, name, found):
        """A user's project of this name, with the snippet's first line replaced by how it finds us."""
        [snippet] = [text for kind, text in BLOCKS if kind == "cmake"]
        self.assertIn(FIND, snippet)
        folder = Path(options.logs).resolve() / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        text = snippet.replace(FIND, found)
        (folder / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.22)\nproject(shop C)\n{text}")
        shutil.copy(ROOT / "samples" / "basic.c", folder / "shop.c")
        return folder

    def check_shop(self, script, folder, **settings):
        output = self.check_run(script, folder, OTEL_TRACES_EXPORTER="console", **settings)
        self.assertIn('"charge card"', output)

    def test_a_project_links_what_is_installed(self):
        """With a sudo that has no rights, and what is under /usr/local below a folder of the test."""
        folder = self.make_project("installed", FIND)
        (folder / "sudo").write_text('#!/bin/sh\n[ "$1" = ldconfig ] || exec "$@"\n')
        (folder / "sudo").chmod(0o755)
        self.check_run("\n".join(INSTALL), PATH=f"{folder}:{os.environ['PATH']}", DESTDIR=folder / "root")
        there = folder / "root/usr/local"
        self.check_shop(CMAKE, folder, CMAKE_PREFIX_PATH=there)
        [compile_it] = COMPILE
        found = {"PKG_CONFIG_PATH": there / "lib/pkgconfig", "LD_LIBRARY_PATH": there / "lib"}
        self.check_shop(f"{compile_it}\n./shop", folder, **found)

    def test_a_project_links_what_is_installed_elsewhere(self):
        folder = self.make_project("elsewhere", FIND)
        [compile_it] = COMPILE
        script = [*ELSEWHERE, f"cd {folder}", CMAKE, compile_it, "./shop"]
        self.check_shop("\n".join(script), ROOT, HOME=folder)

    def test_a_project_links_its_own_copy(self):
        self.assertIn(f"`{ADD}` instead of `{FIND}`", README)
        folder = self.make_project("copied", ADD)
        (folder / "otel-c").symlink_to(ROOT)
        self.check_shop(CMAKE, folder)

    def test_every_command_is_run_here(self):
        inline = set(re.findall(r"`(\./dev[^`]*)`", README))
        self.assertEqual(inline, {JAEGER, STACK})
        self.assertEqual(len(COMMANDS), 6)

    def test_links_lead_somewhere(self):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
        self.assertTrue(links)
        self.assertEqual([link for link in links if not (ROOT / link).exists()], [])


class Jaeger(unittest.TestCase):
    """On its default ports, because the command knows no others."""

    @classmethod
    def setUpClass(cls):
        if listens(OTLP_PORT) or listens(JAEGER_PORT):
            print(f"SKIPPED: another program listens on port {OTLP_PORT} or {JAEGER_PORT}")
            sys.exit(SKIPPED)
        build = subprocess.run([ROOT / "tests/interop/jaeger/build"], stdout=subprocess.PIPE, text=True, check=False)
        if build.returncode != 0:
            sys.exit(build.returncode)
        cls.jaeger = Program("jaeger", [build.stdout.strip()], Path(options.logs) / "jaeger.log", environment())
        cls.addClassCleanup(cls.jaeger.kill)
        cls.jaeger.wait_ready(lambda: listens(OTLP_PORT) and listens(JAEGER_PORT), JAEGER_SECONDS)

    def test_demo_prints_addresses_of_traces(self):
        ended = run(JAEGER)
        self.assertEqual(ended.returncode, 0, ended.stdout)
        pages = re.findall(rf"^http://localhost:{JAEGER_PORT}/trace/([0-9a-f]{{32}})$", ended.stdout, re.MULTILINE)
        self.assertEqual(len(pages), 5, ended.stdout)
        for trace_id in pages:
            with urllib.request.urlopen(f"http://127.0.0.1:{JAEGER_PORT}/api/traces/{trace_id}") as answer:
                self.assertIn(b'"GET /search"', answer.read())


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", required=True)
    options, rest = parser.parse_known_args()
    Path(options.logs).mkdir(parents=True, exist_ok=True)
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
