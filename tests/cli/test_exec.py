# SPDX-License-Identifier: MIT
"""nfqueue exec: programs that exist, on our libraries."""
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

from case import Arguments, Skip, case, is_real_root, main, need, same, sh, slow, until
from program import NOBODY, Stream, nfqueue, public_program
from traffic import UdpServer

PORT = 5000


class Filter:
    """exec_filter, by `nfqueue exec OPTIONS`, with its queue open."""

    def __init__(self, *options, arguments=("70000",), env=None):
        program = Arguments.program.parents[1] / "tests/cli/exec_filter"
        need(program.is_file(), f"{program} is not built")
        self.process = subprocess.Popen(
            [Arguments.program, "exec", *options, "--", program, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})})
        self.out = Stream(self.process.stdout.fileno())
        self.err = Stream(self.process.stderr.fileno())
        until(lambda: "ready" in self.out.text or self.process.poll(), 5,
              "the filter is ready")
        ready = re.search(r"ready (\d+) (\d+)\n", self.out.text)
        need(ready, "it ended:", self.err.text)
        self.pid, self.buffer = int(ready[1]), int(ready[2])

    def take(self, orders):
        """Sends it a packet for each letter, and waits until it has seen all of them."""
        seen = len(self.letters())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for letter in orders:
                sender.sendto(letter.encode(), ("127.0.0.1", PORT))
        until(lambda: len(self.letters()) == seen + len(orders), 5,
              f"{orders} are decided: {self.out.text}")

    def letters(self):
        return re.findall(r"^[a-z]$", self.out.text, re.M)

    def end(self, number=signal.SIGTERM):
        """Returns its exit status and what it said on standard error."""
        if number:
            os.kill(self.pid, number)
        status = self.process.wait(timeout=slow(5))
        self.err.thread.join(timeout=slow(5))
        return status, self.err.text


def queue_udp():
    sh(f"iptables -A INPUT -p udp --dport {PORT} -j NFQUEUE --queue-num 0")


def counts(text):
    """The numbers of the line that --stats prints, by their names."""
    lines = [line for line in text.splitlines() if ", queue 0: " in line]
    same(len(lines), 1, f"lines of queue 0 in {text!r}")
    return {name: int(number) for number, name in
            re.findall(r"(\d+) ([a-z ]+)(?:,|$)", lines[0].split(": ", 2)[2])}


@case("the program's process id, arguments and exit status are its own")
def _():
    queue_udp()
    run = Filter()
    same(run.pid, run.process.pid, "process id")
    run.take("aq")
    same(run.end(None), (7, ""), "exit status and standard error")


@case("a signal ends it as it would without us, with and without --stats")
def _():
    for options in ((), ("--stats",)):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            run = Filter(*options)
            same(run.end(number)[0], -number, f"status with {options}")


@case("the loader takes our library, in front of what LD_LIBRARY_PATH has")
def _():
    run = Filter(env={"LD_LIBRARY_PATH": "/nonexistent"})
    maps = pathlib.Path(f"/proc/{run.pid}/maps").read_text()
    ours = str(Arguments.program.parents[1] / "compat")
    need(f" {ours}/netfilter_queue/libnetfilter_queue.so.1" in maps.replace("  ", " "),
         maps)
    run.end()
    shown = nfqueue("exec", "--", "printenv", "LD_LIBRARY_PATH",
                    env={"LD_LIBRARY_PATH": "/nonexistent:/other"}).stdout
    need(shown.startswith(ours) and shown.endswith(":/nonexistent:/other\n"), shown)
    shown = nfqueue("exec", "--", "printenv", "LD_LIBRARY_PATH",
                    env={"LD_LIBRARY_PATH": ""}).stdout
    need(not shown.endswith(":\n"), "an empty folder is the current one:", shown)


@case("--stats tells packets, verdicts sent and refused, and what was never decided")
def _():
    queue_udp()
    run = Filter("--stats")
    run.take("aaattn")
    run.take("a")                       # the answers to the second verdicts came before
    same(counts(run.end()[1]),
         {"packets": 7, "verdicts sent": 8, "refused": 2, "lost": 0, "never decided": 1},
         "counts")


@case("--stats: a range verdict decides all before it")
def _():
    queue_udp()
    run = Filter("--stats")
    run.take("n" * 70 + "a" + "nnr" + "nn")
    found = counts(run.end()[1])
    same((found["packets"], found["verdicts sent"], found["never decided"]), (76, 2, 2),
         "packets, verdicts, never decided")


@case("--stats: at exit() as well, after the program has closed its queue")
def _():
    queue_udp()
    run = Filter("--stats")
    run.take("anq")
    status, text = run.end(None)
    same((status, counts(text)["packets"], counts(text)["never decided"]), (7, 3, 1),
         "exit status, packets, never decided")


@case("--stats: what had no room is lost")
def _():
    queue_udp()
    run = Filter("--stats")
    os.kill(run.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(3000):
            sender.sendto(b"a" * 1000, ("127.0.0.1", PORT))
    listing = sh("iptables -L INPUT -v -x -n")
    met = sum(int(line.split()[0]) for line in listing.splitlines() if "NFQUEUE" in line)
    os.kill(run.pid, signal.SIGCONT)
    time.sleep(slow(0.5))
    run.take("a")
    found = counts(run.end()[1])
    need(found["lost"] > 0, found)
    if is_real_root():
        same(found["packets"] + found["lost"], met + 1, f"packets and lost of {met} + 1")


@case("--stats: a program that becomes a daemon is counted where it works")
def _():
    queue_udp()
    run = Filter("--stats", arguments=("70000", "daemon"))
    need(run.pid != run.process.pid, "it is no daemon")
    run.take("aa")
    os.kill(run.pid, signal.SIGTERM)
    until(lambda: f"({run.pid})" in run.err.text, 5, "the daemon's counts")
    lines = [line for line in run.err.text.splitlines() if f"({run.pid})" in line]
    same(counts("\n".join(lines))["packets"], 2, "packets")


@case("--rcvbuf makes the socket's buffer larger, and only then")
def _():
    plain = Filter()
    larger = plain.buffer
    plain.end()
    run = Filter("--rcvbuf", "8M")
    status, text = run.end()
    if is_real_root():
        same((run.buffer, text), (16 << 20, ""), "buffer, twice what was asked for")
    else:
        need(run.buffer >= larger, run.buffer, larger)
        need(run.buffer == 16 << 20 or "net.core.rmem_max" in text, text)


class Sink(threading.Thread):
    """Keeps what comes by one TCP connection."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", PORT))
        self.data = b""
        self.start()

    def run(self):
        connection = self.listener.accept()[0]
        while chunk := connection.recv(1 << 20):
            self.data += chunk


def stream(*options, arguments=("70000",), env=None):
    """A TCP stream through the filter. Returns the longest packet that it saw, and what
    was said."""
    sh("ip link set lo mtu 1500")
    sh(f"iptables -A INPUT -p tcp --dport {PORT} -j NFQUEUE --queue-num 0")
    run, sink, data = Filter(*options, arguments=arguments, env=env), Sink(), os.urandom(
        400000)
    with socket.create_connection(("127.0.0.1", PORT), timeout=slow(10)) as client:
        client.sendall(data)
    sink.join(timeout=slow(15))
    same(sink.data == data, True, f"all {len(sink.data)} of {len(data)} bytes arrived")
    text = run.end()[1]
    run.out.thread.join(timeout=slow(2))
    lengths = [int(line.split()[1]) for line in run.out.text.splitlines()
               if line.startswith("length")]
    return max(lengths), text


@case("without --gso packets have the network's size, whatever the environment says")
def _():
    length, _ = stream(env={"NFQUEUE_EXEC_GSO": "1"})
    need(length <= 1500, length)


@case("--gso: packets are longer than the network's")
def _():
    length, text = stream("--gso", "--rcvbuf", "4M")
    need(length > 1500, length)
    if is_real_root():
        same(text, "", "standard error")


@case("--gso: a program with a small buffer gets what has room, and loses nothing")
def _():
    length, _ = stream("--gso", "--rcvbuf", "4M", arguments=("4096",))
    need(1500 < length <= 4096, length)


@case("--gso: what a small buffer has cut is not sent back cut, and that is told")
def _():
    length, text = stream("--gso", "--rcvbuf", "4M", arguments=("4096", "back"))
    need(1500 < length <= 4096, length)
    need("sends packets back" in text, text)


@case("no such program: 127; one that cannot be executed: 126", net=False)
def _():
    done = nfqueue("exec", "--", "/nonexistent/program")
    same(done.returncode, 127, "exit status")
    need("/nonexistent/program" in done.stderr, done.stderr)
    done = nfqueue("exec", "--", str(Arguments.source / "README.md"))
    same(done.returncode, 126, "exit status")


@case("the program's own options stay its own, with and without --", net=False)
def _():
    same(nfqueue("exec", "sh", "-c", "exit 3").returncode, 3, "exit status")
    same(nfqueue("exec", "--", "echo", "--stats", "-h").stdout, "--stats -h\n", "echo")


@case("without our libraries it says so, and runs nothing", net=False)
def _():
    with public_program() as program:
        done = nfqueue("exec", "--", "echo", "it ran", program=program)
    if done.stdout:
        raise Skip("nfqueue is installed here, too")
    same(done.returncode, 1, "exit status")
    need("libnetfilter_queue.so.1 is not there" in done.stderr, done.stderr)


@case("a script: its interpreter is looked at; a shell is fine", net=False)
def _():
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "script"
        script.write_text("#! /bin/sh -e\nexit 5\n")
        script.chmod(0o755)
        done = nfqueue("exec", "--", str(script))
    same((done.returncode, done.stderr), (5, ""), "exit status and warnings")


C_PROGRAM = "int main(void) { return 4; }\n"


def compiled(folder, *options):
    path = pathlib.Path(folder) / "program"
    done = subprocess.run(["cc", "-x", "c", "-", "-o", path, *options], input=C_PROGRAM,
                          text=True, capture_output=True)
    if done.returncode:
        raise Skip(f"cc: {done.stderr}")
    return path


@case("a static program: a warning", net=False)
def _():
    with tempfile.TemporaryDirectory() as folder:
        done = nfqueue("exec", "--", str(compiled(folder, "-static")))
    same(done.returncode, 4, "exit status")
    need("is static" in done.stderr, done.stderr)


@case("an RPATH that leads to a library of that name: a warning; RUNPATH not", net=False)
def _():
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "libnetfilter_queue.so.1").touch()
        for tags, words in (("disable", "by its RPATH"), ("enable", "")):
            program = compiled(folder, f"-Wl,-rpath,/nonexistent:{folder}",
                               f"-Wl,--{tags}-new-dtags")
            done = nfqueue("exec", "--", str(program))
            same(done.returncode, 4, "exit status")
            need(words in done.stderr if words else not done.stderr, tags, done.stderr)


@case("a setuid program of somebody else: a warning", net=False)
def _():
    if not is_real_root():
        raise Skip("needs root, to make one")
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder)
        os.chown(program, int(NOBODY[2]), -1)
        program.chmod(0o755 | stat.S_ISUID)
        done = nfqueue("exec", "--", str(program))
    same(done.returncode, 4, "exit status")
    need("is setuid" in done.stderr, done.stderr)


@case("files that only look like programs are no harm", net=False)
def _():
    real = pathlib.Path("/bin/true").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate((
                real[:4], real[:40], real[:64], real[:200], real[:4096],
                real[:32] + b"\xff" * 200, real[:64] + b"\xff" * 4000, b"#!", b"#!   \n",
                b"#!" + b"a" * 9000)):
            program = pathlib.Path(folder) / f"program-{number}"
            program.write_bytes(data)
            program.chmod(0o644)        # is looked at, and not executed
            done = nfqueue("exec", "--", str(program))
            same(done.returncode, 126, f"exit status, {number}: {done.stderr}")


main()
