# SPDX-License-Identifier: MIT
"""nfqueue check: the errors of a policy, with their place."""
import pathlib
import tempfile

from case import case, main, need, same
from program import as_ordinary_user, nfqueue

GOOD = """\
# a policy
queue input if udp port 53 or tcp port 23
drop if tcp dst port 23
mark 7 if udp
log "a # b" if udp
accept
"""
BAD = """\
queue input
drop if tcp dst port x23
accept

mark 99999999999 if udp
"""


folder = tempfile.TemporaryDirectory(prefix="nfqueue-cli-")


def write(text, name="policy.nfq"):
    path = pathlib.Path(folder.name) / name
    path.write_text(text)
    return str(path)


@case("a good policy: exit status 0, and what is in it", net=False)
def _():
    path = write(GOOD)
    done = nfqueue("check", path)
    same(done.returncode, 0, done.stderr)
    need(f"{path}: 4 rules, 1 queue lines" in done.stdout, done.stdout)
    same(done.stderr, "", "standard error")


@case("flow verdicts are told of, unless they are never reached", net=False)
def _():
    path = write("flow-accept after 3 if tcp\nflow-drop\n")
    same(nfqueue("check", path).stdout,
         f"{path}: 2 rules, 0 queue lines, copy range 128 bytes, flow verdicts\n",
         "a policy with them")
    path = write("accept\nflow-drop after 3\n")
    same(nfqueue("check", path).stdout,
         f"{path}: 2 rules, 0 queue lines, copy range 1 bytes\n",
         "a policy without")


@case("bad lines: exit status 1, and each with file, line and column", net=False)
def _():
    path = write(BAD)
    done = nfqueue("check", path)
    same(done.returncode, 1, "exit status")
    need(f"{path}:2:22: " in done.stderr, done.stderr)
    need(f"{path}:5:6: " in done.stderr, done.stderr)
    need("\n    drop if tcp dst port x23\n" + " " * 25 + "^" in done.stderr,
         done.stderr)


@case("standard input is '-'", net=False)
def _():
    same(nfqueue("check", "-", stdin=GOOD).returncode, 0, "exit status")
    done = nfqueue("check", "-", stdin="accept if\n")
    same(done.returncode, 1, "exit status")
    need(":1:" in done.stderr, done.stderr)


@case("several files: one bad one is enough for exit status 1, all are read", net=False)
def _():
    good, bad, missing = write(GOOD), write(BAD, "bad.nfq"), "/nonexistent/policy.nfq"
    done = nfqueue("check", bad, missing, good)
    same(done.returncode, 1, "exit status")
    need(f"{good}: 4 rules" in done.stdout, done.stdout)
    need(f"{missing}: cannot read it: No such file" in done.stderr, done.stderr)


@case("a folder, an empty file and one of zeros do not confuse it", net=False)
def _():
    done = nfqueue("check", "/")
    same(done.returncode, 1, "exit status for a folder")
    need("/: cannot read it: Is a directory" in done.stderr, done.stderr)
    same(nfqueue("check", "/dev/null").returncode, 0, "exit status for an empty file")
    same(nfqueue("check", write("\0" * 5000)).returncode, 1, "exit status for zeros")


@case("a rule that is never reached is told, and is no error", net=False)
def _():
    path = write("accept\ndrop if udp\n")
    done = nfqueue("check", path)
    same(done.returncode, 0, "exit status")
    need(f"{path}:2: warning: never reached" in done.stderr, done.stderr)


@case("it needs no privilege")
def _():
    same(as_ordinary_user("check", "-", stdin=GOOD).returncode, 0, "exit status")


main()
