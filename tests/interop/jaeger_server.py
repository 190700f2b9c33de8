# SPDX-License-Identifier: Apache-2.0
"""The real Jaeger, all-in-one, as a fixture: OTLP over HTTP and gRPC and Zipkin's formats in, memory as its store, the query API out.

Only the loopback is used, on ports chosen at each start, so any number of these run beside each other. There is no
batch processor between receiver and store: once an export has been answered, what it carried can be read.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple, Optional

from processes import Died, Program, free_ports
from spans import spans_of

MAX_TRACES = 25000
START_ATTEMPTS = 5
START_SECONDS = 60
STOP_SECONDS = 20
READY_LINE = "Everything is ready"
PORT_TAKEN = "address already in use"

CONFIG = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces:
      receivers: [otlp, zipkin]
      exporters: [jaeger_storage_exporter]
  telemetry:
    metrics:
      level: none
extensions:
  jaeger_storage:
    backends:
      memory_store:
        memory:
          max_traces: {max_traces}
  jaeger_query:
    enable_tracing: false
    storage:
      traces: memory_store
    http:
      endpoint: "127.0.0.1:{query_port}"
    grpc:
      endpoint: "127.0.0.1:{query_grpc_port}"
receivers:
  otlp:
    protocols:
      http:
        endpoint: "127.0.0.1:{http_port}"{tls}
      grpc:
        endpoint: "127.0.0.1:{grpc_port}"{tls}
  zipkin:
    endpoint: "127.0.0.1:{zipkin_port}"
exporters:
  jaeger_storage_exporter:
    trace_storage: memory_store
"""

# Values are JSON, which is YAML as well.
TLS_CONFIG = """
        tls:
          cert_file: {certificate}
          key_file: {key}
          client_ca_file: {clients}
          min_version: "1.0"
          max_version: {newest}"""


class ServerTls(NamedTuple):
    """Files in PEM. Where `clients` is given, only clients with a certificate of that authority are let in."""

    certificate: Path
    key: Path
    clients: Optional[Path] = None
    newest: str = "1.3"  # version of TLS

    def config(self):
        return TLS_CONFIG.format(**{name: json.dumps(value and str(value)) for name, value in self._asdict().items()})


class Jaeger:
    """Once started, `endpoints` holds the URLs for OTLP, by transport: http and grpc; that of zipkin is never over TLS."""

    def __init__(self, program, folder, tls=None):
        self._program = program
        self._tls = tls
        self._config = folder / "jaeger.yaml"
        self.log = folder / "jaeger.log"
        self._running = None

    def __enter__(self):
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                self._start()
                return self
            except Died:
                if attempt == START_ATTEMPTS or PORT_TAKEN not in self.log.read_text(errors="replace"):
                    raise
        raise AssertionError("unreachable")

    def __exit__(self, *_):
        self._running.stop(STOP_SECONDS)

    def _start(self):
        query_port, query_grpc_port, http_port, grpc_port, zipkin_port = free_ports(5)
        self._config.write_text(
            CONFIG.format(
                max_traces=MAX_TRACES,
                query_port=query_port,
                query_grpc_port=query_grpc_port,
                http_port=http_port,
                grpc_port=grpc_port,
                zipkin_port=zipkin_port,
                tls=self._tls.config() if self._tls else "",
            )
        )
        self._query = f"http://127.0.0.1:{query_port}"
        scheme = "https" if self._tls else "http"
        self.endpoints = {"http": f"{scheme}://127.0.0.1:{http_port}", "grpc": f"{scheme}://127.0.0.1:{grpc_port}"}
        self.endpoints["zipkin"] = f"http://127.0.0.1:{zipkin_port}/api/v2/spans"
        self.log.write_bytes(b"")
        self._running = Program("jaeger", [self._program, "--config", self._config], self.log)
        try:
            self._running.wait_ready(self._ready, START_SECONDS)
        except BaseException:
            self._running.kill()
            raise

    def _ready(self):
        """By its own log, since an answer on the ports could come from another program that was faster."""
        return READY_LINE in self.log.read_text(errors="replace")

    def _get(self, path, **parameters):
        """The answer's JSON, or None where Jaeger says that there is no such trace."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        try:
            with urllib.request.urlopen(self._query + path + query, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise OSError(f"GET {path}{query}: {error.code} {error.read().decode(errors='replace')}") from None

    def services(self):
        return self._get("/api/v3/services").get("services", [])

    def spans(self, trace_id):
        """The spans of one trace as they were stored: raw_traces keeps Jaeger from sorting events and merging spans."""
        answer = self._get(f"/api/v3/traces/{trace_id}", raw_traces="true")
        return spans_of(answer["result"]) if answer else []

    def adjusted_spans(self, trace_id):
        """The spans of one trace with Jaeger's warnings as attributes. Reading this reorders the stored events."""
        answer = self._get(f"/api/v3/traces/{trace_id}")
        return spans_of(answer["result"]) if answer else []

    def classic_trace(self, trace_id):
        """The trace in the form that Jaeger's own page reads."""
        answer = self._get(f"/api/traces/{trace_id}")
        return answer["data"][0] if answer and answer["data"] else None

    def find_spans(self, service):
        """All spans of all traces that the service took part in."""
        answer = self._get(
            "/api/v3/traces",
            **{
                "query.service_name": service,
                "query.start_time_min": "1970-01-01T00:00:00Z",
                "query.start_time_max": "2200-01-01T00:00:00Z",
                "query.num_traces": MAX_TRACES - 1,
                "query.raw_traces": "true",
            },
        )
        return spans_of(answer["result"]) if answer else []
