#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every version in CHANGELOG.md names the specification that it implements and the libraries that go together.

usage: release_test.py VERSION
"""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parents[2] / "CHANGELOG.md"


def main():
    version = sys.argv[1]
    minor = version.rpartition(".")[0]
    sections = re.split(r"^## ", CHANGELOG.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    wrong = [] if sections else ["has no version"]
    for section in sections:
        text = " ".join(section.split())
        if not re.search(r"version \d+\.\d+\.\d+ of the OpenTelemetry specification", text):
            wrong.append(f"does not say what {text[:20]} implements")
        if not re.search(r"`libotel-sdk` \S+ goes with `libotel-api`", text):
            wrong.append(f"does not say which libraries go together in {text[:20]}")
    newest = " ".join(sections[0].split()) if sections else ""
    if version not in newest or f"`libotel-sdk` {minor} goes with `libotel-api` {minor}" not in newest:
        wrong.append(f"does not speak of {version}, which this is")
    for complaint in wrong:
        print(f"CHANGELOG.md {complaint}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
