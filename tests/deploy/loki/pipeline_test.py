# SPDX-License-Identifier: Apache-2.0
"""loki.yaml and promtail.yaml: what is kept, for how long, and what lines as Docker writes them become on their way."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stack import DEPLOY, Problems, arguments, document  # noqa: E402

LINES = (Path(__file__).parent / "lines.jsonl").read_text().splitlines()
LABELS = {"service", "level"}
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "UNKNOWN"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
HOURS = re.compile(r"(\d+)h")

KNOWN = {  # the blocks of Loki's configuration that are in use; Loki refuses to start with a key that it does not know
    "auth_enabled server common schema_config limits_config compactor ingester query_range analytics": "",
    "http_listen_port grpc_listen_port log_level": "server",
    "instance_addr path_prefix replication_factor storage ring": "common",
    "working_directory retention_enabled retention_delete_delay compaction_interval delete_request_store": "compactor",
    "allow_structured_metadata retention_period retention_stream max_global_streams_per_user max_label_names_per_series"
    " ingestion_rate_mb ingestion_burst_size_mb max_line_size max_line_size_truncate reject_old_samples"
    " reject_old_samples_max_age max_query_length": "limits_config",
}


def _hours(text):
    found = HOURS.fullmatch(str(text))
    return int(found.group(1)) if found else 0


def check_loki(problems, loki):
    for names, block in KNOWN.items():
        unknown = set(loki.get(block, {}) if block else loki) - set(names.split())
        problems.check(not unknown, f"loki.yaml: unknown in '{block}': {unknown}")
    (schema,) = loki["schema_config"]["configs"]
    problems.check((schema["store"], schema["schema"]) == ("tsdb", "v13"), "structured metadata needs tsdb and v13")
    problems.check(schema["index"]["period"] == "24h", "retention needs an index of 24h")
    limits, compactor = loki["limits_config"], loki["compactor"]
    problems.check(limits["allow_structured_metadata"], "structured metadata is refused")
    kept = _hours(limits["retention_period"])
    problems.check(kept >= 24, f"lines are kept for {limits['retention_period']}")
    problems.check(compactor["retention_enabled"], "nothing is ever deleted")
    problems.check(
        compactor.get("delete_request_store") == schema["object_store"], "retention needs delete_request_store"
    )
    for stream in limits["retention_stream"]:
        problems.check(24 <= _hours(stream["period"]) <= kept, f"{stream} is kept longer than the rest, or not a day")
    problems.check(_hours(limits["max_query_length"]) >= kept, "what is kept cannot be asked for")


def check_promtail(problems, loki, promtail):
    (client,) = promtail["clients"]
    port = loki["server"]["http_listen_port"]
    problems.check(client["url"] == f"http://loki:{port}/loki/api/v1/push", f"lines are sent to {client['url']}")
    (scrape,) = promtail["scrape_configs"]
    (files,) = scrape["static_configs"]
    problems.check(set(files["labels"]) == {"__path__"}, f"more labels: {files['labels']}")
    return scrape


def check_lines(problems, entries):
    problems.check(len(entries) == len(LINES) - 1, "only the line of another project's container is left out")
    for entry in entries:
        problems.check(set(entry.labels) <= LABELS, f"labels are {entry.labels}")
        problems.check(entry.time, f"no time: {entry.line}")
        problems.check(entry.labels["service"], f"no service: {entry.line}")
        is_kalki = entry.labels["service"].startswith("kalki-")
        level = entry.labels.get("level")
        problems.check(level in LEVELS if is_kalki else level is None, f"level is {level}: {entry.line}")
        problems.check("attrs" not in entry.line, f"Docker's own JSON is left: {entry.line}")
    slow = next(entry for entry in entries if "slow query" in entry.line)
    problems.check(slow.labels == {"service": "kalki-query", "level": "WARNING"}, f"labels are {slow.labels}")
    wanted = {"logger": "kalki.database", "trace_id": TRACE, "span_id": "b7ad6b7169203331"}
    problems.check(slow.metadata == wanted, f"metadata is {slow.metadata}")
    problems.check(slow.time == "2026-11-28T21:30:01.000001Z", f"not the time of the line but {slow.time}")
    report = next(entry for entry in entries if "AddressSanitizer" in entry.line)
    problems.check(report.labels == {"service": "kalki-llm", "level": "UNKNOWN"}, f"labels are {report.labels}")


def main():
    arguments(__doc__)
    import pipeline

    problems = Problems()
    loki, promtail = document(DEPLOY / "loki/loki.yaml"), document(DEPLOY / "loki/promtail.yaml")
    check_loki(problems, loki)
    entries = list(pipeline.read(LINES, check_promtail(problems, loki, promtail)))
    check_lines(problems, entries)
    streams = {tuple(sorted(entry.labels.items())) for entry in entries}
    problems.finish(f"{len(LINES)} lines, {len(entries)} sent in {len(streams)} streams")


if __name__ == "__main__":
    main()
