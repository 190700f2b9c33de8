# SPDX-License-Identifier: Apache-2.0
"""`./dev demo --stack` as a newcomer sees it, only shorter: its summary says what has happened, and nothing is left."""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from stack_servers import ALERTMANAGER, PROMETHEUS, program, programs_or_skip  # noqa: E402

DEMO = Path(__file__).resolve().parents[3] / "samples" / "kalki" / "stack_demo.py"
SECONDS = 240
BIN = None


def command(*arguments):
    return [sys.executable, "-B", str(DEMO), "--bin", BIN, "--users", "10", "--seconds", "3", *arguments]


def commands_with(text):
    """The command lines of this machine's processes that hold the text."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and int(entry.name) != os.getpid():
            found.append(line)
    return found


class StackDemo(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kalki-demo-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.folder.chmod(0o755)
        self.environment = {**os.environ, "TMPDIR": folder.name}

    def test_summary_tells_what_happened(self):
        ran = subprocess.run(
            command(), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS
        )
        self.assertEqual(ran.returncode, 0, ran.stdout)
        for word in ("divided by 60", "Slack is a stand-in", "waiting until KalkiCacheDown fires"):
            self.assertIn(word, ran.stdout)
        summary = dict(re.findall(r"^    (\w[\w ]*\w)  +(\S.*)$", ran.stdout[ran.stdout.index("==> Summary") :], re.M))
        self.assertRegex(summary["requests"], r"^[1-9]\d* answered by kalki-gateway, 0 of them with a failure$")
        self.assertRegex(summary["traces"], r"^[1-9]\d*, of [1-9]\d* spans; 0 spans were lost$")
        self.assertRegex(summary["alert fired"], r"^KalkiCacheDown, \d+ s after .*\[WARNING\] KalkiCacheDown")
        self.assertEqual(summary["health"], "healthy -> degraded -> healthy")
        self.assertEqual(summary["left running"], "nothing")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_nothing_is_left_when_it_is_interrupted(self):
        log = self.folder.parent / f"{self.folder.name}.log"
        self.addCleanup(log.unlink)
        with open(log, "wb") as output:
            demo = subprocess.Popen(command(), env=self.environment, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + SECONDS
        while b"users for" not in log.read_bytes():
            self.assertIsNone(demo.poll(), log.read_text(errors="replace"))
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        demo.send_signal(signal.SIGINT)
        self.assertEqual(demo.wait(SECONDS), 130, log.read_text(errors="replace"))
        self.assertEqual(commands_with(str(self.folder)), [])
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    known, rest = parser.parse_known_args()
    BIN = known.bin
    programs_or_skip(PROMETHEUS, ALERTMANAGER)
    if not program("redis-server") or not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        print("SKIPPED: PostgreSQL or Redis is not installed (packages postgresql, redis-server)", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    unittest.main(argv=[sys.argv[0], *rest])
