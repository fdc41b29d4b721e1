# SPDX-License-Identifier: MIT
"""TAP, read and written."""
import re
import sys
from dataclasses import dataclass, field

PLAN = re.compile(r"1\.\.(\d+)(?:\s*#\s*skip\S*\s*(?P<reason>.*))?$", re.I)
TEST = re.compile(r"(?P<not>not )?ok\b\s*(?P<number>\d+)?\s*-?\s*"
                  r"(?P<name>[^#]*?)\s*(?:#\s*(?P<directive>\S+)\s*(?P<reason>.*))?$")


@dataclass
class Subtest:
    name: str
    result: str                     # passed, failed, skipped
    notes: list = field(default_factory=list)  # reason, and the comments beside the line


@dataclass
class Report:
    subtests: list
    planned: int = None             # None: no plan
    error: str = ""


def _subtest(match, comments):
    name, reason = match["name"], match["reason"] or ""
    directive = (match["directive"] or "").lower()
    result = "failed" if match["not"] else "passed"
    if directive.startswith("skip"):
        # cmocka 1.1.5 says "not ok 3 # SKIP name", with a name but no reason.
        result, name = "skipped", name or reason
    elif directive == "todo":
        result = "failed"
    elif directive:
        name = f"{name} #{match['directive']} {reason}".strip()
    return Subtest(name or f"number {match['number']}", result, [reason] + comments)


def parse(text):
    """The subtests in a program's output. Comments before a test line (skip reasons) and
    behind it (failures) go with it."""
    report, comments = Report([]), []
    for line in text.splitlines():
        if plan := PLAN.match(line):
            report.planned = (report.planned or 0) + int(plan[1])
            if plan[1] == "0" and plan["reason"] is not None:
                notes = [plan["reason"]] + comments
                report.subtests.append(Subtest("all", "skipped", notes))
                report.planned += 1
        elif test := TEST.match(line):
            report.subtests.append(_subtest(test, comments))
            comments = []
        elif line.startswith("Bail out!"):
            report.error = line
        elif line.startswith("#"):
            comments.append(line[1:].strip())
            if report.subtests and report.subtests[-1].result == "failed":
                report.subtests[-1].notes.append(comments[-1])
    seen = len(report.subtests)
    if report.planned is not None and seen != report.planned and not report.error:
        report.error = f"{report.planned} subtests planned, {seen} seen"
    return report


class Writer:
    """Writes TAP; call finish() at the end."""

    def __init__(self):
        self.count = self.failures = 0

    def result(self, name, problems):
        """One subtest: it passed if there are no problems."""
        self.count += 1
        self.failures += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}")
        for problem in problems:
            for line in str(problem).splitlines():
                print("# " + line)

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}")

    def finish(self):
        """Writes the plan and ends the program. Nothing tested is a failure."""
        if not self.count:
            self.result("something was tested", ["nothing was"])
        print(f"1..{self.count}")
        sys.stdout.flush()
        sys.exit(1 if self.failures else 0)
