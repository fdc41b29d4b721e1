# SPDX-License-Identifier: MIT
"""UDP inspected by daq_inspect on a module of libdaq: the same cases for each module."""
import pathlib
import re
import socket
from dataclasses import dataclass

from existing import Arguments, Existing, Skip, rule, same, until
from traffic import UdpServer, open_socket

# Address, what libdaq calls it, command, bytes of headers
FAMILIES = {"IPv4": ("127.0.0.1", "ip4", "iptables", 28),
            "IPv6": ("::1", "ip6", "ip6tables", 48)}


def debian_modules():
    """The folder where libdaq2 has them."""
    found = sorted(pathlib.Path("/usr/lib").glob("*/daq/daq_nfq.so"))
    if not found or not Arguments.tool:
        raise Skip("libdaq 2 is no package of this distribution")
    return found[0].parent


@dataclass
class Module:
    name: str
    folder: object                  # returns it, or says why it is not there
    queue: int
    variables: list

    def start(self, library, proto):
        return Existing(library, self.queue, Arguments.tool, self.folder(), self.name,
                        f"proto={proto}", *self.variables)


def send(address, texts):
    with open_socket(address, socket.SOCK_DGRAM) as client:
        client.connect((address, 5000))
        for text in texts:
            client.send(text)


def stop(program):
    """Returns what it counted."""
    code, text = program.stop()
    same(code, 0, f"exit status: {text}")
    return re.findall(r"(\w+) (\d+)", text.splitlines()[-1])


def inspected(module, library, family, texts, wanted, copies=()):
    """Of the texts, the server gets what is wanted; the module saw each of them whole."""
    address, proto, command, headers = FAMILIES[family]
    server = UdpServer(address, 5000)
    rule("INPUT -p udp --dport 5000", module.queue, command)
    with module.start(library, proto) as program:
        send(address, texts)
        until(lambda: len(server.came) >= len(wanted), 5, "the packets came")
        counts = stop(program)
        for text in [*texts, *copies]:
            size = headers + len(text)
            program.says(f"{size} of {size} bytes: {text.decode()}\n")
    same(sorted(data for data, _ in server.came), sorted(wanted), "what came")
    return {word: int(number) for word, number in counts}


def decides(module, library):
    texts = [b"pass one", b"drop two", b"swap three", b"pass " + 1200 * b"x", b""]
    counts = inspected(module, library, "IPv4", texts,
                       [texts[0], b"SWAP THREE", texts[3], texts[4]])
    same(counts, {"received": 5, "passed": 3, "blocked": 1, "replaced": 1,
                  "injected": 0}, "its counters")


def injects(module, library):
    counts = inspected(module, library, "IPv4", [b"echo one"],
                       [b"copy one", b"echo one"], [b"copy one"])
    same(counts, {"received": 2, "passed": 2, "blocked": 0, "replaced": 0,
                  "injected": 1}, "its counters")


def decides_ipv6(module, library):
    counts = inspected(module, library, "IPv6", [b"pass one", b"drop two", b"pass three"],
                       [b"pass one", b"pass three"])
    same(counts, {"received": 3, "passed": 2, "blocked": 1, "replaced": 0,
                  "injected": 0}, "its counters")


def decides_many(module, library):
    texts = [b"%s %d" % ((b"drop", b"pass")[number % 3 > 0], number)
             for number in range(1000)]
    server = UdpServer("127.0.0.1", 5000)
    rule("INPUT -p udp --dport 5000", module.queue)
    wanted = []
    with module.start(library, "ip4") as program:
        for start in range(0, 1000, 50):
            some = texts[start:start + 50]
            wanted += [text for text in some if text.startswith(b"pass")]
            send("127.0.0.1", some)
            until(lambda: len(server.came) == len(wanted), 5, "those that pass came")
        counts = dict(stop(program))
    same([data for data, _ in server.came], wanted, "what came")
    same((counts["received"], counts["blocked"]), ("1000", "334"), "its counters")


def register(title, module, decorator):
    for what, function in (("packets pass, are blocked and are changed", decides),
                           ("a copy is sent beside the packet", injects),
                           ("IPv6", decides_ipv6),
                           ("a thousand packets, decided once and in order",
                            decides_many)):
        decorator(f"{title}: {what}")(
            lambda library, function=function: function(module, library))
