# SPDX-License-Identifier: Apache-2.0
"""The programs that are measured, ours and others', and the receiver to which they send."""
import json
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(os.path.dirname(HERE), "peers")


class Receiver:
    """otel-discard as long as the block lasts."""

    def __init__(self, bin_dir):
        self.program = os.path.join(bin_dir, "otel-discard")

    def __enter__(self):
        self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        self.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)

    def counts(self):
        """Requests and spans since the last call."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self, program, *options, **variables):
        """The result of a run, with what arrived here of it."""
        command = [program, *(str(option) for option in options)]
        done = subprocess.run(command, env={**self.environment, **variables}, stdout=subprocess.PIPE, text=True, timeout=600,
                              check=True)
        result = json.loads(done.stdout)
        result.update(self.counts())
        return result


def ours(bin_dir):
    return os.path.join(bin_dir, "otel-bench")


def build_rust(target):
    subprocess.run(["cargo", "build", "--release", "--quiet", "--manifest-path", os.path.join(PEERS, "rust", "Cargo.toml"),
                    "--target-dir", target], check=True)
    return os.path.join(target, "release", "rust-bench")


def build_go(target):
    program = os.path.join(target, "go-bench")
    subprocess.run(["go", "build", "-o", program, "."], cwd=os.path.join(PEERS, "go"), check=True)
    return program


def build_peers(build_dir):
    """{name: program} of the other SDKs whose tools are here; says which are not."""
    programs = {}
    for name, tool, build in (("rust", "cargo", build_rust), ("go", "go", build_go)):
        target = os.path.abspath(os.path.join(build_dir, "peers", name))
        if shutil.which(tool) is None:
            print(f"{name}: not measured, since there is no {tool} here")
            continue
        os.makedirs(target, exist_ok=True)
        try:
            programs[name] = build(target)
        except subprocess.CalledProcessError as error:
            print(f"{name}: not measured, since its build failed (exit {error.returncode}; its versions want cargo 1.88 and go 1.26)")
    return programs
