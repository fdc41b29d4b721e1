# SPDX-License-Identifier: MIT
"""Runs the tests of a build and counts what they report, subtest by subtest."""
import fnmatch
import json
import re
import subprocess
import sys

import builds
import tap

EXPECTED_SKIPS = builds.ROOT / "tests" / "expected-skips"
PROGRESS = re.compile(r"\s*\d+/\d+ ")


class Tally:
    """What was counted, with the failures and skips told in words."""

    def __init__(self, expected):
        self.expected = expected
        self.passed, self.failed, self.skipped = 0, [], []

    def fail(self, name, text):
        self.failed.append((name, text))

    def skip(self, name, notes):
        """Expected if a pattern fits the name and its regex one of the notes."""
        notes = [note for note in notes if note]
        for pattern, reason in self.expected:
            if fnmatch.fnmatchcase(name, pattern) and \
                    any(reason.search(note) for note in notes or [""]):
                self.skipped.append((name, "; ".join(notes)))
                return
        self.fail(name, "skipped, and tests/expected-skips does not expect it.\n"
                  f"Reason given: {'; '.join(notes) or 'none'}\n"
                  "Provide what the test needs, or add a line there that says why not.")


def read_expected_skips():
    """Lines `test-pattern: reason regex`; the pattern is for test/subtest."""
    rows = []
    lines = EXPECTED_SKIPS.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        pattern, separator, reason = line.partition(": ")
        try:
            rows.append((pattern.strip(), re.compile(reason.strip())))
        except re.error as error:
            sys.exit(f"{EXPECTED_SKIPS}:{number}: {error} in the reason: mend the regex")
        if not separator or not reason.strip():
            sys.exit(f"{EXPECTED_SKIPS}:{number}: write `test-pattern: reason regex`")
    return rows


def list_tests(build, suites=None, also=None, pattern=None):
    """The names of a build's tests that are in one of `suites`, and in one of the suites
    `also`, and that the regex `pattern` finds. None: all."""
    command = ["meson", "introspect", "--tests", str(builds.directory(build))]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = []
    for test in json.loads(output):
        member = {suite.split(":")[-1] for suite in test["suite"]}
        wanted = all(not choice or member & set(choice) for choice in (suites, also))
        if wanted and re.search(pattern or "", test["name"]):
            names.append(test["name"])
    return names


def run_tests(build, names, factor):
    """Runs meson test, shows its progress, returns a dict for each test. Time limits are
    multiplied with `factor`."""
    directory = builds.directory(build)
    log = directory / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(directory), "--no-rebuild",
               "--timeout-multiplier", str(factor), *builds.wrapper(build)]
    with subprocess.Popen(command + names, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace", env=builds.test_environment()) as process:
        other = []
        for line in process.stdout:
            if PROGRESS.match(line):
                print(line.rstrip(), flush=True)
            else:
                other.append(line)
    if not log.exists():
        print("".join(other))
        return []
    return [json.loads(line) for line in log.read_text(errors="replace").splitlines()]


def exit_text(test):
    code = test["returncode"]
    text = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
    return f"{test['result'].lower()}, {text}"


def output_tail(test, lines=60):
    """The end of what a failed test wrote."""
    text = test.get("stdout", "").rstrip() + "\n" + test.get("stderr", "").rstrip()
    return "\n".join(text.strip().splitlines()[-lines:])


def count_subtests(build, name, test, report, tally):
    for subtest in report.subtests:
        full = f"{name}/{subtest.name}"
        if subtest.result == "passed":
            tally.passed += 1
        elif subtest.result == "skipped":
            tally.skip(full, subtest.notes)
        else:
            tally.fail(f"{build}: {full}", "\n".join(filter(None, subtest.notes))
                       or output_tail(test))


def count_test(build, test, tally):
    """Adds one test program, by its subtests if it has any."""
    name = test["name"].split(" / ")[-1]
    report = tap.parse(test.get("stdout", ""))
    result = test["result"]
    if not report.subtests:
        if result in ("OK", "EXPECTEDFAIL"):
            tally.passed += 1
        elif result == "SKIP":
            tally.skip(name, output_tail(test).splitlines())
        else:
            tally.fail(f"{build}: {name}", f"{exit_text(test)}\n{output_tail(test)}")
        return
    count_subtests(build, name, test, report, tally)
    failed = any(subtest.result == "failed" for subtest in report.subtests)
    skipped = any(subtest.result == "skipped" for subtest in report.subtests)
    # cmocka 1.1.5 marks skips in a way that meson takes for a failure (tap.py).
    fine = result in ("OK", "SKIP") or (skipped and test["returncode"] == 0
                                        and result in ("FAIL", "ERROR"))
    if report.error or not (fine or failed):
        tally.fail(f"{build}: {name}",
                   f"{report.error or exit_text(test)}\n{output_tail(test)}")


def report(tally):
    for name, reason in tally.skipped:
        print(f"skipped  {name}: {reason}")
    for name, text in tally.failed:
        print(f"FAILED   {name}")
        for line in text.splitlines():
            print(f"         {line}")
    if not tally.passed and not tally.failed:
        print("Nothing was tested: no test has that name or suite. List them with: "
              "meson test -C build-check --list")
    failed, skipped = len(tally.failed), len(tally.skipped)
    print(f"{tally.passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 0 if tally.passed and not failed else 1
