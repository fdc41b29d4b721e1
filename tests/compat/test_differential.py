# SPDX-License-Identifier: MIT
"""One program on the classic API, compiled against upstream's headers and against ours,
run with upstream's library and with ours: what it writes must be the same.

differences.txt lists where ours differs on purpose, and why; anything else fails, and so
does a line of that list which is not true any more.
"""
import argparse
import collections
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(0, str(ROOT / "tests" / "cli"))
import case                     # noqa: E402
import tap                      # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
DIFFERENCES = HERE / "differences.txt"
GOLDEN = HERE / "newer.txt"
SECONDS = 200
SHOWN = 12                      # problems of one case
SKIPPED = "exit 77"
MISSING = "-"                   # it did not get there
# Errors of memory and leaks end a process so.
BROKEN = 99
VALGRIND = ["valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite",
            f"--error-exitcode={BROKEN}"]
# These return nothing, and change nothing that can be seen.
ALWAYS_THE_SAME = {"pktb_free", "pktb_head_size"}


@dataclass
class Difference:
    """The call is a pattern, and so is what it gives: see differences.txt."""
    case: str
    call: str
    upstream: str
    ours: str
    used: bool = False

    def is_about(self, name, call):
        return matches(name, self.case) and matches(call, self.call)

    def is_so(self, upstream, ours):
        return matches(upstream, self.upstream) and matches(ours, self.ours)

    def __str__(self):
        return f"{self.case} | {self.call} | {self.upstream} | {self.ours}"


@dataclass
class Run:
    """What one program wrote: {case: {call: value}}."""
    cases: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)


def matches(text, pattern):
    return fnmatch.fnmatchcase(text, pattern)


def read_differences(path):
    rows, why = [], False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("["):
            why = True
        elif line and not line.startswith("#"):
            parts = [part.strip() for part in line.split(" | ")]
            if len(parts) != 4 or not why:
                sys.exit(f"{path.name}:{number}: not CASE | CALL | upstream | ours")
            rows.append(Difference(*parts))
    return rows


# --- running ------------------------------------------------------------------------

def parse(text, library):
    run, calls = Run(), None
    for line in text.splitlines():
        call, equals, value = line.partition(" = ")
        if line.startswith("== "):
            calls = run.cases[line[3:]] = {}
        elif not equals:
            run.problems.append(f"no line of ours: {line!r}")
        elif calls is None:
            if not os.path.samefile(value, library):
                run.problems.append(f"it runs with {value}, not {library}")
        elif call in calls:
            run.problems.append(f"twice: {call}")
        else:
            calls[call] = value
    if not run.cases:
        run.problems.append("it ran no case")
    return run


def bad_ends(run):
    for name, calls in run.cases.items():
        for call, value in calls.items():
            if re.search(r"(^|: )end$", call) and value not in ("exit 0", SKIPPED):
                yield f"{name}: {call} = {value}"


def run_client(client, library, prefix=(), checked=False):
    """All cases; each makes a network of its own, and has a process of its own. What is
    `checked` for errors of memory is slow, and does not crash."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(library.parent), "TZ": "UTC",
                   "ASAN_OPTIONS": f"exitcode={BROKEN}:allocator_may_return_null=1",
                   "LSAN_OPTIONS": f"exitcode={BROKEN}",
                   "UBSAN_OPTIONS": f"exitcode={BROKEN}:print_stacktrace=1"}
    if checked:
        environment |= {"COMPAT_SLOW": "10", "COMPAT_ONE_PROCESS": "1"}
    done = subprocess.run([*prefix, str(client)], env=environment, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          errors="replace", timeout=SECONDS)
    run = parse(done.stdout, library)
    if done.returncode:
        run.problems.append(f"exit status {done.returncode}")
    if checked:
        run.problems += bad_ends(run)
    if run.problems:
        run.problems += done.stderr.splitlines()[:SHOWN * 4]
    return run


def run_all(arguments):
    """{(headers, library): Run}, two at a time: most of it is waiting. A sanitizer would
    see what upstream does wrong, so it sees our library alone."""
    clients = {"upstream": arguments.upstream_client, "ours": arguments.client}
    libraries = {"upstream": arguments.upstream, "ours": arguments.library}
    if arguments.sanitized:
        del libraries["upstream"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = {(headers, name): pool.submit(run_client, client, library,
                                                checked=arguments.sanitized)
                   for headers, client in clients.items()
                   for name, library in libraries.items()}
        return {key: future.result() for key, future in futures.items()}


# --- comparing ----------------------------------------------------------------------

def compare_headers(name, one, other, rows):
    """The same library: the same lines, where the library knows what it does."""
    for call in {**one, **other}:
        values = one.get(call, MISSING), other.get(call, MISSING)
        unsure = any(row.is_about(name, call) and row.upstream == "*" for row in rows)
        if values[0] != values[1] and not unsure:
            yield f"{call}: {values[0]} with upstream's headers, {values[1]} with ours"


def compare_libraries(name, upstream, ours, rows):
    for call in {**upstream, **ours}:
        values = upstream.get(call, MISSING), ours.get(call, MISSING)
        listed = [row for row in rows if row.is_about(name, call) and row.is_so(*values)]
        for row in listed:
            row.used = True
        if values[0] != values[1] and not listed:
            yield f"{call}:"
            yield f"   upstream {values[0]}"
            yield f"   ours     {values[1]}"


def compare_case(writer, name, runs, rows):
    calls = {key: run.cases.get(name, {}) for key, run in runs.items()}
    base = calls.get(("upstream", "upstream"), calls["upstream", "ours"])
    if base.get("end") == SKIPPED:
        writer.skip(name, base.get("SKIP", ""))
        return
    problems = []
    for library in {library for _, library in runs}:
        problems += compare_headers(name, calls["upstream", library],
                                    calls["ours", library], rows)
    for headers in ("upstream", "ours"):
        found = list(compare_libraries(name, base, calls[headers, "ours"], rows))
        problems += [f"{headers} headers:", *found] if found else []
    if len(problems) > SHOWN:
        problems[SHOWN:] = [f"... and {len(problems) - SHOWN} lines more"]
    writer.result(name, problems)


def compare(writer, arguments, runs):
    rows = read_differences(DIFFERENCES)
    names = {name: None for run in runs.values() for name in run.cases}
    for name in names:
        compare_case(writer, name, runs, rows)
    if arguments.sanitized:
        return
    writer.result("each difference that is listed is one",
                  [row for row in rows if not row.used])


# --- what else must hold ------------------------------------------------------------

def symbols(library):
    text = subprocess.run(["nm", "-D", "--defined-only", str(library)], text=True,
                          capture_output=True, check=True).stdout
    # A sanitizer adds its own.
    return {line.split()[-1].split("@")[0] for line in text.splitlines()
            if re.match(r"(nfq|pktb)_", line.split()[-1])}


def values_of(run):
    """{function: the values it was seen to give}."""
    seen = collections.defaultdict(set)
    for calls in run.cases.values():
        for call, value in calls.items():
            seen[call.split()[0]].add(value)
    return seen


def coverage(library, run, without=()):
    """A function that always gives the same shows nothing of itself."""
    seen = values_of(run)
    for symbol in sorted(symbols(library) - set(without)):
        if symbol not in seen:
            yield f"{symbol} is not called"
        elif len(seen[symbol]) < 2 and symbol not in ALWAYS_THE_SAME:
            yield f"{symbol} always gives {seen[symbol].pop()}"


def compare_golden(run, path):
    """For what upstream's library does not have."""
    golden = parse(f"library = {path}\n" + path.read_text(), path)
    for name in {**golden.cases, **run.cases}:
        wanted, seen = golden.cases.get(name, {}), run.cases.get(name, {})
        for call in {**wanted, **seen}:
            if wanted.get(call) != seen.get(call):
                yield f"{name}: {call} = {seen.get(call)}, wanted {wanted.get(call)}"


def check_newer(writer, arguments, upstream):
    run = run_client(arguments.newer, arguments.library, checked=arguments.sanitized)
    writer.result("newer functions give what they should",
                  [*run.problems, *compare_golden(run, GOLDEN)][:SHOWN])
    writer.result("each newer symbol is called, and gives more than one value",
                  list(coverage(arguments.library, run, symbols(upstream))))


def check_valgrind(writer, arguments, plain):
    title = "valgrind finds nothing, and sees the same"
    if not shutil.which("valgrind"):
        writer.skip(title, "no valgrind")
        return
    run = run_client(arguments.client, arguments.library, VALGRIND, checked=True)
    problems = list(run.problems)
    for name, calls in plain.cases.items():
        for call, value in calls.items():
            seen = run.cases.get(name, {}).get(call)
            if seen != value:
                problems.append(f"{name}: {call} = {seen}, without valgrind {value}")
    writer.result(title, problems[:SHOWN * 4])


def main():
    parser = argparse.ArgumentParser()
    for name in ("upstream", "library", "upstream-client", "client", "newer"):
        parser.add_argument("--" + name, type=lambda text: pathlib.Path(text).absolute(),
                            required=True)
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--valgrind", action="store_true",
                        help="nothing but our library under valgrind")
    arguments = parser.parse_args()
    writer = tap.Writer()
    case.Arguments.user = False
    try:
        case.enter_namespaces()
    except case.Skip as skip:
        writer.skip("all", skip)
        writer.finish()
    if arguments.valgrind:
        check_valgrind(writer, arguments,
                       run_client(arguments.client, arguments.library))
        writer.finish()
    runs = run_all(arguments)
    for (headers, library), run in runs.items():
        writer.result(f"{headers} headers, {library} library: it runs", run.problems)
    compare(writer, arguments, runs)
    for library in sorted({library for _, library in runs}):
        writer.result(f"each symbol of 1.0.5 is called, and gives more than one value: "
                      f"{library} library",
                      list(coverage(arguments.upstream, runs["ours", library])))
    check_newer(writer, arguments, arguments.upstream)
    writer.finish()


if __name__ == "__main__":
    main()
