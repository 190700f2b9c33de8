# SPDX-License-Identifier: Apache-2.0
"""A double of kalki's services for Prometheus: the metrics that kalki exports, with a switch for each trouble.

Whatever has the same interface can take its place in the tests of alerts:

    with KalkiDouble() as kalki:
        kalki.targets            # host:port of the metrics by the name of the job
        kalki.break_summaries()  # calls of the LLM fail, and nothing else
        kalki.break_searches()   # requests fail in both services
        kalki.break_everything() # nothing answers any more
        kalki.mend()             # all is well again
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GATEWAY, QUERY, LLM = "kalki-gateway", "kalki-query", "kalki-llm"
MIB = 2**20

# Each is used as name{labels}: per second for counters, the value for the rest.
HEALTHY_COUNTERS = {
    'kalki_requests_total{http_route="/search",http_request_method="GET",http_response_status_code="200"}': 20,
    'kalki_errors_total{error_type="internal"}': 0,
    'kalki_db_errors_total{error_type="timeout"}': 0,
    "kalki_llm_requests_total": 5,
    'kalki_llm_errors_total{error_type="timeout"}': 0,
    'kalki_cache_requests_total{result="hit"}': 15,
    'kalki_cache_requests_total{result="miss"}': 5,
    'kalki_cache_requests_total{result="error"}': 0,
    'kalki_request_duration_seconds_bucket{http_route="/search",le="0.1"}': 20,
    'kalki_request_duration_seconds_bucket{http_route="/search",le="30"}': 20,
    'kalki_request_duration_seconds_bucket{http_route="/search",le="60"}': 20,
    'kalki_request_duration_seconds_bucket{http_route="/search",le="+Inf"}': 20,
    'otel_sdk_span_started_total{otel_span_sampling_result="RECORD_AND_SAMPLE",otel_span_parent_origin="remote"}': 60,
    'otel_sdk_processor_span_processed_total{otel_component_name="batching_span_processor/0"}': 60,
    'otel_sdk_exporter_span_exported_total{otel_component_name="otlp_http_span_exporter/0"}': 60,
}
HEALTHY_GAUGES = {
    "kalki_health_status": 2,
    "kalki_memory_usage_bytes": 100 * MIB,
    "kalki_memory_limit_bytes": 512 * MIB,
    'system_filesystem_usage_bytes{state="used"}': 20 * 2**30,
    'system_filesystem_usage_bytes{state="free"}': 80 * 2**30,
    'kalki_db_pool_connections{state="used"}': 2,
    'kalki_db_pool_connections{state="idle"}': 6,
    "kalki_db_pool_connections_max": 8,
    "otel_sdk_processor_span_queue_size": 10,
    "otel_sdk_processor_span_queue_capacity": 2048,
}
BROKEN_SUMMARIES = {'kalki_llm_errors_total{error_type="timeout"}': 5}
BROKEN_SEARCHES = {
    'kalki_errors_total{error_type="internal"}': 10,
    'kalki_requests_total{http_route="/search",http_request_method="GET",http_response_status_code="500"}': 10,
}


class _Service:
    """The metrics of one service; counters go on between two looks as fast as their rates say."""

    def __init__(self):
        self._lock = threading.Lock()
        self._begun = self._seen = time.monotonic()
        self._rates = dict(HEALTHY_COUNTERS)
        self._counts = dict.fromkeys(self._rates, 0.0)
        self._server = None
        self._port = 0
        self.start()

    @property
    def target(self):
        return f"127.0.0.1:{self._port}"

    def start(self):
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = service.text().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def set_rates(self, rates):
        with self._lock:
            self._advance()
            self._rates = {**HEALTHY_COUNTERS, **rates}

    def _advance(self):
        now = time.monotonic()
        for name, rate in self._rates.items():
            self._counts[name] = self._counts.get(name, 0.0) + rate * (now - self._seen)
        self._seen = now

    def text(self):
        with self._lock:
            self._advance()
            lines = [f"{name} {value}" for name, value in {**HEALTHY_GAUGES, **self._counts}.items()]
            lines.append(f"process_uptime_seconds {self._seen - self._begun}")
        return "\n".join(lines) + "\n"


class KalkiDouble:
    def __enter__(self):
        self._services = {name: _Service() for name in (GATEWAY, QUERY, LLM)}
        self.targets = {name: service.target for name, service in self._services.items()}
        return self

    def __exit__(self, *_):
        for service in self._services.values():
            service.stop()

    def break_summaries(self):
        self._services[GATEWAY].set_rates(BROKEN_SUMMARIES)

    def break_searches(self):
        for name in (GATEWAY, QUERY):
            self._services[name].set_rates(BROKEN_SEARCHES)

    def break_everything(self):
        for service in self._services.values():
            service.stop()

    def mend(self):
        for service in self._services.values():
            service.set_rates({})
            service.stop()
            service.start()
