# SPDX-License-Identifier: Apache-2.0
"""What the tests of samples/kalki/deploy share: where its files are, and the pinned packages that read them."""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DEPLOY = PROJECT / "samples" / "kalki" / "deploy"
sys.path.insert(0, str(HERE.parent / "interop"))

import packages  # noqa: E402


def skip(reason):
    """Ends this program as skipped; in CI, where everything is to be had, as failed."""
    print(f"SKIPPED: {reason}", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


def tool(name, package):
    """The path of a program."""
    found = shutil.which(name)
    if not found:
        skip(f"there is no {name}; Debian's package {package} has it")
    return found


def arguments(description, **more):
    """Parses the command line and goes on in the environment that has the packages of requirements.txt."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--packages", type=Path, required=True, help="where the environment of the packages is kept")
    for name, options in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **options)
    given = parser.parse_args()
    packages.enter(given.packages, HERE / "requirements.txt")
    return given


def node_program(given, program):
    """The command that runs a program of node/ with its packages, which `npm ci` installs once for each state of the list."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        skip("there is no Node.js; Debian's packages nodejs and npm have it")
    listed = HERE / "node" / "package-lock.json"
    place = given.packages / f"node-{hashlib.sha256(listed.read_bytes()).hexdigest()[:12]}"
    if not (place / "complete").exists():
        place.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / name, place)
        command = [npm, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(done.stdout, done.stderr, file=sys.stderr)
            skip("the packages of node/package.json cannot be had; the lines above say why")
        (place / "complete").touch()
    # Beside its packages, where Node.js looks for them.
    return [node, shutil.copy(HERE / "node" / program, place)]


def documents(path):
    """The YAML documents of a file; a key that is there twice is an error, as it is for every reader but PyYAML."""
    import yaml

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"{path}: {node.start_mark.line + 1}: more than once: {', '.join(map(str, twice))}")
        loader.flatten_mapping(node)
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    return [document for document in yaml.load_all(path.read_text(), Strict) if document is not None]


def document(path):
    """The only document of a file."""
    (only,) = documents(path)
    return only


class Problems:
    """Collects what is wrong, so that one run shows it all."""

    def __init__(self):
        self.found = []

    def check(self, right, problem):
        if not right:
            self.found.append(problem)
        return bool(right)

    def finish(self, summary):
        for problem in self.found:
            print(f"FAILED: {problem}", file=sys.stderr)
        print(f"{summary}; {len(self.found)} problems")
        sys.exit(1 if self.found else 0)


if __name__ == "__main__":
    node_program(arguments("Installs the packages that the tests of deploy/ need."), "logql.mjs")
    print("The packages are there.")
