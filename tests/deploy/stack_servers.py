# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus and Alertmanager as fixtures: own folders and free ports of the loopback, nothing left behind.

Debian's packages may start services of the same programs on their usual ports; these here are others and don't mind. A
server is given a function that writes its configuration, since that must often know the port that was chosen:

    with Prometheus(folder, lambda port: write(folder, port)) as prometheus:
        prometheus.value('up{job="kalki-gateway"}')
"""

import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))

from backend import Backend  # noqa: E402
from processes import free_ports, wait_until  # noqa: E402

READY_SECONDS = 60
# The names of Debian's programs and of those that the projects themselves hand out.
PROMETHEUS = ("prometheus",)
ALERTMANAGER = ("prometheus-alertmanager", "alertmanager")
PACKAGES = {PROMETHEUS: "prometheus", ALERTMANAGER: "prometheus-alertmanager"}
PACKAGES.update({("promtool",): "prometheus", ("amtool",): "prometheus-alertmanager"})


def program(*names):
    """The path of a program by one of its names, or None."""
    return next(filter(None, map(shutil.which, names)), None)


def programs_or_skip(*wanted):
    """The paths of programs, each wanted by a tuple of names; ends this program as skipped where one is not installed."""
    found = {names: program(*names) for names in wanted}
    missing = sorted({PACKAGES[names] for names, path in found.items() if not path})
    if missing:
        print(f"SKIPPED: not installed: {', '.join(missing)} (packages of Debian)", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    return [found[names] for names in wanted]


class _Server(Backend):
    names = None
    start_seconds = READY_SECONDS
    port_taken = "address already in use"

    def __init__(self, folder, configure):
        """configure(port) writes the configuration of a server that will listen there, and returns its path."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(program(*self.names), folder)
        self._configure = configure
        self.address = None

    def command(self):
        (port,) = free_ports(1)
        self.address = f"127.0.0.1:{port}"
        self.query = f"http://{self.address}"
        return [
            self.program,
            f"--config.file={self._configure(port)}",
            f"--web.listen-address={self.address}",
            *self.options(),
        ]

    def ready(self):
        try:
            with urllib.request.urlopen(f"{self.query}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def stop(self):
        """Ends it now; returns the exit code, or None where it had to be killed."""
        return self._running.stop(20)


class Prometheus(_Server):
    name = "prometheus"
    names = PROMETHEUS

    def options(self):
        # What fires is said again soon: an Alertmanager that starts later must hear of it, too.
        return [f"--storage.tsdb.path={self.folder / 'prometheus-data'}", "--rules.alert.resend-delay=5s"]

    def alerts(self):
        """What is pending or firing: dictionaries with labels, annotations, state, value."""
        return self.get("/api/v1/alerts")["data"]["alerts"]

    def rules(self):
        """Every rule, as Prometheus understood it."""
        return [rule for group in self.get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]

    def values(self, expression):
        """The samples of an instant query, as pairs of labels and number."""
        found = self.get("/api/v1/query", query=expression)["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def value(self, expression):
        """The number of a query that has one sample, or None."""
        found = self.values(expression)
        return found[0][1] if len(found) == 1 else None

    def wait_for(self, expression, seconds, what=None):
        """Waits until a query has a sample."""
        return wait_until(lambda: self.values(expression), seconds, what or expression)

    def wait_for_alert(self, name, seconds, **labels):
        """Waits until an alert fires, and returns it."""

        def firing():
            wanted = {"alertname": name, **labels}.items()
            alerts = [each for each in self.alerts() if each["state"] == "firing"]
            return next((each for each in alerts if wanted <= each["labels"].items()), None)

        return wait_until(firing, seconds, f"{name} fires")


class Alertmanager(_Server):
    name = "alertmanager"
    names = ALERTMANAGER

    def options(self):
        return [f"--storage.path={self.folder / 'alertmanager-data'}", "--cluster.listen-address="]

    def alerts(self):
        """What it has: dictionaries with labels, annotations, status."""
        return self.get("/api/v2/alerts")

    def state(self, name, **labels):
        """active, suppressed (by a silence or another alert), unprocessed, or None where there is no such alert."""
        wanted = {"alertname": name, **labels}.items()
        return next((each["status"]["state"] for each in self.alerts() if wanted <= each["labels"].items()), None)
