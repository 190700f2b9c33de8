#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every datagram and body of the Jaeger exporter is decoded by Apache Thrift, and says what it should.

usage: decoders_test.py --spans PROGRAM --scene PROGRAM --folder FOLDER [unittest arguments]

The programs are jaeger_spans and route_spans; generated code goes into FOLDER. Other random spans each run: SPANS_SEED repeats one; its value
is printed first. Exit code 77: the Thrift compiler or its Python is not installed.
"""

import argparse
import http.server
import os
import random
import socket
import subprocess
import sys
import threading
import unittest

from base64 import b64encode
from pathlib import Path

import generated

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent), str(HERE.parent / "routes")]

import readers  # noqa: E402
import rules  # noqa: E402
import scene  # noqa: E402

options = None
seed = None
jaeger = agent = None

PACKET_MAX = 65000
KINDS = ["string", "float64", "bool", "int64", "binary"]
BINARY = KINDS.index("binary")
REFERENCES = ["CHILD_OF", "FOLLOWS_FROM"]
SAMPLED = 1
SCENE = 0x5C  # the number of the trace


def run_program(environment, *command):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        command,
        env={**inherited, "OTEL_TRACES_EXPORTER": "jaeger", **environment},
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return int(done.stdout)


class Udp:
    """One of the protocols over UDP."""

    def __init__(self, name, factory):
        self.name = name
        self.factory = factory

    def collect(self, *command):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
            receiver.bind(("127.0.0.1", 0))
            environment = {
                "OTEL_EXPORTER_JAEGER_PROTOCOL": self.name,
                "OTEL_EXPORTER_JAEGER_AGENT_HOST": "127.0.0.1",
                "OTEL_EXPORTER_JAEGER_AGENT_PORT": str(receiver.getsockname()[1]),
            }
            receiver.settimeout(0.2)
            packets = []
            ended = threading.Event()
            reader = threading.Thread(target=self._read, args=(receiver, packets, ended))
            reader.start()
            try:
                return run_program(environment, *command), packets
            finally:
                ended.set()
                reader.join()

    @staticmethod
    def _read(receiver, packets, ended):
        """While the program sends, lest the kernel's buffer overflow, and until nothing is left."""
        over = False
        while not over:
            over = ended.is_set()
            try:
                while True:
                    packets.append(receiver.recv(1 << 17))
            except socket.timeout:
                pass

    def decode(self, packet):
        name, kind, number = self._protocol(packet).readMessageBegin()
        assert (name, kind, number) == ("emitBatch", TMessageType.ONEWAY, 0), (name, kind, number)
        reader = self._protocol(packet)
        reader.readMessageBegin()
        arguments = agent.emitBatch_args()
        arguments.read(reader)
        reader.readMessageEnd()
        return arguments.batch

    def encode(self, batch):
        transport = TTransport.TMemoryBuffer()
        writer = self.factory(transport)
        writer.writeMessageBegin("emitBatch", TMessageType.ONEWAY, 0)
        agent.emitBatch_args(batch).write(writer)
        writer.writeMessageEnd()
        return transport.getvalue()

    def _protocol(self, packet):
        return self.factory(TTransport.TMemoryBuffer(packet))


class Http:
    name = "http/thrift.binary"

    def collect(self, *command):
        bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                assert self.headers["Content-Type"] == "application/x-thrift", self.headers
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            environment = {
                "OTEL_EXPORTER_JAEGER_ENDPOINT": f"http://127.0.0.1:{server.server_port}/api/traces",
                "no_proxy": "127.0.0.1",
            }
            sent = run_program(environment, *command)
            server.shutdown()
        return sent, bodies

    def decode(self, body):
        transport = TTransport.TMemoryBuffer(body)
        batch = jaeger.Batch()
        batch.read(TBinaryProtocol.TBinaryProtocol(transport))
        assert transport.cstringio_buf.read() == b"", "bytes after the batch"
        return batch

    def encode(self, batch):
        transport = TTransport.TMemoryBuffer()
        batch.write(TBinaryProtocol.TBinaryProtocol(transport))
        return transport.getvalue()


def check(batch):
    """That every required field is there, in every struct."""
    batch.validate()
    batch.process.validate()
    for tag in batch.process.tags or []:
        check_tag(tag)
    for span in batch.spans:
        span.validate()
        for reference in span.references or []:
            reference.validate()
        for tag in span.tags or []:
            check_tag(tag)
        for log in span.logs or []:
            log.validate()
            for field in log.fields:
                check_tag(field)


def check_tag(tag):
    """Exactly the value that the type names."""
    tag.validate()
    values = [tag.vStr, tag.vDouble, tag.vBool, tag.vLong, tag.vBinary]
    present = [index for index, value in enumerate(values) if value is not None]
    assert present == [tag.vType], tag


def unsigned(number):
    return number & (2**64 - 1)


def classic_tags(tags):
    """As Jaeger's query API tells them, from which routes/readers.py reads."""
    values = [[tag.vStr, tag.vDouble, tag.vBool, tag.vLong, tag.vBinary][tag.vType] for tag in tags or []]
    return [
        {"key": tag.key, "type": KINDS[tag.vType], "value": b64encode(value).decode() if tag.vType == BINARY else value}
        for tag, value in zip(tags or [], values)
    ]


def classic_reference(kind, high, low, span):
    ids = {"traceID": f"{unsigned(high):016x}{unsigned(low):016x}", "spanID": f"{unsigned(span):016x}"}
    return {"refType": kind, **ids}


def classic_span(span):
    parent = classic_reference("CHILD_OF", span.traceIdHigh, span.traceIdLow, span.parentSpanId)
    others = [
        classic_reference(REFERENCES[each.refType], each.traceIdHigh, each.traceIdLow, each.spanId)
        for each in span.references or []
    ]
    return {
        "traceID": parent["traceID"],
        "spanID": f"{unsigned(span.spanId):016x}",
        "operationName": span.operationName,
        "references": [parent, *others],
        "startTime": span.startTime,
        "duration": span.duration,
        "tags": classic_tags(span.tags),
        "logs": [{"timestamp": log.timestamp, "fields": classic_tags(log.fields)} for log in span.logs or []],
        "processID": "the one",
    }


def classic_trace(batch):
    process = {"serviceName": batch.process.serviceName, "tags": classic_tags(batch.process.tags)}
    return {"spans": [classic_span(span) for span in batch.spans], "processes": {"the one": process}}


def protocols():
    return [
        Udp("udp/thrift.compact", TCompactProtocol.TCompactProtocol),
        Udp("udp/thrift.binary", TBinaryProtocol.TBinaryProtocol),
        Http(),
    ]


class Decoders(unittest.TestCase):
    maxDiff = None

    def test_scene_says_what_it_should(self):
        for protocol in protocols():
            with self.subTest(protocol.name):
                self.check_scene(protocol)

    def check_scene(self, protocol):
        sent, (packet,) = protocol.collect(options.scene, f"{SCENE:02x}")
        self.assertEqual(sent, len(scene.SPANS))
        batch = protocol.decode(packet)
        check(batch)
        self.assertEqual(batch.seqNo, 1)
        self.assertEqual([span.flags for span in batch.spans], [SAMPLED] * sent)
        trace_id = scene.trace_id(SCENE)
        told, want = readers.classic(trace_id, classic_trace(batch)), rules.expected(rules.JAEGER, trace_id)
        self.assertEqual(set(told), set(want))
        for span_id, span in want.items():
            self.assertEqual(told[span_id], span)

    def test_random_spans_are_written_as_thrift_writes_them(self):
        """Decoded and encoded again each message is the same, to the byte."""
        for protocol in protocols():
            with self.subTest(protocol.name):
                self.check_random(protocol)

    def check_random(self, protocol):
        sent, packets = protocol.collect(options.spans, "random", str(seed))
        spans = 0
        for number, packet in enumerate(packets, 1):
            batch = protocol.decode(packet)
            check(batch)
            self.assertEqual(batch.seqNo, number)
            self.assertTrue(protocol.encode(batch) == packet, f"message {number} of seed {seed}")
            spans += len(batch.spans)
            if isinstance(protocol, Udp):
                self.assertLessEqual(len(packet), PACKET_MAX)
        self.assertEqual(spans, sent)
        print(
            f"measured: {protocol.name}: {spans} random spans in {len(packets)} messages, "
            f"largest {max(map(len, packets))} bytes",
            flush=True,
        )


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", required=True)
    parser.add_argument("--scene", required=True)
    parser.add_argument("--folder", required=True)
    return parser.parse_known_args()


if __name__ == "__main__":
    options, rest = parse_arguments()
    generated.enter()
    from thrift.Thrift import TMessageType
    from thrift.protocol import TBinaryProtocol, TCompactProtocol
    from thrift.transport import TTransport

    jaeger, agent = generated.generate(options.folder)
    seed = int(os.environ.get("SPANS_SEED") or random.getrandbits(32))
    print(f"SPANS_SEED={seed}", flush=True)
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])
