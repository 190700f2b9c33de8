# SPDX-License-Identifier: Apache-2.0
"""The dashboards, a table each: what to read to find a panel, and what to change to change one. render makes the JSON."""

from sources import (
    ANY,
    FAILURES,
    LATENCY,
    S,
    SHARE,
    WINDOW,
    WORK,
    graph,
    heat,
    logs,
    metric,
    or_zero,
    percentile,
    percentiles,
    rate,
    ratio,
    stat,
    table,
)

# As in the rules: a 501 says that a feature is switched off.
FAILED = WORK + ',http_response_status_code=~"5..",http_response_status_code!="501"'
REFUSED = WORK + ',http_response_status_code=~"4.."'
# At the gateway, those that its cache answers among them.
SEARCHES = ',http_route="/search"'
MEMORY = ratio(metric("kalki_memory_usage_bytes"), metric("kalki_memory_limit_bytes"))
HITS = ratio(
    rate("kalki_cache_requests_total", more=',result="hit"'),
    rate("kalki_cache_requests_total", more=',result=~"hit|miss"'),
)
HEALTH = {0: ("unhealthy", "red"), 1: ("degraded", "orange"), 2: ("healthy", "green")}


def _each_job(name, more=""):
    return f"sum by (job) ({metric(name, more)})"


SYSTEM = [
    (
        "Now",
        [
            stat("Answers scrapes", f"up{{{S}}}", "none", values={0: ("down", "red"), 1: ("up", "green")}),
            stat(
                "Processor",
                metric("kalki_cpu_usage_percent"),
                "percent",
                thresholds=[("green", None), ("orange", 70), ("red", 90)],
            ),
            stat("Memory, of the limit", MEMORY, "percentunit", thresholds=SHARE),
            stat("Up since", metric("process_uptime_seconds"), "s"),
        ],
    ),
    (
        "Processes",
        [
            graph(
                "Memory and its limit",
                [
                    (metric("kalki_memory_usage_bytes"), "{{job}}"),
                    (metric("kalki_memory_limit_bytes"), "{{job}} limit"),
                ],
                "bytes",
            ),
            graph("Processor time", [(rate("process_cpu_time_seconds_total"), "{{job}}")], "percentunit"),
            graph(
                "Resident and virtual memory",
                [
                    (metric("process_memory_usage_bytes"), "{{job}} resident"),
                    (metric("process_memory_virtual_bytes"), "{{job}} virtual"),
                ],
                "bytes",
            ),
            graph("Threads", [(metric("process_threads"), "{{job}}")], "short"),
            graph("Open files", [(metric("process_open_file_descriptors"), "{{job}}")], "short"),
            graph("Disk used by data", [(metric("kalki_disk_usage_bytes"), "{{job}}")], "bytes"),
        ],
    ),
    (
        "Machine",
        [
            graph("Load, one minute", [(metric("system_cpu_load_1m"), "{{job}}")], "short"),
            graph(
                "Memory",
                [(f"avg by (state) ({metric('system_memory_usage_bytes')})", "{{state}}")],
                "bytes",
                stacked=True,
                description="Each service tells that of its machine: of several machines, the average.",
            ),
            graph(
                "File system",
                [(f"sum by (job, state) ({metric('system_filesystem_usage_bytes')})", "{{job}} {{state}}")],
                "bytes",
            ),
        ],
    ),
    (
        "Tracing",
        [
            graph(
                "Spans begun, by decision",
                [(rate("otel_sdk_span_started_total", "otel_span_sampling_result"), "{{otel_span_sampling_result}}")],
                "ops",
            ),
            graph(
                "Spans lost",
                [
                    (
                        or_zero(rate("otel_sdk_processor_span_processed_total", "error_type", ',error_type!=""')),
                        "before the exporter {{error_type}}",
                    ),
                    (
                        or_zero(rate("otel_sdk_exporter_span_exported_total", "error_type", ',error_type!=""')),
                        "by the exporter {{error_type}}",
                    ),
                ],
                "ops",
                thresholds=FAILURES,
            ),
            graph(
                "Queue, of its capacity",
                [
                    (
                        ratio(
                            _each_job("otel_sdk_processor_span_queue_size"),
                            _each_job("otel_sdk_processor_span_queue_capacity"),
                        ),
                        "{{job}}",
                    )
                ],
                "percentunit",
                thresholds=SHARE,
            ),
            graph(
                "Spans exported",
                [(rate("otel_sdk_exporter_span_exported_total", more=',error_type=""'), "{{job}}")],
                "ops",
            ),
            graph(
                "Spans alive and in flight",
                [
                    (metric("otel_sdk_span_live"), "{{job}} alive"),
                    (metric("otel_sdk_exporter_span_inflight"), "{{job}} in flight"),
                ],
                "short",
            ),
            graph(
                "Time of an export, on average",
                [
                    (
                        ratio(
                            rate("otel_sdk_exporter_operation_duration_seconds_sum"),
                            rate("otel_sdk_exporter_operation_duration_seconds_count"),
                        ),
                        "{{job}}",
                    )
                ],
                "s",
            ),
        ],
    ),
]

APPLICATION = [
    (
        "Now",
        [
            stat("Health", metric("kalki_health_status"), "none", values=HEALTH),
            stat("Requests", rate("kalki_requests_total", more=WORK), "reqps"),
            stat(
                "Failed",
                or_zero(ratio(rate("kalki_requests_total", more=FAILED), rate("kalki_requests_total", more=WORK))),
                "percentunit",
                thresholds=[("green", None), ("orange", 0.01), ("red", 0.05)],
            ),
            stat(
                "95 of 100 answered within",
                percentile("kalki_request_duration_seconds", 0.95, "job", WORK),
                "s",
                thresholds=LATENCY,
            ),
            stat("Alerts firing", 'count(ALERTS{alertstate="firing"}) or vector(0)', "none", thresholds=ANY),
        ],
    ),
    (
        "Requests",
        [
            percentiles("Time to answer", "kalki_request_duration_seconds", more=WORK),
            graph(
                "Requests by status",
                [(rate("kalki_requests_total", "http_response_status_code", WORK), "{{http_response_status_code}}")],
                "reqps",
                stacked=True,
            ),
            graph("Open connections", [(metric("kalki_active_connections"), "{{job}}")], "short"),
        ],
    ),
    (
        "Failures",
        [
            graph(
                "Errors by kind",
                [(or_zero(rate("kalki_errors_total", "error_type")), "{{error_type}}")],
                "ops",
                thresholds=FAILURES,
            ),
            graph("Health over time", [(metric("kalki_health_status"), "{{job}}")], "none", values=HEALTH),
            logs("Errors in the log", '{service=~"$service", level=~"ERROR|CRITICAL"}'),
        ],
    ),
]

# Gateways that share a Redis all tell the same sessions: hence the largest number, and not their sum.
BUSINESS = [
    (
        "Now",
        [
            stat("Queries answered", f"sum({metric('kalki_queries_processed_total')})", "short"),
            stat("Documents taken in", f"sum({metric('kalki_documents_ingested_total')})", "short"),
            stat("Sessions", f"max({metric('kalki_sessions_active')})", "short"),
            stat("Summaries", f"sum({metric('kalki_llm_requests_total')})", "short"),
        ],
    ),
    (
        "Over time",
        [
            graph("Queries", [(rate("kalki_queries_processed_total"), "{{job}}")], "ops"),
            graph(
                "Documents a minute",
                [(f"60 * {rate('kalki_documents_ingested_total')}", "{{job}}")],
                "short",
                thresholds=[("red", None), ("green", 100)],
                description="The target is 100 a minute.",
            ),
            graph(
                "Queries for each session",
                [
                    (
                        ratio(
                            f"sum(rate({metric('kalki_queries_processed_total')}[{WINDOW}])) * 60",
                            f"max({metric('kalki_sessions_active')}) > 0",
                        ),
                        "a minute",
                    )
                ],
                "short",
            ),
            graph("Answers from the cache", [(HITS, "{{job}}")], "percentunit"),
            graph(
                "Searches that asked for a summary",
                [
                    (
                        ratio(
                            f"sum(rate({metric('kalki_llm_requests_total')}[{WINDOW}]))",
                            f"sum(rate({metric('kalki_requests_total', SEARCHES)}[{WINDOW}])) > 0",
                        ),
                        "of all",
                    )
                ],
                "percentunit",
            ),
        ],
    ),
]

DATABASE = [
    (
        "Now",
        [
            stat("Queries", rate("kalki_db_query_duration_seconds_count"), "ops"),
            stat(
                "95 of 100 within", percentile("kalki_db_query_duration_seconds", 0.95, "job"), "s", thresholds=LATENCY
            ),
            stat(
                "Pool in use",
                ratio(
                    _each_job("kalki_db_pool_connections", ',state="used"'), _each_job("kalki_db_pool_connections_max")
                ),
                "percentunit",
                thresholds=SHARE,
            ),
            stat(
                "Errors a second",
                or_zero(f"sum(rate({metric('kalki_db_errors_total')}[{WINDOW}]))"),
                "ops",
                thresholds=FAILURES,
            ),
        ],
    ),
    (
        "Queries",
        [
            percentiles("Time of a query", "kalki_db_query_duration_seconds", "db_operation_name"),
            graph(
                "Queries by operation",
                [(rate("kalki_db_query_duration_seconds_count", "db_operation_name"), "{{db_operation_name}}")],
                "ops",
            ),
            graph(
                "Errors by kind",
                [(or_zero(rate("kalki_db_errors_total", "error_type")), "{{error_type}}")],
                "ops",
                thresholds=FAILURES,
            ),
        ],
    ),
    (
        "Pool of connections",
        [
            graph(
                "Connections",
                [
                    (f"sum by (job, state) ({metric('kalki_db_pool_connections')})", "{{job}} {{state}}"),
                    (metric("kalki_db_pool_connections_max"), "{{job}} at most"),
                ],
                "short",
            ),
            graph(
                "Waiting for one",
                [(percentile("kalki_db_pool_wait_seconds", 0.95, "job"), "{{job}} p95")],
                "s",
                thresholds=LATENCY,
            ),
        ],
    ),
    (
        "Cache",
        [
            graph(
                "Requests by result",
                [(rate("kalki_cache_requests_total", "result"), "{{result}}")],
                "ops",
                stacked=True,
            ),
            graph("Hits", [(HITS, "{{job}}")], "percentunit"),
            graph(
                "Time by operation",
                [(percentile("kalki_cache_duration_seconds", 0.95, "operation"), "{{operation}} p95")],
                "s",
            ),
            graph("Memory", [(metric("kalki_cache_memory_bytes"), "{{job}}")], "bytes"),
            graph("Entries", [(metric("kalki_cache_entries"), "{{job}}")], "short"),
        ],
    ),
]

LLM = [
    (
        "Now",
        [
            stat("Summaries", rate("kalki_llm_requests_total"), "reqps"),
            stat("95 of 100 within", percentile("kalki_llm_duration_seconds", 0.95, "job"), "s", thresholds=LATENCY),
            stat(
                "Failed",
                or_zero(
                    ratio(
                        f"sum(rate({metric('kalki_llm_errors_total')}[{WINDOW}]))",
                        f"sum(rate({metric('kalki_llm_requests_total')}[{WINDOW}])) > 0",
                    )
                ),
                "percentunit",
                thresholds=[("green", None), ("orange", 0.05), ("red", 0.2)],
            ),
        ],
    ),
    (
        "The model",
        [
            percentiles("Time of a summary", "kalki_llm_duration_seconds"),
            heat("Summaries by time", "kalki_llm_duration_seconds", "s"),
            graph(
                "Errors by kind",
                [(or_zero(rate("kalki_llm_errors_total", "error_type")), "{{error_type}}")],
                "ops",
                thresholds=FAILURES,
            ),
        ],
    ),
    (
        "External APIs",
        [
            graph(
                "Calls by outcome",
                [(rate("kalki_external_request_duration_seconds_count", "api, outcome"), "{{api}} {{outcome}}")],
                "reqps",
            ),
            percentiles("Time of a call", "kalki_external_request_duration_seconds", "api"),
            graph(
                "Calls that timed out",
                [
                    (
                        or_zero(rate("kalki_external_request_duration_seconds_count", "api", ',outcome="timeout"')),
                        "{{api}}",
                    )
                ],
                "reqps",
                thresholds=FAILURES,
            ),
        ],
    ),
]

VECTOR_STORE = [
    (
        "Now",
        [
            stat("Documents", metric("kalki_vector_store_documents"), "short"),
            stat("Terms", metric("kalki_vector_store_terms"), "short"),
            stat("Searches", rate("kalki_vector_store_search_duration_seconds_count"), "ops"),
            stat(
                "95 of 100 within",
                percentile("kalki_vector_store_search_duration_seconds", 0.95, "job"),
                "s",
                thresholds=LATENCY,
            ),
        ],
    ),
    (
        "Searches",
        [
            percentiles("Time of a search", "kalki_vector_store_search_duration_seconds"),
            heat("Searches by time", "kalki_vector_store_search_duration_seconds", "s"),
        ],
    ),
    (
        "Contents",
        [
            graph(
                "Documents and terms",
                [
                    (metric("kalki_vector_store_documents"), "{{job}} documents"),
                    (metric("kalki_vector_store_terms"), "{{job}} terms"),
                ],
                "short",
            ),
            graph(
                "Rebuilt, times an hour", [(f"3600 * {rate('kalki_vector_store_rebuilds_total')}", "{{job}}")], "short"
            ),
            graph(
                "Documents taken in, a minute", [(f"60 * {rate('kalki_documents_ingested_total')}", "{{job}}")], "short"
            ),
        ],
    ),
]

SESSIONS = [
    (
        "Now",
        [
            stat("Sessions", metric("kalki_sessions_active"), "short"),
            stat("Their requests", rate("kalki_session_requests_total"), "reqps"),
            stat(
                "Of all requests",
                ratio(rate("kalki_session_requests_total"), rate("kalki_requests_total", more=WORK)),
                "percentunit",
            ),
        ],
    ),
    (
        "Over time",
        [
            graph("Sessions over time", [(metric("kalki_sessions_active"), "{{job}}")], "short"),
            graph("Requests in sessions", [(rate("kalki_session_requests_total"), "{{job}}")], "reqps"),
            graph(
                "Requests a minute, for each session",
                [
                    (
                        ratio(
                            f"60 * {rate('kalki_session_requests_total')}",
                            f"max by (job) ({metric('kalki_sessions_active')}) > 0",
                        ),
                        "{{job}}",
                    )
                ],
                "short",
            ),
            graph("Where sessions are kept: entries", [(metric("kalki_cache_entries"), "{{job}}")], "short"),
            graph(
                "Where sessions are kept: time",
                [(percentile("kalki_cache_duration_seconds", 0.95, "operation"), "{{operation}} p95")],
                "s",
            ),
            graph(
                "Where sessions are kept: errors",
                [(or_zero(rate("kalki_cache_requests_total", more=',result="error"')), "{{job}}")],
                "ops",
                thresholds=FAILURES,
            ),
        ],
    ),
]

_CHOSEN = ',http_route=~"$route"'
_ROUTE = WORK + _CHOSEN
ENDPOINTS = [
    (
        "Each endpoint",
        [
            table(
                "Endpoints",
                [
                    (rate("kalki_requests_total", "http_route", _ROUTE), "requests/s"),
                    (percentile("kalki_request_duration_seconds", 0.5, "http_route", _ROUTE), "p50"),
                    (percentile("kalki_request_duration_seconds", 0.95, "http_route", _ROUTE), "p95"),
                    (percentile("kalki_request_duration_seconds", 0.99, "http_route", _ROUTE), "p99"),
                ],
                "s",
                thresholds=LATENCY,
                columns={"requests/s": "reqps"},
            ),
        ],
    ),
    (
        "Time",
        [
            percentiles("Time to answer", "kalki_request_duration_seconds", "http_route", _ROUTE),
            heat("Requests by time", "kalki_request_duration_seconds", "s", _ROUTE),
        ],
    ),
    (
        "Answers",
        [
            graph(
                "Requests",
                [
                    (
                        rate("kalki_requests_total", "http_route, http_request_method", _ROUTE),
                        "{{http_request_method}} {{http_route}}",
                    )
                ],
                "reqps",
            ),
            graph(
                "By status",
                [(rate("kalki_requests_total", "http_response_status_code", _ROUTE), "{{http_response_status_code}}")],
                "reqps",
                stacked=True,
            ),
            graph(
                "Refused (4xx)",
                [(or_zero(rate("kalki_requests_total", "http_route", REFUSED + _CHOSEN)), "{{http_route}}")],
                "reqps",
            ),
            graph(
                "Failed (5xx but 501)",
                [(or_zero(rate("kalki_requests_total", "http_route", FAILED + _CHOSEN)), "{{http_route}}")],
                "reqps",
                thresholds=FAILURES,
            ),
        ],
    ),
]

# uid, which is in links and stays; title; rows of panels; further variables: name, label, query of its values.
DASHBOARDS = [
    ("kalki-system", "kalki: system overview", SYSTEM, []),
    ("kalki-application", "kalki: application health", APPLICATION, []),
    ("kalki-business", "kalki: business", BUSINESS, []),
    ("kalki-database", "kalki: database and cache", DATABASE, []),
    ("kalki-llm", "kalki: language model", LLM, []),
    ("kalki-vector-store", "kalki: vector store", VECTOR_STORE, []),
    ("kalki-sessions", "kalki: sessions", SESSIONS, []),
    (
        "kalki-endpoints",
        "kalki: API endpoints",
        ENDPOINTS,
        [("route", "Endpoint", f"label_values(kalki_requests_total{{{S}{WORK}}}, http_route)")],
    ),
]
