# SPDX-License-Identifier: Apache-2.0
"""Requests in OTLP's JSON, read by protobuf's own reader of JSON.

OTLP's differs from proto3's JSON: ids are hex instead of base64, enums are numbers and never names. That reader also
takes what OTLP forbids (names as in the proto file) or proto3 writes otherwise (64-bit integers that are numbers):
such requests are refused here.
"""

import base64
import json
import re

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor

_IDS = {"trace_id": 32, "span_id": 16, "parent_span_id": 16}
_LONG = {FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_FIXED64}
_SHORT = {
    FieldDescriptor.TYPE_INT32,
    FieldDescriptor.TYPE_UINT32,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_ENUM,
}


class Malformed(ValueError):
    pass


def _object(pairs):
    """Python's reader would take the last of several members of the same name."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed(f"a member twice: {[name for name, _ in pairs]}")
    return members


def _no_constant(name):
    """NaN and Infinity without quotes are no JSON."""
    raise Malformed(name)


def _id(field, value):
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{_IDS[field.name]}}}", value):
        raise Malformed(f"{field.full_name}: {value!r}")
    return base64.b64encode(bytes.fromhex(value)).decode()


def _value(field, value):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return _message(field.message_type, value)
    if field.type == FieldDescriptor.TYPE_BYTES and field.name in _IDS:
        return _id(field, value)
    if field.type in _LONG and not isinstance(value, str):
        raise Malformed(f"{field.full_name} is no string: {value!r}")
    if field.type in _SHORT and type(value) is not int:
        raise Malformed(f"{field.full_name} is no integer: {value!r}")
    return value


def _message(descriptor, members):
    """The same in proto3's JSON."""
    names = {field.json_name: field for field in descriptor.fields}
    if not isinstance(members, dict) or not members.keys() <= names.keys():
        raise Malformed(f"{descriptor.full_name}: {members!r}"[:500])
    converted = {}
    for name, value in members.items():
        field = names[name]
        converted[name] = [_value(field, each) for each in value] if field.is_repeated else _value(field, value)
    return converted


def parse(text, message):
    """Fills the message. Text that is not UTF-8 raises an error as well."""
    members = json.loads(text.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    return json_format.ParseDict(_message(message.DESCRIPTOR, members), message, max_recursion_depth=200)
