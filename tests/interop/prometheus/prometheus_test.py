#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Metrics as Prometheus sees them: promtool checks the text, an independent parser reads both formats, curl unpacks them,
and the real Prometheus scrapes them and gives back values, exemplars and types.

usage: prometheus_test.py --page PROGRAM --folder FOLDER [unittest arguments]
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import packages  # noqa: E402
from processes import Died, Program, free_ports, wait_until  # noqa: E402

SECONDS = 60
OPEN = "application/openmetrics-text; version=1.0.0"
TRACE_OF_BUCKET = "ab01" + "0" * 28
TRACE_OF_COUNTER = "ab03" + "0" * 28
SCOPE = {"otel_scope_name": "page", "otel_scope_version": "1.0"}
options = None


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed (Debian: package prometheus)")


class Page:
    """The program under test, while it runs."""

    def __enter__(self):
        log = options.folder / "page.log"
        log.write_bytes(b"")
        self._program = Program("prometheus_page", [options.page], log)
        self.port = int(self._program.wait_ready(lambda: log.read_text().partition("\n")[0], SECONDS))
        return self

    def __exit__(self, *_):
        self._program.kill()

    def get(self, accept=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers={"Accept": accept or "*/*"})
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read().decode(), answer.headers["Content-Type"]


class Case(unittest.TestCase):
    def setUp(self):
        self.page = self.enterContext(Page()) if hasattr(self, "enterContext") else self._enter(Page())

    def _enter(self, context):
        self.addCleanup(context.__exit__)
        return context.__enter__()


class Text(Case):
    @needs("promtool")
    def test_promtool_has_nothing_to_say(self):
        """Not even that a name is not as names should be."""
        text, _ = self.page.get()
        checked = subprocess.run(
            ["promtool", "check", "metrics"],
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
        self.assertEqual((checked.returncode, checked.stdout.decode()), (0, ""), text)

    @needs("curl")
    def test_curl_gets_it_plain_and_compressed(self):
        url = f"http://127.0.0.1:{self.page.port}/metrics"
        plain = subprocess.check_output(["curl", "-sSf", url], timeout=SECONDS)
        packed = subprocess.check_output(["curl", "-sSf", "-H", "Accept-Encoding: gzip", url], timeout=SECONDS)
        unpacked = subprocess.check_output(["curl", "-sSf", "--compressed", url], timeout=SECONDS)
        self.assertEqual(plain, unpacked)
        self.assertEqual(packed[:2], b"\x1f\x8b")
        self.assertLess(len(packed), len(plain))
        head = subprocess.check_output(["curl", "-sSfI", url], timeout=SECONDS).decode()
        self.assertIn("text/plain; version=0.0.4", head)

    def assert_families(self, families, of_target):
        by_name = {family.name: family for family in families}
        self.assertEqual(
            {name: family.type for name, family in by_name.items()},
            {
                "target" if of_target == "info" else "target_info": of_target,
                "page_requests": "counter",
                "page_duration_seconds": "histogram",
                "page_share_ratio": "gauge",
                "page_odd_bytes": "gauge",
            },
        )
        samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample for each in families for sample in each.samples
        }

        def value(name, **labels):
            return samples[name, tuple(sorted({**SCOPE, **labels}.items()))].value

        self.assertEqual(by_name["page_requests"].documentation, 'Requests "answered",\nso far \\ now.')
        self.assertEqual(value("page_requests_total", http_route="/search"), 12)
        self.assertEqual(value("page_requests_total", http_route="/documents/{id}"), 3)
        self.assertEqual(samples["page_requests_total", (("http_route", "/search"), ("otel_scope_name", "other"))].value, 12)
        cumulated = {"0.005": 1, "0.1": 3, "1.0": 6, "2.5e+06": 10, "+Inf": 15}
        for bound, count in cumulated.items():
            self.assertEqual(value("page_duration_seconds_bucket", http_route="/search", le=bound), count)
        self.assertEqual(value("page_duration_seconds_count", http_route="/search"), 15)
        self.assertEqual(value("page_duration_seconds_sum", http_route="/search"), 12500000.25)
        self.assertEqual(value("page_share_ratio", kind="third"), 1 / 3)
        self.assertTrue(math.isnan(value("page_share_ratio", kind="none")))
        self.assertEqual(value("page_share_ratio", kind="all"), math.inf)
        self.assertEqual(value("page_share_ratio", kind="less"), -math.inf)
        self.assertEqual(value("page_odd_bytes", a_b="one;two", text='a "b"\n\\c \u20ac'), -9007199254740992)
        resource = (("process_pid", "42"), ("service_instance_id", "7"), ("service_name", "page"))
        self.assertEqual(samples["target_info", resource].value, 1)
        return samples

    def test_a_parser_reads_the_text_format(self):
        from prometheus_client.parser import text_string_to_metric_families

        text, kind = self.page.get()
        self.assertEqual(kind, "text/plain; version=0.0.4; charset=utf-8")
        self.assert_families(list(text_string_to_metric_families(text)), "gauge")

    def test_a_parser_reads_openmetrics(self):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families

        text, kind = self.page.get(OPEN)
        self.assertEqual(kind, OPEN + "; charset=utf-8")
        families = list(text_string_to_metric_families(text))
        samples = self.assert_families(families, "info")
        units = {family.name: family.unit for family in families if family.unit}
        self.assertEqual(
            units, {"page_duration_seconds": "seconds", "page_share_ratio": "ratio", "page_odd_bytes": "bytes"}
        )
        exemplars = {name: sample.exemplar for name, sample in samples.items() if sample.exemplar}
        bucket = exemplars[
            "page_duration_seconds_bucket", tuple(sorted({**SCOPE, "http_route": "/search", "le": "0.1"}.items()))
        ]
        self.assertEqual(bucket.value, 0.07)
        self.assertEqual(
            bucket.labels,
            {"trace_id": TRACE_OF_BUCKET, "span_id": "cd02" + "0" * 12, "user_id": 'caf\u00e9 "7"'},
        )
        self.assertEqual(len(exemplars), 3)  # the bucket's, and those of the two series of the counter


class Real(Case):
    """The real Prometheus, with its store of exemplars."""

    def start(self):
        folder = options.folder / "prometheus"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "prometheus.yml").write_text(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: page\n"
            f"    static_configs:\n      - targets: ['127.0.0.1:{self.page.port}']\n"
        )
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}/api/v1/"
        command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
        ]
        program = Program("prometheus", command, folder / "prometheus.log")
        self.addCleanup(program.kill)
        program.wait_ready(self.scraped, SECONDS)

    def ask(self, what, **arguments):
        with urllib.request.urlopen(f"{self.url}{what}?{urllib.parse.urlencode(arguments)}", timeout=SECONDS) as answer:
            return json.load(answer)["data"]

    def scraped(self):
        try:
            return self.ask("query", query="page_requests_total")["result"]
        except OSError:
            return None

    def value(self, query):
        (only,) = self.ask("query", query=query)["result"]
        return only["value"][1]

    @needs("prometheus")
    def test_it_scrapes_values_exemplars_and_types(self):
        for attempt in range(3):  # somebody else may take the port
            try:
                self.start()
                break
            except Died:
                if attempt == 2:
                    raise
        (target,) = self.ask("targets")["activeTargets"]
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.assertEqual(self.value('page_requests_total{http_route="/search",otel_scope_name="page"}'), "12")
        self.assertEqual(self.value('page_duration_seconds_bucket{le="2.5e+06"}'), "10")
        self.assertEqual(self.value("page_duration_seconds_count"), "15")
        self.assertEqual(self.value('page_share_ratio{kind="all"}'), "+Inf")
        self.assertEqual(self.value('target_info{service_name="page",process_pid="42"}'), "1")
        quantile = "histogram_quantile(0.2, page_duration_seconds_bucket)"
        self.assertTrue(math.isclose(float(self.value(quantile)), 0.1), quantile)
        types = {item["metric"]: (item["type"], item["unit"]) for item in self.ask("targets/metadata")}
        self.assertEqual(types["page_duration_seconds"], ("histogram", "seconds"))
        self.assertEqual(types["page_odd_bytes"], ("gauge", "bytes"))
        self.assertEqual(types["page_requests"][0], "counter")
        found = wait_until(lambda: self.exemplars("page_duration_seconds_bucket"), SECONDS, "there are exemplars")
        self.assertEqual(found[0]["labels"]["trace_id"], TRACE_OF_BUCKET)
        self.assertEqual(float(found[0]["value"]), 0.07)
        self.assertEqual(self.exemplars("page_requests_total")[0]["labels"]["trace_id"], TRACE_OF_COUNTER)

    def exemplars(self, query):
        found = self.ask("query_exemplars", query=query, start=0, end=4102444800)
        return [exemplar for series in found for exemplar in series["exemplars"]]


def main():
    global options
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--page", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options, rest = parser.parse_known_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    packages.enter(options.folder, HERE / "requirements.txt")
    ended = unittest.main(argv=[sys.argv[0], *rest], exit=False, verbosity=2).result
    for _, reason in ended.skipped:
        print(f"SKIPPED: {reason}")
    sys.exit(1 if not ended.wasSuccessful() else 77 if ended.skipped else 0)


if __name__ == "__main__":
    main()
