# SPDX-License-Identifier: MIT
"""What becomes of the traffic when nfqueue run is killed, or others touch the rules."""
import time

from case import case, main, need, same, sh, slow
from program import Running, nfqueue, tables
from traffic import FAMILIES, Sender, UdpServer, udp_answers

# Port 5000 is asked, port 5001 is flooded.
QUEUE = "queue input if udp dst port 5000 or udp dst port 5001"


def servers():
    for address in FAMILIES.values():
        UdpServer(address, 5000)


def flow(seconds=1):
    """Traffic flows, soon."""
    start = time.monotonic()
    for name, address in FAMILIES.items():
        while not udp_answers(address, 5000, seconds=0.1):
            need(time.monotonic() - start < slow(seconds),
                 f"{name} does not pass within {seconds} s")


def blocked():
    for name, address in FAMILIES.items():
        need(not udp_answers(address, 5000), f"{name} passes")


def killed_under_traffic(mode, *rules):
    """Kills a run with -9 while packets come at full speed."""
    with Running("run", "--on-crash", mode, QUEUE, *rules) as run:
        senders = [Sender(address, 5001) for address in FAMILIES.values()]
        time.sleep(0.3)
        run.kill()
        return senders


def stop_senders(senders):
    for sender in senders:
        need(sender.count() > 0, "nothing was sent")


def starts_again(mode):
    """On the same queue, with rules that work."""
    with Running("run", "--on-crash", mode, QUEUE, "drop if udp dst port 5000") as run:
        blocked()
        run.stop()
    flow()


@case("killed with -9 under traffic, on crash open: traffic passes within a second")
def _():
    servers()
    for decision in ("drop", "accept"):
        senders = killed_under_traffic("open", decision)
        flow(1)
        same(tables(), [], "tables")
        stop_senders(senders)
    starts_again("open")
    starts_again("closed")


@case("killed with -9 under traffic, on crash closed: blocked until rules clean")
def _():
    servers()
    senders = killed_under_traffic("closed", "accept")
    blocked()
    need("dead" in nfqueue("rules", "list").stdout, nfqueue("rules", "list"))
    blocked()
    same(nfqueue("rules", "clean").stdout, "1 table removed\n", "rules clean")
    flow(1)
    stop_senders(senders)
    same(sh("nft list ruleset"), "", "rules")


@case("after a crash that left it closed, run takes the queue and its table over")
def _():
    servers()
    for mode in ("closed", "open"):
        stop_senders(killed_under_traffic("closed", "accept"))
        blocked()
        if mode == "open":
            nfqueue("rules", "clean")
        starts_again(mode)
        same(tables(), [], "tables")


@case("rules clean leaves a table alone whose program runs")
def _():
    servers()
    stop_senders(killed_under_traffic("closed", "accept"))
    with Running("run", "-q", "1", "--on-crash", "closed", QUEUE, "accept") as run:
        same(sorted(tables()), ["nfqueue-0", "nfqueue-1"], "tables")
        same(nfqueue("rules", "clean").stdout, "1 table removed\n", "rules clean")
        same(tables(), ["nfqueue-1"], "tables")
        flow()
        run.stop()


@case("another program's 'flush ruleset' leaves our rules working")
def _():
    servers()
    with Running("run", "--json", QUEUE, "drop") as run:
        blocked()
        sh("nft add table inet other; nft flush ruleset")
        need("other" not in sh("nft list tables"), "the flush did nothing")
        blocked()
        need(run.summary()["dropped"] >= 4, "what came after the flush was not counted")
    flow()


@case("stopped and continued, it goes on where it was")
def _():
    servers()
    with Running("run", QUEUE, "accept") as run:
        run.pause()
        blocked()
        run.go_on()
        flow()
        run.stop()


main()
