#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/compliance sees each way in which the tables, the page or the tests may be wrong.

Each test makes a small repository with a build in which all is well, spoils one thing, and reads what is complained of.
"""

import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "compliance"

HEADER = "id\tlevel\trequirement\tstatus\twhere\ttest"
MET = "API-01\tMUST\tTracers have names.\tmet\tsrc/tracer.c:find\tunit/tracer_test:has_a_name"
DEVIATION = "API-02\tMAY\tA <b|c> is `d`.\tdeviation\tNobody wants it.\t"
OPEN = "PROP-W3C-01\tSHOULD\tHeaders travel.\t\t\t"
EXPORTED = "EXP-01\tMUST\tSpans go out.\tmet\tsrc/tracer.c\tbig/export"

SOURCE = "void find(void);\n"
TEST_SOURCE = """\
/* static void commented_out(void **state) {} */
static void has_a_name(void **state) { (void)state; }
static void not_listed(void **state) { (void)state; }
int main(void) {
    const struct CMUnitTest tests[] = { test(has_a_name) /* , test(not_listed) */ };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
"""
CTEST = """\
add_test(unit/tracer_test "${CMAKE_CURRENT_LIST_DIR}/otel_tracer_test")
add_test(big/export "${CMAKE_CURRENT_LIST_DIR}/export" "--all")
"""

RAN = '<testcase name="unit/tracer_test" status="run"><system-out>[       OK ] has_a_name</system-out></testcase>'
EXPORT_RAN = '<testcase name="big/export" status="run"><system-out></system-out></testcase>'
EXPORT_SKIPPED = '<testcase name="big/export" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>'
EXPORT_FAILED = '<testcase name="big/export" status="fail"><failure message=""/></testcase>'


class Compliance(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.write("docs/compliance/areas.tsv", "area\ttitle\tcomplete\nAPI\tThe API\t\nPROP-W3C\tHeaders\t\nEXP\tExporting\t\n")
        self.write("src/tracer.c", SOURCE)
        self.write("tests/unit/tracer_test.c", TEST_SOURCE)
        self.write("tests/big/export.c", TEST_SOURCE)
        self.build("otel_tracer_test", "export")
        self.write("build/dev/CTestTestfile.cmake", CTEST)
        self.tables(MET, DEVIATION, OPEN)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def build(self, *programs):
        """ctest tells the command of a test only when its program is there."""
        for program in programs:
            Path(self.write(f"build/dev/{program}", "")).chmod(0o755)

    def tables(self, *rows, exported=EXPORTED):
        """Writes the tables, and the page that they give where they can be read."""
        self.write("docs/compliance/trace.tsv", "\n".join([HEADER, *rows, ""]))
        self.write("docs/compliance/export.tsv", "\n".join([HEADER, exported, ""]))
        self.run_tool()

    def run_tool(self, *arguments, stdout=subprocess.PIPE):
        command = [sys.executable, "-B", str(TOOL), "--root", str(self.root), *arguments]
        return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)

    def complaints(self, *arguments):
        ran = self.run_tool("--check", *arguments)
        complaints = ran.stderr.splitlines()
        self.assertEqual(ran.returncode, 1 if complaints else 0, ran.stderr)
        return complaints

    def spoiled(self, row, old, new, *arguments):
        """What is complained of when the row, the first of its table, has `new` where `old` was."""
        self.assertIn(old, row)
        self.tables(row.replace(old, new), OPEN)
        return self.complaints(*arguments)

    def results(self, *cases):
        return "--results", self.write("tests.xml", f'<?xml version="1.0"?><testsuite>{"".join(cases)}</testsuite>')

    def expect(self, complaints, *wanted):
        self.assertEqual(complaints, list(wanted))

    def expect_of_api_01(self, complaints, wanted):
        self.expect(complaints, f"docs/compliance/trace.tsv:2: API-01: {wanted}")


class Page(Compliance):
    def test_all_is_well(self):
        self.expect(self.complaints())
        self.expect(self.complaints(*self.results(RAN, EXPORT_RAN)))

    def test_the_page_has_counts_and_rows(self):
        page = (self.root / "COMPLIANCE.md").read_text(encoding="utf-8")
        self.assertIn("\n| [The API](#the-api-api) | API | 1 | 1 | 0 | 2 |\n", page)
        self.assertIn("\n| **all** |  | **2** | **1** | **1** | **4** |\n", page)
        self.assertIn("\n## Headers (PROP-W3C)\n", page)
        self.assertIn(
            "\n| API-01 | MUST | Tracers have names. | met | [src/tracer.c](src/tracer.c) `find` "
            "| `unit/tracer_test`: `has_a_name` |\n",
            page,
        )
        self.assertIn("\n| API-02 | MAY | A \\<b\\|c\\> is \\`d\\`. | deviation | Nobody wants it. |  |\n", page)
        self.assertIn("\n| PROP-W3C-01 | SHOULD | Headers travel. | not yet |  |  |\n", page)

    def test_what_was_written_is_told(self):
        told = self.run_tool().stdout.splitlines()
        self.assertEqual(told[0], "COMPLIANCE.md: 2 met, 1 deviation, 1 not yet, 4 in all")
        self.assertEqual(told[1], "  MUST: 2 met, 0 deviation, 0 not yet, 2 in all")
        self.assertEqual(told[3], "  MAY: 0 met, 1 deviation, 0 not yet, 1 in all")

    def test_a_reader_that_has_gone_is_no_mistake(self):
        """As `./dev compliance | head -1` has it."""
        reader, writer = os.pipe()
        os.close(reader)
        ran = self.run_tool(stdout=writer)
        os.close(writer)
        self.assertEqual((ran.returncode, ran.stderr), (-signal.SIGPIPE, ""))

    def test_a_page_of_other_tables(self):
        self.write("docs/compliance/trace.tsv", "\n".join([HEADER, MET, OPEN, ""]))
        self.expect(self.complaints(), "COMPLIANCE.md: not what the tables give; ./dev compliance writes it")

    def test_a_missing_page(self):
        (self.root / "COMPLIANCE.md").unlink()
        self.expect(self.complaints(), "COMPLIANCE.md: not what the tables give; ./dev compliance writes it")

    def test_a_check_writes_nothing(self):
        self.write("COMPLIANCE.md", "changed")
        self.complaints()
        self.assertEqual((self.root / "COMPLIANCE.md").read_text(encoding="utf-8"), "changed")


class Tables(Compliance):
    def test_a_duplicated_id(self):
        self.tables(MET, DEVIATION, MET)
        wanted = "docs/compliance/trace.tsv:4: API-01: the id is that of docs/compliance/trace.tsv:2 too"
        self.expect(self.complaints(), wanted)

    def test_a_duplicated_id_in_the_other_table(self):
        self.tables(MET, exported=MET)
        wanted = "docs/compliance/export.tsv:2: API-01: the id is that of docs/compliance/trace.tsv:2 too"
        self.expect(self.complaints(), wanted)

    def test_an_unknown_status(self):
        self.expect_of_api_01(
            self.spoiled(MET, "\tmet\t", "\tdone\t"),
            "the status 'done' is neither met nor deviation nor empty",
        )

    def test_an_unknown_level(self):
        self.expect_of_api_01(self.spoiled(MET, "MUST", "must"), "the level 'must' is none of MUST, SHOULD, MAY, DEV")

    def test_an_unknown_area(self):
        self.expect(
            self.spoiled(MET, "API-01", "APE-01"),
            "docs/compliance/trace.tsv:2: APE-01: docs/compliance/areas.tsv has no area APE",
        )

    def test_an_empty_requirement(self):
        self.expect(
            self.spoiled(DEVIATION, "A <b|c> is `d`.", ""), "docs/compliance/trace.tsv:2: API-02: no requirement"
        )

    def test_met_without_a_file(self):
        self.expect_of_api_01(self.spoiled(MET, "src/tracer.c:find", ""), "met, but no file is named")

    def test_met_without_a_test(self):
        self.expect_of_api_01(self.spoiled(MET, "unit/tracer_test:has_a_name", ""), "met, but no test is named")

    def test_a_deviation_without_a_reason(self):
        self.expect(
            self.spoiled(DEVIATION, "Nobody wants it.", ""),
            "docs/compliance/trace.tsv:2: API-02: a deviation without a reason",
        )

    def test_a_test_without_a_status(self):
        self.expect_of_api_01(self.spoiled(MET, "\tmet\t", "\t\t"), "no status, yet a file or a test")

    def test_a_missing_column(self):
        self.expect(self.spoiled(MET, "MUST\t", ""), "docs/compliance/trace.tsv:2: 5 columns, not 6")

    def test_another_header(self):
        self.write("docs/compliance/export.tsv", EXPORTED + "\n")
        self.expect(
            self.complaints(),
            "docs/compliance/export.tsv:1: the columns are not id, level, requirement, status, where, test",
        )

    def test_a_missing_table(self):
        (self.root / "docs/compliance/export.tsv").unlink()
        self.expect(self.complaints(), "docs/compliance/export.tsv: No such file or directory")

    def test_an_area_that_must_be_complete(self):
        self.expect(self.complaints("--areas", "API,EXP"))
        self.expect(
            self.complaints("--areas", "API,PROP-W3C"),
            "docs/compliance/trace.tsv:4: PROP-W3C-01: no status, and the area PROP-W3C is to be complete",
        )

    def test_an_area_that_is_marked_as_complete(self):
        marked = "area\ttitle\tcomplete\nAPI\tThe API\tall\nPROP-W3C\tHeaders\t{}\nEXP\tExporting\t\n"
        self.write("docs/compliance/areas.tsv", marked.format("0"))
        self.expect(self.complaints())
        for mark in ("1", "all"):
            self.write("docs/compliance/areas.tsv", marked.format(mark))
            self.expect(
                self.complaints(),
                "docs/compliance/trace.tsv:4: PROP-W3C-01: no status, and the area PROP-W3C is to be complete",
            )

    def test_an_area_that_is_not_there(self):
        self.expect(self.complaints("--areas", "PROP"), "docs/compliance/areas.tsv: there is no area PROP")


class Evidence(Compliance):
    def test_a_file_that_is_not_there(self):
        self.expect_of_api_01(
            self.spoiled(MET, "src/tracer.c:find", "src/tracer.c:find, src/gone.c"),
            "there is no file src/gone.c",
        )

    def test_a_name_that_is_not_in_the_file(self):
        self.expect_of_api_01(self.spoiled(MET, ":find", ":fin"), "src/tracer.c has no fin")

    def test_a_test_that_ctest_does_not_know(self):
        self.expect_of_api_01(
            self.spoiled(MET, "unit/tracer_test:", "unit/trace_test:"),
            "there is no test unit/trace_test",
        )

    def test_every_test_of_a_row_must_be_there(self):
        self.expect_of_api_01(self.spoiled(MET, "has_a_name", "has_a_name, big/gone"), "there is no test big/gone")

    def test_a_test_of_a_deviation_must_be_there(self):
        self.expect(
            self.spoiled(DEVIATION, "it.\t", "it.\tunit/gone"),
            "docs/compliance/trace.tsv:2: API-02: there is no test unit/gone",
        )

    def test_a_function_that_is_not_there(self):
        self.expect_of_api_01(
            self.spoiled(MET, "has_a_name", "has_a_nam"),
            "unit/tracer_test has no function has_a_nam",
        )

    def test_a_function_in_a_comment(self):
        self.expect_of_api_01(
            self.spoiled(MET, "has_a_name", "commented_out"),
            "unit/tracer_test has no function commented_out",
        )

    def test_a_function_that_main_does_not_list(self):
        self.expect_of_api_01(
            self.spoiled(MET, "has_a_name", "not_listed"),
            "unit/tracer_test does not run its function not_listed",
        )

    def test_a_source_in_a_folder_below_that_is_named_like_the_program(self):
        self.write("tests/guarantees/deep/soak.c", TEST_SOURCE)
        self.build("soak")
        short = 'add_test(guarantees/soak_short "${CMAKE_CURRENT_LIST_DIR}/soak" "--short")\n'
        self.write("build/dev/CTestTestfile.cmake", CTEST + short)
        self.expect(self.spoiled(MET, "unit/tracer_test", "guarantees/soak_short"))
        self.expect_of_api_01(
            self.spoiled(MET, "unit/tracer_test:has_a_name", "guarantees/soak_short:gone"),
            "guarantees/soak_short has no function gone",
        )

    def test_a_program_without_a_source(self):
        self.write("build/dev/CTestTestfile.cmake", CTEST + 'add_test(interop/jaeger "/bin/sh" "jaeger")\n')
        self.expect(self.spoiled(MET, "unit/tracer_test:has_a_name", "interop/jaeger"))
        self.expect_of_api_01(
            self.spoiled(MET, "unit/tracer_test", "interop/jaeger"),
            "the source of interop/jaeger was not found below tests/",
        )

    def test_a_folder_that_is_no_build(self):
        complaints = self.complaints("--build", str(self.root / "src"))
        self.expect(complaints, f"{self.root}/src: ctest finds no tests there; ./dev build dev makes them")


class Outcomes(Compliance):
    AT = "docs/compliance/trace.tsv:2: API-01: unit/tracer_test:has_a_name"

    def outcome(self, case):
        return self.complaints(*self.results(case, EXPORT_RAN))

    def test_a_test_that_did_not_run(self):
        self.expect(self.outcome(""), f"{self.AT} did not run")
        missing = RAN.replace('"run">', '"notrun"><skipped message="Unable to find it"/>')
        self.expect(self.outcome(missing), f"{self.AT} did not run")

    def test_a_test_that_was_skipped(self):
        skipped = EXPORT_SKIPPED.replace("big/export", "unit/tracer_test")
        self.expect(self.outcome(skipped), f"{self.AT} was skipped")

    def test_a_test_that_failed(self):
        failed = EXPORT_FAILED.replace("big/export", "unit/tracer_test")
        self.expect(self.outcome(failed), f"{self.AT} failed")
        self.expect(self.outcome(failed + RAN), f"{self.AT} failed")

    def test_a_function_that_did_not_run(self):
        self.expect(self.outcome(RAN.replace("has_a_name", "has_a_name_of_its_own")), f"{self.AT} did not run")

    def test_a_function_that_was_skipped(self):
        self.expect(self.outcome(RAN.replace("     OK", "SKIPPED")), f"{self.AT} was skipped")

    def test_a_function_that_failed(self):
        self.expect(self.outcome(RAN.replace("     OK", " FAILED")), f"{self.AT} failed")

    def test_the_program_answers_for_a_function_when_output_was_shortened(self):
        cut = RAN.replace("[       OK ] has_a_name", "[This part of the test output was removed since ...]")
        self.expect(self.outcome(cut))

    def test_another_file_may_have_what_one_lacks(self):
        one = self.write("one.xml", f"<testsuite>{RAN}</testsuite>")
        other = self.write("other.xml", f"<testsuite>{EXPORT_RAN}</testsuite>")
        self.expect(self.complaints("--results", one, other))

    def test_what_cannot_run_everywhere_needs_another_test_beside_it(self):
        at = "docs/compliance/export.tsv:2: EXP-01: big/export"
        self.expect(self.complaints(*self.results(RAN, EXPORT_SKIPPED)), f"{at} was skipped")
        self.tables(MET, exported=EXPORTED + ", unit/tracer_test")
        self.expect(self.complaints(*self.results(RAN, EXPORT_SKIPPED)))
        self.expect(self.complaints(*self.results(RAN, EXPORT_FAILED)), f"{at} failed")

    def test_results_that_are_none(self):
        complaints = self.complaints("--results", str(self.root / "gone.xml"))
        self.assertEqual(len(complaints), 1)
        self.assertIn("gone.xml: no results of ctest", complaints[0])
        self.assertIn("no results of ctest", self.complaints("--results", self.write("broken.xml", "<testsuite>"))[0])


if __name__ == "__main__":
    unittest.main()
