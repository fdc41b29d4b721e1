# SPDX-License-Identifier: MIT
"""nfqueue replay: a policy over capture files, and the files it writes."""
import json
import os
import pathlib
import pty
import shutil
import socket
import struct
import subprocess
import tempfile

from capture import (ARP, EN10MB, LINUX_SLL, LINUX_SLL2, MACS, MILLISECOND, NULL, RAW,
                     SECOND, START, ethernet, every, pcap, summary, tcp, tshark, udp)
from case import Arguments, Skip, case, main, need, same, until
from program import Running, Stream, as_ordinary_user, nfqueue

EXIT_FAILED, EXIT_USAGE = 1, 2

folder = tempfile.TemporaryDirectory(prefix="nfqueue-replay-")
os.chmod(folder.name, 0o755)


def path_of(name):
    return str(pathlib.Path(folder.name) / name)


def write(data, name="in.pcap"):
    path = path_of(name)
    pathlib.Path(path).write_bytes(data)
    return path


def replay(*args, **kwargs):
    done = nfqueue("replay", *args, **kwargs)
    same(done.returncode, 0, f"exit status: {done.stderr}")
    return done


def counts(*args, **kwargs):
    return summary(replay("--json", *args, **kwargs))


def mixed():
    return write(pcap(every(SECOND, [
        ethernet(udp(dport=53)), ethernet(tcp(dport=80)), ARP, ethernet(tcp(dport=23)),
        ethernet(udp(source="2001:db8::1", destination="2001:db8::2", dport=53)),
        ethernet(udp(dport=123, payload=b"x" * 100))])))


@case("the table has packets and bytes of each rule, and the totals", net=False)
def _():
    done = replay("drop if tcp port 23", "mark 7 if udp port 53", "queue 4 if udp",
                  "repeat", mixed())
    rows = [line.split(None, 2) for line in done.stdout.splitlines() if line.strip()]
    need(["1", "40", "drop if tcp port 23"] in rows, done.stdout)
    need(["2", "86", "mark 7 if udp port 53"] in rows, done.stdout)
    need(["1", "128", "queue 4 if udp"] in rows, done.stdout)
    need(["1", "40", "repeat"] in rows, done.stdout)
    flat = " ".join(done.stdout.split())
    need("packets 5 bytes 294 accepted 2 dropped 1 repeated 1 requeued 1" in flat, flat)
    need("not IP 1 left out" in flat, flat)
    same(done.stderr, "", "standard error")


@case("JSON has the same, for machines", net=False)
def _():
    seen = counts("drop if tcp port 23", "accept if udp", mixed())
    for name, expected in {"packets": 5, "bytes": 294, "not_ip": 1, "dropped": 1,
                           "accepted": 4, "not_queued": 0, "truncated": 0,
                           "broken_files": 0, "first": 1.7e9, "last": 1.7e9 + 5}.items():
        same(seen[name], expected, name)
    same(seen["rules"], [
        {"rule": "drop if tcp port 23", "line": 1, "packets": 1, "bytes": 40},
        {"rule": "accept if udp", "line": 2, "packets": 3, "bytes": 214}], "rules")
    same(seen["no_rule"], {"packets": 1, "bytes": 40}, "no rule")


@case("log lines have the time of the packet", net=False)
def _():
    done = replay("log \"dns\" if udp port 53", "--quiet", mixed(),
                  env={"TZ": "UTC"})
    same(done.stdout.splitlines(),
         ["22:13:20.000000 dns IP 10.0.0.1.1000 > 10.0.0.2.53: UDP, length 5",
          "22:13:24.000000 dns IP6 2001:db8::1.1000 > 2001:db8::2.53: UDP, length 5"],
         "lines")
    done = replay("--json", "log \"dns\" if udp port 53", mixed())
    row = json.loads(done.stdout.splitlines()[1])
    same((row["type"], row["time"], row["line"], row["text"], row["length"]),
         ("log", 1.7e9 + 4, 1, "dns", 53), "object")


@case("what is changed has good checksums, and the rest its bytes", net=False)
def _():
    out = path_of("changed.pcapng")
    seen = counts("-w", out, "set ttl 9 set dport 8080 if tcp port 80",
                  "set hop-limit 5 if ip6", "replace \"xx\" \"abc\" if udp port 123",
                  mixed())
    same((seen["modified"], seen["written"]), (3, 5), "changed and written")
    rows = tshark(out, "ip.ttl", "ipv6.hlim", "ip.checksum.status",
                  "tcp.checksum.status", "udp.checksum.status", "tcp.dstport", "ip.len",
                  "udp.length")
    same(rows, [["64", "", "1", "", "1", "", "33", "13"],
                ["9", "", "1", "1", "", "8080", "40", ""],
                ["64", "", "1", "1", "", "23", "40", ""],
                ["", "5", "", "", "1", "", "", "13"],
                ["64", "", "1", "", "1", "", "178", "158"]], "packets")


@case("delays move packets by the capture's clock, in the order of time", net=False)
def _():
    packets = [ethernet(udp(dport=53 + i % 2)) for i in range(6)]
    source = write(pcap(every(MILLISECOND, packets)))
    out = path_of("delayed.pcapng")
    seen = counts("-w", out, "delay 10ms if udp port 53", source)
    same(seen["rules"][0]["delayed"], 3, "delayed")
    rows = tshark(out, "frame.time_epoch", "udp.dstport")
    expected = [[START + step * MILLISECOND, port] for step, port in
                ((1, "54"), (3, "54"), (5, "54"), (10, "53"), (12, "53"), (14, "53"))]
    same([[int(row[0].replace(".", "")), row[1]] for row in rows], expected, "packets")


@case("copies, duplicates and answers are in the output, with their origin", net=False)
def _():
    out = path_of("copies.pcapng")
    source = write(pcap(every(SECOND, [ethernet(udp()), ethernet(tcp(dport=80)),
                                       ethernet(tcp(dport=23, flags=2))])))
    seen = counts("-w", out, "duplicate 100% if udp", "inject set ttl 3 if tcp port 80",
                  "reject", source)
    same((seen["made"], seen["dropped"], seen["accepted"]), (3, 1, 2), "counts")
    rows = tshark(out, "ip.ttl", "tcp.flags.reset", "frame.comment",
                  "tcp.checksum.status")
    same([row[1:3] for row in rows],
         [["", "made here: duplicate: duplicate 100% if udp"],
          ["", "accept: duplicate 100% if udp"],
          ["0", "made here: inject: inject set ttl 3 if tcp port 80"],
          ["0", "accept: inject set ttl 3 if tcp port 80"],
          ["1", "made here: reject: reject"]], "packets")
    same((rows[2][0], rows[3][0]), ("3", "64"), "ttl of the copy and of the packet")
    same(rows[4][3], "1", "the answer's checksum")


@case("dropped packets are in the output if asked for, as drops", net=False)
def _():
    out = path_of("dropped.pcapng")
    replay("-w", out, "drop if tcp", mixed())
    same(len(tshark(out, "frame.number")), 3, "packets")
    replay("--dropped", "-w", out, "drop if tcp", mixed())
    rows = tshark(out, "frame.comment", "frame.verdict.ebpf_tc")
    drops = [row for row in rows if row[1] == "2"]
    same(drops, [["drop: drop if tcp", "2"]] * 2, "drops")
    same(len(rows), 5, "packets")


@case("the same seed gives the same output, another one another", net=False)
def _():
    source = write(pcap(every(MILLISECOND, [ethernet(udp())] * 400)))

    def packets(*options):
        out = path_of("seed.pcapng")
        replay("-w", out, *options, "delay 5ms 2ms loss 10% duplicate 5%", source)
        return [row[0] for row in tshark(out, "frame.time_epoch")]
    first = packets()
    need(300 < len(first) < 430, len(first))
    same(packets(), first, "the default, again")
    same(packets("--seed", "1"), first, "seed 1, the default")
    need(packets("--seed", "2") != first, "seed 2 is seed 1")


@case("queue lines choose packets by family and match, at any hook", net=False)
def _():
    seen = counts("queue input ip if udp", "queue output if tcp port 80", "drop", mixed())
    same((seen["dropped"], seen["not_queued"], seen["accepted"]), (3, 2, 2), "counts")
    done = replay("queue input if udp", "drop", mixed())
    need("a capture does not tell the hook" in done.stderr, done.stderr)
    need("not queued" in done.stdout, done.stdout)


@case("after a flow verdict its flow is decided, in both directions", net=False)
def _():
    there = tcp(sport=1000, dport=80)
    back = tcp(sport=80, dport=1000, source="10.0.0.2", destination="10.0.0.1")
    other = tcp(sport=1001, dport=80)
    source = write(pcap(every(SECOND, map(ethernet, [there, back, there, other]))))
    rules = ["flow-drop if tcp src port 1000"]
    seen = counts("queue input", *rules, source)
    same((seen["by_flow"], seen["dropped"], seen["accepted"]), (2, 3, 1), "counts")
    same(seen["rules"][0]["packets"], 1, "asked")
    seen = counts(*rules, source)       # as with run: without rules no flow marks
    same((seen["by_flow"], seen["dropped"], seen["accepted"]), (0, 2, 2), "counts")


@case("truncated packets are decided, and told of if a rule would change them", net=False)
def _():
    frames = every(SECOND, [ethernet(udp(payload=b"x" * 200)), ethernet(udp())])
    source = write(pcap(frames, snap=100))
    seen = counts("drop if udp port 53", source)
    same((seen["dropped"], seen["truncated"]), (2, 0), "counts")
    out = path_of("truncated.pcapng")
    done = replay("-w", out, "set ttl 3", source)
    need("truncated" in done.stdout and "snap length" in done.stdout, done.stdout)
    need("changed 1, failed 1" in done.stdout, done.stdout)
    same(tshark(out, "frame.len", "frame.cap_len", "ip.ttl"),
         [["248", "106", "64"], ["53", "53", "3"]], "packets")


def sll(packet, kind=0):
    return struct.pack(">HHH6sHH", kind, 1, 6, MACS[6:], 0, 0x0800) + packet


def sll2(packet, kind=0):
    return struct.pack(">HHIHBB8s", 0x0800, 0, 3, 1, kind, 6, MACS[6:]) + packet


@case("every link type is read: tags, padding and all", net=False)
def _():
    tag, outer = bytes.fromhex("8100 0005"), bytes.fromhex("88a8 0007")
    for name, link_type, frame in (
            ("Ethernet, padded", EN10MB, ethernet(udp()) + bytes(13)),
            ("a VLAN", EN10MB, ethernet(udp(), tag)),
            ("QinQ", EN10MB, ethernet(udp(), outer + tag)),
            ("raw", RAW, udp()), ("IPV4", 228, udp()), ("SLL", LINUX_SLL, sll(udp())),
            ("SLL2", LINUX_SLL2, sll2(udp(), 4)), ("NULL", NULL, b"\2\0\0\0" + udp()),
            ("LOOP", 108, b"\0\0\0\2" + udp()), ("PPP", 9, b"\xff\3\0\x21" + udp())):
        seen = counts("drop if udp dst port 53", write(pcap([(START, frame)], link_type)))
        same((seen["dropped"], seen["bytes"]), (1, 33), name)


@case("direction, sender and VLAN tag are in the output", net=False)
def _():
    out = path_of("link.pcapng")
    replay("-w", out, "accept", write(pcap([(START, sll(udp(), 4))], LINUX_SLL)))
    same(tshark(out, "frame.packet_flags_direction", "sll.src.eth"),
         [["0x00000002", "02:00:00:00:00:01"]], "sent")
    replay("-w", out, "accept",
           write(pcap([(START, ethernet(udp(), bytes.fromhex("8100a005")))])))
    same(tshark(out, "frame.packet_flags_direction", "vlan.id", "udp.dstport"),
         [["0x00000000", "5", "53"]], "in a VLAN")


@case("its own output is read again, and is the same then", net=False)
def _():
    first, second = path_of("first.pcapng"), path_of("second.pcapng")
    replay("-w", first, "accept if udp", mixed())
    seen = counts("-w", second, "accept if udp", first)
    same((seen["packets"], seen["rules"][0]["packets"]), (5, 3), "packets")
    one, other = (pathlib.Path(path).read_bytes() for path in (first, second))
    end = -100      # then comes the statistics block, with the time of the replay
    need(one[:end] == other[:end], "different bytes")


@case("several files, one of which is broken: the others are read", net=False)
def _():
    good = mixed()
    cut = write(pathlib.Path(good).read_bytes()[:-30], "cut.pcap")
    done = nfqueue("replay", "--json", "drop if tcp", "--", good, cut, good)
    same(done.returncode, EXIT_FAILED, "exit status")
    need(f"{cut}: truncated dump file" in done.stderr, done.stderr)
    seen = summary(done)
    same((seen["packets"], seen["dropped"], seen["broken_files"]), (14, 6, 1), "counts")
    same(seen["out_of_order"], 8, "packets of times before")
    need(f"{cut} begins before the end of the file before it" in done.stderr, done.stderr)


@case("what is no capture is refused in words", net=False)
def _():
    for name, data, words in (("empty", b"", "truncated dump file"),
                              ("text", b"hello, world, this is no capture",
                               "unknown file format"),
                              ("wifi", pcap([], 105), "link type, 105 (IEEE802_11)")):
        done = nfqueue("replay", "accept", write(data, name))
        same(done.returncode, EXIT_FAILED, name)
        need(words in done.stderr and name in done.stderr, done.stderr)
    for path, words in (("/nonexistent", "No such file"), ("/", "Is a directory")):
        done = nfqueue("replay", "accept", path)
        same(done.returncode, EXIT_FAILED, path)
        need(f"{path}: {words}" in done.stderr, done.stderr)


@case("any byte of a capture may be wrong", seconds=100, net=False)
def _():
    out = path_of("whole.pcapng")
    replay("-w", out, "accept", mixed())
    for data in (pathlib.Path(mixed()).read_bytes(), pathlib.Path(out).read_bytes()):
        for at in range(0, len(data), 7):
            broken = data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:]
            done = nfqueue("replay", "--json", "set ttl 3", write(broken, "broken"))
            need(done.returncode in (0, EXIT_FAILED), f"byte {at}:", done.stderr)
            need("Sanitizer" not in done.stderr, done.stderr)
            need(done.returncode == 0 or "broken: " in done.stderr, done.stderr)


@case("standard input and output are '-', and pass captures on", net=False)
def _():
    data = pathlib.Path(mixed()).read_bytes()
    command = [str(Arguments.program), "replay", "-w", "-", "drop if tcp", "-"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=20)
    same(done.returncode, 0, done.stderr)
    need(b"dropped" in done.stderr, "the table is on standard error:", done.stderr)
    seen = counts("accept", write(done.stdout, "piped.pcapng"))
    same(seen["packets"], 3, "packets")
    same(nfqueue("replay", "-f", "-", mixed(), stdin="drop\n").returncode, 0, "a policy")
    done = nfqueue("replay", "-f", "-", "-")
    same(done.returncode, EXIT_USAGE, "two of them")


@case("an output that cannot be written ends it", net=False)
def _():
    for path, words in (("/nonexistent/out", "No such file"), ("/dev/full", "No space")):
        done = nfqueue("replay", "-w", path, "accept", mixed())
        same(done.returncode, EXIT_FAILED, path)
        need(words in done.stderr and path in done.stderr, done.stderr)


@case("the output is for its owner alone", net=False)
def _():
    out = path_of("private.pcapng")
    replay("-w", out, "accept", mixed())
    same(os.stat(out).st_mode & 0o777, 0o600, "mode")


@case("'log to' writes no file, and says so", net=False)
def _():
    path = path_of("never.pcapng")
    done = replay(f"log to {path}", mixed())
    need("writes no file" in done.stderr, done.stderr)
    need(not os.path.exists(path), "it is there")
    rows = [line.split(None, 2) for line in done.stdout.splitlines()]
    need(["5", "294", f"log to {path}"] in rows, done.stdout)


@case("checksums that the network card would have made are made", net=False)
def _():
    whole = tcp(payload=b"abc")
    segment = whole[:20]
    partial = bytearray(whole)
    total = sum(struct.unpack(">4H", segment[12:20])) + 6 + len(whole) - 20
    total = (total & 0xffff) + (total >> 16)
    partial[36:38] = struct.pack(">H", total)
    wrong = bytearray(whole)
    wrong[36] ^= 0xff
    out = path_of("offload.pcapng")
    packets = [ethernet(bytes(packet)) for packet in (partial, wrong)]
    source = write(pcap(every(SECOND, packets)))
    replay("-w", out, "set ttl 9", source)
    same(tshark(out, "tcp.checksum.status", "ip.ttl"), [["1", "9"], ["0", "9"]],
         "one that was not ready, one that is wrong")


@case("errors of the policy are told as check tells them", net=False)
def _():
    path = write(b"drop if tcp dst port x23\n", "bad.nfq")
    done = nfqueue("replay", "-f", path, mixed())
    same(done.returncode, EXIT_FAILED, "exit status")
    same(done.stderr, nfqueue("check", path).stderr, "standard error")


@case("what is missing or too much among the arguments is told", net=False)
def _():
    for args, words in (((), "give rules"), (("accept", "--"), "which capture?"),
                        (("in.pcap",), "give rules"), (("-f", "x"), "which capture?"),
                        (("-f", "x", "accept", "--", "y"), "'accept'"),
                        (("--seed", "x", "accept", "y"), "--seed x"),
                        (("accept", "--", "-", "-"), "one file only")):
        done = nfqueue("replay", *args)
        same(done.returncode, EXIT_USAGE, args)
        need(words in done.stderr, args, done.stderr)


@case("a terminal sees how far it is, and a clean table", net=False)
def _():
    source = write(pcap(every(MILLISECOND, [ethernet(udp())] * 100000)))
    master, slave = pty.openpty()
    command = [str(Arguments.program), "replay", "drop", source]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    seen = Stream(master)
    out = process.stdout.read().decode()
    same(process.wait(timeout=60), 0, seen.text)
    until(lambda: "%" in seen.text, 5, "a percentage")
    need(seen.text.endswith("\r\033[K"), repr(seen.text))
    need("100,000" in out, out)


def summary_of_file(path):
    return counts("drop if udp port 5000", path)


def tcpdump(interface, path, count, send):
    """Captures `count` packets that send() makes."""
    if not shutil.which("tcpdump"):
        raise Skip("tcpdump is not installed")
    command = ["tcpdump", "-Z", "root", "-n", "-i", interface, "-w", path,
               "-c", str(count), "udp"]
    with subprocess.Popen(command, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL) as process:
        out = Stream(process.stderr.fileno())
        try:
            until(lambda: "listening" in out.text, 10, "tcpdump listens")
            send()
            process.wait(timeout=20)
        finally:
            process.kill()
    return path


def send_datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(4):
            sender.sendto(b"hello" * number, ("127.0.0.1", 5000 + number % 2))


@case("what tcpdump has captured, on one interface and on all", seconds=60)
def _():
    for interface, direction in (("lo", "0x00000000"), ("any", "0x00000001")):
        source = tcpdump(interface, path_of(f"{interface}.pcap"), 4, send_datagrams)
        out = path_of("real.pcapng")
        seen = counts("-w", out, "drop if udp port 5000", "set ttl 9", source)
        same((seen["packets"], seen["dropped"], seen["modified"]), (4, 2, 2), interface)
        same(tshark(out, "ip.ttl", "ip.checksum.status", "udp.checksum.status",
                    "frame.packet_flags_direction"), [["9", "1", "1", direction]] * 2,
             interface)


@case("what 'log to' has recorded is read back, and decided again", seconds=60)
def _():
    source = path_of("recorded.pcapng")
    with Running("run", "queue output ip if udp", f"log to {source}",
                 "drop if udp port 5000", "mark 7") as running:
        send_datagrams()
        until(lambda: os.path.getsize(source) > 500, 5, "the packets are in the file")
        until(lambda: summary_of_file(source)["packets"] == 4, 5, "all of them")
        running.stop()
    same(tshark(source, "frame.interface_name", "frame.packet_flags_direction",
                "frame.verdict.ebpf_tc", "frame.comment"),
         [["lo", "0x00000002", "2", "drop: drop if udp port 5000"],
          ["lo", "0x00000002", "0", "accept, mark 7: mark 7"]] * 2, "packets")
    seen = summary_of_file(source)
    same((seen["packets"], seen["dropped"]), (4, 2), "the same verdicts")


@case("it needs no privilege")
def _():
    os.chmod(folder.name, 0o755)
    source = mixed()
    os.chmod(source, 0o644)
    done = as_ordinary_user("replay", "--json", "drop if tcp", source)
    same(done.returncode, 0, done.stderr)
    same(summary(done)["dropped"], 2, "dropped")


main()
