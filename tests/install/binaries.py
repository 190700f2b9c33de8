# SPDX-License-Identifier: Apache-2.0
"""What libraries and programs say of themselves: nm and readelf, read."""

import re
import subprocess

# Names of the libraries that make up libc, glibc or musl.
LIBC = re.compile(r"(lib(c|pthread|dl|rt)|ld-linux[\w-]*|ld-musl-\w+|libc\.musl-\w+)\.so(\.\d+)?")


def abi(version):
    """What a SONAME carries: the major version; until 1.0.0, when a minor version may break the ABI, that too."""
    major, minor = version.split(".")[:2]
    return major if major != "0" else f"{major}.{minor}"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def symbols(file, *arguments):
    """The names that are defined, which nm shows as <value> <kind> <name>."""
    lines = [line.split() for line in output("nm", "--defined-only", *arguments, file).splitlines()]
    return sorted({line[2].split("@")[0] for line in lines if len(line) == 3})


def dynamic(file, tag):
    """The values of a tag in the dynamic section, such as NEEDED."""
    return re.findall(rf"\({tag}\).*?\[(.*)\]", output("readelf", "-d", file))


def stays_loaded(file):
    return bool(re.search(r"\(FLAGS_1\).*\bNODELETE\b", output("readelf", "-d", file)))


def beside_libc(file):
    """The libraries that it needs beside libc."""
    return [needed for needed in dynamic(file, "NEEDED") if not LIBC.fullmatch(needed)]
