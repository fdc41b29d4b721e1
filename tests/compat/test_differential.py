# SPDX-License-Identifier: MIT
"""One program on the classic API, compiled against upstream's headers and against ours,
run with upstream's library and with ours: what it writes must be the same.

differences.txt lists where ours differs on purpose, and why; anything else fails, and so
does a line of that list which is not true (any more).
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tests" / "cli"))
import case                     # noqa: E402
import tap                      # noqa: E402

DIFFERENCES = pathlib.Path(__file__).with_name("differences.txt")
SECONDS = 100
SHOWN = 12                      # problems of one case
SKIPPED = "exit 77"
# Errors of memory and leaks end a process with this.
BROKEN = 99
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite",
            f"--error-exitcode={BROKEN}"]


@dataclass
class Difference:
    case: str
    key: str
    upstream: str               # "*": whatever it does, it must not be relied on
    ours: str
    why: str
    seen: bool = False


@dataclass
class Run:
    """What one program wrote: {case: {key: value}}."""
    name: str
    cases: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)


def read_differences(path=DIFFERENCES):
    """[why] begins a section; in it: CASE | FUNCTION LABEL | upstream | ours."""
    rows, why = [], ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            why = line.strip("[]")
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 4 or not why:
            raise SystemExit(f"{path.name}:{number}: not CASE | CALL | upstream | ours")
        rows.append(Difference(*parts, why))
    return rows


def parse(run, text, library):
    lines, current = {}, None
    for line in text.splitlines():
        if line.startswith("== "):
            current = lines[line[3:]] = {}
            continue
        key, equals, value = line.partition(" = ")
        if not equals:
            run.problems.append(f"no line of ours: {line!r}")
        elif current is None:
            if not os.path.samefile(value, library):
                run.problems.append(f"{key} is {value}, wanted {library}")
        elif key in current:
            run.problems.append(f"twice: {key}")
        else:
            current[key] = value
    run.cases = lines
    if not lines:
        run.problems.append("no case was run")


def run_client(name, client, library, prefix=(), slow=1):
    """Runs it in this namespace; each case makes its own."""
    leaks = "1" if "upstream library" not in name else "0"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent),
                   "COMPAT_SLOW": str(slow), "TZ": "UTC",
                   "ASAN_OPTIONS": f"detect_leaks={leaks}:exitcode={BROKEN}",
                   "UBSAN_OPTIONS": f"exitcode={BROKEN}:halt_on_error=1"}
    run = Run(name)
    try:
        done = subprocess.run([*prefix, str(client)], env=environment, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True,
                              errors="replace", timeout=SECONDS)
    except subprocess.TimeoutExpired:
        run.problems.append(f"no end after {SECONDS} s")
        return run
    parse(run, done.stdout, library)
    if done.returncode:
        run.problems.append(f"exit status {done.returncode}: {done.stderr[-3000:]}")
    run.stderr = done.stderr
    return run
