# SPDX-License-Identifier: MIT
"""Servers, clients and streams of numbered datagrams."""
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import threading

from case import need, slow

FAMILIES = {"IPv4": "127.0.0.1", "IPv6": "::1"}
SO_RCVMARK = 75
NUMBERED = pathlib.Path(__file__).with_name("numbered.py")


def open_socket(address, kind):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, kind)


class UdpServer:
    """Sends back what comes; keeps (data, mark)."""

    def __init__(self, address, port):
        self.came = []
        self.socket = open_socket(address, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVMARK, 1)
            self.marks = True
        except OSError:             # before 5.19
            self.marks = False
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, parts, _, sender = self.socket.recvmsg(65536, 256)
            marks = [struct.unpack("I", value)[0] for level, kind, value in parts
                     if (level, kind) == (socket.SOL_SOCKET, socket.SO_MARK)]
            self.came.append((data, marks[0] if marks else 0))
            self.socket.sendto(data, sender)


def udp_answers(address, port, data=b"hello", seconds=0.3):
    """Whether the server there answers. For what must be answered, give it more time."""
    with open_socket(address, socket.SOCK_DGRAM) as client:
        client.settimeout(slow(seconds))
        client.connect((address, port))
        client.send(data)
        try:
            return client.recv(65536) == data
        except (TimeoutError, ConnectionRefusedError):
            return False


class TcpServer:
    """Sends back what comes."""

    def __init__(self, address, port):
        self.listener = open_socket(address, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.listener.accept()[0]
            threading.Thread(target=self.echo, args=[connection], daemon=True).start()

    @staticmethod
    def echo(connection):
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


def tcp_connects(address, port, seconds=0.3):
    with open_socket(address, socket.SOCK_STREAM) as client:
        client.settimeout(slow(seconds))
        try:
            client.connect((address, port))
            return True
        except TimeoutError:
            return False


def tcp_echo(address, port, size):
    """Sends `size` random bytes; fails unless they come back."""
    wanted, came = os.urandom(size), b""
    with open_socket(address, socket.SOCK_STREAM) as client:
        client.settimeout(slow(5))
        client.connect((address, port))
        sender = threading.Thread(target=client.sendall, args=[wanted], daemon=True)
        sender.start()
        while len(came) < size and (data := client.recv(65536)):
            came += data
        sender.join()
    need(came == wanted, f"TCP {address}:{port}: {len(came)} of {size} bytes, or changed")


class Numbered:
    """numbered.py in a process of its own: a Sender or a Receiver."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [sys.executable, str(NUMBERED), *map(str, args)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        need(self.process.stdout.readline() == "ready\n", "numbered.py does not start")

    def finish(self, word=""):
        """Tells it to end, and returns what it says."""
        self.process.stdin.write(word)
        try:
            self.process.stdin.close()
        except BrokenPipeError:     # it has ended before
            pass
        return json.loads(self.process.stdout.read())


class Sender(Numbered):
    """Datagrams at full speed, or `rate` a second: number 0, 1, 2... until count() or
    `limit`."""

    def __init__(self, address, port, limit=1 << 31, flows=1, rate=0):
        super().__init__("send", address, port, limit, flows, rate)

    def count(self):
        """Ends it. Returns how many it has sent."""
        return self.finish()["sent"]


class Receiver(Numbered):
    def __init__(self, address, port):
        super().__init__("receive", address, port)

    def tally(self, sent):
        """{came, missing, twice, overflow}: of the numbers below `sent`, and how many the
        receiving socket itself had no room for."""
        return self.finish(f"{sent}\n")
