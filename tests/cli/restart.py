# SPDX-License-Identifier: MIT
"""Restarts under numbered datagrams: how many there are, and at what rate, is for who
uses it. Each packet is delivered once, whoever decided it."""
import os
import signal
import subprocess
import time

from case import Arguments, need, same, slow, until
from manager import Manager
from program import Running
from traffic import Receiver, Sender

QUEUE = "queue input if udp dst port 5000"
ADDRESS = "127.0.0.1"
BATCH = 64                      # the default: what one thread has received at once
OPTIONS = ["--json", "--max-length", "65536", "--socket-buffer", "64M"]


class Managed(Running):
    """`nfqueue ARGS`, started by a service manager."""

    def __init__(self, manager, *args):
        self.manager = manager
        super().__init__(*args)

    def start(self, stdin, stderr, stdout=subprocess.PIPE):
        ready = self.manager.states.count("READY=1")
        process = subprocess.Popen(
            self.manager.command(str(Arguments.program), *self.args),
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
            env={**os.environ, **self.manager.environment()},
            preexec_fn=self.manager.place, close_fds=False)
        self.ready = ready + 1
        return process

    def wait_ready(self):
        def ready():
            need(self.process.poll() is None, "it ended:", self.err.text)
            return self.manager.states.count("READY=1") >= self.ready
        until(ready, 10, "READY=1")


def wait_end(run, seconds=10):
    """Its exit status, once all it wrote is read."""
    code = run.process.wait(timeout=slow(seconds))
    run.out.thread.join(timeout=slow(2))
    run.err.thread.join(timeout=slow(2))
    return code


def last_summary(run):
    last = run.objects()[-1]
    same(last["type"], "summary", f"the last object; it says {run.err.text!r}")
    return last


class Traffic:
    """Numbered datagrams at a rate, from the first start to the last stop."""

    def __init__(self, rate):
        self.receiver = Receiver(ADDRESS, 5000)
        self.rate = rate // 4 if Arguments.sanitized else rate
        self.sender = None

    def begin(self):
        self.sender = Sender(ADDRESS, 5000, rate=self.rate)

    def end(self, seconds=0.5):
        """Stops, waits for the last; returns (sent, tally)."""
        row = self.sender.finish()
        sent, took = row["sent"], row["seconds"]
        time.sleep(seconds)
        reached = sent / took
        if not Arguments.sanitized:
            need(reached > self.rate * 0.5, f"only {reached:,.0f} datagrams a second")
        print(f"# {sent:,} datagrams, {reached:,.0f} a second")
        return sent


def replace_many(times, rate, pause, *options):
    """One instance replaces the other under traffic. Nothing is missing nor twice."""
    traffic = Traffic(rate)
    arguments = ["run", *OPTIONS, *options, QUEUE, "accept"]
    run = Running(*arguments)
    runs, gaps = [run], []
    traffic.begin()
    try:
        for _ in range(times):
            time.sleep(pause)
            start = time.monotonic()
            following = Running("run", "--replace", *arguments[1:], ready=False)
            same(wait_end(run), 0, f"exit status of the replaced: {run.err.text}")
            gaps.append(time.monotonic() - start)
            same(last_summary(run)["replaced_by"], following.pid, "replaced by")
            run = following
            runs.append(run)
        time.sleep(pause)
        sent = traffic.end()
        run.summary()
    finally:
        for each in runs:
            each.__exit__()
    check_none_missing(traffic, sent, [last_summary(each) for each in runs])
    print(f"# {times} replacements, {1000 * sum(gaps) / times:.0f} ms each until the old "
          "one has ended")


def check_none_missing(traffic, sent, summaries):
    tally = traffic.receiver.tally(sent)
    print("# received:", ", ".join(f"{row['received']:,}" for row in summaries))
    for row in summaries:
        same([row["lost"], row["defaulted"], row["flushed"], row["refused"]],
             [0, 0, 0, 0], "lost, defaulted, flushed, refused")
    same(tally["twice"], 0, "came twice")
    same(tally["missing"], tally["overflow"], f"missing of {sent}")
    same(sum(row["received"] for row in summaries), sent, "received by all of them")


def start_managed(manager):
    return Managed(manager, "run", *OPTIONS, QUEUE, "accept")


def end_at_once(run):
    """kill -9: what the dead process held is missing, at most a batch for each queue."""
    run.kill()


def end_as_asked(run):
    """SIGUSR2, as the unit has it for a restart: nothing is missing."""
    run.send_signal(signal.SIGUSR2)
    same(wait_end(run), 0, f"exit status: {run.err.text}")


def restart_many(times, rate, pause, end, held):
    """`end` and a restart from the store, under traffic: at most so many packets as each
    process `held` are missing."""
    manager = Manager()
    traffic = Traffic(rate)
    run = start_managed(manager)
    traffic.begin()
    pauses = []
    for _ in range(times):
        time.sleep(pause)
        end(run)
        start = time.monotonic()
        run = start_managed(manager)
        pauses.append(time.monotonic() - start)
    time.sleep(pause)
    sent = traffic.end()
    run.stop()
    manager.wait_told("STOPPING=1")
    until(lambda: not manager.store, 5, f"the store is empty: {manager.store}")
    tally = traffic.receiver.tally(sent)
    missing = tally["missing"] - tally["overflow"]
    same(tally["twice"], 0, "came twice")
    need(0 <= missing <= held * times,
         f"{missing} missing, more than {times} processes held")
    print(f"# {times} restarts: {missing} missing, at most {held} each may be; "
          f"{1000 * sum(pauses) / times:.0f} ms until it is ready again")
