# SPDX-License-Identifier: MIT
"""Network namespaces beside the test's own, and links between them."""
import contextlib
import os
import shutil
import socket

from case import CLONE_NEWNET, Skip, libc, need, sh

OWN = "/proc/thread-self/ns/net"
OFFLOADS = ("tso", "gso", "gro", "tx", "rx")


class Namespace:
    """`with namespace:` what this thread does is done there: commands that it starts,
    sockets that it opens."""

    def __init__(self):
        self.before = []
        here = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        need(libc.unshare(CLONE_NEWNET) == 0, "a network namespace cannot be made")
        self.fd = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        sh("ip link set lo up")
        self.enter(here)
        os.close(here)

    @staticmethod
    def enter(fd):
        need(libc.setns(fd, CLONE_NEWNET) == 0, "a network namespace cannot be entered")

    @property
    def path(self):
        """For `ip link ... netns`, as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def __enter__(self):
        self.before.append(os.open(OWN, os.O_RDONLY | os.O_CLOEXEC))
        self.enter(self.fd)
        return self

    def __exit__(self, *_):
        before = self.before.pop()
        self.enter(before)
        os.close(before)


def set_up(device, number, host):
    """Network `number`: 10.0.NUMBER.0/24 and fd00:NUMBER::/64."""
    sh(f"ip addr add 10.0.{number}.{host}/24 dev {device} &&"
       f"ip addr add fd00:{number}::{host}/64 dev {device} nodad &&"
       f"ip link set {device} up")


def link(number, peer, name):
    """A device `name` here, host 1 of network `number`, and `far` in the peer, host 2,
    whose way to all others it is."""
    sh(f"ip link add {name} type veth peer name far netns {peer.path}")
    set_up(name, number, 1)
    with peer:
        set_up("far", number, 2)
        sh(f"ip route add default via 10.0.{number}.1 &&"
           f"ip -6 route add default via fd00:{number}::1")


def forward():
    """This namespace is a router."""
    sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")


def offloads_off():
    """On all devices here: packets come as they are on a wire, none larger, all with
    their checksums."""
    program = shutil.which("ethtool", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not program:
        raise Skip("there is no ethtool")
    for _, device in socket.if_nameindex():
        if device != "lo":
            sh(f"{program} -K {device} " + " ".join(f"{name} off" for name in OFFLOADS))


def tcp_counts(namespace=None):
    """Of a namespace, or of this one: {"RetransSegs": ...}."""
    with namespace or contextlib.nullcontext():
        with open("/proc/thread-self/net/snmp") as file:
            names, values = [row.split()[1:] for row in file if row.startswith("Tcp:")]
    return {name: int(value) for name, value in zip(names, values)}
