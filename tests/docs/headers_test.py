#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the specification wants users to be told stands in the headers and in docs, where they look for it.

Each entry names a header, what the comment belongs to ("" for the header as a whole), and words that it must hold; or a page
of docs and its words.
"""

import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TOLD = [
    # Users of tracers and spans
    ("api/include/otel/trace.h", "", "Every function may be called from any thread, with any argument, at any time"),
    ("api/include/otel/trace.h", "otel_tracer_enabled", "Ask before each span: the answer changes"),
    ("api/include/otel/trace.h", "otel_span_start", "links known now belong into `options`, since samplers never see later"),
    ("api/include/otel/trace.h", "otel_span_start", "The current context stays as it is"),
    ("api/include/otel/trace.h", "start_time", "for a start in the past only; 0: now"),
    ("api/include/otel/trace.h", "otel_span_add_link", "belong into the start options: samplers never see later ones"),
    ("api/include/otel/trace.h", "otel_span_record_exception", "Prefer otel_span_fail() alone"),
    ("api/include/otel/trace.h", "OTEL_SPAN", "ends it with otel_span_end()"),
    ("api/include/otel/context.h", "otel_span_attach", "the span is ended by otel_span_end()"),
    ("api/include/otel/types.h", "otel_strings", "They cost more than scalars"),
    # Writers of carriers
    ("api/include/otel/propagation.h", "get", "carriers of HTTP headers ignore ASCII case"),
    ("api/include/otel/propagation.h", "set", "replacing an earlier value"),
    ("api/include/otel/propagation.h", "set", "Keep the case of `key`"),
    ("api/include/otel/propagation.h", "otel_propagator_tracecontext", "A tracestate is sent on whole, whatever its length"),
    ("api/include/otel/propagation.h", "key", "Names the `index`-th field of the carrier; false past the last"),
    ("api/include/otel/propagation.h", "otel_propagator_jaeger", "Deprecated in favour of otel_propagator_tracecontext"),
    ("api/include/otel/propagation.h", "otel_propagator_ottrace", "Deprecated in favour of otel_propagator_tracecontext"),
    ("api/include/otel/environment.h", "", "The library starts no processes"),
    ("api/include/otel/environment.h", "", "extract before there are threads that might call setenv()"),
    ("api/include/otel/environment.h", "", "put no secrets into baggage"),
    # Users of old protocols
    ("exporters/include/otel/zipkin.h", "", "which deprecates it: prefer OTLP"),
    ("exporters/include/otel/jaeger.h", "", "no longer has these protocols: prefer OTLP"),
    ("exporters/include/otel/jaeger.h", "otel_jaeger_exporter", "Threads: as every exporter"),
    # Applications
    ("sdk/include/otel/sdk.h", "", "starts one background thread per processor that needs one"),
    ("sdk/include/otel/sdk.h", "", "fork(): the child keeps the parent's context but none of its spans"),
    ("sdk/include/otel/exporter.h", "otel_exporter_ops", "they never overlap each other, and all come from one thread"),
    ("exporters/include/otel/otlp.h", "otel_otlp_exporter", "Threads: as every exporter"),
    ("exporters/include/otel/otlp_file.h", "otel_otlp_file_exporter", "Threads: as every exporter"),
    ("exporters/include/otel/otlp_file.h", "otel_otlp_file_exporter", "Nothing can be told from the order of lines and spans"),
    ("exporters/include/otel/otlp_file.h", "path", "by preference named *.jsonl"),
    ("exporters/include/otel/console.h", "otel_console_exporter", "Threads: as every exporter"),
    ("exporters/include/otel/memory.h", "otel_memory_exporter", "Threads: as every exporter"),
    ("exporters/include/otel/console.h", "", "The format is not specified and may change at any time"),
    ("exporters/include/otel/console.h", "", "for debugging"),
    ("exporters/include/otel/console.h", "", "otel/otlp_file.h"),
]

PAGES = [
    ("concepts.md", "**Names** are few"),
    ("concepts.md", "**One span is one kind of work.**"),
    ("concepts.md", "**End every span.**"),
    ("concepts.md", "ask `otel_span_recording()` before you compute them"),
    ("concepts.md", "leave it alone unless the operation failed"),
    ("concepts.md", "A library says in its documentation which texts to expect"),
    ("concepts.md", "and nowhere else: `otel_sdk_stop()` at the end"),
    ("concepts.md", "Do that on every remote call, sampled or not"),
    ("service-mesh.md", "The child extracts at its start, before there are other threads"),
    ("service-mesh.md", "Give each child an environment of its own"),
    ("service-mesh.md", "An environment is no secret"),
    ("threading.md", "starts one thread for each processor that needs one"),
    ("threading.md", "Recording takes the lock of that one span"),
    ("threading.md", "The child keeps its parent's current context and none of its spans or queue"),
    ("threading.md", "Who must not lose any calls `otel_sdk_flush()`"),
]


def words(comment):
    """The text of a comment in one line."""
    return re.sub(r"\s*\n\s*\*?\s*|\s+", " ", comment)


def comment_of(text, name):
    """The comment behind a struct's member, or else the last one before what is declared."""
    if not name:
        return words(re.findall(r"/\*.*?\*/", text, re.DOTALL)[1])
    behind = re.search(rf"^ .*\b{name}\b.*/\*\*<(.*?)\*/", text, re.MULTILINE)
    declared = re.search(rf"^(?! \*|/\*).*\b{name}\b\)?[ (;{{]", text, re.MULTILINE)
    if behind:
        return words(behind.group(1))
    return words(re.findall(r"/\*.*?\*/", text[: declared.start()], re.DOTALL)[-1]) if declared else ""


def exported():
    """The public names: those with a second underscore, or one at their end, are private."""
    lists = [ROOT / "api" / "symbols.txt", ROOT / "sdk" / "symbols.txt"]
    names = {word for path in lists for word in re.findall(r"\botel_\w+", path.read_text(encoding="utf-8"))}
    return sorted(name for name in names if not name.startswith("otel__") and not name.endswith("_"))


def is_documented(text, name):
    """Whether it is declared in a paragraph that begins with a comment, maybe of several declarations."""
    paragraphs = [p for p in re.split(r"\n\s*\n", text) if re.search(rf"^(?! \*|/\*).*\b{name}\b[(;]", p, re.MULTILINE)]
    return any("/**" in re.split(rf"^(?! \*|/\*).*\b{name}\b[(;]", p, flags=re.MULTILINE)[0] for p in paragraphs)


class Headers(unittest.TestCase):
    def test_what_users_are_told(self):
        for header, name, told in TOLD:
            with self.subTest(header=header, name=name):
                self.assertIn(told, comment_of((ROOT / header).read_text(encoding="utf-8"), name))

    def test_what_the_pages_tell(self):
        for page, told in PAGES:
            with self.subTest(page=page, told=told):
                self.assertIn(told, " ".join((ROOT / "docs" / page).read_text(encoding="utf-8").split()))

    def test_ids_have_no_layout_in_the_headers(self):
        for path in ROOT.glob("*/include/otel/*.h"):
            used = set(re.findall(r"opaque_\[(\d)\](?! OTEL|;)", path.read_text(encoding="utf-8")))
            with self.subTest(header=path.name):
                self.assertLessEqual(used, {"4"})

    def test_a_parent_is_a_context(self):
        for path in ROOT.glob("api/include/otel/*.h"):
            code = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            parents = re.findall(r"^\s*(.*)\bparent\b[ ,);]", code, re.MULTILINE)
            with self.subTest(header=path.name):
                self.assertFalse([p for p in parents if re.search(r"otel_span(_context)? \*$", p)])

    def test_everything_exported_is_documented(self):
        headers = [path.read_text(encoding="utf-8") for path in ROOT.glob("*/include/otel/*.h")]
        for name in exported():
            with self.subTest(name=name):
                self.assertTrue(any(is_documented(text, name) for text in headers))


if __name__ == "__main__":
    unittest.main(argv=sys.argv)
