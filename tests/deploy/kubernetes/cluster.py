# SPDX-License-Identifier: Apache-2.0
"""What would be in the cluster: the resources that the real kustomize makes of a folder, and what tests ask of them."""

import os
import re
import shutil
import subprocess

import yaml

from stack import DEPLOY, skip

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZE = "v5.7.1"
MODULE = "sigs.k8s.io/kustomize/kustomize/v5"
UNITS = {"m": 0.001, "": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}


def kustomize(given):
    """The program, built once from its Go module."""
    folder = given.packages / f"kustomize-{KUSTOMIZE}"
    program = folder / "kustomize"
    if not program.exists():
        if not shutil.which("go"):
            skip("building kustomize needs Go, and there is no go command")
        env = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-trimpath", "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        command = ["nice", "go", "install", f"{MODULE}@{KUSTOMIZE}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if done.returncode != 0:
            print(done.stderr)
            skip("kustomize could not be built; the lines above say why")
    return program


class Cluster:
    def __init__(self, program, folder):
        made = subprocess.run([program, "build", FOLDER / folder], capture_output=True, text=True, check=False)
        self.error = made.stderr
        self.resources = [resource for resource in yaml.safe_load_all(made.stdout) if resource]

    def of_kind(self, kind):
        """By name."""
        return {one["metadata"]["name"]: one for one in self.resources if one["kind"] == kind}

    def pods(self):
        """The template of each deployment's pods."""
        return {name: one["spec"]["template"] for name, one in self.of_kind("Deployment").items()}


def amount(text):
    """A quantity of Kubernetes': 250m, 1, 64Mi."""
    number, unit = re.fullmatch(r"([\d.]+)(m|[KMG]i)?", str(text)).groups()
    return float(number) * UNITS[unit or ""]
