# SPDX-License-Identifier: Apache-2.0
"""The packages of a requirements.txt, in a virtual environment that is made once for each state of that list."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

PIP = ["-m", "pip", "--disable-pip-version-check", "--retries", "2"]
INSTALL = [*PIP, "install", "--quiet", "--only-binary", ":all:", "-r"]
SECONDS = 300


def _skip(reason):
    print(f"SKIPPED: {reason}", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


def _run(command, what):
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        _skip(f"{what} takes more than {SECONDS} s")
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        _skip(f"{what} failed; the lines above say why")


def environment(folder, requirements):
    """The Python of the environment in this folder; ends this program as skipped where it cannot be had."""
    place = Path(folder) / f"python-{hashlib.sha256(Path(requirements).read_bytes()).hexdigest()[:12]}"
    complete = place / "complete"
    python = place / "bin" / "python"
    if not complete.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(place)], "making a virtual environment (python3-venv)")
        _run([str(python), *INSTALL, str(requirements)], "installing the packages of requirements.txt")
        complete.touch()
    return python


def enter(folder, requirements):
    """Goes on as the same program in the environment."""
    python = environment(folder, requirements)
    if not os.path.samefile(sys.prefix, python.parents[1]):
        os.execv(python, [str(python), "-B", *sys.argv])
