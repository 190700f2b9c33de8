#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every OTLP protocol brings the real Jaeger the same, in the clear and over TLS; where TLS is not right, nothing.

usage: as jaeger_case.py says.
"""

import itertools
import json
import unittest
from pathlib import Path
from typing import NamedTuple

import jaeger_case
import kalki_trees
from authority import Authority
from jaeger_case import KalkiInJaeger
from jaeger_server import Jaeger, ServerTls
from kalki_trees import SQUALL

# Values of OTEL_EXPORTER_OTLP_PROTOCOL, and to which of Jaeger's endpoints they go.
PROTOCOLS = {
    "http/protobuf": "http",
    "http/json": "http",
    "grpc": "grpc",
}

HOST = "IP:127.0.0.1"


class Reasons(NamedTuple):
    """What the services say when nothing can be sent."""

    untrusted: str
    another_name: str
    no_tls: str
    client_refused: str


# gRPC core has one of several words for a handshake that the server ends, and for what it makes of it.
GRPC_BREAK = "UNAVAILABLE: failed to connect to all addresses; .*127.0.0.1:[0-9]+: "

REASONS = {
    "http": Reasons(
        untrusted="certificate of 127.0.0.1:[0-9]+ is refused: .*issuer",
        another_name="certificate of 127.0.0.1:[0-9]+ is refused: .*name",
        no_tls="no TLS connection to 127.0.0.1:[0-9]+: .*version",
        # By TLS 1.3 the server's alert may be lost, by TLS 1.2 it may give no reason: then there is a hint.
        client_refused="refuses our certificate|server refuse our certificate|want a certificate of ours",
    ),
    "grpc": Reasons(
        untrusted="UNAVAILABLE: .*127.0.0.1:[0-9]+: .*certificate verify failed",
        another_name="UNAVAILABLE: .*Peer name 127.0.0.1 is not in peer certificate",
        no_tls=GRPC_BREAK,
        client_refused=GRPC_BREAK,
    ),
}


class OneProtocol(KalkiInJaeger):
    """The classes below run once for each protocol: see load_tests()."""

    protocol = None

    @property
    def reasons(self):
        return REASONS[PROTOCOLS[self.protocol]]

    def exporting(self, **settings):
        """The settings of services that export by this protocol."""
        endpoint = self.jaeger.endpoints[PROTOCOLS[self.protocol]]
        return {"OTEL_EXPORTER_OTLP_PROTOCOL": self.protocol, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **settings}

    def check_arrives(self, **settings):
        """The search's whole tree, as every protocol has to bring it."""
        kalki = self.kalki(**self.exporting(**settings))
        trace_id = self.get(kalki, SQUALL.path, 200)
        self.stop(kalki)
        self.check_only_trace(trace_id)
        self.check_trace(trace_id, kalki_trees.found(kalki, SQUALL, self.index_span()))


class InTheClear(OneProtocol):
    def test_the_whole_tree_arrives(self):
        self.check_arrives()

    def test_compressed_it_arrives_as_well(self):
        self.check_arrives(OTEL_EXPORTER_OTLP_COMPRESSION="gzip")


class OverTls(OneProtocol):
    """Jaeger has a certificate of `authority`, and may ask clients for theirs."""

    host = HOST
    asks_clients = False
    newest = "1.3"

    def start_jaeger(self):
        self.authority = Authority(self.logs, "authority")
        self.other = Authority(self.logs, "other")
        server = self.authority.server(self.host)
        clients = self.authority.certificate if self.asks_clients else None
        tls = ServerTls(server.certificate, server.key, clients, self.newest)
        return Jaeger(jaeger_case.jaeger_program, self.logs, tls)

    def trusting(self, authority):
        return {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(authority.certificate)}

    def known_by(self, client):
        return {
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(client.certificate),
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(client.key),
        }

    def check_refused(self, reason, **settings):
        """Jaeger gets nothing, every span counts as lost, and both services say why."""
        kalki = self.kalki(**self.exporting(**settings))
        self.get(kalki, SQUALL.path, 200)
        self.none_of(kalki.stop(), "stopping the services")
        self.assertEqual(self.jaeger.services(), [], "services in Jaeger")
        for service in kalki_trees.SERVICES:
            ledger = json.loads((self.logs / f"{service}.ledger.json").read_text())
            self.assertGreater(ledger["started"], 0)
            self.assertEqual((ledger["lost"], ledger["exported"]), (ledger["started"], 0), f"ledger of {service}")
            self.assertRegex((self.logs / f"{service}.log").read_text(), reason)


class TlsOfServer(OverTls):
    def test_the_whole_tree_arrives(self):
        self.check_arrives(**self.trusting(self.authority))

    def test_compressed_it_arrives_as_well(self):
        self.check_arrives(**self.trusting(self.authority), OTEL_EXPORTER_OTLP_COMPRESSION="gzip")

    def test_a_server_of_an_authority_that_is_not_trusted_gets_nothing(self):
        self.check_refused(self.reasons.untrusted, **self.trusting(self.other))

    def test_the_systems_authorities_do_not_vouch_for_it(self):
        self.check_refused(self.reasons.untrusted)


class TlsOfAnotherServer(OverTls):
    host = "DNS:elsewhere.test"

    def test_it_gets_nothing(self):
        self.check_refused(self.reasons.another_name, **self.trusting(self.authority))


class OldTls(OverTls):
    newest = "1.1"

    def test_it_gets_nothing(self):
        self.check_refused(self.reasons.no_tls, **self.trusting(self.authority))


class TlsOfBoth(OverTls):
    asks_clients = True

    def test_the_whole_tree_arrives(self):
        self.check_arrives(**self.trusting(self.authority), **self.known_by(self.authority.client("kalki")))

    def test_a_client_without_a_certificate_is_refused(self):
        self.check_refused(self.reasons.client_refused, **self.trusting(self.authority))

    def test_a_client_of_another_authority_is_refused(self):
        stranger = self.other.client("stranger")
        self.check_refused(self.reasons.client_refused, **self.trusting(self.authority), **self.known_by(stranger))


class Tls12OfBoth(TlsOfBoth):
    """The client's certificate is asked for before the handshake ends, and not after it as from TLS 1.3 on."""

    newest = "1.2"


CASES = (InTheClear, TlsOfServer, TlsOfAnotherServer, OldTls, TlsOfBoth, Tls12OfBoth)


def built_protocols():
    """All, or without gRPC where the build has no library for it, which the services load by its name."""
    library = Path(jaeger_case.options.bin).parent / "lib" / "libotel-grpc.so"
    return [protocol for protocol in PROTOCOLS if protocol != "grpc" or library.exists()]


def load_tests(loader, _tests, _pattern):
    """Each class once for each protocol."""
    suite = unittest.TestSuite()
    for protocol, case in itertools.product(built_protocols(), CASES):
        name = f"{case.__name__}_{protocol.replace('/', '_')}"
        suite.addTests(loader.loadTestsFromTestCase(type(name, (case,), {"protocol": protocol})))
    return suite


if __name__ == "__main__":
    jaeger_case.need("openssl")
    jaeger_case.main()
