#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `cmake --install` leaves, and programs outside of the tree that are built with it in every way that users have.

usage: install_test.py --build FOLDER --work FOLDER --prefix FOLDER --version VERSION --cc COMPILER [--cxx COMPILER]
                       [unittest arguments]

The class Files installs what is in the build folder, and moves it to the prefix, where the others look for it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from binaries import abi, beside_libc, dynamic, stays_loaded

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RUN_SECONDS = 280

options = None


def run(*command, **settings):
    """What it printed, with its exit code; errors are in it too."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [str(part) for part in command],
        env={**inherited, "LC_ALL": "C.UTF-8", **{key: str(value) for key, value in settings.items()}},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=RUN_SECONDS,
        check=False,
    )


def with_grpc():
    return (options.build / f"lib/libotel-grpc.so.{options.abi}").exists()


def with_prometheus():
    return (options.build / f"lib/libotel-prometheus.so.{options.abi}").exists()


def optional():
    """The libraries that need not be there."""
    return (["grpc"] if with_grpc() else []) + (["prometheus"] if with_prometheus() else [])


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


class Case(unittest.TestCase):
    def check_run(self, *command, **settings):
        ended = run(*command, **settings)
        self.assertEqual(ended.returncode, 0, f"{command}\n{ended.stdout}")
        return ended.stdout

    def configure(self, source, folder, *arguments):
        command = "cmake --no-warn-unused-cli -G Ninja -DCMAKE_BUILD_TYPE=Release".split()
        return run(*command, "-S", source, "-B", folder, *arguments, CC=options.cc, CXX=options.cxx)

    def build(self, source, *arguments, folder=None):
        """A CMake project, built in a fresh folder unless there is one."""
        folder = folder or fresh(options.work / "build")
        configured = self.configure(source, folder, *arguments)
        self.assertEqual(configured.returncode, 0, configured.stdout)
        self.assertNotIn("CMake Warning", configured.stdout)
        self.check_run("cmake", "--build", folder)
        return folder

    def flags(self, prefix, *arguments):
        """What pkg-config says when it knows nothing but us."""
        return self.check_run(
            "pkg-config", *arguments, "otel-sdk", PKG_CONFIG_LIBDIR=prefix / "lib/pkgconfig", PKG_CONFIG_PATH=""
        ).split()

    def assert_shared(self, program):
        self.assertIn(f"libotel-sdk.so.{options.abi}", dynamic(program, "NEEDED"))

    def assert_static(self, program):
        self.assertEqual([name for name in dynamic(program, "NEEDED") if "otel" in name], [])


class Files(Case):
    @classmethod
    def setUpClass(cls):
        """Staged as a packager does, and moved, since nothing may depend on where it was meant to be."""
        stage = fresh(options.work / "stage")
        staged = run("cmake", "--install", options.build, "--prefix", "/meant/to/be/here", DESTDIR=stage)
        if staged.returncode != 0:
            sys.exit(staged.stdout)
        shutil.rmtree(options.prefix, ignore_errors=True)
        (stage / "meant/to/be/here").rename(options.prefix)

    def test_there_is_what_users_need_and_nothing_else(self):
        found = {str(file.relative_to(options.prefix)) for file in options.prefix.rglob("*") if not file.is_dir()}
        folders = [ROOT, ROOT / "exporters"] if with_grpc() else [ROOT]
        headers = {f"include/otel/{file.name}" for root in folders for file in root.glob("*/include/otel/*.h")}
        self.assertIn("include/otel/sdk.h", headers)
        names = ["api", "sdk", "xray"] + optional()
        ends = ["a", "so", f"so.{options.abi}", f"so.{options.version}"]
        libraries = {f"lib/libotel-{name}.{end}" for name in names for end in ends}
        packages = {f"lib/pkgconfig/otel-{name}.pc" for name in names}
        pattern = re.compile(r"lib/cmake/otel/otel(Config(Version)?|(Grpc|Prometheus)?Targets(-\w+)?)\.cmake")
        cmake = set(filter(pattern.fullmatch, found))
        self.assertEqual(len(cmake), 4 + 2 * len(optional()))
        self.assertEqual(found, headers | libraries | packages | cmake | {"bin/otel-view"})

    def test_no_file_knows_where_it_was_built_or_was_meant_to_be(self):
        """Debugging information aside, which names the sources, and which `cmake --install --strip` leaves away."""
        stripped = options.work / "stripped"
        for file in options.prefix.rglob("*"):
            if not file.is_file() or file.is_symlink():
                continue
            content = file.read_bytes()
            if content.startswith((b"\x7fELF", b"!<arch>")):
                self.check_run("objcopy", "--strip-debug", file, stripped)
                content = stripped.read_bytes()
            for path in (ROOT, options.build, "/meant/to/be/here"):
                self.assertFalse(str(path).encode() in content, f"{file} holds {path}")

    def test_libraries_find_each_other_and_nothing_else(self):
        for name in ["sdk", "xray"] + optional():
            self.assertEqual(dynamic(options.prefix / f"lib/libotel-{name}.so", "RUNPATH"), ["$ORIGIN"])
        for file in ("lib/libotel-api.so", "bin/otel-view"):
            self.assertEqual(dynamic(options.prefix / file, "R(?:UN)?PATH"), [])

    def test_each_header_stands_alone(self):
        command = "-std=c11 -Wall -Wextra -Werror -fsyntax-only -x c".split()
        for header in sorted((options.prefix / "include/otel").iterdir()):
            self.check_run(options.cc, *command, "-I", options.prefix / "include", header)

    def test_the_viewer_runs(self):
        self.assertIn("otel-view", self.check_run(options.prefix / "bin/otel-view", "--help"))


class Consumer:
    """One language's project; the classes below name it."""

    def installed(self, *arguments):
        return self.build(self.project, f"-DCMAKE_PREFIX_PATH={options.prefix}", *arguments) / "consumer"

    def compile(self, flags):
        program = fresh(options.work) / "consumer"
        self.check_run(*self.compiler(), "-Wall", "-Wextra", "-Werror", self.source, *flags, "-o", program)
        return program

    def test_find_package_shared(self):
        program = self.installed()
        self.assert_shared(program)
        self.check_run(program)

    def test_find_package_static(self):
        program = self.installed("-DOTEL_FORM=_static")
        self.assert_static(program)
        self.check_run(program)

    def test_pkg_config_shared(self):
        program = self.compile(self.flags(options.prefix, "--cflags", "--libs"))
        self.assert_shared(program)
        self.check_run(program, LD_LIBRARY_PATH=options.prefix / "lib")

    def test_pkg_config_static(self):
        """Where a linker finds both forms beside each other, it takes the shared one."""
        fresh(options.work)
        only_static = options.work.with_name(f"{options.work.name}_prefix")
        shutil.rmtree(only_static, ignore_errors=True)
        shutil.copytree(options.prefix, only_static, ignore=shutil.ignore_patterns("*.so*"))
        program = self.compile(self.flags(only_static, "--static", "--cflags", "--libs"))
        self.assert_static(program)
        self.check_run(program)

    def test_add_subdirectory(self):
        folder = fresh(options.work / "build")
        for form, check in ("", self.assert_shared), ("_static", self.assert_static):
            settings = [f"-DOTEL_SOURCE={ROOT}", f"-DOTEL_FORM={form}", "-DCMAKE_BUILD_TYPE="]
            self.build(self.project, *settings, folder=folder)
            check(folder / "consumer")
            self.check_run(folder / "consumer")
        self.check_that_only_the_library_came_along(folder)

    def check_that_only_the_library_came_along(self, folder):
        """Neither settings nor programs nor tests of ours, and nothing of ours is installed with the parent."""
        self.assertRegex((folder / "CMakeCache.txt").read_text(), r"(?m)^CMAKE_BUILD_TYPE:\w+=$")
        self.assertEqual(list(folder.glob("otel/bin/*")), [])
        listed = self.check_run("ctest", "--test-dir", folder, "-N")
        self.assertIn(f"Total Tests: {self.tests}", listed)
        self.check_run("cmake", "--install", folder, "--prefix", folder / "prefix")
        installed = [file.name for file in (folder / "prefix").rglob("*") if file.is_file()]
        self.assertEqual(installed, self.installs)


class C(Consumer, Case):
    project, source, tests, installs = HERE / "c", HERE / "c/main.c", 1, ["consumer"]

    def compiler(self):
        return options.cc, "-std=c11"


class Cxx(Consumer, Case):
    project, source, tests, installs = HERE / "cxx", HERE / "cxx/main.cc", 0, []

    def compiler(self):
        return options.cxx, "-std=c++17"


class Alone(Case):
    """Who links the shared libraries needs no development files of others, of which nothing is found here."""

    HIDDEN = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("CURL", "PkgConfig", "Threads", "OpenSSL")]

    def test_the_shared_library_is_found(self):
        folder = self.build(HERE / "c", f"-DCMAKE_PREFIX_PATH={options.prefix}", *self.HIDDEN)
        self.check_run(folder / "consumer")

    def test_the_static_library_says_what_is_missing(self):
        settings = ["-DOTEL_FORM=_static", f"-DCMAKE_PREFIX_PATH={options.prefix}", *self.HIDDEN]
        configured = self.configure(HERE / "c", fresh(options.work / "static"), *settings)
        self.assertNotEqual(configured.returncode, 0)
        self.assertRegex(configured.stdout, r"(CURL::libcurl|OpenSSL::Crypto|PkgConfig::PROTOBUF_C|Threads::Threads)[\s\S]*not\s+found")

    def test_another_minor_version_is_refused(self):
        now, settings = options.version.split("."), [f"-DCMAKE_PREFIX_PATH={options.prefix}", *self.HIDDEN]
        this, next_one = f"{now[0]}.{now[1]}", f"{now[0]}.{int(now[1]) + 1}"
        self.build(HERE / "c", f"-DOTEL_WANTED={this}", *settings)
        configured = self.configure(HERE / "c", fresh(options.work / "next"), f"-DOTEL_WANTED={next_one}", *settings)
        self.assertNotEqual(configured.returncode, 0)
        self.assertRegex(configured.stdout, rf'compatible\s+with requested version "{next_one}"')

    def test_static_libraries_keep_a_plug_in_loaded(self):
        """Their threads and handlers would run into nothing."""
        plug_in = fresh(options.work) / "plug_in.so"
        ours = self.flags(options.prefix, "--cflags", "--libs")
        others = [flag for flag in self.flags(options.prefix, "--static", "--libs") if flag not in ours]
        source = HERE / "c/main.c"
        command = [options.cc, "-shared", "-fPIC", source, "-Wl,-Bstatic", *ours, "-Wl,-Bdynamic", *others]
        self.check_run(*command, "-o", plug_in)
        self.assert_static(plug_in)
        self.assertTrue(stays_loaded(plug_in))


class Xray(Case):
    """A program has the propagator of libotel-xray when it is linked with that, though it names nothing of it."""

    SOURCE = ROOT / "tests/integration/xray_linked.c"
    SETTINGS = {"OTEL_PROPAGATORS": "xray", "OTEL_TRACES_EXPORTER": "none"}

    def test_find_package(self):
        for form in ("", "_static"):
            arguments = [f"-DCMAKE_PREFIX_PATH={options.prefix}", f"-DOTEL_FORM={form}", f"-DOTEL_XRAY={self.SOURCE}"]
            self.check_run(self.build(HERE / "c", *arguments) / "xray", **self.SETTINGS)

    def test_pkg_config(self):
        program = fresh(options.work) / "xray"
        flags = self.flags(options.prefix, "--cflags", "--libs", "otel-xray")
        self.check_run(options.cc, "-Wl,--as-needed", self.SOURCE, *flags, "-o", program)
        self.check_run(program, LD_LIBRARY_PATH=options.prefix / "lib", **self.SETTINGS)


class Samples(Case):
    """Each is one file, and needs nothing but what is installed: none of the headers in the source tree."""

    def program(self, sample):
        program = options.work / sample.stem
        command = [options.cc, "-std=c11", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-pthread", sample]
        self.check_run(*command, *self.flags(options.prefix, "--cflags", "--libs"), "-o", program)
        return program

    def test_each_is_built(self):
        fresh(options.work)
        samples = sorted(ROOT.glob("samples/*.c"))
        self.assertGreater(len(samples), 3)
        for sample in samples:
            self.program(sample)

    def test_an_exporter_of_a_users_own_runs(self):
        fresh(options.work)
        program = self.program(ROOT / "samples/custom_exporter.c")
        printed = self.check_run(program, LD_LIBRARY_PATH=options.prefix / "lib")
        self.assertRegex(printed, r"(?m)^bake +1 spans, .*\nloaf +1000 spans, |^loaf +1000 spans, .*\nbake +1 spans, ")


class Grpc(Case):
    """Programs that send over gRPC: one that calls libotel-grpc, one that is linked with it, one that has it loaded."""

    SOURCE = HERE / "c/grpc.c"
    SETTINGS = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

    def setUp(self):
        if not with_grpc():
            self.skipTest("built without gRPC core")

    def check_grpc(self, program, **settings):
        """There is nobody at that address, which gRPC core says in words of its own."""
        self.assertIn("gRPC status 14 UNAVAILABLE", self.check_run(program, **self.SETTINGS, **settings))

    def test_find_package(self):
        for form in ("", "_static"):
            arguments = [f"-DCMAKE_PREFIX_PATH={options.prefix}", f"-DOTEL_FORM={form}", f"-DOTEL_GRPC={self.SOURCE}"]
            folder = self.build(HERE / "c", *arguments)
            self.check_grpc(folder / "grpc")
            self.check_grpc(folder / "grpc_call")

    def test_pkg_config(self):
        program = fresh(options.work) / "grpc"
        flags = self.flags(options.prefix, "--cflags", "--libs", "otel-grpc")
        self.check_run(options.cc, "-DCALL", "-Wl,--as-needed", self.SOURCE, *flags, "-o", program)
        self.check_grpc(program, LD_LIBRARY_PATH=options.prefix / "lib")

    def program(self, prefix):
        """Linked with the SDK only."""
        program = fresh(options.work) / "loads"
        flags = self.flags(prefix, "--cflags", "--libs")
        self.check_run(options.cc, self.SOURCE, *flags, f"-Wl,-rpath,{prefix / 'lib'}", "-o", program)
        return program

    def test_it_is_loaded_from_beside_the_sdk(self):
        self.check_grpc(self.program(options.prefix))

    def test_without_its_package_there_is_http(self):
        """And whoever asks for the component is told."""
        prefix = options.work.with_name(f"{options.work.name}_prefix")
        shutil.rmtree(prefix, ignore_errors=True)
        ignored = shutil.ignore_patterns("*grpc*", "*Grpc*")
        shutil.copytree(options.prefix, prefix, symlinks=True, ignore=ignored)
        printed = self.check_run(self.program(prefix), **self.SETTINGS)
        self.assertIn("OTEL_EXPORTER_OTLP_PROTOCOL=grpc: it needs libotel-grpc.so", printed)
        self.assertIn("package libotel-grpc", printed)
        self.assertNotIn("gRPC status", printed)
        settings = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DOTEL_GRPC={self.SOURCE}"]
        configured = self.configure(HERE / "c", fresh(options.work / "absent"), *settings)
        self.assertNotEqual(configured.returncode, 0)
        self.assertRegex(configured.stdout, r"installed\s+without\s+its\s+component\s+grpc")
        self.build(HERE / "c", settings[0])


class Prometheus(Case):
    """Programs that Prometheus asks: one that is linked with libotel-prometheus, and one that has it loaded."""

    SOURCE = HERE / "c/prometheus.c"

    def setUp(self):
        if not with_prometheus():
            self.skipTest("built without libmicrohttpd")

    def check_scrape(self, program, **settings):
        """It asks itself."""
        settings = {"OTEL_EXPORTER_PROMETHEUS_PORT": 0, "OTEL_TRACES_EXPORTER": "none", **settings}
        printed = self.check_run(program, **settings)
        self.assertIn('loaves_total{otel_scope_name="bakery"} 3', printed)

    def test_find_package(self):
        for form in ("", "_static"):
            arguments = [f"-DCMAKE_PREFIX_PATH={options.prefix}", f"-DOTEL_FORM={form}"]
            folder = self.build(HERE / "c", *arguments, f"-DOTEL_PROMETHEUS={self.SOURCE}")
            self.check_scrape(folder / "prometheus")

    def test_pkg_config(self):
        program = fresh(options.work) / "prometheus"
        flags = self.flags(options.prefix, "--cflags", "--libs", "otel-prometheus")
        self.check_run(options.cc, "-Wl,--as-needed", self.SOURCE, *flags, "-o", program)
        self.assertIn(f"libotel-prometheus.so.{options.abi}", dynamic(program, "NEEDED"))
        self.check_scrape(program, LD_LIBRARY_PATH=options.prefix / "lib")

    def program(self, prefix):
        """Linked with the SDK only."""
        program = fresh(options.work) / "loads"
        flags = self.flags(prefix, "--cflags", "--libs")
        self.check_run(options.cc, self.SOURCE, *flags, f"-Wl,-rpath,{prefix / 'lib'}", "-o", program)
        return program

    def test_it_is_loaded_from_beside_the_sdk(self):
        self.check_scrape(self.program(options.prefix))

    def test_without_its_package_that_is_said(self):
        """And whoever asks for the component is told."""
        prefix = options.work.with_name(f"{options.work.name}_prefix")
        shutil.rmtree(prefix, ignore_errors=True)
        ignored = shutil.ignore_patterns("*otel-prometheus*", "*otelPrometheus*")
        shutil.copytree(options.prefix, prefix, symlinks=True, ignore=ignored)
        ended = run(self.program(prefix))
        self.assertEqual(ended.returncode, 3, ended.stdout)
        self.assertIn("the Prometheus reader could not be made: it needs libotel-prometheus.so", ended.stdout)
        self.assertIn("package libotel-prometheus", ended.stdout)
        settings = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DOTEL_PROMETHEUS={self.SOURCE}"]
        configured = self.configure(HERE / "c", fresh(options.work / "absent"), *settings)
        self.assertNotEqual(configured.returncode, 0)
        self.assertRegex(configured.stdout, r"installed\s+without\s+its\s+component\s+prometheus")


class WithoutCurl(Case):
    """A build of its own, of the two libraries only, with the build type that it has by default."""

    @classmethod
    def setUpClass(cls):
        folder = options.work / "otel"
        cls.prefix = fresh(options.work / "prefix")
        leave_out = [f"-DOTEL_{what}=OFF" for what in ("WITH_CURL", "BUILD_TOOLS", "BUILD_SAMPLES", "BUILD_TESTS")]
        for command in (
            ("cmake", "-G", "Ninja", "-S", ROOT, "-B", fresh(folder), f"-DCMAKE_C_COMPILER={options.cc}", *leave_out),
            ("cmake", "--build", folder),
            ("cmake", "--install", folder, "--prefix", cls.prefix),
        ):
            ended = run(*command)
            if ended.returncode != 0:
                sys.exit(ended.stdout)

    def test_libraries_need_libc_only(self):
        for name, ours in ("api", []), *((name, [f"libotel-api.so.{options.abi}"]) for name in ("sdk", "xray")):
            self.assertEqual(beside_libc(self.prefix / f"lib/libotel-{name}.so"), ours)

    def test_no_header_promises_what_is_not_there(self):
        self.assertFalse((self.prefix / "include/otel/otlp.h").exists())
        self.assertTrue((self.prefix / "include/otel/memory.h").exists())

    def test_a_program_without_any_shared_library(self):
        program = options.work / "consumer"
        flags = self.flags(self.prefix, "--static", "--cflags", "--libs")
        self.assertEqual({flag for flag in flags if flag.startswith("-l")}, {"-lotel-sdk", "-lotel-api"})
        self.check_run(options.cc, "-std=c11", "-static", HERE / "c/main.c", *flags, "-o", program)
        self.assertEqual(dynamic(program, "NEEDED"), [])
        self.check_run(program)

    def test_find_package_of_both_forms(self):
        settings = [f"-DCMAKE_PREFIX_PATH={self.prefix}", *Alone.HIDDEN[:2]]
        for form in ("", "_static"):
            self.check_run(self.build(HERE / "c", f"-DOTEL_FORM={form}", *settings) / "consumer")


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for folder in ("--build", "--work", "--prefix"):
        parser.add_argument(folder, required=True, type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("--cxx", default="")
    options, rest = parser.parse_known_args()
    options.abi = abi(options.version)
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])


if __name__ == "__main__":
    main()
