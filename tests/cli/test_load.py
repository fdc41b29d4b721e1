# SPDX-License-Identifier: MIT
"""nfqueue run under load: nothing goes missing unless it is counted."""
import os
import pathlib
import re
import signal
import subprocess
import time

from case import Arguments, Skip, case, main, need, same, until
from program import Running, Stream, adds_up
from traffic import FAMILIES, Receiver, Sender, UdpServer, udp_answers

QUEUE = "queue input if udp dst port 5000"
RSS_MAX_KIB = 16 << 10


def counted(run):
    """The objects of each second, and the summary."""
    return [row for row in run.objects() if row["type"] in ("counters", "summary")]


def told(run):
    """The kinds of its events."""
    return {row["kind"] for row in run.objects() if row["type"] == "event"}


def stop_under_load(number, address, *options, hook="output", seconds=0.4):
    """The program ends amid datagrams at full speed. At the output hook their sender
    waits when many are queued, so none may be lost."""
    receiver = Receiver(address, 5000)
    rule = f"queue {hook} if udp dst port 5000"
    with Running("run", "--json", *options, rule, "accept") as run:
        sender = Sender(address, 5000)
        time.sleep(seconds)
        summary = run.summary(number)
        time.sleep(0.1)
    for row in counted(run):
        same(row["passed"], 0, f"passed, after {row['seconds']} s")
    sent = sender.count()
    tally = receiver.tally(sent)
    need(sent > summary["received"] > 0, f"no load: {sent} sent", summary)
    adds_up(summary)
    if hook == "output":
        same(summary["lost"], 0, "lost")
    same(tally["twice"], 0, "came twice")
    same(tally["missing"], summary["lost"] + tally["overflow"],
         f"missing of {sent}: not lost, nor dropped by the receiving socket")


@case("a stop under load: no datagram is missing and none comes twice", seconds=40)
def _():
    for number in (signal.SIGTERM, signal.SIGINT):
        for address in FAMILIES.values():
            stop_under_load(number, address)
    stop_under_load(signal.SIGTERM, "127.0.0.1", "-q", "0-3", "--on-crash", "closed")


@case("a stop under load at the input hook: missing is what was counted as lost")
def _():
    for address in FAMILIES.values():
        stop_under_load(signal.SIGTERM, address, "--max-length", "65536", hook="input")


@case("the counts of each second are right under load, too")
def _():
    stop_under_load(signal.SIGTERM, "127.0.0.1", seconds=3.5)


def overload(event, *options):
    """More comes than fits, also while the program is stopped; that is told as such an
    event. Returns the summary."""
    receiver = Receiver("127.0.0.1", 5000)
    with Running("run", "--json", *options, QUEUE, "accept") as run:
        sender = Sender("127.0.0.1", 5000)
        time.sleep(0.2)
        run.pause()
        time.sleep(0.3)
        run.go_on()
        time.sleep(1.2)             # a tick of the counters amid it
        sent = sender.count()
        time.sleep(0.2)
        summary = run.summary()
    tally = receiver.tally(sent)
    same(summary["rule_packets"], sent, "packets the rule counted, and sent")
    adds_up(summary)
    same(tally["came"] + tally["overflow"], sent - summary["lost"],
         "datagrams that arrived")
    for one, two in zip(counted(run), counted(run)[1:]):
        need(one["passed"] <= two["passed"] and one["lost"] <= two["lost"],
             "a count went down:", one, two)
    same(told(run), event, "events")
    return summary


@case("a queue that is full: received + lost + passed = what the rule counted")
def _():
    summary = overload({"queue_full"}, "--max-length", "64")
    need(summary["lost"] > 0 and summary["passed"] == 0, summary)


@case("a full queue that fails open: received + lost + passed = what the rule counted")
def _():
    summary = overload(set(), "--max-length", "64", "--fail-open")
    need(summary["passed"] > 0 and summary["lost"] == 0, summary)


@case("a full socket buffer: received + lost + passed = what the rule counted")
def _():
    summary = overload({"socket_full"}, "--socket-buffer", "16k")
    need(summary["lost_socket"] > 0 and summary["passed"] == 0, summary)


@case("a full socket buffer that fails open: received + lost + passed = what the rule "
      "counted")
def _():
    summary = overload({"socket_full"}, "--socket-buffer", "16k", "--fail-open")
    need(summary["passed"] > 0 and summary["lost"] == 0, summary)


class Unread(Running):
    """Nobody reads what it logs, so that whoever logs stands still."""

    def start(self, stdin, stderr):
        self.unread, output = os.pipe()
        process = subprocess.Popen([str(Arguments.program), *self.args], stdin=stdin,
                                   stdout=output, stderr=stderr)
        os.close(output)
        return process


@case("deciders that stand still: --overload says what becomes of the packets, and it is "
      "told")
def _():
    for overload_verdict, passes in (("accept", True), ("drop", False)):
        receiver = Receiver("127.0.0.1", 5000)
        with Unread("run", "--deciders", "1", "--ring", "64", "--overload",
                    overload_verdict, QUEUE, "log", "accept") as run:
            sender = Sender("127.0.0.1", 5000, limit=5000)
            until(lambda: "the deciders were behind" in run.err.text, 5, "it is told")
            sender.process.wait(timeout=10)
            sent = sender.count()
            out = Stream(run.unread)
            run.send_signal(signal.SIGTERM)
            run.process.wait(timeout=10)
            out.thread.join(timeout=5)
        rows = dict(re.findall(r"^  ([a-z ]+?) +([\d,]+)(?:   .*)?$", out.text, re.M))
        behind = int(rows["deciders behind"].replace(",", ""))
        need(behind > 1000, rows)
        same(receiver.tally(sent)["came"], sent if passes else sent - behind,
             f"delivered, {overload_verdict}")


@case("busy polling, pinned threads and a buffer that may grow lose nothing uncounted")
def _():
    receiver = Receiver("127.0.0.1", 5000)
    with Running("run", "--json", "-q", "0-1", "--busy-poll", "200", "--pin",
                 "--deciders", "2", "--socket-buffer", "256k", "--socket-buffer-max",
                 "64M", "--max-length", "65536", QUEUE, "accept") as run:
        sender = Sender("127.0.0.1", 5000, flows=64)
        time.sleep(0.3)
        run.pause()
        time.sleep(0.3)
        run.go_on()
        until(lambda: "buffer_grew" in told(run), 10, "the buffer grows")
        sent = sender.count()
        until(lambda: counted(run)[-1]["received"] + counted(run)[-1]["lost"] >= sent, 10,
              "nothing waits any more")
        summary = run.summary()
    adds_up(summary)
    tally = receiver.tally(sent)
    same(tally["missing"], summary["lost"] + tally["overflow"], "missing")
    need(summary["buffer_grown"] > 0, summary)


def rss_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", text, re.M)[1])


@case("one queue with default settings under traffic takes less than 16 MiB")
def _():
    if Arguments.sanitized:
        raise Skip("a sanitizer takes memory of its own")
    UdpServer("::1", 6000)
    with Running("run", "queue input", "accept") as run:
        senders = [Sender(address, 5000) for address in FAMILIES.values()]
        time.sleep(1)
        for sender in senders:
            sender.count()
        until(lambda: udp_answers("::1", 6000, b"x" * 60000), 5, "an answer")
        used = rss_kib(run.pid)
        run.stop()
    print(f"# VmRSS {used:,} KiB")
    need(used < RSS_MAX_KIB, f"VmRSS is {used:,} KiB")


main()
