# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus as a fixture: it scrapes what it is told to, every second, and answers queries."""

import json
import time

from backend import Backend
from processes import free_ports

CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
{jobs}
"""


class Prometheus(Backend):
    name = "prometheus"
    start_seconds = 60
    port_taken = "address already in use"

    def __init__(self, program, folder, targets):
        """`targets` is what to scrape: host:port by the name of the job."""
        super().__init__(program, folder)
        self._targets = targets

    def command(self):
        (port,) = free_ports(1)
        self.query = f"http://127.0.0.1:{port}"
        jobs = [{"job_name": job, "static_configs": [{"targets": [where]}]} for job, where in self._targets.items()]
        config = self.folder / "prometheus.yml"
        config.write_text(CONFIG.format(jobs="\n".join(f"- {json.dumps(job)}" for job in jobs)))
        return [
            self.program,
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            "--enable-feature=exemplar-storage",
            f"--web.listen-address=127.0.0.1:{port}",
        ]

    def ready(self):
        return "Server is ready to receive web requests" in self.log.read_text(errors="replace")

    def ask(self, query):
        """The values at this moment; those that are not a number are left out."""
        answer = self.get("/api/v1/query", query=query)
        result = answer["data"]["result"]
        return [float(one["value"][1]) for one in result if one["value"][1] != "NaN"]

    def exemplars(self, name, seconds=300):
        """The labels of the exemplars of the last seconds."""
        now = time.time()
        answer = self.get("/api/v1/query_exemplars", query=name, start=now - seconds, end=now)
        return [one["labels"] for series in answer["data"] for one in series["exemplars"]]
