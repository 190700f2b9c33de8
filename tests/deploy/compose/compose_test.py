# SPDX-License-Identifier: Apache-2.0
"""compose.yaml as Docker Compose itself reads it (the real program checks it against the schema), and what it promises:
pinned images, health, limits, no privileges, secrets as files, and addresses that lead to services which are there."""

import json
import os
import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY, PROJECT, Problems, arguments, document  # noqa: E402

FOLDER = DEPLOY / "compose"
WANTED = {
    *("kalki-gateway", "kalki-query", "kalki-llm", "postgres", "redis"),
    *("prometheus", "alertmanager", "grafana", "loki", "promtail", "jaeger"),
}
VERSION = re.compile(r"[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?")
# Where each service that is no kalki listens, as the other parts of the stack know it.
PORTS = {
    **{"postgres": {5432}, "redis": {6379}, "jaeger": {4317, 4318, 16686}},
    **{"prometheus": {9090}, "alertmanager": {9093}, "loki": {3100}},
}
METRICS = 9464
DATA = "/var/lib/kalki"
HOST_FOLDERS = {"/var/lib/docker/containers"}


def composed():
    """The services with every default filled in, by Compose."""
    program = Path(sys.prefix) / "bin" / "docker-compose"
    command = [program, "--file", FOLDER / "compose.yaml", "--profile", "load", "config", "--format", "json"]
    clean = {**os.environ, "COMPOSE_PROJECT_NAME": "kalki"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean)
    # The package's script that runs Compose loses its exit code.
    if done.returncode != 0 or not done.stdout:
        print(f"FAILED: docker-compose config: {done.stderr}", file=sys.stderr)
        sys.exit(1)
    return json.loads(done.stdout)


def check_service(problems, name, service):
    problems.check(VERSION.fullmatch(service["image"]), f"{name}: the image has no version: {service['image']}")
    problems.check(not service.get("privileged"), f"{name} is privileged")
    problems.check(service.get("cap_drop") == ["ALL"], f"{name} keeps capabilities")
    problems.check("no-new-privileges:true" in service.get("security_opt", []), f"{name} may gain privileges")
    for key in ("network_mode", "pid", "ipc", "devices"):
        problems.check(not service.get(key), f"{name}: {key}")
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    for limit in ("cpus", "memory", "pids"):
        problems.check(limits.get(limit), f"{name}: no limit of {limit}")
    options = service.get("logging", {}).get("options", {})
    problems.check(options.get("labels") == "com.docker.compose.service", f"{name}: promtail cannot name its lines")
    problems.check(options.get("max-size") and options.get("max-file"), f"{name}: its log grows without end")
    if "build" in service:  # the image says that data goes there
        writable = [place.split(":")[0] for place in service.get("tmpfs", [])]
        problems.check(service.get("read_only") and DATA in writable, f"{name} cannot write to {DATA}")
    for port in service.get("ports", []):
        problems.check(port.get("host_ip") == "127.0.0.1", f"{name}: published to everybody: {port}")
    for key in service.get("environment", {}):
        secret = re.search("PASSWORD|TOKEN|SECRET", key)
        problems.check(not secret or key.endswith("FILE"), f"{name}: a secret in the environment: {key}")


def has_health(service):
    """A test of its own, or the image's that the Dockerfile gives it."""
    check = service.get("healthcheck", {})
    if check.get("disable"):
        return False
    return bool(check.get("test")) or ("build" in service and "\nHEALTHCHECK " in (FOLDER / "Dockerfile").read_text())


def check_order(problems, services):
    for name, service in services.items():
        problems.check(has_health(service) or service.get("profiles"), f"{name}: nobody knows whether it is healthy")
        for other, how in service.get("depends_on", {}).items():
            problems.check(other in services and has_health(services[other]), f"{name} waits for {other} for ever")
            problems.check(how["condition"] == "service_healthy", f"{name} does not wait until {other} is healthy")


def check_volumes(problems, model):
    used = set()
    for name, service in model["services"].items():
        for volume in service.get("volumes", []):
            source = volume["source"]
            if volume["type"] == "volume":
                used.add(source)
                continue
            problems.check(volume.get("read_only"), f"{name} may write to {source}")
            if source not in HOST_FOLDERS:
                there = Path(source).exists() or not (DEPLOY / Path(source).relative_to(DEPLOY).parts[0]).exists()
                problems.check(there, f"{name}: there is no {source}")
    problems.check(used == set(model["volumes"]), f"volumes {used} are used, not {set(model['volumes'])}")


def check_secrets(problems, model):
    used = {secret["source"] for service in model["services"].values() for secret in service.get("secrets", [])}
    problems.check(used == set(model["secrets"]), f"secrets {used} are used, not {set(model['secrets'])}")
    manual = (FOLDER / "README.md").read_text()
    for name, secret in model["secrets"].items():
        place = Path(secret["file"])
        problems.check(name in manual, f"README.md does not say how {name} comes about")
        problems.check(place.parent == FOLDER / "secrets", f"{name} is kept in {place}")
    problems.check("/secrets/" in (FOLDER / ".gitignore").read_text().split(), "git would take the secrets")
    ignored = (FOLDER / "Dockerfile.dockerignore").read_text().split()
    problems.check("samples/kalki/deploy/*/secrets" in ignored, "the image would hold the secrets")


def listens(services, host, port):
    """Whether the service listens there."""
    if host not in services:
        return False
    own = services[host].get("environment", {}).get("KALKI_PORT")
    return port in PORTS.get(host, set()) | ({int(own), METRICS} if own else set())


def addresses(services):
    """Who calls what: service, and URL or host:port."""
    for name, service in services.items():
        for value in [*service.get("environment", {}).values(), *(service.get("command") or [])]:
            if re.match(r"[a-z]+://", str(value)):
                yield name, value
    for source in document(DEPLOY / "grafana/provisioning/datasources/kalki.yaml")["datasources"]:
        yield "grafana", source["url"]
    for client in document(DEPLOY / "loki/promtail.yaml")["clients"]:
        yield "promtail", client["url"]
    prometheus = DEPLOY / "prometheus/prometheus.yml"
    if prometheus.exists():
        for job in document(prometheus)["scrape_configs"]:
            for target in job["static_configs"][0]["targets"]:
                yield "prometheus", f"http://{target}"


def check_addresses(problems, services):
    count = 0
    for caller, address in addresses(services):
        url = urllib.parse.urlsplit(address)
        problems.check(listens(services, url.hostname, url.port), f"{caller} calls {address}: nobody listens there")
        problems.check(url.password is None, f"{caller}: a password in {address}")
        if url.hostname in services:
            shared = set(services[caller]["networks"]) & set(services[url.hostname]["networks"])
            problems.check(shared or caller == url.hostname, f"{caller} and {url.hostname} have no network in common")
        count += 1
    return count


def main():
    arguments(__doc__)
    problems = Problems()
    model = composed()
    services = model["services"]
    problems.check(WANTED <= set(services), f"there is no {WANTED - set(services)}")
    for name, service in services.items():
        check_service(problems, name, service)
        build = service.get("build")
        problems.check(not build or Path(build["context"]) == PROJECT, f"{name} is built from {build}")
    check_order(problems, services)
    check_volumes(problems, model)
    check_secrets(problems, model)
    features = "--enable-feature=exemplar-storage" in services["prometheus"]["command"]
    problems.check(features, "Prometheus throws exemplars away, by which a graph leads to its traces")
    count = check_addresses(problems, services)
    problems.finish(f"{len(services)} services, {len(model['secrets'])} secrets, {count} addresses")


if __name__ == "__main__":
    main()
