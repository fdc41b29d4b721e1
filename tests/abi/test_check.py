# SPDX-License-Identifier: MIT
"""tools/check counts what test programs report, and takes no silence for success."""
import contextlib
import io
import re

import lint  # noqa: F401 (finds tools/)
import tap
import testrun

EXPECTED = [("program/needs *", re.compile("no such kernel"))]

# (title, what the program wrote, meson's result, exit status, [passed, failed, skipped])
PROGRAMS = [
    ("passed subtests count one each",
     "1..2\nok 1 - a\nok 2 - b\n", "OK", 0, [2, 0, 0]),
    ("a failed subtest counts as one",
     "1..2\nok 1 - a\nnot ok 2 - b\n# why\n", "ERROR", 1, [1, 1, 0]),
    ("a crash after passed subtests is a failure",
     "1..3\nok 1 - a\n", "ERROR", -6, [1, 1, 0]),
    ("a crash without a plan is a failure", "ok 1 - a\n", "ERROR", -11, [1, 1, 0]),
    ("a crash before any subtest is a failure", "", "ERROR", -11, [0, 1, 0]),
    ("a timeout is a failure", "1..2\nok 1 - a\n", "TIMEOUT", -15, [1, 1, 0]),
    ("fewer subtests than planned are a failure",
     "1..3\nok 1 - a\nok 2 - b\n", "OK", 0, [2, 1, 0]),
    ("bailing out is a failure",
     "ok 1 - a\nBail out! no root\n", "ERROR", 1, [1, 1, 0]),
    ("passed subtests do not hide an exit status",
     "1..1\nok 1 - a\n", "ERROR", 1, [1, 1, 0]),
    ("a program without TAP counts as one", "hello\n", "OK", 0, [1, 0, 0]),
    ("a failed program without TAP counts as one", "boo\n", "FAIL", 1, [0, 1, 0]),
    ("an expected skip is a skip",
     "1..1\nok 1 - needs x # SKIP no such kernel\n", "OK", 0, [0, 0, 1]),
    ("a skip for another reason is a failure",
     "1..1\nok 1 - needs x # SKIP tired\n", "OK", 0, [0, 1, 0]),
    ("a skip of another test is a failure",
     "1..1\nok 1 - b # SKIP no such kernel\n", "OK", 0, [0, 1, 0]),
    ("cmocka's skip is a skip, its reason in the comment before",
     "1..2\nok 1 - a\n# no such kernel\nnot ok 2 # SKIP needs x\n# not ok - t\n",
     "ERROR", 0, [1, 0, 1]),
    ("cmocka's skip does not hide a crash",
     "1..3\n# no such kernel\nnot ok 1 # SKIP needs x\n", "ERROR", -11, [0, 1, 1]),
    ("a program skipped whole needs to be expected", "tired\n", "SKIP", 77, [0, 1, 0]),
    ("a plan of nothing is a skip that needs to be expected",
     "1..0 # SKIP tired\n", "SKIP", 0, [0, 1, 0]),
    ("two groups in one program are added up",
     "1..1\nok 1 - a\n1..1\nok 1 - b\n", "OK", 0, [2, 0, 0]),
]


def main():
    writer = tap.Writer()
    for title, stdout, result, status, wanted in PROGRAMS:
        tally = testrun.Tally(EXPECTED)
        testrun.count_test("asan", {"name": "nfqueue:unit / program", "stdout": stdout,
                                  "result": result, "returncode": status}, tally)
        counts = [tally.passed, len(tally.failed), len(tally.skipped)]
        writer.result(title, [] if counts == wanted else
                      [f"{counts} counted, {wanted} wanted", repr(tally.failed)])
    with contextlib.redirect_stdout(io.StringIO()):
        nothing = testrun.report(testrun.Tally([]))
    writer.result("nothing passed is a failure", [] if nothing == 1 else [str(nothing)])
    writer.finish()


main()
