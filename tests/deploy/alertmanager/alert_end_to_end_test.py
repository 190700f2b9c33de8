# SPDX-License-Identifier: Apache-2.0
"""From a service in trouble to those who must hear of it: the deployed files in the real Prometheus and Alertmanager.

The rules and routes are those of deploy/, with every duration divided; who gets the messages are doubles. What is scraped
is a double of kalki or, with --bin, the real one.
"""

import argparse
import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import stack_config  # noqa: E402
from kalki_double import KalkiDouble  # noqa: E402
from receivers import Doubles  # noqa: E402
from rule_files import rules, selectors  # noqa: E402
from stack_servers import ALERTMANAGER, PROMETHEUS, Alertmanager, Prometheus, programs_or_skip, wait_until  # noqa: E402

SPEED = 60
SECONDS = 90  # for anything to happen; it is there within a few
KALKI = KalkiDouble
# What the real kalki exports only once something has gone wrong that goes well here.
ONLY_IN_TROUBLE = {"kalki_db_errors_total"}


def text_of(message):
    """Enough of a message to find the names of its alerts."""
    return message[1]["Subject"] if isinstance(message, tuple) and isinstance(message[0], list) else json.dumps(message)


class EndToEnd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="alerts-")))
        cls.kalki = cls.enterClassContext(KALKI())
        cls.heard = cls.enterClassContext(Doubles())
        addresses = cls.heard.addresses
        cls.alertmanager = cls.enterClassContext(
            Alertmanager(folder, lambda _: stack_config.alertmanager(folder, addresses, SPEED))
        )

        def configure(port):
            own = {"prometheus": f"127.0.0.1:{port}", "alertmanager": cls.alertmanager.address}
            return stack_config.prometheus(folder, {**cls.kalki.targets, **own}, SPEED)

        cls.prometheus = cls.enterClassContext(Prometheus(folder, configure))

    @classmethod
    def enterClassContext(cls, context):
        """As Python 3.11 has it."""
        entered = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)
        return entered

    def setUp(self):
        wait_until(lambda: len(self.prometheus.values("up == 1")) == 5, SECONDS, "all five targets are scraped")
        wait_until(lambda: not self.prometheus.alerts() and not self.alertmanager.alerts(), SECONDS, "no alerts")
        for inbox in self.heard.inboxes.values():
            inbox.clear()
        self.addCleanup(self.kalki.mend)

    def wait_for_message(self, name, says, what):
        """Waits for a message in an inbox of which says(message) is true, and returns it."""
        inbox = self.heard.inboxes[name]
        try:
            return wait_until(lambda: next(filter(says, inbox.all()), None), SECONDS, f"{name}: {what}")
        except TimeoutError as error:
            raise AssertionError(f"{error}; it has {inbox.all()}") from None

    def wait_for_slack(self, title):
        message = self.wait_for_message("slack", lambda each: title in each["attachments"][0]["title"], title)
        return message["channel"], message["attachments"][0]

    def heard_about(self, inbox, alerts):
        """The messages in an inbox about these alerts. Others may come late, such as that a slow start is over."""
        named = re.compile("|".join(alerts))
        return [each for each in self.heard.inboxes[inbox].all() if named.search(text_of(each))]

    def assert_only(self, *inboxes, about):
        heard = {inbox for inbox in self.heard.inboxes if self.heard_about(inbox, about)}
        self.assertEqual(heard, set(inboxes))

    def test_a_warning_is_read_in_slack_and_nowhere_else(self):
        self.kalki.break_summaries()
        channel, message = self.wait_for_slack("[WARNING] KalkiLlmFailing: Summaries fail")
        self.assertEqual((channel, message["color"]), ("#kalki-warnings", "warning"))
        self.assertRegex(message["text"], r"\d+(\.\d+)?% of the calls of the LLM by kalki-gateway have failed")
        self.assertIn("what to do: docs/runbook.md#kalkillmfailing", message["text"])
        self.kalki.mend()
        channel, message = self.wait_for_slack("[RESOLVED] KalkiLlmFailing: Summaries fail")
        self.assertEqual((channel, message["color"]), ("#kalki-warnings", "good"))
        self.assert_only("slack", about=["KalkiLlmFailing"])

    def test_critical_pages_mails_and_is_one_message_for_both_services(self):
        self.kalki.break_searches()
        title = "[CRITICAL × 2] KalkiErrorRateHigh: "
        channel, message = self.wait_for_slack(title)
        self.assertEqual((channel, message["color"]), ("#kalki-critical", "danger"))
        for service in ("kalki-gateway", "kalki-query"):
            self.assertRegex(message["text"], rf"{service} has had \d+\.\d\d errors a second for 5 minutes")
        self.assert_mailed(title)
        key = self.assert_paged(title)
        self.prometheus.wait_for_alert("KalkiErrorRatioHigh", SECONDS, job="kalki-gateway")
        self.wait_for_state("suppressed", "KalkiErrorRatioHigh", job="kalki-gateway")
        # Only so far: what is suppressed may be heard of if it outlives what suppresses it; and if it comes before that, as it
        # may where the errors are those of the real kalki.
        about = ["KalkiErrorRateHigh"] + (["KalkiErrorRatioHigh"] if KALKI is KalkiDouble else [])
        self.assertEqual({each["channel"] for each in self.heard_about("slack", about)}, {"#kalki-critical"})

        self.kalki.mend()
        self.wait_for_slack("[RESOLVED] KalkiErrorRateHigh")
        self.wait_for_message("mail", lambda each: "[RESOLVED] KalkiErrorRateHigh" in each[1]["Subject"], "resolved")
        self.wait_for_message(
            "pagerduty", lambda each: (each["event_action"], each["dedup_key"]) == ("resolve", key), "the same incident resolved"
        )
        about = ["KalkiErrorRateHigh"]
        self.assertEqual({each["channel"] for each in self.heard_about("slack", about)}, {"#kalki-critical"})
        self.assert_only("slack", "mail", "pagerduty", about=about)

    def assert_mailed(self, title):
        recipients, mail = self.wait_for_message("mail", lambda each: title in each[1]["Subject"], title)
        self.assertEqual(recipients, ["kalki-on-call@example.com"])
        text = mail.get_body(("plain",)).get_content()
        self.assertIn("- kalki-gateway fails", text)
        self.assertIn("what to do: docs/runbook.md#kalkierrorratehigh", text)

    def assert_paged(self, title):
        """The key of the incident."""
        page = self.wait_for_message("pagerduty", lambda each: title in each.get("payload", {}).get("summary", ""), title)
        self.assertEqual(page["event_action"], "trigger")
        self.assertEqual(page["payload"]["severity"], "critical")
        self.assertEqual(page["payload"]["custom_details"]["runbook"], "docs/runbook.md#kalkierrorratehigh")
        return page["dedup_key"]

    def test_emergency_rings_phones_and_silences_the_rest(self):
        self.kalki.break_everything()
        for name in ("sms", "phone"):
            message = self.wait_for_message(name, lambda each: each["status"] == "firing", "firing")
            [alert] = message["alerts"]
            self.assertEqual(alert["labels"]["alertname"], "KalkiEverythingDown")
            self.assertEqual(alert["labels"]["severity"], "emergency")
            self.assertIn("0 gateways and query services answer", alert["annotations"]["description"])
        for job in ("kalki-gateway", "kalki-query"):
            self.prometheus.wait_for_alert("KalkiServiceDown", SECONDS, job=job)
            self.wait_for_state("suppressed", "KalkiServiceDown", job=job)
        self.wait_for_state("suppressed", "KalkiLlmDown")
        self.assert_only("sms", "phone", about=["KalkiEverythingDown", "KalkiServiceDown", "KalkiLlmDown"])

        self.kalki.mend()
        self.wait_for_message("sms", lambda each: each["status"] == "resolved", "resolved")
        self.assertEqual({each["status"] for each in self.heard.phone.all()}, {"firing"})

    def test_what_rules_read_of_the_monitoring_itself_is_there(self):
        """The other metrics that rules read are compared with those of kalki elsewhere."""
        for expression in (
            'prometheus_rule_evaluation_failures_total{rule_group=~".+alerts.yml;kalki-requests"}',
            'alertmanager_notifications_failed_total{integration="pagerduty"}',
            'job:kalki_requests:rate5m{job="kalki-gateway"} > 0',
        ):
            self.prometheus.wait_for(expression, SECONDS)

    def test_what_rules_read_of_kalki_is_there(self):
        if KALKI is KalkiDouble:
            self.skipTest("the double's metrics are compared with the list of kalki's elsewhere")
        names = {name for rule in rules() for name, _ in selectors(rule.expression)}
        for name in sorted(names - ONLY_IN_TROUBLE):
            with self.subTest(name):
                self.prometheus.wait_for(name, SECONDS)

    def wait_for_state(self, state, name, **labels):
        wait_until(lambda: self.alertmanager.state(name, **labels) == state, SECONDS, f"{name} is {state}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=Path, help="the folder of kalki's programs; a double is scraped without it")
    given, rest = parser.parse_known_args()
    programs_or_skip(PROMETHEUS, ALERTMANAGER)
    if given.bin:
        from real_kalki import RealKalki

        KALKI = lambda: RealKalki(given.bin)  # noqa: E731
    unittest.main(argv=sys.argv[:1] + rest, verbosity=2)
