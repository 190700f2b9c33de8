#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The C code in docs/*.md compiles: each block that begins with an #include, as a file of its own, without a warning.

usage: examples_test.py COMPILER
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "-"]
INCLUDES = [f"-I{ROOT / folder / 'include'}" for folder in ("api", "sdk", "exporters", "exporters/grpc")]


def main():
    compiled = failed = 0
    for page in sorted((ROOT / "docs").glob("*.md")):
        for block in re.findall(r"^```c\n(#include.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            done = subprocess.run([sys.argv[1], *INCLUDES, *FLAGS], input=block, text=True, check=False)
            compiled += 1
            if done.returncode:
                failed += 1
                print(f"{page.name} has code that does not compile:\n{block}")
    print(f"{compiled} pieces of code, {failed} failed")
    return 1 if failed or not compiled else 0


if __name__ == "__main__":
    sys.exit(main())
