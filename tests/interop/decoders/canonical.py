# SPDX-License-Identifier: Apache-2.0
"""A message as text that says all of it, in one form: what canonical.c writes of the same message."""

import math
import struct

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.unknown_fields import UnknownFieldSet

_KINDS = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_FIXED32: "fixed32",
    FieldDescriptor.TYPE_FIXED64: "fixed64",
    FieldDescriptor.TYPE_SFIXED64: "sfixed64",
    FieldDescriptor.TYPE_ENUM: "enum",
}


def _value(field, value, depth):
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return "{\n" + "".join(_lines(value, depth + 1)) + " " * depth + "}"
    if field.type == FieldDescriptor.TYPE_STRING:
        return "bytes " + value.encode().hex()
    if field.type == FieldDescriptor.TYPE_BYTES:
        return "bytes " + value.hex()
    if field.type == FieldDescriptor.TYPE_BOOL:
        return "bool true" if value else "bool false"
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        return "double nan" if math.isnan(value) else "double " + struct.pack(">d", value).hex()
    return f"{_KINDS[field.type]} {value}"


def _lines(message, depth):
    for field, value in sorted(message.ListFields(), key=lambda each: each[0].number):
        for each in value if field.is_repeated else [value]:
            yield f"{' ' * depth}{field.number} {field.name} {_value(field, each, depth)}\n"
    if len(UnknownFieldSet(message)) > 0:
        yield " " * depth + "and unknown fields\n"


def text(message):
    return "".join(_lines(message, 0))


def fields(message):
    """The full names of all fields that are set in the message and below it, each as often as it is."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            yield field.full_name
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                yield from fields(each)


def all_fields(descriptor, seen=None):
    """The full names of all fields that there may be in a message of this kind and below it."""
    seen = set() if seen is None else seen
    for field in descriptor.fields:
        if field.full_name not in seen:
            seen.add(field.full_name)
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                all_fields(field.message_type, seen)
    return seen
