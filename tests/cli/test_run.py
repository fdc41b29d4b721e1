# SPDX-License-Identifier: MIT
"""nfqueue run on real traffic: every verdict, both families, every way to show it."""
import json
import pathlib
import re
import signal
import tempfile
import time

from case import case, main, need, same, sh, slow, until, Skip
from program import Running, adds_up, nfqueue, sees_queues, tables
from traffic import FAMILIES, Receiver, Sender, TcpServer, UdpServer, tcp_connects, \
    tcp_echo, udp_answers

QUEUE = "queue input if udp dst port 5000 or tcp dst port 5001"


def answers(address, port=5000, data=b"hello"):
    need(udp_answers(address, port, data, seconds=3), f"no answer from {address}:{port}")


def silent(address, port=5000):
    need(not udp_answers(address, port), f"an answer from {address}:{port}")


def nft_counter(mark, port):
    """Counts what has this mark, at a chain behind ours."""
    sh("nft add table inet behind; nft 'add chain inet behind c { type filter hook input "
       f"priority 10; }}'; nft add rule inet behind c udp dport {port} meta mark {mark} "
       "counter")


def nft_count():
    return int(re.search(r"packets (\d+)", sh("nft list table inet behind"))[1])


@case("accept accepts: UDP is answered, a megabyte of TCP passes unchanged")
def _():
    for address in FAMILIES.values():
        UdpServer(address, 5000)
        TcpServer(address, 5001)
    with Running("run", "--json", QUEUE, "accept") as run:
        for address in FAMILIES.values():
            answers(address)
            tcp_echo(address, 5001, 1 << 20)
        summary = run.summary()
    adds_up(summary)
    same(summary["accepted"], summary["received"], "accepted")
    need(summary["received"] > 20, summary)


@case("drop drops: no answer, no connection, others are not touched")
def _():
    servers = [UdpServer(address, port) for address in FAMILIES.values()
               for port in (5000, 6000)]
    for address in FAMILIES.values():
        TcpServer(address, 5001)
    with Running("run", "--json", QUEUE, "drop") as run:
        for address in FAMILIES.values():
            silent(address)
            answers(address, 6000)
            need(not tcp_connects(address, 5001), "a connection to", address)
        summary = run.summary()
    adds_up(summary)
    same(summary["dropped"], summary["received"], "dropped")
    same(servers[0].came + servers[2].came, [], "what the servers saw")
    for address in FAMILIES.values():
        answers(address)
        need(tcp_connects(address, 5001, seconds=3), "no connection after the end")


@case("mark marks: the server and a later nftables rule see it")
def _():
    servers = [UdpServer(address, 5000) for address in FAMILIES.values()]
    nft_counter(0x107, 5000)
    with Running("run", QUEUE, "mark 0x107 if udp") as run:
        for address in FAMILIES.values():
            answers(address)
        run.stop()
    same(nft_count(), 2, "packets with the mark")
    if servers[0].marks:
        same([server.came[0][1] for server in servers], [0x107, 0x107], "marks")


@case("the first rule that matches decides, each for its own packets")
def _():
    for address in FAMILIES.values():
        for port in (5000, 5002, 5003):
            UdpServer(address, port)
    with Running("run", "--json", "queue input if udp", "drop if udp dst port 5000",
                 "accept if udp dst port 5002", "drop if udp dst port 5002",
                 "accept") as run:
        for address in FAMILIES.values():
            silent(address)
            answers(address, 5002)
            answers(address, 5003)
        summary = run.summary()
    # Accepted besides: the requests to 5003, and the answers from 5002 and 5003.
    same([rule["packets"] for rule in summary["rules"]], [2, 2, 0, 6], "packets")


@case("repeat with a mark runs the chains again, with rules of others")
def _():
    for iptables in ("iptables", "ip6tables"):
        sh(f"{iptables} -A INPUT -m mark --mark 9 -j ACCEPT")
        sh(f"{iptables} -A INPUT -p udp --dport 5000 -j NFQUEUE --queue-num 3")
    for address in FAMILIES.values():
        UdpServer(address, 5000)
    with Running("run", "-q", "3", "repeat mark 9") as run:
        for address in FAMILIES.values():
            answers(address)
        text = run.stop()
    need(re.search(r"^  repeated +2$", text, re.M), text)
    for iptables in ("iptables", "ip6tables"):
        counts = [line.split()[:1] for line in sh(f"{iptables} -nvxL INPUT").splitlines()]
        same(counts[2:], [["1"], ["1"]], f"{iptables}: with the mark, and queued")


@case("queue N hands over to another queue, whose owner decides")
def _():
    for address in FAMILIES.values():
        UdpServer(address, 5000)
    with Running("run", "-q", "5", "drop if ip", "accept") as second, \
            Running("run", "-q", "4", QUEUE, "queue 5") as first:
        silent(FAMILIES["IPv4"])
        answers(FAMILIES["IPv6"])
        one, two = first.stop(), second.stop()
    need(re.search(r"^  requeued +2 ", one, re.M), one)
    need(re.search(r"^  received +2$", two, re.M), two)
    need(re.search(r"^  dropped +1$", two, re.M), two)


@case("log prints a line with its text and the packet, and goes on")
def _():
    for address in FAMILIES.values():
        UdpServer(address, 5000)
    with Running("run", "--quiet", QUEUE, 'log "what is # here" if udp', "accept") as run:
        for address in FAMILIES.values():
            answers(address)
        lines = run.stop().splitlines()
    same(len(lines), 2, "lines")
    start = r"\d\d:\d\d:\d\d\.\d{6} what is # here "
    need(re.fullmatch(start + r"IP 127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.5000: UDP, length 5",
                      lines[0]), lines[0])
    need(re.fullmatch(start + r"IP6 ::1\.\d+ > ::1\.5000: UDP, length 5", lines[1]),
         lines[1])


@case("--quiet says nothing at all")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--quiet", QUEUE, "accept") as run:
        answers("127.0.0.1")
        same(run.stop(), "", "standard output")
        same(run.err.text, "", "standard error")


@case("--json: an object a second, log objects, and a summary whose numbers add up")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--json", QUEUE, 'log "\\"q\\"" if udp', "accept") as run:
        for _ in range(5):
            answers("127.0.0.1")
        until(lambda: sum(o["type"] == "counters" for o in run.objects()) >= 3, 6,
              "three objects")
        summary = run.summary()
        objects = run.objects()
    adds_up(summary)
    same([summary[name] for name in ("received", "accepted", "dropped")], [5, 5, 0],
         "sums")
    same(summary["bytes"], 5 * 33, "bytes")
    same([rule["packets"] for rule in summary["rules"]], [5, 5], "packets of the rules")
    logs = [row for row in objects if row["type"] == "log"]
    same({row["text"] for row in logs}, {'"q"'}, "text of the log")
    same(len(logs), 5, "log objects")
    counters = [row for row in objects if row["type"] == "counters"]
    same([row["seconds"] for row in counters], [*range(1, len(counters) + 1)], "seconds")
    for one, two in zip(counters, counters[1:]):
        need(0.5 < two["time"] - one["time"] < 2, "not a second:", one, two)
        need(two["received"] >= one["received"], "a count that went down")


@case("a live line stands on a terminal, and only there; the summary on both")
def _():
    for terminal in (True, False):
        with Running("run", QUEUE, "drop", terminal=terminal) as run:
            silent("127.0.0.1")
            time.sleep(1.5)
            text = run.stop()
            live = "\x1b[K" in run.err.text and "received 1 (" in run.err.text
        same(live, terminal, f"live line: {run.err.text!r}")
        need("\x1b" not in text, "an escape in the summary:", text)
        for row in (r"received +1", r"dropped +1", r"lost +0", r"passed uninspected +0",
                    r"counted by the rules +1"):
            need(re.search(f"^  {row}$", text, re.M), f"no '{row}' in:", text)
        need(re.search(r"^ +1  drop$", text, re.M), text)


@case("a policy from a file, and from standard input")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = f"# comment\n{QUEUE}\ndrop if udp\n"
    with tempfile.NamedTemporaryFile("w", suffix=".nfq") as file:
        file.write(policy)
        file.flush()
        for name, stdin in ((file.name, None), ("-", policy)):
            with Running("run", "-f", name, stdin=stdin) as run:
                silent("127.0.0.1")
                text = run.stop()
                need(re.search(r"^  dropped +1$", text, re.M), text)


@case("-q 0-3 balances by flow over four queues, and counts them as one")
def _():
    receiver = Receiver("127.0.0.1", 5000)
    with Running("run", "-q", "0-3", "--json", QUEUE, "accept") as run:
        sender = Sender("127.0.0.1", 5000, limit=2000, flows=64)
        sender.process.wait(timeout=slow(10))
        sent = sender.count()
        until(lambda: sum(r["last_id"] for r in stat()) >= sent or not sees_queues(), 5,
              "all packets came to the queues")
        ids = [row["last_id"] for row in stat()]
        summary = run.summary()
    adds_up(summary)
    same(summary["received"], sent, "received by all queues")
    same(receiver.tally(sent)["came"], sent, "delivered")
    if sees_queues():
        same(sum(ids), sent, "the sum of the queues")
        need(len(ids) == 4 and all(ids), "a queue got nothing:", ids)


def stat():
    if not sees_queues():
        return []
    done = nfqueue("stat", "--json")
    same(done.returncode, 0, done.stderr)
    return json.loads(done.stdout)


@case("stat shows the queue, its owner and its settings, for people and as JSON")
def _():
    if not sees_queues():
        raise Skip("the kernel shows its table to root outside of user namespaces only")
    need("no queue is open" in nfqueue("stat").stdout, nfqueue("stat"))
    same(stat(), [], "queues")
    with Running("run", "-q", "12", "--copy-range", "300", QUEUE, "accept") as run:
        row = stat()[0]
        wanted = {"queue": 12, "pid": run.pid, "name": "nfqueue", "waiting": 0,
                  "copy_mode": "packets", "copy_range": 300, "dropped_full": 0,
                  "dropped_socket": 0}
        same({key: row[key] for key in wanted}, wanted, "the row")
        text = nfqueue("stat").stdout
        need(re.search(rf"^ +12  nfqueue \({run.pid}\) +0 +0 +0 +0  packets, 300 bytes$",
                       text, re.M), text)
        run.pause()
        sender = Sender("127.0.0.1", 5000, limit=3)
        until(lambda: stat()[0]["waiting"] == 3, 3, "three packets wait")
        sender.count()
        run.go_on()
        run.stop()


@case("rules list shows the table and whose it is, for people and as JSON")
def _():
    need("no rules of nfqueue" in nfqueue("rules", "list").stdout, "rules at the start")
    with Running("run", "-q", "2", "--on-crash", "closed", QUEUE, "accept") as run:
        rows = json.loads(nfqueue("rules", "list", "--json").stdout)
        same(rows, [{"table": "nfqueue-2", "pid": run.pid, "name": "nfqueue",
                     "on_crash": "closed"}], "rows")
        text = nfqueue("rules", "list").stdout
        need(re.search(rf"^nfqueue-2 +nfqueue \({run.pid}\) +closed$", text, re.M), text)
        need("0 tables" in nfqueue("rules", "clean").stdout, "clean while it runs")
        same(tables(), ["nfqueue-2"], "tables")
        run.stop()


@case("INT and TERM end it with exit status 0, and leave neither rules nor queue")
def _():
    UdpServer("127.0.0.1", 5000)
    for mode in ("open", "closed"):
        for number in (signal.SIGINT, signal.SIGTERM):
            with Running("run", "--on-crash", mode, QUEUE, "drop") as run:
                silent("127.0.0.1")
                run.stop(number)
            same(sh("nft list ruleset"), "", "rules")
            same(stat(), [], "queues")
            answers("127.0.0.1")


main()
