# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile as Docker's own parser reads it."""

import re
import shlex

from stack import DEPLOY

FILE = DEPLOY / "compose" / "Dockerfile"


def stages():
    """The instructions of each stage: objects with .cmd and .value."""
    import dockerfile

    found = []
    for command in dockerfile.parse_file(str(FILE)):
        if command.cmd.upper() == "FROM":
            found.append([])
        found[-1].append(command)
    return found


def values(stage, instruction):
    return [command.value for command in stage if command.cmd.upper() == instruction]


def steps(stage):
    """The commands of all RUN instructions, one by one."""
    for (line,) in values(stage, "RUN"):
        for command in re.split(r"\s*&&\s*", re.sub(r"\\\n", " ", line)):
            yield shlex.split(command)


def installed(stage):
    """The Debian packages that it installs."""
    return {
        word
        for words in steps(stage)
        if words[:2] == ["apt-get", "install"]
        for word in words[2:]
        if not word.startswith("-")
    }


def let_in():
    """The folders and files that the .dockerignore lets into the build."""
    lines = (FILE.parent / "Dockerfile.dockerignore").read_text().split("\n")
    return [line[1:] for line in lines if line.startswith("!")]
