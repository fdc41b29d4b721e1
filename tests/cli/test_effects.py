# SPDX-License-Identifier: MIT
"""What rules do besides verdicts, on real traffic: changes, answers, copies, bad
networks, captures; both families."""
import json
import pathlib
import socket
import tempfile
import time

from case import Skip, case, main, need, same, sh, slow, until
from policy import Policy, reload
from program import Running, adds_up, nfqueue
from traffic import FAMILIES, UdpServer, open_socket, udp_answers

IP_RECVTTL = 12
QUEUE = "queue output if udp dst port 5000 or tcp dst port 5001"


def ask(address, data, port=5000, seconds=3):
    """What a server there got, and sent back; None: nothing came."""
    with open_socket(address, socket.SOCK_DGRAM) as client:
        client.settimeout(slow(seconds))
        client.connect((address, port))
        client.send(data)
        try:
            return client.recv(65536)
        except TimeoutError:
            return None


def refusal(address, port, kind=socket.SOCK_STREAM):
    """The errno's name of a connect, or of a datagram that is answered by an error."""
    with open_socket(address, kind) as client:
        client.settimeout(slow(2))
        try:
            client.connect((address, port))
            client.send(b"hello")
            client.recv(10)
            return "none"
        except OSError as error:
            return type(error).__name__ if not error.errno else \
                __import__("errno").errorcode[error.errno]


def effects(summary, number=0):
    return summary["rules"][number]


@case("set changes header fields, and the checksums fit")
def _():
    for name, address in FAMILIES.items():
        server = open_socket(address, socket.SOCK_DGRAM)
        server.bind((address, 5000))
        server.settimeout(slow(3))
        ttl = (socket.IPPROTO_IP, IP_RECVTTL) if name == "IPv4" else \
            (socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT)
        server.setsockopt(*ttl, 1)
        with Running("run", "--json", QUEUE, "set ttl 9 set dscp 46 if udp") as run:
            with open_socket(address, socket.SOCK_DGRAM) as client:
                client.sendto(b"hello", (address, 5000))
            data, parts, _, _ = server.recvmsg(100, 256)
            summary = run.summary()
        same(data, b"hello", f"{name}: data")
        same(int.from_bytes(parts[0][2][:4], "little"), 9, f"{name}: TTL")
        same(effects(summary)["changed"], 1, "changed")
        same(summary["modified"], 1, "modified")
        adds_up(summary)


@case("replace changes datagrams, longer and shorter, and nothing else")
def _():
    for address in FAMILIES.values():
        UdpServer(address, 5000)
    with Running("run", "--json", QUEUE,
                 'replace "cat" "elephant" replace "dogs" "" if udp', "accept") as run:
        for address in FAMILIES.values():
            same(ask(address, b"a cat, a cat"), b"a elephant, a elephant", "longer")
            same(ask(address, b"dogs!"), b"!", "shorter")
            same(ask(address, b"ca t"), b"ca t", "unchanged")
        summary = run.summary()
    same(effects(summary)["replaced"], 6, "replaced")
    same(effects(summary)["changed"], 4, "changed")
    adds_up(summary)


@case("reject answers: a reset, port unreachable, and what else is asked for")
def _():
    for address in FAMILIES.values():
        with Running("run", "--json", QUEUE, "reject") as run:
            same(refusal(address, 5001), "ECONNREFUSED", "TCP")
            same(refusal(address, 5000, socket.SOCK_DGRAM), "ECONNREFUSED", "UDP")
            summary = run.summary()
        same(effects(summary)["rejected"], 2, "rejected")
        same(summary["dropped"], 2, "dropped")
    with Running("run", QUEUE, "reject with admin-prohibited") as run:
        need(refusal("127.0.0.1", 5001) in ("EHOSTUNREACH", "EACCES"), "prohibited")
        run.stop()


@case("duplicate sends two, and its own copy does not come up again")
def _():
    servers = [UdpServer(address, 5000) for address in FAMILIES.values()]
    with Running("run", "--json", QUEUE, "duplicate 100% if udp") as run:
        for address in FAMILIES.values():
            udp_answers(address, 5000, b"twice")
        until(lambda: all(len(server.came) == 2 for server in servers), 3, "two came")
        time.sleep(0.1)
        summary = run.summary()
    same([data for server in servers for data, _ in server.came], [b"twice"] * 4, "came")
    same(summary["received"], 2, "received")
    same(summary["copies_sent"], 2, "copies")
    same(summary["copies_failed"], 0, "failed copies")
    adds_up(summary)


@case("inject sends a changed copy first, and the packet as it is")
def _():
    servers = [UdpServer(address, 5000) for address in FAMILIES.values()]
    with Running("run", "--json", QUEUE,
                 'inject replace "real" "fake" then mark 3 if udp') as run:
        for address in FAMILIES.values():
            udp_answers(address, 5000, b"real")
        until(lambda: all(len(server.came) == 2 for server in servers), 3, "two came")
        summary = run.summary()
    for server in servers:
        same([data for data, _ in server.came], [b"fake", b"real"], "came")
    same(effects(summary)["injected"], 2, "injected")


@case("delay delays, and keeps the order")
def _():
    for address in FAMILIES.values():
        UdpServer(address, 5000)
    with Running("run", "--json", QUEUE, "delay 200ms if udp") as run:
        for address in FAMILIES.values():
            begin = time.monotonic()
            same(ask(address, b"late"), b"late", "answer")
            took = time.monotonic() - begin
            need(0.2 <= took < slow(2), f"it took {took} s")
        with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
            client.settimeout(slow(3))
            client.connect(("127.0.0.1", 5000))
            for number in range(100):
                client.send(b"%d" % number)
            came = [int(client.recv(10)) for _ in range(100)]
        same(came, list(range(100)), "order")
        summary = run.summary()
    same(effects(summary)["delayed"], 102, "delayed")
    adds_up(summary)


@case("what is delayed is sent at once by a stop")
def _():
    server = UdpServer("127.0.0.1", 5000)
    with Running("run", "--json", QUEUE, "delay 60s if udp") as run:
        with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
            for _ in range(10):
                client.sendto(b"late", ("127.0.0.1", 5000))
            until(lambda: run.received() == 10, 5, "all are received")
            same(server.came, [], "came before")
            summary = run.summary()
    until(lambda: len(server.came) == 10, 3, "they came")
    same(summary["accepted"], 10, "accepted")


@case("loss and corrupt: all, and none")
def _():
    for address in FAMILIES.values():
        UdpServer(address, 5000)
    with Running("run", "--json", QUEUE, "loss 100% if udp and len > 60",
                 "corrupt 100% if udp and len > 50", "accept") as run:
        for address in FAMILIES.values():
            need(not udp_answers(address, 5000, b"x" * 200), "it was to be lost")
        need(not udp_answers("127.0.0.1", 5000, b"y" * 25), "it was to be corrupt")
        summary = run.summary()
    same(effects(summary, 0)["lost"], 2, "lost")
    same(effects(summary, 1)["corrupted"], 1, "corrupted")


@case("rate paces: half a megabyte a second")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--json", QUEUE, "rate 4mbit if udp") as run:
        with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
            client.settimeout(slow(5))
            client.connect(("127.0.0.1", 5000))
            begin = time.monotonic()
            for _ in range(80):     # what waits is charged to this socket
                client.send(b"x" * 972)     # 1,000 bytes with headers
            for _ in range(80):
                client.recv(2000)
            took = time.monotonic() - begin
        run.stop()
    need(0.15 < took < slow(1), f"80,000 bytes took {took} s")


@case("a packet that cannot be changed passes as it came, and is counted")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--json", QUEUE, "set flow-label 7 if udp") as run:
        same(ask("127.0.0.1", b"IPv4"), b"IPv4", "answer")
        summary = run.summary()
    same(summary["accepted"], 1, "accepted")
    same(summary["modified"], 0, "modified")


@case("log to FILE records packets with their verdicts; tshark reads them")
def _():
    if not sh("command -v tshark || true"):
        raise Skip("no tshark")
    server = UdpServer("127.0.0.1", 5000)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "out.pcapng"
        with Running("run", "--json", QUEUE, f'log to "{path}" if udp',
                     "drop if len > 100", "mark 5") as run:
            udp_answers("127.0.0.1", 5000, b"short")
            udp_answers("127.0.0.1", 5000, b"x" * 200)
            summary = run.summary()
        rows = sh(f"tshark -r {path} -T fields -e ip.src -e udp.dstport -e frame.comment "
                  "-e frame.interface_name 2>/dev/null").splitlines()
    same(summary["recorded"], 2, "recorded")
    same(len(rows), 2, "packets in the file")
    need("accept, mark 5" in rows[0] and "drop" in rows[1], rows)
    need("127.0.0.1\t5000" in rows[0] and "lo" in rows[0], rows)
    same(len(server.came), 1, "came")


@case("a reload brings effects, and takes them away")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "accept")
    with Running("run", "--json", "-f", str(policy.path)) as run:
        same(ask("127.0.0.1", b"cat"), b"cat", "before")
        policy.write(QUEUE, 'replace "cat" "horse" duplicate 100% if udp', "accept")
        reload()
        same(ask("127.0.0.1", b"cat"), b"horse", "with replace")
        policy.write(QUEUE, "accept")
        reload()
        same(ask("127.0.0.1", b"cat"), b"cat", "after")
        summary = run.summary()
    same(summary["copies_sent"], 1, "copies")
    same(summary["received"], 3, "received")


@case("rules of others bring our own packets up again: they pass")
def _():
    servers = [UdpServer("127.0.0.1", 5000)]
    with Running("run", "--json", "duplicate 100% if udp", ready=False) as run:
        until(lambda: "deciding what other rules" in run.err.text or run.objects(), 5,
              "it runs")
        sh("iptables -A OUTPUT -p udp --dport 5000 -j NFQUEUE --queue-num 0")
        udp_answers("127.0.0.1", 5000, b"twice")
        until(lambda: len(servers[0].came) == 2, 3, "two came")
        time.sleep(0.1)
        sh("iptables -F OUTPUT")
        run.send_signal(2)
        run.process.wait(timeout=slow(5))
        summary = run.objects()[-1]
    same(summary["received"], 2, "received")
    same(len(servers[0].came), 2, "came")


@case("what waits at the end is sent and written at once, and is in the summary")
def _():
    server = UdpServer("127.0.0.1", 5000)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "out.pcapng"
        with Running("run", "--json", QUEUE, f'log to "{path}" if udp',
                     "duplicate 100% delay 60s if udp") as run:
            with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
                for _ in range(5):
                    client.sendto(b"late", ("127.0.0.1", 5000))
                until(lambda: run.received() == 5, 5, "received")
                same(len(server.came), 0, "came before the end")
                summary = run.summary()
    same(summary["copies_sent"], 5, "copies sent")
    same(summary["copies_waiting"], 0, "copies that wait")
    same(summary["recorded"], 5, "recorded")
    same(summary["accepted"], 5, "accepted")
    adds_up(summary)
    until(lambda: len(server.came) == 10, 3, "ten came")


@case("--replace with a file that cannot be written is refused, nothing touched")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--json", QUEUE, "accept") as run:
        done = nfqueue("run", "--replace", QUEUE, 'log to "/nonexistent/x.pcapng"')
        need(done.returncode != 0 and "/nonexistent/x.pcapng" in done.stderr, done)
        same(ask("127.0.0.1", b"still here"), b"still here", "answer")
        same(run.summary()["received"], 1, "received")


@case("more delayed packets than a queue may hold are dropped, and it is told")
def _():
    UdpServer("127.0.0.1", 5000)
    with Running("run", "--json", "--max-length", "40", QUEUE,
                 "delay 60s limit 1000 if udp") as run:
        with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
            for number in range(36):
                client.sendto(b"x", ("127.0.0.1", 5000))
                if number % 6 == 5:     # what waits unread finds little room
                    time.sleep(0.1)
        until(lambda: run.received() == 36, 5, "received")
        summary = run.summary()
    same(summary["accepted"], 30, "accepted")
    same(summary["dropped"], 6, "dropped")
    same(summary["hold_overflow"], 6, "hold_overflow")
    adds_up(summary)


@case("a reload that needs more of each packet does not wait for those that are delayed")
def _():
    UdpServer("127.0.0.1", 5000)
    policy = Policy(QUEUE, "delay 60s if udp")
    with Running("run", "--json", "-f", str(policy.path)) as run:
        with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
            client.sendto(b"late", ("127.0.0.1", 5000))
            until(lambda: run.received() == 1, 5, "received")
            policy.write(QUEUE, "set ttl 9 if udp")
            begin = time.monotonic()
            reload()
            need(time.monotonic() - begin < slow(5), "it took", time.monotonic() - begin)
        same(run.summary()["accepted"], 1, "accepted")


main()
