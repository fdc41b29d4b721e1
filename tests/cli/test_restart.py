# SPDX-License-Identifier: MIT
"""nfqueue run takes over from another one, or from the file descriptor store."""
import array
import os
import re
import signal
import socket
import time

from case import case, main, need, same, sh, until
from manager import Manager
from policy import Policy, reload
from program import Running, adds_up, nfqueue, tables
from restart import BATCH, OPTIONS, QUEUE, Managed, end_as_asked, end_at_once, \
    last_summary, replace_many, restart_many, wait_end
from traffic import Receiver, Sender, UdpServer, udp_answers

TIMES, RATE, PAUSE_S = 3, 20000, 0.2


def answers():
    need(udp_answers("127.0.0.1", 5000, seconds=3), "no answer")


def silent():
    need(not udp_answers("127.0.0.1", 5000), "an answer")


@case(f"{TIMES} times --replace under load: none missing, none twice", seconds=40)
def _():
    replace_many(TIMES, RATE, PAUSE_S)


@case("--replace of several queues with deciders under load: none missing, none twice",
      seconds=40)
def _():
    replace_many(TIMES, RATE, PAUSE_S, "-q", "0-2", "--deciders", "2")


@case(f"{TIMES} times kill -9 with the store, under load: missing is what the dead held",
      seconds=40)
def _():
    restart_many(TIMES, RATE, PAUSE_S, end_at_once, BATCH)


@case(f"{TIMES} restarts by SIGUSR2 with the store, under load: none missing", seconds=40)
def _():
    restart_many(TIMES, RATE, PAUSE_S, end_as_asked, 0)


@case("--replace: the new policy and its rules are in force, the old one says who came")
def _():
    for port in (5000, 5001):
        UdpServer("127.0.0.1", port)
    with Running("run", QUEUE, "accept") as old:
        answers()
        with Running("run", "--replace", "--copy-range", "100",
                     "queue input if udp dst port 5001", "drop", ready=False) as new:
            same(wait_end(old), 0, "exit status of the old one")
            new.wait_ready()
            need(f"replaced by process {new.pid}" in old.err.text, old.err.text)
            need(f"it replaces process {old.pid}" in new.err.text, new.err.text)
            answers()
            need(not udp_answers("127.0.0.1", 5001), "an answer from 5001")
            same(tables(), ["nfqueue-0"], "tables")
            text = new.stop()
        need(re.search(r"^  dropped +1$", text, re.M), text)
    same(sh("nft list ruleset"), "", "rules")


@case("--replace where nobody runs just starts")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--replace", QUEUE, "drop") as run:
        silent()
        run.stop()


def refused(words, *arguments):
    done = nfqueue("run", "--replace", *arguments)
    need(done.returncode not in (0, 2), f"exit status {done.returncode}")
    need(words in done.stderr, f"not '{words}':", done.stderr)


@case("--replace with a bad policy, other queues or another --on-crash touches nothing")
def _():
    UdpServer("127.0.0.1", 5000)
    ports = " or ".join(f"udp port {port}" for port in range(100, 140))
    with Running("run", "-q", "0-1", QUEUE, "accept") as run:
        before = sh("nft list ruleset")
        refused("rule 2:", "-q", "0-1", QUEUE, "drop if bogus bogus")
        refused("64", "-q", "0-1", f"queue input if {ports}", "drop")
        refused("queues 0-1", "-q", "0-2", QUEUE, "drop")
        refused("queues 0-1", "-q", "0", QUEUE, "drop")
        refused("process", "-q", "1", QUEUE, "drop")
        refused("--on-crash open", "-q", "0-1", "--on-crash", "closed", QUEUE, "drop")
        same(sh("nft list ruleset").replace("0", ""), before.replace("0", ""), "rules")
        answers()
        run.stop()


def ask_to_be_replaced():
    """As a new one does; returns the connection once it has the sockets, and those."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect("\0nfqueue/0")
    connection.settimeout(10)
    connection.sendall(b"replace 0 1 open 0\n")
    data, fds = b"", array.array("i")
    while not data.endswith(b"end\n"):
        more, parts, _, _ = connection.recvmsg(1, socket.CMSG_SPACE(4))
        need(more, "closed after", data)
        data += more
        for _, _, value in parts:
            fds.frombytes(value)
    same(data, b"queue-0\nrules\nend\n", "what came")
    same(len(fds), 2, "sockets")
    return connection, fds


@case("a new one that ends, or says nothing, before it took over: the old one goes on",
      seconds=40)
def _():
    receiver = Receiver("127.0.0.1", 5000)
    with Running("run", *OPTIONS, QUEUE, "accept", ready=False) as run:
        until(tables, 5, "its rules")
        sender = Sender("127.0.0.1", 5000, rate=5000)
        for silent_s in (0, 4):
            time.sleep(0.2)
            connection, fds = ask_to_be_replaced()
            time.sleep(silent_s)
            connection.close()
            del fds
            until(lambda: run.err.text.count("going on") == (2 if silent_s else 1), 10,
                  "it says so")
        time.sleep(0.3)
        sent = sender.count()
        time.sleep(0.3)
        run.stop()
        need(last_summary(run)["received"] > 0, "it received nothing any more")
    tally = receiver.tally(sent)
    same([tally["missing"] - tally["overflow"], tally["twice"]], [0, 0],
         f"missing, twice, of {sent}")


def start(manager, *rules, options=()):
    return Managed(manager, "run", *OPTIONS, *options, QUEUE, *rules)


@case("a service manager is told READY and STOPPING, and its store is empty at the end")
def _():
    manager = Manager()
    run = start(manager, "accept", options=("-q", "0-1"))
    same(sorted(manager.store), ["queue-0", "queue-1", "rules"], "the store")
    run.stop()
    until(lambda: not manager.store, 5, "the store is empty")
    same(manager.states, ["READY=1", "STOPPING=1"], "states")


@case("SIGUSR2 leaves the sockets in the store; what waits is the next one's")
def _():
    UdpServer("127.0.0.1", 5000)
    receiver = Receiver("127.0.0.1", 5001)
    both = "queue input if udp dst port 5000 or udp dst port 5001"
    manager = Manager()
    first = Managed(manager, "run", both, "accept")
    answers()
    first.send_signal(signal.SIGUSR2)
    same(wait_end(first), 0, "exit status")
    same(sorted(manager.store), ["queue-0", "rules"], "the store")
    same(tables(), ["nfqueue-0"], "tables")
    sender = Sender("127.0.0.1", 5001, limit=100)
    until(lambda: sender.process.poll() is not None, 5, "all is sent")
    second = Managed(manager, "run", "--json", both, "accept")
    answers()
    summary = second.summary()
    same([summary["received"], summary["defaulted"]], [101, 0], "received, defaulted")
    adds_up(summary)
    same(receiver.tally(100)["missing"], 0, "missing")
    need("kept" not in first.err.text, first.err.text)


@case("kill -9: what the dead one had not received is decided by the next one")
def _():
    receiver = Receiver("127.0.0.1", 5000)
    manager = Manager()
    first = start(manager, "accept")
    first.pause()
    sender = Sender("127.0.0.1", 5000, limit=1000)
    until(lambda: sender.process.poll() is not None, 5, "all is sent")
    first.kill()
    second = start(manager, "accept")
    until(lambda: second.received() >= 900, 5, "it receives them")
    second.stop()
    missing = receiver.tally(1000)["missing"]
    need(missing <= 64, f"{missing} missing, of 1000")


class Stuck(Managed):
    """Nobody reads what it logs, so that it stands still amid a batch."""

    def __init__(self, manager, *args):
        self.unread, self.output = os.pipe()
        super().__init__(manager, *args)

    def start(self, stdin, stderr, stdout=None):
        return super().start(stdin, stderr, self.output)


@case("kill -9 amid a batch: what the dead one held is dropped at once, the rest decided")
def _():
    receiver = Receiver("127.0.0.1", 5000)
    manager = Manager()
    first = Stuck(manager, "run", *OPTIONS, QUEUE, "log", "accept")
    sender = Sender("127.0.0.1", 5000, limit=3000)
    until(lambda: sender.process.poll() is not None, 5, "all is sent")
    time.sleep(0.3)
    first.kill()
    second = start(manager, "accept")
    until(lambda: second.received() > 1000, 5, "it receives the rest")
    summary = second.summary()
    same([summary["waiting"], summary["lost"]], [0, 0], "waiting, lost")
    tally = receiver.tally(3000)
    need(0 < tally["missing"] <= BATCH, f"{tally['missing']} missing, of 3000")
    same(tally["twice"], 0, "came twice")


@case("a socket in the store that is not wanted is closed, there too")
def _():
    manager = Manager()
    first = start(manager, "accept", options=("-q", "0-1"))
    first.kill()
    second = start(manager, "accept", options=("-q", "1-2"))
    until(lambda: "queue-0" not in manager.store, 5, "queue-0 is gone")
    need("'queue-0'" in second.err.text, second.err.text)
    same(sorted(manager.store), ["queue-1", "queue-2", "rules"], "the store")
    second.stop()


@case("a reload under a service manager is told to it, and new rules are stored")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy("accept")
    manager = Manager()
    run = Managed(manager, "run", "-f", str(policy.path))
    same(sorted(manager.store), ["queue-0"], "the store, without a queue line")
    policy.write(QUEUE, "drop")
    reload()
    silent()
    until(lambda: "rules" in manager.store, 5, "the rules are stored")
    need("RELOADING=1" in manager.states and manager.states.count("READY=1") == 2,
         manager.states)
    run.stop()
    until(lambda: not manager.store, 5, "the store is empty")


main()
