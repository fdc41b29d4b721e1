# SPDX-License-Identifier: MIT
"""Test functions, each in namespaces of its own and within its time, as TAP.

    @case("drop drops")
    def _():
        ...
    main()

Arguments: PROGRAM [--sanitized] [--user] [--source DIR] [-k PATTERN]
--user: in user namespaces too, where a container's root is.
"""
import argparse
import ctypes
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import tap  # noqa: E402

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1

cases = []
libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    """What must hold does not."""


class Skip(Exception):
    """This machine cannot show it."""


class Arguments:
    """Of the command line: program, sanitized, user, source, k."""


def case(title, seconds=20, net=True):
    """Registers a test. `net`: it gets a network of its own, with lo up."""
    def register(function):
        cases.append((title, function, seconds, net))
        return function
    return register


def need(condition, *words):
    if not condition:
        raise Failure(" ".join(str(word) for word in words))


def same(seen, expected, what):
    need(seen == expected, f"{what}: {seen!r}, expected {expected!r}")


def slow(seconds):
    """Times are longer under a sanitizer."""
    return seconds * (4 if Arguments.sanitized else 1)


def until(condition, seconds, what):
    """Waits until the condition holds. Returns what it returned."""
    end = time.monotonic() + slow(seconds)
    while True:
        value = condition()
        if value:
            return value
        need(time.monotonic() < end, f"not within {seconds} s: {what}")
        time.sleep(0.01)


def sh(command, check=True):
    """Runs a shell command; returns what it wrote."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True,
                          timeout=20, stdin=subprocess.DEVNULL)
    need(done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def is_real_root():
    """Root outside of user namespaces."""
    rows = pathlib.Path("/proc/self/uid_map").read_text().split()
    return os.geteuid() == 0 and rows == ["0", "0", str(2**32 - 1)]


def unshare(flags):
    if libc.unshare(flags) < 0:
        raise Skip("no namespaces here: " + os.strerror(ctypes.get_errno()))


def enter_namespaces():
    if os.geteuid() == 0 and not Arguments.user:
        unshare(CLONE_NEWNET | CLONE_NEWNS)
    else:
        uid, gid = os.geteuid(), os.getegid()
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    sh("mount --make-rprivate / && ip link set lo up")


def run_in_child(function, net):
    """Returns (result, problems)."""
    try:
        if net:
            enter_namespaces()
        function()
    except Failure as failure:
        line = traceback.extract_tb(failure.__traceback__)
        places = [f"{pathlib.Path(row.filename).name}:{row.lineno}" for row in line[1:]]
        return "failed", [str(failure), "at " + ", ".join(places)]
    except Skip as skip:
        return "skipped", [str(skip)]
    except BaseException:
        return "failed", [traceback.format_exc()]
    return "passed", []


def child(function, net, pipe):
    os.setsid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    result = run_in_child(function, net)
    os.write(pipe, json.dumps(result).encode()[:60000])
    os._exit(0)


def read_result(pipe, seconds):
    ready = select.select([pipe], [], [], seconds)[0]
    if not ready:
        return "failed", [f"no end after {seconds} s"]
    text = os.read(pipe, 65536)
    return json.loads(text) if text else ("failed", ["it ended without a result"])


def run_case(function, seconds, net):
    """In a process group of its own, all of which ends with it."""
    pipe, end = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        child(function, net, end)
    os.close(end)
    result = read_result(pipe, slow(seconds))
    os.close(pipe)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--sanitized", action="store_true")
    parser.add_argument("--user", action="store_true")
    parser.add_argument("--source", type=pathlib.Path, default=ROOT)
    parser.add_argument("-k", default="")
    parser.parse_args(namespace=Arguments)
    Arguments.program = Arguments.program.resolve()
    writer = tap.Writer()
    for title, function, seconds, net in cases:
        if not re.search(Arguments.k, title):
            continue
        result, problems = run_case(function, seconds, net)
        if result == "skipped":
            writer.skip(title, problems[0])
        else:
            writer.result(title, problems)
        sys.stdout.flush()
    writer.finish()
