# SPDX-License-Identifier: MIT
"""Programs that exist, unmodified, on the libraries they know: upstream's, and ours.

    @both("it does its job")
    def _(library):
        with Existing(library, 42, "its-name", "-q", "42"):
            ...
    main()

Each case runs twice, in namespaces of its own: on the installed library, which proves the
test, and on ours. Arguments: our LIBRARY, and those of ../cli/case.py.
"""
import argparse
import ctypes
import hashlib
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import case as cases  # noqa: E402
from case import (ROOT, Arguments, CLONE_NEWNET, Skip, need,  # noqa: E402, F401
                  same, sh, slow, until)
from program import Stream  # noqa: E402

NFQNL_COPY_PACKET = 2
UPSTREAM, OURS = "upstream's library", "ours"
QUEUES = pathlib.Path("/proc/thread-self/net/netfilter/nfnetlink_queue")


def both(title, seconds=20):
    """Registers the test for upstream's library and for ours."""
    def register(function):
        for library in (UPSTREAM, OURS):
            cases.case(f"{title}, on {library}", seconds)(
                lambda library=library: function(library))
        return function
    return register


def ours(title, seconds=20):
    """Where no library of upstream's works any more."""
    def register(function):
        cases.case(title, seconds)(lambda: function(OURS))
        return function
    return register


def fetch(url, sha512):
    """(data, why there is none). The checksum vouches for it, not who it comes from: a
    mirror in between may have a certificate of its own."""
    anybody = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(url, timeout=15, context=anybody) as answer:
            data = answer.read(1 << 20)
    except OSError as error:
        return None, f"{url} is not reached: {error}"
    seen = hashlib.sha512(data).hexdigest()
    return (data, "") if seen == sha512 else (None, f"{url} has changed: {seen}")


def need_program(name):
    """Its path. Only Debian has them all."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise Skip(f"{name} is not installed" if shutil.which("dpkg") else
                   f"{name} is no package of this distribution")
    return path


def environment(library):
    clean = {name: value for name, value in os.environ.items()
             if name not in ("LD_LIBRARY_PATH", "LD_PRELOAD")}
    if library == OURS:
        clean["LD_LIBRARY_PATH"] = str(Arguments.program.parent)
    return clean


def queue_row(number):
    """{waiting, copy_mode, lost}, or None if nobody has it."""
    for line in QUEUES.read_text().splitlines():
        row = [int(word) for word in line.split()]
        if row[0] == number:
            return {"waiting": row[2], "copy_mode": row[3], "lost": row[5] + row[6]}
    return None


class Existing:
    """A program, started on one of the libraries; it has its queue and our proof."""

    def __init__(self, library, queue, *command):
        self.library, self.queue = library, queue
        self.process = subprocess.Popen(
            [str(word) for word in command], env=environment(library),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.out = Stream(self.process.stdout.fileno())
        self.wait_ready()
        self.check_loaded()

    def wait_ready(self):
        def ready():
            need(self.process.poll() is None, "it ended:", self.out.text)
            row = queue_row(self.queue)
            return row and row["copy_mode"] == NFQNL_COPY_PACKET
        until(ready, 10, "it has its queue, and gets packets")

    def check_loaded(self):
        """Which library stands in its memory: nothing else, and nothing beside it."""
        rows = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text().splitlines()
        stem = Arguments.program.name.split(".so")[0]
        loaded = {row.split()[-1] for row in rows if f"/{stem}.so" in row}
        need(len(loaded) == 1, "loaded:", loaded)
        ours = pathlib.Path(loaded.pop()).parent == Arguments.program.parent
        same(ours, self.library == OURS, "our library is loaded")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None and self.process.poll() is None:
            self.check_empty()
        self.process.kill()
        self.process.wait(timeout=slow(5))
        if kind is None:
            until(lambda: queue_row(self.queue) is None, 5, "the queue is gone")

    def stop(self, number=signal.SIGTERM):
        """It ends by itself, with nothing waiting. Returns (exit status, its words)."""
        self.check_empty()
        self.process.send_signal(number)
        code = self.process.wait(timeout=slow(5))
        self.out.thread.join(timeout=slow(2))
        return code, self.out.text

    def check_empty(self):
        """Every packet has its verdict, and none was lost."""
        need(self.process.poll() is None, "it ended:", self.out.text)
        until(lambda: queue_row(self.queue)["waiting"] == 0, 5, "the queue is empty")
        same(queue_row(self.queue)["lost"], 0, "packets lost")

    def says(self, text, count=1):
        until(lambda: self.out.text.count(text) >= count, 5,
              f"it says {text!r} {count} times: {self.out.text}")


def rule(match, queue, command="iptables"):
    """rule("OUTPUT -p udp --dport 5000", 42): those wait for a verdict."""
    sh(f"{command} -w -t mangle -A {match} -j NFQUEUE --queue-num {queue}")


class Peer:
    """Another network behind a veth: here `near`, there `far`."""

    def __init__(self):
        self.process = subprocess.Popen(["unshare", "-n", "sleep", "120"])
        self.net = f"/proc/{self.process.pid}/ns/net"
        until(lambda: os.readlink(self.net) != os.readlink("/proc/self/ns/net"), 5,
              "it has a network of its own")
        sh(f"ip link add near type veth peer name far netns {self.process.pid}")
        sh("ip link set near up")
        self.sh("ip link set lo up && ip link set far up")

    def sh(self, command, check=True):
        return sh(f"nsenter -t {self.process.pid} -n sh -c '{command}'", check)

    def socket(self, make):
        """What make() returns, called there: a socket stays where it was made."""
        made = []

        def there():
            with open(self.net) as net:
                if cases.libc.setns(net.fileno(), CLONE_NEWNET) == 0:
                    made.append(make())
        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        need(made, "setns:", os.strerror(ctypes.get_errno()))
        return made[0]


class Prepared:
    """What a test needs besides packages: the folder where it is, or why it is not."""
    folder = reason = None

    @classmethod
    def need(cls):
        if cls.reason:
            raise Skip(cls.reason)
        return cls.folder


def main(prepare=lambda folder, library: ""):
    """As ../cli/case.py has it, with --tool PROGRAM: one that was compiled for the test.
    prepare() says why not; it has the machine's network, which the cases have not."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--tool", type=lambda path: pathlib.Path(path).resolve())
    sys.argv[1:] = parser.parse_known_args(namespace=Arguments)[1]
    with tempfile.TemporaryDirectory(prefix="nfqueue-compat-") as folder:
        Prepared.folder = pathlib.Path(folder)
        Prepared.reason = prepare(Prepared.folder, pathlib.Path(sys.argv[1]).resolve())
        cases.main()
