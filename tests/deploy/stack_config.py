# SPDX-License-Identifier: Apache-2.0
"""The files of deploy/prometheus and deploy/alertmanager, changed only where they are to run on this machine, and faster.

They are copied and edited as text, so that nothing else differs from what is deployed. An edit that finds nothing to
change is an error: then the files have moved on, and this has not.
"""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

DEPLOY = Path(__file__).resolve().parents[2] / "samples" / "kalki" / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
# Where rules and routes say how long.
_DURATION = re.compile(r"(\bfor: |\[|\boffset |\bgroup_wait: |\bgroup_interval: |\brepeat_interval: )(\d+)(ms|s|m|h|d)\b")


class Receivers(NamedTuple):
    """Where messages go instead: URLs, and host:port for mail. Secrets are texts by the names of their files."""

    pagerduty: str
    pager: str
    smtp: str
    secrets: dict


def faster(text, speed):
    """The same rules or routes with every duration divided."""

    def divided(match):
        before, number, unit = match.groups()
        return f"{before}{round(int(number) * _UNITS[unit] / speed)}ms"

    return _DURATION.sub(divided, text)


def _replaced(text, old, new):
    if old not in text:
        raise ValueError(f"there is no {old!r} to replace")
    return text.replace(old, new)


def prometheus(folder, targets, speed=1, interval="1s"):
    """Writes the configuration for targets (host:port by the name of a job) into the folder, and returns its path."""
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    for job in re.findall(r"job_name: (\S+)", text):
        port = {"prometheus": 9090, "alertmanager": 9093}.get(job, 9464)
        text = _replaced(text, f"'{job}:{port}'", f"'{targets[job]}'")
    text = re.sub(r"(scrape_interval|scrape_timeout|evaluation_interval): \S+", rf"\1: {interval}", text)
    place = Path(folder) / "prometheus.yml"
    (place.parent / "rules").mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    for rules in RULES:
        (place.parent / "rules" / rules.name).write_text(faster(rules.read_text(), speed))
    return place


def alertmanager(folder, receivers, speed=1):
    """Writes the configuration for these receivers and their secrets into the folder, and returns its path."""
    source, folder = DEPLOY / "alertmanager", Path(folder)
    shutil.copytree(source / "templates", folder / "templates", dirs_exist_ok=True)
    (folder / "secrets").mkdir(exist_ok=True)
    for name, secret in receivers.secrets.items():
        (folder / "secrets" / name).write_text(secret)
    text = faster((source / "alertmanager.yml").read_text(), speed)
    text = _replaced(text, "/etc/alertmanager/secrets", str(folder / "secrets"))
    text = _replaced(text, "https://events.pagerduty.com/v2/enqueue", receivers.pagerduty)
    text = _replaced(text, "https://pager.example.com", receivers.pager)
    text = _replaced(text, "smtp.example.com:587", receivers.smtp)
    text = _replaced(text, "smtp_require_tls: true", "smtp_require_tls: false")
    (folder / "alertmanager.yml").write_text(text)
    return folder / "alertmanager.yml"
