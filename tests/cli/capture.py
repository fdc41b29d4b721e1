# SPDX-License-Identifier: MIT
"""Packets and capture files made from nothing, and files as tshark reads them."""
import ipaddress
import json
import shutil
import struct
import subprocess

from case import Skip, need

EN10MB, RAW, LINUX_SLL, LINUX_SLL2, NULL = 1, 101, 113, 276, 0
TCP, UDP = 6, 17
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MACS = bytes.fromhex("020000000002 020000000001")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(source, destination, protocol, length):
    addresses = source.packed + destination.packed
    if source.version == 4:
        return addresses + struct.pack(">BBH", 0, protocol, length)
    return addresses + struct.pack(">IHBB", length, 0, 0, protocol)


def ip(protocol, transport, at, source="10.0.0.1", destination="10.0.0.2", ttl=64):
    """`at`: where the transport's checksum stands; its field must be 0."""
    source, destination = map(ipaddress.ip_address, (source, destination))
    total = checksum(pseudo(source, destination, protocol, len(transport)) + transport)
    transport = transport[:at] + struct.pack(">H", total) + transport[at + 2:]
    addresses = source.packed + destination.packed
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, len(transport), protocol, ttl) + \
            addresses + transport
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 7, 0, ttl, protocol, 0)
    sum_ = checksum(head + addresses)
    return head[:10] + struct.pack(">H", sum_) + addresses + transport


def udp(sport=1000, dport=53, payload=b"hello", **kwargs):
    return ip(UDP, struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload, 6,
              **kwargs)


def tcp(sport=1000, dport=80, payload=b"", sequence=1, acknowledgement=1, flags=0x10,
        **kwargs):
    head = struct.pack(">HHIIBBHHH", sport, dport, sequence, acknowledgement, 0x50, flags,
                       1000, 0, 0)
    return ip(TCP, head + payload, 16, **kwargs)


def ethernet(packet, tags=b""):
    kind = b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return MACS + tags + kind + packet


ARP = MACS + bytes.fromhex("0806 0001 0800 06 04 0001") + bytes(20)


def pcap(frames, link_type=EN10MB, snap=262144):
    """Frames: (time in ns, bytes). Nanosecond pcap."""
    parts = [struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, snap, link_type)]
    for time, frame in frames:
        kept = frame[:snap]
        parts += [struct.pack("<IIII", time // SECOND, time % SECOND, len(kept),
                              len(frame)), kept]
    return b"".join(parts)


def every(step, packets, start=START):
    """The packets, a time step apart."""
    return [(start + i * step, packet) for i, packet in enumerate(packets)]


def tshark(path, *fields, options=()):
    """The fields of each packet, as a list of lists. Checksums are checked."""
    if not shutil.which("tshark"):
        raise Skip("tshark is not installed")
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|",
               "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
               "-o", "udp.check_checksum:TRUE", *options]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    need(done.returncode == 0, "tshark:", done.stderr)
    return [line.split("|") for line in done.stdout.splitlines()]


def summary(done):
    """Of a replay with --json."""
    last = json.loads(done.stdout.splitlines()[-1])
    need(last["type"] == "summary", last)
    return last
