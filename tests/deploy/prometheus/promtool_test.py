# SPDX-License-Identifier: Apache-2.0
"""What promtool says of deploy/prometheus: the configuration, the rules, and the scenes of rules/*.yml.

That a scene fails when its rule is wrong is tried out, too: each alert is made one that never fires, one that always does
and one that does not wait, and each recorded number is doubled; promtool must see it every time.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from rule_files import rules  # noqa: E402
from stack_config import DEPLOY, RULES  # noqa: E402
from stack_servers import programs_or_skip  # noqa: E402

SCENES = sorted((Path(__file__).resolve().parent / "rules").glob("*.yml"))
RULES_FOLDER = "../../../../samples/kalki/deploy/prometheus/rules"
RUNBOOK = DEPLOY.parents[2] / "docs" / "runbook.md"
PROMTOOL = None


def promtool(*arguments):
    """Whether it was content, and what it said."""
    done = subprocess.run([PROMTOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


class Checks(unittest.TestCase):
    def assert_content(self, *arguments):
        content, said = promtool(*arguments)
        self.assertTrue(content, said)

    def test_the_configuration(self):
        self.assert_content("check", "config", str(DEPLOY / "prometheus" / "prometheus.yml"))

    def test_the_rules(self):
        self.assert_content("check", "rules", *map(str, RULES))

    def test_the_scenes_of_the_rules(self):
        self.assert_content("test", "rules", *map(str, SCENES))


class EveryAlert(unittest.TestCase):
    """What Alertmanager and whoever is woken up count on."""

    def test_has_labels_and_says_what_is_the_matter(self):
        for rule in rules("alert"):
            with self.subTest(rule.name):
                self.assertIn(rule.value("severity"), ("warning", "critical", "emergency"))
                self.assertIn(rule.value("team"), ("kalki", "platform"))
                self.assertIn(rule.value("service"), ("kalki", "monitoring"))
                self.assertTrue(rule.value("component"))
                self.assertTrue(rule.value("summary"))
                self.assertIn("$value", rule.value("description"))
                self.assertEqual(rule.value("runbook_url"), f"docs/runbook.md#{rule.name.lower()}")

    def test_is_in_the_runbook_which_knows_no_others(self):
        headings = re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
        self.assertEqual(sorted(headings), sorted(rule.name for rule in rules("alert")))

    def test_no_rule_is_overlooked_here(self):
        content, said = promtool("check", "rules", *map(str, RULES))
        self.assertTrue(content, said)
        self.assertEqual(sum(map(int, re.findall(r"(\d+) rules found", said))), len(rules()))


def mutants():
    """Pairs of a rule and its text with a mistake."""
    for rule in rules("alert"):
        yield rule, "never fires", rule.with_expression("vector(0) > 1")
        # Some scenes want exactly one alert, others none: either is a reason to fail.
        yield rule, "always fires", rule.with_expression("vector(1)")
        if rule.value("for") != "0m":
            yield rule, "does not wait", rule.text.replace(f"for: {rule.value('for')}", "for: 0m")
    for rule in rules("record"):
        doubled = f"2 * ({' '.join(rule.expression.split())})"
        yield rule, "is doubled", rule.with_expression(doubled)


class Mistakes(unittest.TestCase):
    def seen(self, mutant):
        rule, mistake, text = mutant
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            for file in RULES:
                whole = file.read_text()
                (Path(folder) / file.name).write_text(whole.replace(rule.text, text) if file == rule.file else whole)
            content, said = promtool("check", "rules", str(Path(folder) / rule.file.name))
            assert content, f"{rule.name} {mistake}: the mutant itself is wrong: {said}"
            return any(not self.scenes_content(scenes, folder) for scenes in SCENES if rule.name in scenes.read_text())

    @staticmethod
    def scenes_content(scenes, folder):
        copy = Path(folder) / f"scenes-{scenes.name}"
        copy.write_text(scenes.read_text().replace(RULES_FOLDER, folder))
        return promtool("test", "rules", str(copy))[0]

    def test_promtool_is_content_without_one(self):
        rule = rules()[0]
        for scenes in SCENES:
            with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
                for file in RULES:
                    shutil.copy(file, folder)
                self.assertTrue(self.scenes_content(scenes, folder), scenes.name)
        self.assertFalse(self.seen((rule, "is as it was", rule.text)))

    def test_promtool_sees_each_of_them(self):
        tried = list(mutants())
        with ThreadPoolExecutor(2) as pool:
            seen = list(pool.map(self.seen, tried))
        overlooked = [f"{rule.name} {mistake}" for (rule, mistake, _), was in zip(tried, seen) if not was]
        self.assertEqual(overlooked, [])
        print(f"measured: mistakes in rules that their scenes saw: {len(tried)} of {len(tried)}")


if __name__ == "__main__":
    (PROMTOOL,) = programs_or_skip(("promtool",))
    unittest.main(verbosity=2)
