# SPDX-License-Identifier: Apache-2.0
"""The routes: by which settings spans take each, whose query API tells of them, and the rules of what it tells."""

from typing import Callable, List, NamedTuple

import readers
import rules


class Family(NamedTuple):
    """Routes by which the same arrives. `query` and `read` make spans by id of what the server tells of a trace."""

    title: str
    server: str
    query: Callable
    read: Callable
    rules: List[rules.Rule]


class Route(NamedTuple):
    """`settings` are OTEL_* variables, in which {name} is one of the server's endpoints."""

    name: str
    family: Family
    settings: dict
    arguments: tuple = ()

    def environment(self, server):
        return {name: value.format(**server.endpoints) for name, value in self.settings.items()}


OTLP = Family("OTLP", "jaeger", lambda server, trace: server.spans(trace), readers.otlp, rules.OTLP)
JAEGER = Family(
    "Jaeger's Thrift",
    "jaeger",
    lambda server, trace: server.classic_trace(trace, raw="true"),
    readers.classic,
    rules.JAEGER,
)
JAEGER_GRPC = JAEGER._replace(title="Jaeger's gRPC", rules=rules.JAEGER_GRPC)
ZIPKIN = Family("Zipkin's formats", "zipkin", lambda server, trace: server.trace(trace), readers.zipkin, rules.ZIPKIN)
ZIPKIN_IN_JAEGER = Family(
    "Zipkin's formats, to Jaeger",
    "jaeger",
    lambda server, trace: server.spans(trace),
    readers.otlp,
    rules.ZIPKIN_IN_JAEGER,
)
FAMILIES = (OTLP, JAEGER, JAEGER_GRPC, ZIPKIN, ZIPKIN_IN_JAEGER)


def otlp(protocol, endpoint):
    settings = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": f"{{{endpoint}}}"}
    return Route(f"otlp {protocol}", OTLP, {"OTEL_TRACES_EXPORTER": "otlp", **settings})


def jaeger(protocol, endpoint, *arguments):
    if protocol.startswith("udp/"):
        where = {"OTEL_EXPORTER_JAEGER_AGENT_HOST": "127.0.0.1", "OTEL_EXPORTER_JAEGER_AGENT_PORT": f"{{{endpoint}}}"}
    else:
        where = {"OTEL_EXPORTER_JAEGER_ENDPOINT": f"{{{endpoint}}}"}
    settings = {"OTEL_TRACES_EXPORTER": "jaeger", "OTEL_EXPORTER_JAEGER_PROTOCOL": protocol, **where}
    gzip = " with gzip" if arguments else ""
    family = JAEGER_GRPC if protocol == "grpc" else JAEGER
    return Route(f"jaeger {protocol}{gzip}", family, settings, arguments)


def zipkin(family, form, *arguments):
    settings = {"OTEL_TRACES_EXPORTER": "zipkin", "OTEL_EXPORTER_ZIPKIN_ENDPOINT": "{zipkin}"}
    to_jaeger = " to jaeger" if family is ZIPKIN_IN_JAEGER else ""
    return Route(f"zipkin {form}{to_jaeger}", family, settings, arguments)


# What arguments of route_spans mean.
IN_CODE = {"zipkin-protobuf": "otel_zipkin_options.format", "jaeger-gzip": "otel_jaeger_options.gzip"}


ROUTES = (
    otlp("http/protobuf", "http"),
    otlp("http/json", "http"),
    otlp("grpc", "grpc"),
    jaeger("http/thrift.binary", "thrift_http"),
    jaeger("http/thrift.binary", "thrift_http", "jaeger-gzip"),
    jaeger("udp/thrift.compact", "compact"),
    jaeger("udp/thrift.binary", "binary"),
    jaeger("grpc", "jaeger_grpc"),
    zipkin(ZIPKIN, "json"),
    zipkin(ZIPKIN, "protobuf", "zipkin-protobuf"),
    zipkin(ZIPKIN_IN_JAEGER, "json"),
    zipkin(ZIPKIN_IN_JAEGER, "protobuf", "zipkin-protobuf"),
)
