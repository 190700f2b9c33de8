# SPDX-License-Identifier: Apache-2.0
"""The CMake commands of the Dockerfile, run in a scratch folder over what the .dockerignore lets in: the services start,
and the libraries that they need are in the image's packages."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY, PROJECT, Problems, arguments, document, skip  # noqa: E402

import image  # noqa: E402

SERVICES = ("kalki-gateway", "kalki-query", "kalki-llm", "kalki-load")
ENTRY_POINT = {"--database-password-file"}  # of entrypoint.sh, as options are written
PART_OF_DEBIAN = {"libc6"}  # in every image


def build(folder):
    """As Docker would, but below this folder; each path of the Dockerfile has its place there."""
    source = folder / "source"
    for name in image.let_in():
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy2
        source.mkdir(exist_ok=True)
        copy(PROJECT / name, source / name)
    for words in image.steps(image.stages()[0]):
        if words[0] == "cmake":
            # -DCMAKE_INSTALL_PREFIX=/usr/local stays: it is what the programs will be told.
            there = [re.sub(r"^/(build|image)\b", rf"{folder}/\1", word) for word in words]
            done = subprocess.run(there, cwd=source, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                print(f"FAILED: {' '.join(words)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}", file=sys.stderr)
                sys.exit(1)
    return folder / "image" / "usr" / "local"


def check_programs(problems, local):
    found = [name for name in SERVICES if (local / "bin" / name).exists()]
    problems.check({"kalki-gateway", "kalki-query"} <= set(found), f"only {found} were installed")
    entry = DEPLOY / "compose" / "entrypoint.sh"
    secret = local / "secret"
    secret.write_text("a word\n")
    clean = {"PATH": f"{local / 'bin'}:{os.environ['PATH']}", "KALKI_DATABASE_PASSWORD_FILE": str(secret)}
    for name in found:
        done = subprocess.run([entry, name, "--help"], capture_output=True, text=True, check=False, env=clean)
        problems.check("usage:" in done.stdout + done.stderr, f"{name} does not start: {done.stdout}{done.stderr}")
    told = subprocess.run(
        [entry, "sh", "-c", 'echo "$PGPASSWORD"'], capture_output=True, text=True, check=False, env=clean
    )
    problems.check(told.stdout == "a word\n", f"the entry point passes on the password as {told.stdout!r}")
    return found


def check_options(problems, local, programs):
    """What compose.yaml and the ConfigMap tell the services, by option or variable, is what they understand."""
    helped = {}
    for name in programs:
        done = subprocess.run([local / "bin" / name, "--help"], capture_output=True, text=True, check=False)
        helped[name] = set(re.findall(r"--[a-z-]+", done.stdout + done.stderr))
    for name, service in document(DEPLOY / "compose" / "compose.yaml")["services"].items():
        variables = [variable for variable in service.get("environment", {}) if variable.startswith("KALKI_")]
        for option in [*service.get("command", [])[1:], *map(as_option, variables)] if name in helped else []:
            known = not option.startswith("--") or option in helped[name] | ENTRY_POINT
            problems.check(known, f"compose.yaml: {name} has no {option}")
    for variable in document(DEPLOY / "kubernetes" / "base" / "config.yaml")["data"]:
        known = not variable.startswith("KALKI_") or any(as_option(variable) in options for options in helped.values())
        problems.check(known, f"config.yaml: no service has {as_option(variable)}")


def as_option(variable):
    return "--" + variable.removeprefix("KALKI_").lower().replace("_", "-")


def check_libraries(problems, local, programs):
    """What the programs ask for themselves is in a package that the image installs, or is of ours."""
    packages = image.installed(image.stages()[1]) | PART_OF_DEBIAN
    ours = list((local / "lib").glob("*.so*"))
    problems.check(ours, "no library was installed")
    for program in [*(local / "bin" / name for name in programs), *ours]:
        shown = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
        for needed in re.findall(r"\(NEEDED\).*\[(.+)\]", shown):
            if (local / "lib" / needed).exists():
                continue
            done = subprocess.run(["dpkg", "-S", f"*/{needed}"], capture_output=True, text=True, check=False)
            owners = {line.split(":")[0] for line in done.stdout.splitlines()}
            problems.check(owners & packages, f"{program.name} needs {needed} of {owners}, which the image lacks")
        loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        problems.check("not found" not in loaded, f"{program.name}: {loaded}")


def main():
    arguments(__doc__)
    if not shutil.which("dpkg") or not shutil.which("ninja"):
        skip("this is no Debian, or there is no ninja")
    problems = Problems()
    with tempfile.TemporaryDirectory() as name:
        local = build(Path(name))
        programs = check_programs(problems, local)
        if set(programs) == set(SERVICES):
            check_options(problems, local, programs)
        if 'VERSION_ID="12"' in Path("/etc/os-release").read_text():
            check_libraries(problems, local, programs)
        size = sum(path.stat().st_size for path in local.rglob("*") if path.is_file())
    print(f"measured: image: {size / 1e6:.1f} MB of programs and libraries")
    problems.finish(f"{len(programs)} services")


if __name__ == "__main__":
    main()
