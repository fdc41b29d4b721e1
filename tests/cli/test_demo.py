# SPDX-License-Identifier: MIT
"""nfqueue demo: what a newcomer runs first, as root and as anybody."""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import time

from case import Arguments, case, is_real_root, main, need, same, sh, slow, until
from program import NOBODY, UNPRIVILEGED, Stream, as_ordinary_user, nfqueue

SECONDS_MAX = 10
EXIT_FAILED, EXIT_PRIVILEGE = 1, 4
SECTIONS = {"What the clients met": 10, "Packets, rule by rule": 7,
            "When it had ended": 5}
POLICY = ["queue input", "drop if tcp dst port 23", "mark 7 if udp dst port 53",
          "drop if udp dst port 9", "accept"]


def timed(run, *args, **kwargs):
    start = time.monotonic()
    done = run("demo", *args, seconds=2 * SECONDS_MAX, **kwargs)
    took = time.monotonic() - start
    need(took < slow(SECONDS_MAX), f"it took {took:.1f} s")
    return done


def complete(text):
    """The policy first, then every row of the table, then the conclusion."""
    place = -1
    for line in POLICY:
        found = text.find(f"\n  {line}", place + 1)
        need(found > place, f"the policy's '{line}' is missing in:", text)
        place = found
    for section in SECTIONS:
        found = text.find(f"\n{section} ", place)
        need(found > place, f"the section '{section}' is missing in:", text)
        place = found
    rows = re.findall(r"^  \S.* (ok|WRONG|not checked: .*)$", text, re.M)
    same(len(rows), sum(SECTIONS.values()), "rows of the table")
    need("WRONG" not in rows, text)
    last = text.splitlines()[-1]
    need(re.fullmatch(r"All \d+ checks hold: [\d,]+ packets accepted, 20 marked and "
                      r"accepted, \d+ dropped in \d+\.\d s.*\.", last), last)


def complete_json(text):
    result = json.loads(text)
    need(result["ok"] is True, result)
    checks = result["checks"]
    same({section: sum(row["section"] == section for row in checks)
          for section in SECTIONS}, SECTIONS, "rows of the sections")
    for row in checks:
        need(row["ok"] is None and row["not_checked"] or
             row["ok"] is True and row["expected"] == row["seen"], row)
    same(result["marked"], 20, "marked")
    need(result["dropped"] >= 22 and result["accepted"] > 20, result)


def user_namespaces():
    """Whether somebody without privilege may make them."""
    prefix = NOBODY if is_real_root() else UNPRIVILEGED
    return subprocess.run([*prefix, "unshare", "-Urn", "true"],
                          capture_output=True).returncode == 0


@case("as root: every check holds, the table is complete, nothing is left")
def _():
    before = sh("ip -o link; nft list ruleset")
    done = timed(nfqueue)
    same(done.returncode, 0, done.stdout + done.stderr)
    complete(done.stdout)
    same(done.stderr, "", "standard error")
    same(sh("ip -o link; nft list ruleset"), before, "links and rules")


@case("as root, --json: one object, every check holds")
def _():
    done = timed(nfqueue, "--json")
    same(done.returncode, 0, done.stdout + done.stderr)
    complete_json(done.stdout)
    same(done.stdout.count("\n"), 1, "lines")


@case("as an ordinary user: the same, or what forbids it and what to do")
def _():
    done = timed(as_ordinary_user)
    if user_namespaces():
        same(done.returncode, 0, done.stdout + done.stderr)
        complete(done.stdout)
        complete_json(timed(as_ordinary_user, "--json").stdout)
    else:
        same(done.returncode, EXIT_PRIVILEGE, done.stderr)
        need("as root" in done.stderr, done.stderr)


@case("where user namespaces are forbidden: exit status 4, the sysctl and the way out")
def _():
    forbid = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'
    done = timed(nfqueue, prefix=["unshare", "-Ur", "sh", "-c", forbid, "sh",
                                  *UNPRIVILEGED])
    same(done.returncode, EXIT_PRIVILEGE, done.stderr)
    need("sysctl -w user.max_user_namespaces=" in done.stderr, done.stderr)
    need("as root" in done.stderr, done.stderr)


@case("without the ip command: exit status 1, and the package's name")
def _():
    for folder in ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"):
        if os.path.exists(f"{folder}/ip"):
            sh(f"mount --bind /dev/null {folder}/ip")
    done = timed(nfqueue, env={"PATH": "/usr/bin:/bin"})
    same(done.returncode, EXIT_FAILED, done.stderr)
    need("install iproute2" in done.stderr, done.stderr)


def on_terminal(**env):
    master, slave = pty.openpty()
    stream = Stream(master)
    done = subprocess.run([str(Arguments.program), "demo"], stdout=slave,
                          env={**os.environ, **env}, timeout=slow(SECONDS_MAX))
    os.close(slave)
    same(done.returncode, 0, "exit status")
    until(lambda: "checks hold" in stream.text, 2, "the conclusion")
    return stream.text


@case("it has colour on a terminal only, and not with NO_COLOR")
def _():
    need("\x1b[32mok\x1b[0m" in on_terminal(), "no colour on a terminal")
    need("\x1b" not in on_terminal(NO_COLOR="1"), "colour with NO_COLOR")
    need("\x1b" not in nfqueue("demo").stdout, "colour in a pipe")


@case("interrupted: it says so, ends soon, and no process is left")
def _():
    for wait in (0, 0.2, 0.6, 1):
        process = subprocess.Popen([str(Arguments.program), "demo"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        until(lambda: pathlib.Path(f"/proc/{process.pid}/cmdline").read_text() or
              process.poll() is not None, 2, "it runs")
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=slow(5))
        need(process.returncode in (0, 1, -signal.SIGINT), process.returncode, err)
        need(process.returncode != 1 or "interrupted" in err, err, out)
    same(sh("pgrep -s 0 -x nfqueue || true"), "", "processes")


main()
