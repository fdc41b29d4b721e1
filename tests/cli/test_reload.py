# SPDX-License-Identifier: MIT
"""Another policy while packets come: SIGHUP, nfqueue reload."""
import json
import re
import signal
import socket
import time

from case import case, main, need, same, sh, until
from policy import Policy, refused, reload
from program import Running, adds_up, nfqueue
from traffic import Receiver, Sender, UdpServer, udp_answers

QUEUE = "queue input if udp dst port 5000"
RELOADS, RATE, PAUSE_S = 50, 10000, 0.02
BURST = 4000
# More than 64 instructions.
TOO_LONG = " or ".join(f"udp port {port}" for port in range(100, 140))
LARGE = ["--max-length", "65536", "--socket-buffer", "64M"]


def answers():
    need(udp_answers("127.0.0.1", 5000, seconds=3), "no answer")


def silent():
    need(not udp_answers("127.0.0.1", 5000), "an answer")


@case("reload: the new policy decides, and it is said what changed")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "accept if udp", "drop if tcp")
    with Running("run", "-f", str(policy.path)) as run:
        answers()
        policy.write(QUEUE, "drop if udp", "drop if tcp", "accept if icmp")
        text = reload("-q", "0")
        need(f"{policy.path}: 3 rules, 2 of them new, 1 gone" in text, text)
        silent()
        until(lambda: "2 of them new" in run.err.text, 3, "the program says so, too")
        policy.write(QUEUE, "accept")
        reload()                    # the only one there is
        answers()
        text = run.stop()
    need(re.search(r"^ +2  \(the policies before the last reload\)$", text, re.M), text)
    need(re.search(r"^ +1  accept$", text, re.M), text)


@case("SIGHUP reads the policy again; an error is told, and the old one goes on")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "accept")
    with Running("run", "-f", str(policy.path)) as run:
        policy.write(QUEUE, "drop")
        run.send_signal(signal.SIGHUP)
        until(lambda: "\nreloaded\n" in run.err.text, 3, "it is reloaded")
        silent()
        policy.write(QUEUE, "accept", "drop iff udp")
        run.send_signal(signal.SIGHUP)
        until(lambda: "the old policy goes on" in run.err.text, 3, "it is refused")
        need(f"{policy.path}:3:6:" in run.err.text, run.err.text)
        silent()
        run.stop()


@case("a bad policy: reload ends with 1, the line and a caret; the old one goes on")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "accept")
    with Running("run", "-f", str(policy.path)) as run:
        policy.write(QUEUE, "drop if bogus bogus")
        text = refused()
        need(f"{policy.path}:2:" in text and "drop if bogus" in text and "^" in text,
             text)
        need("the old policy goes on" in text, text)
        answers()
        policy.path.unlink()
        need("No such file" in refused(), "a file that is gone")
        answers()
        policy.write(QUEUE, "drop")
        reload()
        silent()
        run.stop()


@case("rules given as arguments: reload says there is nothing to read again")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", QUEUE, "accept") as run:
        need("nothing to read again" in refused(), "other words")
        run.send_signal(signal.SIGHUP)
        until(lambda: "nothing to read again" in run.err.text, 3, "it is said")
        answers()
        run.stop()


@case("no program, a queue nobody has, and a choice of two: reload says so")
def _():
    need("no nfqueue run" in refused(), "nobody there")
    policy = Policy(QUEUE, "accept")
    with Running("run", "-f", str(policy.path), "-q", "3") as one, \
            Running("run", "-f", str(policy.path), "-q", "7-8") as two:
        for text in (refused("-q", "4"), refused()):
            need("-q 3" in text and "-q 7" in text, text)
        reload("-q", "3")
        reload("-q", "7")
        one.kill()
        need(str(policy.path) in reload(), "the only one")
        two.stop()


@case("what is no request, or does not end, or is another user's, disturbs nothing")
def _():
    policy = Policy(QUEUE, "accept")
    with Running("run", "-f", str(policy.path)) as run:
        for data in (b"", b"x", b"reload", b"\n", b"reloads\n", b"x" * 5000 + b"\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect("\0nfqueue/0")
                client.settimeout(5)
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
                try:
                    answer = client.recv(4096)
                except ConnectionResetError:
                    answer = b""
                need(not answer or answer.startswith(b"error "), data[:10], answer)
        reload()
        stranger = nfqueue("reload", prefix=["setpriv", "--reuid", "65534",
                                             "--clear-groups"])
        need(stranger.returncode == 1, stranger)
        run.stop()


@case("--json: a reload is an object, and the summary counts them")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "accept")
    with Running("run", "--json", "-f", str(policy.path)) as run:
        answers()
        policy.write(QUEUE, "drop")
        reload()
        policy.write("x")
        refused()
        summary = run.summary()
        rows = [row for row in run.objects() if row["type"] == "reload"]
    same([row["ok"] for row in rows], [True, False], "reloads")
    need(rows[0]["error"] == "" and ":1:1:" in rows[1]["text"], rows)
    same([summary["reloads"], summary["earlier_policies"]], [1, 1], "of the summary")


def count_marks(*marks):
    """Counts behind ours what has each mark."""
    sh("nft add table inet behind; nft 'add chain inet behind c { type filter hook input "
       "priority 10; }'")
    for mark in marks:
        sh(f"nft add rule inet behind c udp dport 5000 meta mark {mark} counter")


def marks_counted():
    rows = json.loads(sh("nft -j list table inet behind"))["nftables"]
    return [part["counter"]["packets"] for row in rows if "rule" in row
            for part in row["rule"]["expr"] if "counter" in part]


def reloads_under_load(first, second):
    """Counts by which policy, as its mark 1 or 2 says, each datagram was decided."""
    count_marks(1, 2)
    receiver = Receiver("127.0.0.1", 5000)
    policy = Policy(*first)
    with Running("run", "--json", *LARGE, "-f", str(policy.path)) as run:
        sender = Sender("127.0.0.1", 5000, rate=RATE)
        for index in range(RELOADS):
            policy.write(*(first if index % 2 else second))
            reload()
            time.sleep(PAUSE_S)
        sent = sender.count()
        time.sleep(0.3)
        summary = run.summary()
    tally = receiver.tally(sent)
    adds_up(summary)
    same(summary["reloads"], RELOADS, "reloads")
    need(sent > RATE * PAUSE_S * RELOADS / 4, "no load:", sent)
    same([summary["lost"], summary["received"], tally["twice"]], [0, sent, 0],
         "lost, received, came twice")
    same(tally["missing"], tally["overflow"], "missing")
    one, two = marks_counted()
    need(one and two, "one policy decided all:", one, two)
    same(one + two, sent, "decided by one policy or the other")
    print(f"# {sent:,} datagrams, {RELOADS} reloads: {one:,} by one policy, {two:,} by "
          "the other")


@case(f"{RELOADS} reloads under load: each packet is decided by one policy or the other, "
      "none is lost", seconds=60)
def _():
    reloads_under_load((QUEUE, "mark 1"), (QUEUE, "mark 2"))


@case(f"{RELOADS} reloads of other queue lines and a longer copy range under load: the "
      "same", seconds=60)
def _():
    reloads_under_load(
        (QUEUE, "mark 1"),
        # Reads what the first policy has not copied: what came earlier would be dropped.
        ("queue input if udp dst port 5000 or udp dst port 5001",
         "queue output if udp dst port 5002", "mark 2 if udp[8:4] < 0x40000000", "drop"))


@case("reload: what came before is decided by the old policy, which reads less of it")
def _():
    # Slow: one rule after the other, for none of them tests what the index knows.
    slow = [f"drop if greater {50000 + number}" for number in range(3000)]
    receiver = Receiver("127.0.0.1", 5000)
    policy = Policy(QUEUE, *slow, "accept")
    with Running("run", "--json", *LARGE, "-f", str(policy.path)) as run:
        sender = Sender("127.0.0.1", 5000, limit=BURST)
        policy.write(QUEUE, "accept if udp[8:4] < 0x40000000", "drop")
        sender.process.wait()
        reload()
        sent = sender.count()
        until(lambda: run.received() == sent, 10, "all is received")
        summary = run.summary()
    need(summary["earlier_policies"] > 0, "nothing came before the reload:", summary)
    same([summary["dropped"], summary["lost"]], [0, 0], "dropped, lost")
    same(receiver.tally(sent)["missing"], 0, "missing")


@case("reload: queue lines come, change and go, and are the kernel's rules")
def _():
    for port in (5000, 5001):
        UdpServer("127.0.0.1", port)
    policy = Policy("drop")
    with Running("run", "--json", "-f", str(policy.path), ready=False) as run:
        until(lambda: run.objects(), 5, "it runs")
        answers()
        policy.write(f"queue input if {TOO_LONG}", "drop")
        need("64" in refused(), "a first queue line that the kernel does not take")
        policy.write(QUEUE, "drop")
        need("1 queue lines, were 0" in reload(), "what changed")
        silent()
        policy.write(QUEUE.replace("5000", "5001"), "drop")
        reload()
        answers()
        need(not udp_answers("127.0.0.1", 5001), "an answer from 5001")
        policy.write("drop")
        reload()
        answers()
        need(udp_answers("127.0.0.1", 5001, seconds=3), "no answer from 5001")
        policy.write(QUEUE, "drop")
        reload()
        silent()
        summary = run.summary()
    adds_up(summary)
    same(summary["dropped"], 3, "dropped")


@case("reload: rules that the kernel does not take are refused; the old ones stand")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "drop")
    with Running("run", "-f", str(policy.path)) as run:
        before = sh("nft list ruleset")
        policy.write(f"queue input if {TOO_LONG}", "accept")
        text = refused()
        need("64" in text and "the old policy goes on" in text, text)
        same(sh("nft list ruleset"), before, "rules")
        silent()
        policy.write(QUEUE, "accept")
        reload()
        answers()
        run.stop()


main()
