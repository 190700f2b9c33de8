#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `./dev demo --stack` does: kalki with the real PostgreSQL, Redis, Prometheus and Alertmanager.

Users search and ingest for a while; then Redis is stopped, until the alert about that has been said to whoever is on
call; then it runs again. A summary tells what became of all that, and nothing is left running, however this ends.

Everything listens on free ports of the loopback and has its data in a temporary folder. The configurations are those of
deploy/, with their durations divided by SPEED, so that the five minutes of an alert pass in seconds.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parents[1] / "tests"
sys.path[:0] = [str(TESTS / "interop"), str(TESTS / "deploy")]

import stack_config  # noqa: E402
from processes import Program, free_ports, wait_until  # noqa: E402
from receivers import Doubles  # noqa: E402
from servers import PostgreSQL, Redis  # noqa: E402
from stack_servers import ALERTMANAGER, PROMETHEUS, Alertmanager, Prometheus, programs_or_skip  # noqa: E402

SPEED = 60
ALERT = "KalkiCacheDown"
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
READY_SECONDS, STOP_SECONDS, ALERT_SECONDS, REQUEST_SECONDS = 30, 30, 120, 10
SERVICES = ("kalki-gateway", "kalki-query", "kalki-llm")  # in the order in which they end: who calls before who is called


def say(line=""):
    print(line, flush=True)


def step(line):
    bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "")
    say(f"{bold}==> {line}{plain}")


class Kalki:
    """The three services, with metrics and traces, and a viewer that takes the traces."""

    def __init__(self, bin_folder, folder, database, cache):
        self._bin, self._folder = bin_folder, folder
        self._database, self._cache = database, cache
        self._programs = {}
        self.urls, self.targets = {}, {}

    def __enter__(self):
        try:
            self._start_viewer()
            self._start("kalki-llm", "--latency-ms", 20, "--fail-every", 50)
            self._start("kalki-query", "--database-url", self._database.url)
            self._start(
                "kalki-gateway",
                *("--query-url", self.urls["kalki-query"], "--llm-url", self.urls["kalki-llm"]),
                *("--cache-url", self._cache.url, "--cache-seconds", 5),
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in self._programs.values():
            program.kill()

    def _start_viewer(self):
        ready = self._folder / "otel-view.port"
        command = [self._bin / "otel-view", "--port", 0, "--ready-file", ready, "--max-traces", 100000]
        self._programs["otel-view"] = Program("otel-view", command, self._folder / "otel-view.log")
        port = self._programs["otel-view"].wait_ready(lambda: ready.exists() and ready.read_text(), READY_SECONDS)
        self.viewer = f"http://127.0.0.1:{port.strip()}"

    def _environment(self, port):
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "KALKI_"))},
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.viewer,
            "OTEL_BSP_MAX_QUEUE_SIZE": "32768",
            "OTEL_METRICS_EXPORTER": "prometheus",
            "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
            "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
            "OTEL_C_SELF_METRICS": "true",
        }

    def _start(self, name, *arguments):
        (port,) = free_ports(1)
        log = self._folder / f"{name}.log"
        command = [self._bin / name, "--port", 0, "--ledger-file", self._folder / f"{name}.json", *arguments]
        self._programs[name] = Program(name, command, log, self._environment(port))
        found = self._programs[name].wait_ready(lambda: LISTENING.search(log.read_text(errors="replace")), READY_SECONDS)
        self.urls[name], self.targets[name] = found.group(1), f"127.0.0.1:{port}"

    def health(self):
        """The gateway's word for it, and the names of the checks that are not well."""
        try:
            with urllib.request.urlopen(f"{self.urls['kalki-gateway']}/health", timeout=REQUEST_SECONDS) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                body = json.load(error)
        return body["status"], sorted(name for name, check in body["checks"].items() if check["status"] != "healthy")

    def load(self, users, seconds):
        """Lets users work; prints the generator's table as it stands."""
        url = self.urls["kalki-gateway"]
        command = [self._bin / "kalki-load", "--url", url, "--users", users, "--seconds", seconds]
        return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def stop(self):
        """Ends the services, and returns what became of their spans, by service."""
        ledgers = {}
        for name in SERVICES:
            code = self._programs[name].stop(STOP_SECONDS)
            if code != 0:
                raise RuntimeError(f"{name} ended with {code}:\n{self._programs[name].log_tail()}")
            ledgers[name] = json.loads((self._folder / f"{name}.json").read_text())
        return ledgers

    def traces(self):
        """How many traces the viewer has got."""
        self._programs["otel-view"].stop(STOP_SECONDS)
        return len(set(re.findall(r"^\W*trace ([0-9a-f]{32})", (self._folder / "otel-view.log").read_text(), re.M)))


def wait_for_health(kalki, wanted):
    began = time.monotonic()
    wait_until(lambda: kalki.health()[0] == wanted, READY_SECONDS, f"the gateway's health is {wanted}")
    status, unwell = kalki.health()
    say(f"    after {time.monotonic() - began:.1f} s: {status}{' (' + ', '.join(unwell) + ')' if unwell else ''}")
    return status


def wait_for_message(doubles, word):
    """The title of the first message in Slack about the alert that has the word."""

    def found():
        titles = (attachment["title"] for message in doubles.slack.all() for attachment in message["attachments"])
        return next((title for title in titles if word in title.upper() and ALERT.upper() in title.upper()), None)

    began = time.monotonic()
    title = wait_until(found, ALERT_SECONDS, f"a message that {ALERT} is {word}")
    say(f"    after {time.monotonic() - began:.1f} s Alertmanager told Slack: {title}")
    return title


def left_running(folder):
    """The command lines of processes that have to do with the folder and are not this one."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if str(folder) in line and int(entry.name) != os.getpid():
            lines.append(line)
    return lines


def play(arguments, folder, stack):
    """The whole course; returns the summary, as pairs of what and how much."""
    step("Starting PostgreSQL, Redis, kalki, Prometheus and Alertmanager")
    say(f"    Durations of the alerts are divided by {SPEED}: five minutes pass in five seconds.")
    say("    Slack is a stand-in that runs here: nothing leaves this machine.")
    database, cache = stack.enter_context(PostgreSQL(folder)), stack.enter_context(Redis(folder))
    kalki = stack.enter_context(Kalki(arguments.bin, folder, database, cache))
    doubles = stack.enter_context(Doubles())
    alertmanager = stack.enter_context(
        Alertmanager(folder, lambda port: stack_config.alertmanager(folder, doubles.addresses, SPEED))
    )
    targets = {**kalki.targets, "alertmanager": alertmanager.address}
    prometheus = stack.enter_context(
        Prometheus(
            folder,
            lambda port: stack_config.prometheus(folder, {**targets, "prometheus": f"127.0.0.1:{port}"}, SPEED),
        )
    )
    for name, url in {**kalki.urls, "prometheus": prometheus.query, "alertmanager": alertmanager.query}.items():
        say(f"    {name:<14} {url}")
    healths = [wait_for_health(kalki, "healthy")]
    prometheus.wait_for('kalki_health_status{job="kalki-gateway"} == 2', READY_SECONDS)

    step(f"{arguments.users} users for {arguments.seconds} s")
    load = kalki.load(arguments.users, arguments.seconds)
    stack.callback(load.kill)
    say(load.communicate()[0].rstrip())

    step("Stopping Redis, while a few users go on")
    others = kalki.load(5, ALERT_SECONDS)
    stack.callback(others.kill)
    cache.kill()
    healths.append(wait_for_health(kalki, "degraded"))
    began = time.monotonic()
    say(f"    waiting until {ALERT} fires")
    prometheus.wait_for_alert(ALERT, ALERT_SECONDS)
    fired = time.monotonic() - began
    say(f"    after {fired:.1f} s it fires")
    title = wait_for_message(doubles, "[WARNING]")

    step("Starting Redis again")
    cache.start()
    healths.append(wait_for_health(kalki, "healthy"))
    wait_for_message(doubles, "[RESOLVED]")
    others.send_signal(signal.SIGINT)
    others.wait(STOP_SECONDS)

    requests = prometheus.value('sum(kalki_requests_total{job="kalki-gateway"})')
    failed = prometheus.value('sum(kalki_requests_total{job="kalki-gateway",http_response_status_code=~"5.."}) or vector(0)')
    ledgers = kalki.stop()
    exported = sum(each["exported"] for each in ledgers.values())
    lost = sum(each["lost"] for each in ledgers.values())
    return [
        ("requests", f"{requests:.0f} answered by kalki-gateway, {failed:.0f} of them with a failure"),
        ("traces", f"{kalki.traces()}, of {exported} spans; {lost} spans were lost"),
        ("alert fired", f"{ALERT}, {fired:.0f} s after Redis was stopped; in Slack: {title}"),
        ("health", " -> ".join(healths)),
    ], lost


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=Path, required=True, help="where kalki's programs are")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=15)
    arguments = parser.parse_args()
    programs_or_skip(PROMETHEUS, ALERTMANAGER)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    folder = Path(tempfile.mkdtemp(prefix="kalki-stack-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    try:
        with ExitStack() as stack:
            summary, lost = play(arguments, folder, stack)
        left = left_running(folder)
        step("Summary")
        for what, text in [*summary, ("left running", ", ".join(left) or "nothing")]:
            say(f"    {what:<13} {text}")
        return 1 if left or lost else 0
    except unittest.SkipTest as reason:
        print(f"The stack cannot be had: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
