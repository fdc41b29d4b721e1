# SPDX-License-Identifier: MIT
"""Runs a lint program on a small tree of files, and tells which of its rules failed."""
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402


def plant(folder, files):
    """Writes {path: text} below the folder."""
    for name, text in files.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(tool, *args):
    """(names of the subtests that failed, the whole output, the exit status)"""
    done = subprocess.run([sys.executable, str(ROOT / "tools" / tool), *map(str, args)],
                          capture_output=True, text=True)
    report = tap.parse(done.stdout)
    failed = [test.name for test in report.subtests if test.result == "failed"]
    return failed, done.stdout + done.stderr, done.returncode


def expect(writer, title, outcome, failed, words):
    """One subtest: the lint failed in `failed` alone and said `words`, or, if `failed` is
    None, passed."""
    found, output, status = outcome
    problems = []
    if found != ([failed] if failed else []):
        problems.append(f"failed: {found}, wanted: {failed}")
    if bool(status) != bool(failed):
        problems.append(f"exit status {status}")
    if words not in output:
        problems.append(f"does not say: {words}")
    writer.result(title, problems and [*problems, output])


def temporary():
    return tempfile.TemporaryDirectory(prefix="nfqueue-lint-")
