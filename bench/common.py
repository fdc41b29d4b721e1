# SPDX-License-Identifier: MIT
"""What bench/run and bench/soak share: the namespace, the kernel's counters, the programs
that are measured."""

import collections
import ctypes
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build-bench")).resolve()

QUEUE_TABLE = "/proc/net/netfilter/nfnetlink_queue"
SINK_PORT = 9999
SO_RCVBUFFORCE = 33
SO_ATTACH_FILTER = 26
BUFFER = 64 << 20  # what the subjects ask for, too
PATIENCE_S = 30  # longer than anything here takes


class Failure(Exception):
    """Why there can be no result, in words."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def command(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


# The namespace

def enter_namespaces():
    """Runs the program again, in namespaces of its own."""
    flags = "-nm" if os.geteuid() == 0 else "-Urnm"
    if not shutil.which("unshare"):
        raise Failure("unshare is missing: install util-linux")
    try:
        command("unshare", flags, "true")
    except Failure as failure:
        raise Failure(f"{failure}\nRun it as root, or allow user namespaces: "
                      "sysctl user.max_user_namespaces") from None
    os.execvp("unshare", ["unshare", flags, sys.executable, sys.argv[0], "--inside",
                          *sys.argv[1:]])


def prepare_namespace():
    for tool in ("ip", "iptables"):
        if not shutil.which(tool):
            raise Failure(f"{tool} is missing: install iproute2 and iptables")
    # A network's MTU, not loopback's 64 KiB: what is longer is a GSO packet.
    command("ip", "link", "set", "lo", "mtu", "1500", "up")


def redirect(*matches, balance=0):
    """Local input that matches goes to queue 0, the second match's to queue 1, and so on;
    with `balance`, to so many queues by its addresses. No match: no rule."""
    command("iptables", "-F", "INPUT")
    for queue, match in enumerate(matches):
        target = ["--queue-balance", f"0:{balance - 1}"] if balance else [
            "--queue-num", str(queue)]
        command("iptables", "-A", "INPUT", "-p", *match.split(), "-j", "NFQUEUE", *target)


def track():
    """Has conntrack look at every packet, and nothing else done."""
    command("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j",
            "ACCEPT")


QueueRow = collections.namedtuple(
    "QueueRow", "queue port waiting mode range dropped_full dropped_socket last_id")


def queue_rows():
    """The kernel's table; None in a user namespace, which may not read it."""
    if not os.access(QUEUE_TABLE, os.R_OK):
        return None
    with open(QUEUE_TABLE, encoding="ascii") as table:
        return [QueueRow(*map(int, line.split()[:8])) for line in table]


def queue_row():
    """Queue 0 in the kernel's table; None as above."""
    rows = queue_rows()
    if rows is None:
        return None
    for row in rows:
        if row.queue == 0:
            return row
    raise Failure("queue 0 is gone: its reader ended")


def met_rule():
    """How many packets the rule sent to the queue."""
    listing = command("iptables", "-L", "INPUT", "-v", "-x", "-n")
    return sum(int(line.split()[0]) for line in listing.splitlines() if "NFQUEUE" in line)


def snmp(protocol):
    """The kernel's counters of "Udp" or "Tcp"."""
    with open("/proc/net/snmp", encoding="ascii") as table:
        names, values = [line.split()[1:] for line in table
                         if line.startswith(f"{protocol}:")]
    return dict(zip(names, map(int, values)))


def udp_errors():
    """Datagrams that came to a socket and were refused there, not for their checksum."""
    counters = snmp("Udp")
    return counters["InErrors"] - counters["InCsumErrors"]


def tcp_resets():
    """Segments that came, with a right checksum, where nobody listens."""
    return snmp("Tcp")["OutRsts"]


REFUSE, ACCEPT = 0, 0xffffffff
REFUSE_ALL = [(0x06, 0, 0, REFUSE)]
# Behind the UDP header: the first and the last four of the twenty x of BENCH_EDIT.
REFUSE_EDITED = [(0x20, 0, 0, 8), (0x15, 0, 3, 0x78787878),
                 (0x20, 0, 0, 24), (0x15, 0, 1, 0x78787878),
                 (0x06, 0, 0, REFUSE), (0x06, 0, 0, ACCEPT)]


def set_filter(sink, rows):
    """What this classic BPF program refuses is freed at once."""
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *r) for r in rows))
    sink.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HP", len(rows), ctypes.addressof(program)))


def open_sink(port=SINK_PORT, rows=None):
    """A socket whose filter refuses all, or `rows`: every delivered packet costs the
    same, is freed at once, and is counted in udp_errors()."""
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    set_filter(sink, rows or REFUSE_ALL)
    sink.bind(("0.0.0.0", port))
    return sink


# The subjects

class Subject:
    """A running reader of the queues, ready for packets."""

    def __init__(self, name, program, *arguments, on_cpu=()):
        self.name = name
        self.process = subprocess.Popen(
            [*on_cpu, BUILD / "bench" / program, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        if self.line() != "ready":
            raise Failure(f"{name} did not get ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def line(self):
        ready = select.poll()
        ready.register(self.process.stdout, select.POLLIN)
        if not ready.poll(PATIENCE_S * 1000):
            raise Failure(f"{self.name} did not finish in {PATIENCE_S} s: {queue_row()}")
        return self.process.stdout.readline().decode().strip()

    def go(self):
        self.process.stdin.write(b"g")
        numbers = [int(word) for word in self.line().split()]
        if self.line() != "ready":
            raise Failure(f"{self.name} did not get ready again")
        return numbers

    def pause(self):
        """All its threads sleep; what comes waits in the kernel."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def cpu_ns(self):
        """What all its threads have used, user and system."""
        return time.clock_gettime_ns(~self.process.pid << 3 | 2)

    def finish(self):
        """Ends it cleanly, and returns the counts that it then tells."""
        self.process.terminate()
        word, *counts = self.line().split()
        if word != "stats":
            raise Failure(f"{self.name} ended with: {word}")
        return {name: int(count) for name, count in (c.split("=") for c in counts)}
