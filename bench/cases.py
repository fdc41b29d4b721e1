# SPDX-License-Identifier: MIT
"""What bench/run compares. The first subject of a case is the one whose ratio to each of
the others is told."""

import dataclasses

from common import BUILD

STANDARD = {
    "ours": ("bench-ours",),
    "lnfq": ("bench-lnfq",),
    "lnfq-batch": ("bench-lnfq", "--batch"),
    "floor": ("bench-floor",),
}
LIVE = {**STANDARD, "none": None}


@dataclasses.dataclass(frozen=True)
class Goal:
    """The median of first / `against`, or of first - `against`, is to be `at` least or
    most `value`."""
    against: str
    metric: str
    at: str
    value: float


@dataclasses.dataclass(frozen=True)
class Case:
    kind: str
    rounds: int
    subjects: dict  # name: program and arguments; None: no queue
    size: int = 64
    policy: str = "accept"
    packets: int = 0  # of a filling
    poll_s: float = 0.0005  # how often is looked whether all came: it costs CPU, too
    fills: int = 1  # in a turn, after one that warms up
    pairs: bool = False  # many pairs of addresses, not only of ports
    ports: int = 1  # a rule and a queue for each
    balance: int = 0  # one rule for so many queues
    protocol: str = "udp"
    edited: bool = False  # each packet is changed, and looked at when it arrives
    difference: bool = False  # not the ratio
    apart: bool = False  # the reader has a CPU to itself, and so has the load
    goals: tuple = ()


def engine(*arguments):
    return ("bench-engine", "--large", *arguments)


def holds(*arguments):
    return ("bench-hold", *arguments)


def timers(count, *arguments):
    """On two queues, as one holds 65,536 packets at the most; their readers decide."""
    return holds("--hold", str(count), "--queues", "2", "--copy-range", "64", *arguments)


def held(count, packets, fills, rounds, goals=()):
    """Verdicts in order of arrival by a second thread."""
    return Case("filled", rounds, {
        "held": holds("--hold", str(count), "--deciders", "1"),
        "callback": engine(),
        "floor-held": ("bench-floor-held", "--large", "--hold", str(count)),
    }, packets=packets, fills=fills, goals=goals)


def held_otherwise(order, count, packets, fills, rounds):
    common = ("--hold", str(count), "--deciders", "1")
    return Case("filled", rounds, {
        order: holds(*common, "--order", order),
        "arrival": holds(*common),
        "callback": engine(),
    }, packets=packets, fills=fills)


def edit(size, protocol="udp"):
    """Twenty bytes of each packet's payload are changed."""
    return Case("drain", 15, {
        "ours": ("bench-ours", "--edit"),
        "lnfq": ("bench-lnfq", "--edit"),
    }, size=size, protocol=protocol, edited=True, goals=(Goal("lnfq", CPU, "most", 1.2),))


CPU = "cpu_ns_per_packet"
RATE = "packets_per_s"

def drop_in(*options, arguments=()):
    """The plain loop, which knows of libnetfilter_queue alone, on our own file of it."""
    return ("../cli/nfqueue", "exec", *options, "--", str(BUILD / "bench" / "bench-lnfq"),
            *arguments)


def drop_in_drain(*arguments):
    return Case("drain", 25, {
        "drop-in": drop_in(arguments=arguments),
        "lnfq": ("bench-lnfq", *arguments),
    }, size=1400, goals=(Goal("lnfq", CPU, "most", 1.0),))


BUSY = {
    "busy": ("bench-engine", "--busy-poll-us", "50"),
    "ours": ("bench-ours",),
    "lnfq": ("bench-lnfq",),
    "none": None,
}

CASES = {
    "drain-64-accept": Case("drain", 15, STANDARD),
    "drain-64-drop10": Case("drain", 15, STANDARD, policy="drop10"),
    "drain-64-alternate": Case("drain", 15, STANDARD, policy="alternate"),
    "drain-1400-accept": Case("drain", 15, STANDARD, size=1400),
    **{f"edit-{protocol}-{size}": edit(size, protocol)
       for protocol in ("tcp", "udp") for size in (64, 512, 1400)},
    "drop-in-64": drop_in_drain("--copy-range", "64"),
    "drop-in-whole": drop_in_drain(),
    "drop-in-stream": Case("stream", 7, {
        "exec-gso": drop_in("--gso", "--rcvbuf", "64M"),
        "lnfq": ("bench-lnfq",),
        "exec": drop_in(),
        "none": None,
    }, goals=(Goal("lnfq", "gbit_per_s", "least", 5),)),
    "tcp-stream": Case("stream", 7, LIVE),
    "echo": Case("echo", 15, LIVE),
    "deciders-20us": Case("filled", 11, {
        "deciders-2": engine("--work-us", "20", "--deciders", "2"),
        "one-thread": engine("--work-us", "20"),
        "lnfq": ("bench-lnfq", "--large", "--work-us", "20"),
    }, packets=24000, poll_s=0.003, goals=(Goal("one-thread", RATE, "least", 1.7),)),
    "hand-off": Case("filled", 15, {
        "decider-1": engine("--deciders", "1"),
        "one-thread": engine(),
        "lnfq": ("bench-lnfq", "--large"),
    }, packets=8000, fills=3, difference=True,
        goals=(Goal("one-thread", CPU, "most", 1000),)),
    "stream-flow": Case("stream", 11, {
        "flow": ("bench-engine", "--flow-after", "5"),
        "none": None,
        "tracked": None,
        "ours": ("bench-ours",),
        "lnfq": ("bench-lnfq",),
    }, goals=(Goal("none", "gbit_per_s", "least", 0.95),)),
    "held-1": held(1, 8000, 3, 11),
    "held-100": held(100, 8000, 3, 11),
    "held-10000": held(10000, 20000, 2, 11, (Goal("callback", CPU, "most", 1.15),)),
    **{f"held-{order}-{count}": held_otherwise(order, count, packets, fills, 5)
       for order in ("reversed", "random")
       for count, packets, fills in ((1, 8000, 2), (100, 8000, 2), (10000, 10000, 1))},
    "hold-timers": Case("filled", 5, {
        "timers-100000": timers(100000, "--deadline-ms", "60000"),
        "timers-100": timers(100, "--deadline-ms", "60000"),
        "held-100000": timers(100000),
        "held-100": timers(100),
    }, packets=100000, ports=2),
    "echo-busy": Case("echo", 15, BUSY, goals=(Goal("lnfq", "p50_us", "most", 0.5),)),
    "echo-busy-apart": Case("echo", 15, BUSY, apart=True,
                            goals=(Goal("lnfq", "p50_us", "most", 0.5),)),
    "hop-busy": Case("hop", 15, BUSY, goals=(Goal("lnfq", "p50_us", "most", 0.5),)),
    "balance-2": Case("filled", 15, {
        "workers-2": engine("--queues", "2"),
        "one-queue": engine(),
        "lnfq": ("bench-lnfq", "--large"),
    }, packets=16000, fills=3, pairs=True, balance=2),
}
