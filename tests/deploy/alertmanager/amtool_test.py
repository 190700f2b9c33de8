# SPDX-License-Identifier: Apache-2.0
"""What amtool says of deploy/alertmanager: the configuration, its templates, and where each alert goes."""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from rule_files import rules  # noqa: E402
from stack_config import DEPLOY  # noqa: E402
from stack_servers import programs_or_skip  # noqa: E402

CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"
AMTOOL = None
# An alert whose severity we don't know must be read by somebody.
RECEIVERS = {"warning": "warning", "critical": "critical", "emergency": "emergency", "odd": "warning", "": "warning"}


def message(status, count):
    """What Alertmanager would render, of so many alerts in that state."""
    labels = {"alertname": "KalkiServiceDown", "severity": "critical", "team": "kalki", "service": "kalki"}
    common = {"description": "it has not answered", "runbook_url": "docs/runbook.md#kalkiservicedown"}
    alerts = [
        {
            "status": status,
            "labels": {**labels, "job": f"service {number}"},
            "annotations": {**common, "summary": f"service {number} is down"},
            "startsAt": "2026-11-28T21:00:00Z",
            "endsAt": "2026-11-28T21:30:00Z",
        }
        for number in range(1, count + 1)
    ]
    return {
        "receiver": "critical",
        "status": status,
        "alerts": alerts,
        "groupLabels": {"alertname": "KalkiServiceDown", "service": "kalki"},
        "commonLabels": labels,
        "commonAnnotations": alerts[0]["annotations"] if count == 1 else common,
        "externalURL": "http://alertmanager.example.com",
    }


def amtool(*arguments):
    done = subprocess.run([AMTOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


class Configuration(unittest.TestCase):
    def test_is_content(self):
        content, said = amtool("check-config", str(CONFIG))
        self.assertTrue(content, said)
        self.assertIn("1 templates", said)

    def rendered(self, template, status, count):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as data:
            json.dump(message(status, count), data)
            data.flush()
            content, said = amtool(
                "template",
                "render",
                f"--template.glob={CONFIG.parent / 'templates' / '*.tmpl'}",
                f'--template.text={{{{ template "{template}" . }}}}',
                f"--template.data={data.name}",
            )
        self.assertTrue(content, said)
        return said.strip("\n")

    def test_uses_no_other_templates_than_those_that_are_rendered_here(self):
        used = set(re.findall(r'template "([\w.]+)"', CONFIG.read_text()))
        self.assertEqual(used, {"kalki.title", "kalki.text", "kalki.color"})

    def test_titles_say_how_bad_it_is_and_what(self):
        for status, count, title in (
            ("firing", 1, "[CRITICAL] KalkiServiceDown: service 1 is down"),
            ("firing", 2, "[CRITICAL × 2] KalkiServiceDown: service 1 is down, and more"),
            ("resolved", 1, "[RESOLVED] KalkiServiceDown: service 1 is down"),
        ):
            self.assertEqual(self.rendered("kalki.title", status, count), title)

    def test_colors_go_by_severity(self):
        self.assertEqual(self.rendered("kalki.color", "firing", 1), "danger")
        self.assertEqual(self.rendered("kalki.color", "resolved", 1), "good")

    def test_texts_say_since_when_and_what_to_do(self):
        self.assertEqual(
            self.rendered("kalki.text", "firing", 1),
            "- service 1 is down\n"
            "  it has not answered\n"
            "  since 2026-11-28 21:00:00 UTC; team kalki\n"
            "  what to do: docs/runbook.md#kalkiservicedown",
        )
        self.assertEqual(
            self.rendered("kalki.text", "resolved", 1),
            "Resolved:\n"
            "- service 1 is down\n"
            "  it has not answered\n"
            "  since 2026-11-28 21:00:00 UTC, until 2026-11-28 21:30:00 UTC; team kalki\n"
            "  what to do: docs/runbook.md#kalkiservicedown",
        )

    def test_makes_one_message_of_one_problem_whatever_its_severity(self):
        self.assertEqual(re.findall(r"^ *group_by: (.*)", CONFIG.read_text(), re.MULTILINE), ["[alertname, service]"])

    def test_silences_nothing_of_another_instance_or_about_another_thing(self):
        equal = re.findall(r"^ *equal: (.*)", CONFIG.read_text(), re.MULTILINE)
        self.assertEqual(equal, ["[service]", "[job, instance]", "[service, job, instance, component]"])

    def test_has_no_secrets(self):
        text = CONFIG.read_text()
        self.assertEqual(re.findall(r"^ *(?:.*_key|.*password|.*secret|.*token|credentials|.*api_url): .*", text, re.MULTILINE), [])
        self.assertNotIn("hooks.slack.com", text)


class Routes(unittest.TestCase):
    def assert_goes_to(self, receiver, labels):
        given = [f"{name}={value}" for name, value in labels.items() if value]
        content, said = amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *given)
        self.assertTrue(content, f"{given}: {said}")

    def test_of_each_severity(self):
        for severity, receiver in RECEIVERS.items():
            with self.subTest(severity):
                self.assert_goes_to(receiver, {"alertname": "Something", "severity": severity})

    def test_of_each_alert(self):
        for rule in rules("alert"):
            with self.subTest(rule.name):
                labels = {key: rule.value(key) for key in ("severity", "team", "service", "component")}
                self.assert_goes_to(RECEIVERS[labels["severity"]], {"alertname": rule.name, **labels})


if __name__ == "__main__":
    (AMTOOL,) = programs_or_skip(("amtool",))
    unittest.main(verbosity=2)
