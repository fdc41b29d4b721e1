# SPDX-License-Identifier: MIT
"""Flows that the kernel decides, as the command's users see them."""
import json
import re
import socket

from case import case, main, need, same, sh, until
from policy import Policy, reload
from program import Running, nfqueue
from traffic import UdpServer

QUEUE = "queue input if udp dst port 5000"
EXIT_FAILED = 1


class Flow:
    """One UDP flow to the server on port 5000, that answers."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", 5000))
        self.sent = 0

    def ask(self, times=1, answered=True):
        for _ in range(times):
            self.sent += 1
            data = str(self.sent).encode()
            self.socket.settimeout(3 if answered else 0.2)
            self.socket.send(data)
            try:
                came = self.socket.recv(64)
            except TimeoutError:
                came = None
            same(came, data if answered else None, "the answer")


def flows(*args):
    done = nfqueue("flows", *args)
    same(done.returncode, 0, f"exit status of flows: {done.stderr}")
    return done.stdout


def decided():
    """Packets that the kernel has accepted and dropped for decided flows: both ways."""
    row = json.loads(flows("--json"))
    return [row["accepted"], row["dropped"]]


@case("flow-accept and flow-drop: one packet comes up, the kernel decides the others; "
      "flush")
def _():
    UdpServer("127.0.0.1", 5000)
    for rule, answered, first, then, last in (
            ("flow-accept", True, [9, 0], [10, 0], [12, 0]),
            ("flow-drop", False, [0, 4], [0, 4], [0, 5])):
        with Running("run", "--json", QUEUE, rule, ready=False) as run:
            until(run.objects, 5, "it runs")
            flow = Flow()
            flow.ask(5, answered)
            same(decided(), first, f"decided in the kernel, {rule}")
            need(f"{sum(first)} packets" in flows("-q", "0"), flows())
            same(flows("flush"), "decided flows come up again\n", "flows flush")
            flow.ask(1, answered)
            same(decided(), then, "the same, after one that came up")
            flow.ask(1, answered)
            summary = run.summary()
        same(summary["received"], 2, "came up")
        same([summary[name] for name in ("flows_accepted", "flows_dropped")],
             [2 * answered, 2 * (not answered)], "flow verdicts")
        same([summary["kernel_accepted"], summary["kernel_dropped"]],
             last, "decided in the kernel")


@case("a reload has decided flows come up again, and the new policy decides them")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "flow-accept")
    with Running("run", "-f", str(policy.path)) as run:
        flow = Flow()
        flow.ask(3)
        policy.write(QUEUE, "flow-drop")
        need("come up again" in reload(), "what it says")
        flow.ask(3, answered=False)
        policy.write(QUEUE, "flow-accept")
        reload()
        flow.ask(3)
        text = run.stop()
    need(re.search(r"^  received +3$", text, re.M), text)
    need(re.search(r"^  flows accepted +2$", text, re.M), text)
    need(re.search(r"^  dropped with them +2 +in the kernel$", text, re.M), text)


@case("a reload brings flow verdicts to a program without them, and takes them away")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "accept")
    with Running("run", "-f", str(policy.path)) as run:
        flow = Flow()
        flow.ask(2)
        done = nfqueue("flows")
        same(done.returncode, EXIT_FAILED, "exit status without flow verdicts")
        need("flow-accept" in done.stderr, done.stderr)
        policy.write(QUEUE, "flow-accept")
        reload()
        flow.ask(4)
        same(decided(), [7, 0], "decided in the kernel")
        policy.write(QUEUE, "accept")
        reload()
        flow.ask(2)
        text = run.stop()
    need(re.search(r"^  received +5$", text, re.M), text)


@case("a second program needs other bits: it is told, and --flow-mask gives them")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", QUEUE, "flow-accept") as run:
        done = nfqueue("run", "-q", "1", QUEUE, "flow-accept")
        need(done.returncode != 0 and "flow mask 0xf0000000" in done.stderr, done)
        with Running("run", "-q", "1", "--flow-mask", "0xf000",
                     "queue output if udp dst port 5000", "flow-accept") as other:
            flow = Flow()
            flow.ask(4)
            for number in ("0", "1"):
                row = json.loads(flows("-q", number, "--json"))
                same(row["accepted"], 7, f"accepted in the kernel, queue {number}")
            other.process.terminate()
            same(other.process.wait(timeout=5), 0, "exit status")
        run.stop()
    same(sh("nft list ruleset"), "", "rules")


@case("what was decided for flows stays decided when another program takes over")
def _():
    UdpServer("127.0.0.1", 5000)
    flow = Flow()
    with Running("run", QUEUE, "flow-accept") as old:
        flow.ask(3)
        with Running("run", "--replace", "--json", QUEUE, "flow-accept",
                     ready=False) as new:
            same(old.process.wait(timeout=10), 0, "exit status of the old one")
            until(new.objects, 5, "it runs")
            flow.ask(3)
            same(decided(), [11, 0], "decided in the kernel, by both")
            same(new.summary()["received"], 0, "came up to the new one")


@case("--replace with other bits for flows is refused before anything is touched")
def _():
    UdpServer("127.0.0.1", 5000)
    flow = Flow()
    with Running("run", QUEUE, "flow-accept") as run:
        flow.ask(1)
        done = nfqueue("run", "--replace", "--flow-mask", "0xf00", QUEUE, "flow-accept")
        need(done.returncode != 0 and "--flow-mask 0xf0000000" in done.stderr, done)
        flow.ask(2)
        same(decided(), [5, 0], "decided in the kernel")
        run.stop()


main()
