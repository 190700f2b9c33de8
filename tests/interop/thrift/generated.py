# SPDX-License-Identifier: Apache-2.0
"""Apache Thrift's own Python, generated from exporters/jaeger/idl: a decoder that shares nothing with the exporter."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

IDL = Path(__file__).resolve().parents[3] / "exporters" / "jaeger" / "idl"
DEBIANS_PYTHON = "/usr/bin/python3"


def _skip(reason):
    print(f"SKIPPED: {reason}", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


def _has_thrift(python):
    """Isolated, since the folder that this runs in may hold what was generated, which is a package `thrift` as well."""
    command = [python, "-I", "-c", "import thrift.Thrift"]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def enter():
    """Goes on as the same program in the Python that python3-thrift belongs to, if this is another one."""
    try:
        importlib.import_module("thrift.Thrift")  # "thrift" alone would find this folder
    except ModuleNotFoundError:
        if sys.executable != DEBIANS_PYTHON and Path(DEBIANS_PYTHON).exists() and _has_thrift(DEBIANS_PYTHON):
            os.execv(DEBIANS_PYTHON, [DEBIANS_PYTHON, "-B", *sys.argv])
        _skip("python3-thrift is not installed")
    if not shutil.which("thrift"):
        _skip("thrift-compiler is not installed")


def generate(folder):
    """The modules jaeger.ttypes and agent.Agent."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run(["thrift", "-r", "--gen", "py", "-out", str(folder), str(IDL / "agent.thrift")], check=True)
    sys.path.insert(0, str(folder))
    return importlib.import_module("jaeger.ttypes"), importlib.import_module("agent.Agent")
