# SPDX-License-Identifier: Apache-2.0
"""The real Jaeger, all-in-one, as a fixture: every protocol in, memory as its store, the query API out.

There is no batch processor between receiver and store: once an export has been answered, what it carried can be read.
"""

import json
from pathlib import Path
from typing import NamedTuple, Optional

from backend import Backend
from processes import free_ports, free_udp_ports
from spans import spans_of

MAX_TRACES = 25000
READY_LINE = "Everything is ready"

CONFIG = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces:
      receivers: [otlp, jaeger, zipkin]
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
      endpoint: "127.0.0.1:{query}"
    grpc:
      endpoint: "127.0.0.1:{query_grpc}"
receivers:
  otlp:
    protocols:
      http:
        endpoint: "127.0.0.1:{http}"{tls}
      grpc:
        endpoint: "127.0.0.1:{grpc}"{tls}
  jaeger:
    protocols:
      thrift_http:
        endpoint: "127.0.0.1:{thrift_http}"
      grpc:
        endpoint: "127.0.0.1:{jaeger_grpc}"
      thrift_compact:
        endpoint: "127.0.0.1:{compact}"
        socket_buffer_size: 16777216
      thrift_binary:
        endpoint: "127.0.0.1:{binary}"
        socket_buffer_size: 16777216
  zipkin:
    endpoint: "127.0.0.1:{zipkin}"
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


class Jaeger(Backend):
    """Once started, `endpoints` holds where each protocol goes.

    URLs: OTLP's http and grpc, which may be over TLS, thrift_http, jaeger_grpc and zipkin; UDP ports: compact and binary.
    """

    name = "jaeger"
    start_seconds = 60
    port_taken = "address already in use"

    def __init__(self, program, folder, tls=None):
        super().__init__(program, folder)
        self._tls = tls

    def command(self):
        names = ("query", "query_grpc", "http", "grpc", "thrift_http", "jaeger_grpc", "zipkin")
        ports = dict(zip(names, free_ports(len(names))))
        ports.update(zip(("compact", "binary"), free_udp_ports(2)))
        config = self.folder / "jaeger.yaml"
        tls = self._tls.config() if self._tls else ""
        config.write_text(CONFIG.format(max_traces=MAX_TRACES, tls=tls, **ports))
        self._set_endpoints(ports)
        return [self.program, "--config", config]

    def _set_endpoints(self, ports):
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        otlp = "https" if self._tls else "http"
        self.query = urls["query"]
        self.endpoints = {
            "http": f"{otlp}://127.0.0.1:{ports['http']}",
            "grpc": f"{otlp}://127.0.0.1:{ports['grpc']}",
            "thrift_http": urls["thrift_http"] + "/api/traces",
            "jaeger_grpc": urls["jaeger_grpc"],
            "zipkin": urls["zipkin"] + "/api/v2/spans",
            "compact": ports["compact"],
            "binary": ports["binary"],
        }

    def ready(self):
        """By its own log, since an answer on the ports could come from another program that was faster."""
        return READY_LINE in self.log.read_text(errors="replace")

    def services(self):
        return self.get("/api/v3/services").get("services", [])

    def spans(self, trace_id):
        """The spans of one trace as they were stored: raw_traces keeps Jaeger from sorting events and merging spans."""
        answer = self.get(f"/api/v3/traces/{trace_id}", raw_traces="true")
        return spans_of(answer["result"]) if answer else []

    def adjusted_spans(self, trace_id):
        """The spans of one trace with Jaeger's warnings as attributes. Reading this reorders the stored events."""
        answer = self.get(f"/api/v3/traces/{trace_id}")
        return spans_of(answer["result"]) if answer else []

    def classic_trace(self, trace_id, **parameters):
        """The trace in the form that Jaeger's own page reads; with raw="true" as it was stored."""
        answer = self.get(f"/api/traces/{trace_id}", **parameters)
        return answer["data"][0] if answer and answer["data"] else None

    def count_spans(self, service):
        """How many spans there are in traces of the service."""
        answer = self.get("/api/traces", service=service, limit=1000, start=0, end=2 * 10**15, lookback="custom")
        return sum(len(trace["spans"]) for trace in (answer or {}).get("data") or [])

    def find_spans(self, service):
        """All spans of all traces that the service took part in."""
        answer = self.get(
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
