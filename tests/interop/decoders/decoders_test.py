#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random spans say the same to protobuf-c and to Python's protobuf with OpenTelemetry's own definitions.

usage: decoders_test.py --requests PROGRAM --folder FOLDER [unittest arguments]

PROGRAM is otlp_requests; what it writes and the packages of requirements.txt are kept in FOLDER. Other spans each run:
REQUESTS_SEED repeats one; its value is printed first. Exit code 77: the packages cannot be had.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import packages  # noqa: E402

options = None
seed = None

# Defined, but for profiles only.
OF_PROFILES = {
    "opentelemetry.proto.common.v1.AnyValue.string_value_strindex",
    "opentelemetry.proto.common.v1.KeyValue.key_strindex",
}
# Which attributes of a resource belong to an entity is not said.
OF_ENTITIES = {
    "opentelemetry.proto.resource.v1.Resource.entity_refs",
    "opentelemetry.proto.common.v1.EntityRef.schema_url",
    "opentelemetry.proto.common.v1.EntityRef.type",
    "opentelemetry.proto.common.v1.EntityRef.id_keys",
    "opentelemetry.proto.common.v1.EntityRef.description_keys",
}
# Seldom is something dropped from resources and scopes.
SELDOM = {
    "opentelemetry.proto.resource.v1.Resource.dropped_attributes_count",
    "opentelemetry.proto.common.v1.InstrumentationScope.dropped_attributes_count",
}

MALFORMED_SPANS = {
    "an id in upper case": '{"spanId": "EEE19B7EC3C1B174"}',
    "an id in base64": '{"traceId": "W47/95gDgQPSabYzgT/GDA=="}',
    "an id that is too short": '{"traceId": "eee19b7ec3c1b174"}',
    "a name as in the proto file": '{"trace_state": "a=b"}',
    "an unknown member": '{"colour": "red"}',
    "a member twice": '{"kind": 2, "kind": 2}',
    "an enum by name": '{"kind": "SPAN_KIND_CLIENT"}',
    "a 64-bit integer as a number": '{"startTimeUnixNano": 1}',
    "a 32-bit integer as a string": '{"flags": "1"}',
    "half of a surrogate pair": '{"name": "\\ud800"}',
    "NaN without quotes": '{"attributes": [{"key": "k", "value": {"doubleValue": NaN}}]}',
    "two values": '{"attributes": [{"key": "k", "value": {"intValue": "1", "boolValue": true}}]}',
}


def first_difference(one, other):
    for number, (line, wanted) in enumerate(zip(one.split("\n"), other.split("\n")), 1):
        if line != wanted:
            return f"line {number}: {line[:200]!r}, should be {wanted[:200]!r}"
    return f"{len(one)} characters, should be {len(other)}"


def spans_of(requests):
    """Of each span all that is said of it, by ids: resource, scope, their schemas, and the span, as text."""
    spans = {}
    for request in requests:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                origin = [canonical.text(resource.resource), resource.schema_url, canonical.text(scope.scope)]
                for span in scope.spans:
                    said = "\n".join([*origin, scope.schema_url, canonical.text(span)])
                    spans.setdefault((span.trace_id, span.span_id), []).append(said)
    return spans


class Decoders(unittest.TestCase):
    settings = {"OTEL_ENTITIES": "host{host.id=of%20a%20host}@https://example.test/host"}

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(options.folder) / "requests"
        shutil.rmtree(cls.folder, ignore_errors=True)
        cls.folder.mkdir(parents=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        environment.update(cls.settings)
        command = [options.requests, str(seed), str(cls.folder)]
        made = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, timeout=120, check=True)
        cls.made = int(made.stdout)
        cls.bodies = {form: cls.read(form) for form in ("protobuf", "json", "line")}
        cls.decoded = {form: [cls.decode(form, body) for body, _ in bodies] for form, bodies in cls.bodies.items()}

    @staticmethod
    def decode(form, body):
        """A line of a file is TracesData, whose fields are those of a request."""
        if form == "protobuf":
            return ExportTraceServiceRequest.FromString(body)
        return otlp_json.parse(body, ExportTraceServiceRequest())

    @classmethod
    def read(cls, form):
        """Each request as it came, and what the program makes of it."""
        count = len(list(cls.folder.glob(f"{form}-*.txt")))
        files = [cls.folder / f"{form}-{number}" for number in range(count)]
        return [(file.read_bytes(), file.with_suffix(".txt").read_text()) for file in files]

    def compare(self, form):
        for number, ((_, wanted), message) in enumerate(zip(self.bodies[form], self.decoded[form])):
            found = canonical.text(message)
            if found != wanted:
                self.fail(f"{form} {number} of seed {seed}, {first_difference(found, wanted)}")
            self.assertNotIn("unknown fields", found)

    def test_protobuf_is_decoded_to_the_same(self):
        self.compare("protobuf")

    def test_json_is_decoded_to_the_same(self):
        self.compare("json")

    def test_lines_of_a_file_are_decoded_to_the_same(self):
        self.compare("line")

    def test_protobuf_is_written_as_python_writes_it(self):
        for number, ((body, _), message) in enumerate(zip(self.bodies["protobuf"], self.decoded["protobuf"])):
            self.assertTrue(message.SerializeToString() == body, f"request {number} of seed {seed}")

    def test_all_say_the_same_of_every_span(self):
        wanted = spans_of(self.decoded["protobuf"])
        self.assertEqual(sum(map(len, wanted.values())), self.made)
        for form in ("json", "line"):
            found = spans_of(self.decoded[form])
            self.assertEqual(found.keys(), wanted.keys(), form)
            for ids, said in wanted.items():
                if found[ids] != said:
                    self.fail(f"{form}: span {ids[1].hex()} of seed {seed}, {first_difference(found[ids][0], said[0])}")
        requests = ", ".join(f"{len(bodies)} of {form}" for form, bodies in self.bodies.items())
        print(f"measured: {type(self).__name__}: {self.made} spans in requests: {requests}", flush=True)

    def test_every_field_was_there(self):
        """What was never sent has not been compared."""
        found = {name for message in self.decoded["protobuf"] for name in canonical.fields(message)}
        known = canonical.all_fields(ExportTraceServiceRequest.DESCRIPTOR)
        self.assertEqual(known - found - SELDOM, OF_PROFILES | OF_ENTITIES, f"seed {seed}")

    def test_entities_give_attributes_only(self):
        for message in self.decoded["protobuf"]:
            for each in message.resource_spans:
                ids = [pair.value.string_value for pair in each.resource.attributes if pair.key == "host.id"]
                self.assertEqual(ids, ["of a host"])
                self.assertEqual(len(each.resource.entity_refs), 0)


class NarrowLimits(Decoders):
    """Much is dropped, and text is cut."""

    settings = {
        **Decoders.settings,
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "7",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "3",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "2",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "2",
    }


class JsonReader(unittest.TestCase):
    def test_what_otlp_forbids_is_refused(self):
        self.parse("{}")
        for name, span in MALFORMED_SPANS.items():
            with self.subTest(name), self.assertRaises((otlp_json.Malformed, json_format.ParseError)):
                self.parse(span)

    def parse(self, span):
        text = '{"resourceSpans": [{"scopeSpans": [{"spans": [' + span + "]}]}]}"
        otlp_json.parse(text.encode(), ExportTraceServiceRequest())


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", required=True)
    parser.add_argument("--folder", required=True)
    return parser.parse_known_args()


if __name__ == "__main__":
    options, rest = parse_arguments()
    packages.enter(options.folder, HERE / "requirements.txt")

    import canonical
    import otlp_json
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    seed = int(os.environ.get("REQUESTS_SEED", random.getrandbits(64)))
    print(f"REQUESTS_SEED={seed}", flush=True)
    unittest.main(argv=[sys.argv[0], "--verbose", *rest])
