# SPDX-License-Identifier: MIT
"""The nfqueue program: run to its end, or started and watched."""
import contextlib
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import tempfile
import threading

from case import Arguments, is_real_root, need, slow, until

READY = "Ctrl-C ends it"
UNPRIVILEGED = ["setpriv", "--no-new-privs", "--bounding-set", "-all",
                "--inh-caps", "-all"]
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def nfqueue(*args, stdin="", prefix=(), program=None, seconds=10, env=None):
    """Runs it to its end. Returns subprocess.CompletedProcess."""
    return subprocess.run([*prefix, str(program or Arguments.program), *args],
                          input=stdin, capture_output=True, text=True,
                          timeout=slow(seconds), env={**os.environ, **(env or {})})


@contextlib.contextmanager
def public_program():
    """A copy of the program, with its libraries, that every user may execute."""
    program = Arguments.program
    build = program.parents[1]
    libraries = subprocess.run(["ldd", str(program)], capture_output=True, text=True)
    wanted = {pathlib.Path(word) for word in libraries.stdout.split()
              if word.startswith(str(build))} | {program}
    with tempfile.TemporaryDirectory(prefix="nfqueue-cli-") as folder:
        place = pathlib.Path(folder)
        for path in wanted:
            copy = place / os.path.relpath(path, build)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        for path in (place, *place.rglob("*")):
            path.chmod(0o755)
        yield place / program.relative_to(build)


def as_ordinary_user(*args, **kwargs):
    """nfqueue() by somebody without any capability."""
    if not is_real_root():
        return nfqueue(*args, prefix=UNPRIVILEGED, **kwargs)
    with public_program() as program:
        return nfqueue(*args, prefix=NOBODY, program=program, **kwargs)


def sees_queues():
    """Whether the kernel shows its table of queues to us: to the first root only."""
    try:
        pathlib.Path("/proc/thread-self/net/netfilter/nfnetlink_queue").read_text()
    except PermissionError:
        return False
    return True


def tables():
    """The names of nfqueue's tables in this network namespace, by the program itself."""
    done = nfqueue("rules", "list", "--json")
    need(done.returncode == 0, "rules list:", done.stderr)
    return [row["table"] for row in json.loads(done.stdout)]


class Stream:
    """What comes out of a pipe or terminal, read by a thread."""

    def __init__(self, fd):
        self.fd, self.data = fd, b""
        self.thread = threading.Thread(target=self.read_all, daemon=True)
        self.thread.start()

    def read_all(self):
        while True:
            try:
                chunk = os.read(self.fd, 65536)
            except OSError:         # a terminal whose other side is closed
                return
            if not chunk:
                return
            self.data += chunk

    @property
    def text(self):
        return self.data.decode(errors="replace")


class Running:
    """`nfqueue ARGS`, started and ready; ends with the block it is used in."""

    def __init__(self, *args, stdin=None, terminal=False, ready=True):
        self.args = args
        master = None
        stderr = subprocess.PIPE
        if terminal:
            master, stderr = pty.openpty()
        self.process = self.start(
            subprocess.PIPE if stdin is not None else subprocess.DEVNULL, stderr)
        self.pid = self.process.pid
        if self.process.stdout:
            self.out = Stream(self.process.stdout.fileno())
        self.err = Stream(self.process.stderr.fileno() if master is None else master)
        if terminal:
            os.close(stderr)
        if stdin is not None:
            self.process.stdin.write(stdin.encode())
            self.process.stdin.close()
        if ready:
            self.wait_ready()

    def start(self, stdin, stderr):
        return subprocess.Popen([str(Arguments.program), *self.args], stdin=stdin,
                                stdout=subprocess.PIPE, stderr=stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=slow(5))

    def wait_ready(self):
        """Its rules are there, or it said that there are none."""
        silent = {"--json", "--quiet"} & set(self.args)

        def ready():
            need(self.process.poll() is None, "it ended:", self.err.text)
            return tables() if silent else READY in self.err.text
        until(ready, 10, f"nfqueue {' '.join(self.args)} is ready")

    def send_signal(self, number):
        self.process.send_signal(number)

    def pause(self):
        """SIGSTOP, and every thread has stopped."""
        self.send_signal(signal.SIGSTOP)
        stats = pathlib.Path(f"/proc/{self.pid}/task").glob("*/stat")
        for stat in list(stats):
            until(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T", 5,
                  "it is stopped")

    def go_on(self):
        self.send_signal(signal.SIGCONT)

    def stop(self, number=signal.SIGINT, seconds=5):
        """A clean stop: exit status 0 and nothing left. Returns its standard output."""
        self.send_signal(number)
        code = self.process.wait(timeout=slow(seconds))
        self.out.thread.join(timeout=slow(2))
        self.err.thread.join(timeout=slow(2))
        need(code == 0, f"exit status {code}:", self.err.text)
        need("nfqueue-" not in " ".join(tables()), "tables left:", tables())
        return self.out.text

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=slow(5))

    def objects(self):
        """--json: what it printed, whole lines only."""
        lines = self.out.text.split("\n")[:-1]
        return [json.loads(line) for line in lines]

    def received(self):
        """--json: packets received, as of the last second."""
        return max([row["received"] for row in self.objects()
                    if row["type"] == "counters"], default=0)

    def summary(self, number=signal.SIGINT):
        """--json: stops it and returns its summary."""
        self.stop(number)
        last = self.objects()[-1]
        need(last["type"] == "summary", "the last object is", last)
        return last


def adds_up(summary):
    """Every packet that met the rule is accounted for, once."""
    seen = summary["received"] + summary["lost"] + summary["passed"]
    need(seen == summary["rule_packets"],
         f"received {summary['received']} + lost {summary['lost']} + passed "
         f"{summary['passed']} = {seen}, counted by the rules: {summary['rule_packets']}")
