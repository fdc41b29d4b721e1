# SPDX-License-Identifier: MIT
"""dhcpoptinj in front of dnsmasq: what it injects into requests decides the lease."""
import pathlib
import socket
import subprocess
import tempfile
import threading

from existing import (Existing, Peer, both, main, need, need_program, rule, same, sh,
                      until)

QUEUE = 42
AGENT, VENDOR = 82, 60
# Relay agent information: circuit "port7", remote "sw-3".
AGENT_VALUE = b"\x01\x05port7\x02\x04sw-3"
VENDOR_VALUE = b"injected"
INJECTED = ["-o", bytes([AGENT, *AGENT_VALUE]).hex(), "-o",
            bytes([VENDOR, *VENDOR_VALUE]).hex()]
MAGIC = b"\x63\x82\x53\x63"
SERVER = """
port=0
interface=near
bind-interfaces
no-ping
leasefile-ro
dhcp-authoritative
dhcp-range=10.9.0.50,10.9.0.59,255.255.255.0,1h
dhcp-circuitid=set:circuit,port7
dhcp-vendorclass=set:vendor,injected
tag-if=set:both,tag:circuit,tag:vendor
dhcp-option=tag:both,option:domain-name,injected.example
"""
SCRIPT = '#!/bin/sh\n[ "$1" = bound ] && echo "$ip ${domain:-none}" >"$0.lease"\nexit 0\n'


class Wire:
    """The DHCP messages that pass at the client: (port of sender, {option: value})."""

    def __init__(self, peer):
        self.seen = []
        self.socket = peer.socket(lambda: socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)))
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            packet = self.socket.recv(65536)
            if packet[:1] == b"\x45" and packet[9] == socket.IPPROTO_UDP \
                    and packet[264:268] == MAGIC:
                self.seen.append((int.from_bytes(packet[20:22], "big"),
                                  options(packet[268:])))

    def sent_by(self, port):
        return [values for sender, values in self.seen if sender == port]


def options(data):
    values = {}
    while data and data[0] != 255:
        if data[0] == 0:
            data = data[1:]
            continue
        values[data[0]] = data[2:2 + data[1]]
        data = data[2 + data[1]:]
    return values


class Dhcp:
    """dnsmasq here, a client behind the veth, and a queue before the server."""

    def __init__(self, folder):
        self.peer = Peer()
        self.wire = Wire(self.peer)
        self.script = folder / "script"
        self.script.write_text(SCRIPT)
        self.script.chmod(0o755)
        sh("ip address add 10.9.0.1/24 dev near")
        (folder / "conf").write_text(SERVER)
        self.server = subprocess.Popen(
            [need_program("dnsmasq"), "-d", "-u", "root", "-C", str(folder / "conf")],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: ":67 " in sh("ss -Hnlu"), 5, "dnsmasq listens")
        rule("PREROUTING -i near -p udp --dport 67", QUEUE)

    def lease(self, tries):
        """What the client gets: its address and domain, or nothing."""
        self.peer.sh(f"busybox udhcpc -i far -n -q -f -T 1 -A 0 -t {tries} "
                     f"-s {self.script}", check=False)
        lease = pathlib.Path(f"{self.script}.lease")
        return lease.read_text().split() if lease.exists() else []


@both("dhcpoptinj: the server sees the injected options, and acts on them")
def _(library):
    need_program("busybox")
    with tempfile.TemporaryDirectory(prefix="nfqueue-compat-") as folder:
        dhcp = Dhcp(pathlib.Path(folder))
        with Existing(library, QUEUE, need_program("dhcpoptinj"), "-f", "-d", "-r",
                      "-q", QUEUE, *INJECTED):
            lease = dhcp.lease(5)
        need(lease and lease[0].startswith("10.9.0.5"), "the lease:", lease)
        same(lease[1], "injected.example", "the domain that both options ask for")
        requests, answers = dhcp.wire.sent_by(68), dhcp.wire.sent_by(67)
        same(len(requests), 2, "requests on the wire")
        need(all(AGENT not in row and row[VENDOR].startswith(b"udhcp")
                 for row in requests), "the client sent them itself:", requests)
        # RFC 3046, 2.2: the server returns the option as it came.
        same([row.get(AGENT) for row in answers], [AGENT_VALUE] * 2,
             "option 82 in the answers")


@both("dhcpoptinj: a request that has the option already is dropped")
def _(library):
    need_program("busybox")
    with tempfile.TemporaryDirectory(prefix="nfqueue-compat-") as folder:
        dhcp = Dhcp(pathlib.Path(folder))
        with Existing(library, QUEUE, need_program("dhcpoptinj"), "-f", "-d", "-q",
                      QUEUE, *INJECTED):
            same(dhcp.lease(2), [], "the lease")
        same(len(dhcp.wire.sent_by(68)), 2, "requests on the wire")
        same(dhcp.wire.sent_by(67), [], "answers on the wire")


main()
