# SPDX-License-Identifier: MIT
"""ruby-nfqueue: its own sample, and what its interface can do besides."""
import pathlib
import socket

from existing import (Existing, Skip, both, main, need, need_program, rule, same)
from traffic import UdpServer, udp_answers

QUEUE = 0       # the sample's
SAMPLE = pathlib.Path("/usr/share/doc/ruby-nfqueue/examples/packetdump.rb")

# Requests in capitals (no checksum: 0), "no" is dropped.
REWRITE = """
require 'nfqueue'
Netfilter::Queue.create(0) do |packet|
    text = packet.data[28..]
    if text == "no"
        Netfilter::Packet::DROP
    else
        packet.data = packet.data[0, 26] + "\\0\\0" + text.upcase
        Netfilter::Packet::ACCEPT
    end
end
"""



def ruby(library, *args):
    if not SAMPLE.exists():
        raise Skip("ruby-nfqueue is no package of this distribution")
    # -W0: its nfnetlink warns of itself.
    return Existing(library, QUEUE, need_program("ruby"), "-W0", *args)


def sample(library):
    """Unmodified; only what it prints is not held back."""
    return ruby(library, "-e", "$stdout.sync = true; load ARGV[0]", SAMPLE)


def ask(data):
    """What came back of a datagram to the server of port 5000."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", 5000))
        client.send(data)
        return client.recv(65536)


@both("ruby-nfqueue: its sample prints every packet as it is, and lets it pass")
def _(library):
    server = UdpServer("127.0.0.1", 5000)
    rule("OUTPUT -p udp --dport 5000", QUEUE)
    texts = [b"one", b"two" * 400, b"\0\xff" * 7]
    with sample(library) as program:
        for number, text in enumerate(texts):
            same(ask(text), text, "the answer")
            program.says("--\n", number + 1)
    same([data for data, _ in server.came], texts, "what came to the server")
    printed = [line for line in program.out.text.split("\n") if line.startswith("45")]
    same([line[56:] for line in printed], [text.hex() for text in texts], "printed")
    same([line[4:8] for line in printed], [f"{28 + len(text):04x}" for text in texts],
         "lengths")
    same(program.out.text.count("Ethernet address: ??"), 3, "no address on the way out")


@both("ruby-nfqueue: names and addresses of what comes in")
def _(library):
    UdpServer("127.0.0.1", 5000)
    rule("INPUT -p udp --dport 5000", QUEUE)
    with sample(library) as program:
        same(ask(b"x"), b"x", "the answer")
        program.says("from interface lo\n")
        program.says("Ethernet address: 00:00:00:00:00:00\n")


@both("ruby-nfqueue: a program changes and drops packets")
def _(library):
    server = UdpServer("127.0.0.1", 5000)
    rule("OUTPUT -p udp --dport 5000", QUEUE)
    with ruby(library, "-e", REWRITE) as program:
        same(ask(b"quiet words"), b"QUIET WORDS", "the answer")
        need(not udp_answers("127.0.0.1", 5000, b"no"), "what was dropped came")
        same(ask(b"a" * 1000), b"A" * 1000, "the answer")
    same(len(server.came), 2, "datagrams at the server")
    same(program.out.text, "", "complaints")


main()
