# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile: hadolint finds nothing, its packages are Debian 12's, and what runs in the end is no root."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import PROJECT, Problems, arguments  # noqa: E402

import image  # noqa: E402

RELEASE = "12"  # of Debian


def check_lint(problems):
    program = Path(sys.prefix) / "bin" / "hadolint"
    command = [program, "--no-color", "--failure-threshold", "style", image.FILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    problems.check(done.returncode == 0, f"hadolint: {done.stdout}{done.stderr}")


def check_packages(problems, names):
    """Where the machine is the image's Debian, its lists know every package."""
    system = Path("/etc/os-release").read_text()
    if not (
        re.search(r'^ID="?debian', system, re.M) and f'VERSION_ID="{RELEASE}"' in system and shutil.which("apt-cache")
    ):
        print(f"packages not looked up: this is no Debian {RELEASE}")
        return
    done = subprocess.run(["apt-cache", "policy", *sorted(names)], capture_output=True, text=True, check=False)
    there = set(re.findall(r"^(\S+):\n +Installed: .*\n +Candidate: \d", done.stdout, re.M))
    problems.check(names <= there, f"Debian {RELEASE} has no package {names - there}")


def check_stages(problems, build, run):
    for stage in (build, run):
        base = image.values(stage, "FROM")[0][0]
        problems.check(re.fullmatch(rf"debian:{RELEASE}\.\d+-slim", base), f"the base image is {base}")
    users = image.values(run, "USER")
    problems.check(users and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1][0]), f"the user is {users}")
    health = image.values(run, "HEALTHCHECK")
    problems.check(health and "/health/ready" in " ".join(health[-1]), f"HEALTHCHECK is {health}")
    settings = " ".join(word for line in image.values(run, "ENV") for word in line)
    problems.check("KALKI_DATA_DIR /var/lib/kalki" in settings, f"data goes elsewhere: {settings}")
    tools = image.installed(run) & {"gcc", "cmake", "ninja-build"}
    problems.check(not tools, f"the image holds {tools}")
    for sources in image.values(run, "COPY"):
        for source in sources[:-1]:
            local = not source.startswith("/image")
            problems.check(not local or (PROJECT / source).exists(), f"COPY of what is not there: {source}")


def check_entrypoint(problems):
    """The service takes the shell's place, so that it is the one which signals reach; the password comes from its file."""
    with tempfile.NamedTemporaryFile("w") as password:
        print("a secret", file=password, flush=True)
        script = [image.FILE.parent / "entrypoint.sh", "sh", "-c", "echo $$ $PGPASSWORD"]
        started = {"PATH": os.environ["PATH"], "KALKI_DATABASE_PASSWORD_FILE": password.name}
        with subprocess.Popen(script, stdout=subprocess.PIPE, text=True, env=started) as program:
            said = program.stdout.read()
    problems.check(said == f"{program.pid} a secret\n", f"entrypoint.sh, process {program.pid}, runs as: {said}")


def main():
    arguments(__doc__)
    problems = Problems()
    build, run = image.stages()
    check_lint(problems)
    check_stages(problems, build, run)
    check_entrypoint(problems)
    packages = image.installed(build) | image.installed(run)
    problems.check(len(packages) > 10, f"only the packages {packages}")
    check_packages(problems, packages)
    for name in image.let_in():
        problems.check((PROJECT / name).exists(), f".dockerignore lets in {name}, which is not there")
    problems.finish(f"{len(build) + len(run)} instructions, {len(packages)} packages")


if __name__ == "__main__":
    main()
