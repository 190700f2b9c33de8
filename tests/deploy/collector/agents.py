# SPDX-License-Identifier: Apache-2.0
"""Collectors with the configurations of deploy/collector: real Jaeger is one, with most of their components."""

import subprocess

import yaml

from backend import Backend
from processes import free_ports
from stack import DEPLOY, document

FOLDER = DEPLOY / "collector"
# Of opentelemetry-collector-contrib, but not of Jaeger; the agent's checks stand in for it.
MISSING = "loadbalancing"


def stand_in(config, endpoint):
    """The agent with one collector behind it: an exporter of OTLP, which is what the missing one makes for each."""
    made = yaml.safe_load(yaml.safe_dump(config))
    inner = made["exporters"].pop(MISSING)["protocol"]["otlp"]
    made["exporters"]["otlp"] = {"endpoint": endpoint, **inner}
    made["service"]["pipelines"]["traces"]["exporters"] = ["otlp"]
    return made


def validate(program, path):
    """What the collector says against this configuration; nothing if all is well."""
    done = subprocess.run([program, "validate", "--config", path], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


class Collector(Backend):
    """On ports of the loopback. `endpoints` says where it listens: grpc, http."""

    start_seconds = 60
    port_taken = "address already in use"

    def __init__(self, name, program, folder, config, changes=()):
        super().__init__(program, folder)
        self.name = name
        self.log = folder / f"{name}.log"
        self._config = config
        self._changes = list(changes)
        self.endpoints = {}

    def command(self):
        path = self.folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(self._config))
        grpc, http, health, metrics = free_ports(4)
        self.endpoints = {"grpc": f"127.0.0.1:{grpc}", "http": f"http://127.0.0.1:{http}"}
        places = {
            "receivers.otlp.protocols.grpc.endpoint": f"127.0.0.1:{grpc}",
            "extensions.healthcheckv2.http.endpoint": f"127.0.0.1:{health}",
        }
        if "http" in self._config["receivers"]["otlp"]["protocols"]:
            places["receivers.otlp.protocols.http.endpoint"] = f"127.0.0.1:{http}"
        settings = [f"--set={key}={value}" for key, value in places.items()]
        readers = "service.telemetry.metrics.readers"
        quiet = [f"--set={readers}=[{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {metrics}}}}}}}}}]"]
        return [self.program, "--config", path, *settings, *quiet, *self._changes]

    def ready(self):
        return "Everything is ready" in self.log.read_text(errors="replace")


def configuration(name):
    return document(FOLDER / f"{name}.yaml")
