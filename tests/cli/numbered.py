# SPDX-License-Identifier: MIT
"""Numbered UDP datagrams. Says "ready", and what happened as JSON at the end.

numbered.py send ADDRESS PORT LIMIT FLOWS RATE
        until LIMIT, or the end of standard input; FLOWS > 1: each from a 127.0.0.N of its
        own; RATE datagrams a second, 0: as many as can be
numbered.py receive ADDRESS PORT
        until standard input says how many were sent, and nothing comes any more
"""
import json
import select
import socket
import struct
import sys
import time

SO_RCVBUFFORCE, SO_MEMINFO = 33, 55
MEMINFO = struct.Struct("9I")
BUFFER = 128 << 20
IDLE_S = 0.4
BURST = 64
NUMBER = struct.Struct("!I")


def open_socket(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_DGRAM)


def told(seconds=0):
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def pause(sent, rate, start):
    """Seconds until it is time for the next burst."""
    return max(0, sent / rate - (time.monotonic() - start)) if rate else 0


def send(address, port, limit, flows, rate):
    sockets = [open_socket(address) for _ in range(flows)]
    for index, each in enumerate(sockets):
        if flows > 1:
            each.bind((f"127.0.0.{index + 1}", 0))
    print("ready", flush=True)
    sent, start = 0, time.monotonic()
    while sent < limit and not (sent % BURST == 0 and told(pause(sent, rate, start))):
        sockets[sent % flows].sendto(NUMBER.pack(sent), (address, port))
        sent += 1
    print(json.dumps({"sent": sent, "seconds": time.monotonic() - start}))


def open_receiver(address, port):
    receiver = open_socket(address)
    try:
        receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except PermissionError:         # not root, or in a user namespace
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    receiver.bind((address, port))
    receiver.settimeout(IDLE_S)
    return receiver


def collect(receiver):
    """{number: how often it came}"""
    came = {}
    while True:
        try:
            number = NUMBER.unpack(receiver.recv(64))[0]
            came[number] = came.get(number, 0) + 1
        except TimeoutError:
            if told():
                return came


def overflow(receiver):
    """How many this socket had no room for: the last of the kernel's SK_MEMINFO_*."""
    memory = receiver.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
    return MEMINFO.unpack(memory)[-1]


def receive(address, port):
    receiver = open_receiver(address, port)
    print("ready", flush=True)
    came = collect(receiver)
    sent = int(sys.stdin.readline())
    print(json.dumps({
        "came": sum(number < sent for number in came),
        "missing": sum(number not in came for number in range(sent)),
        "twice": sum(count > 1 for count in came.values()),
        "overflow": overflow(receiver),
    }))


if sys.argv[1] == "send":
    send(sys.argv[2], *map(int, sys.argv[3:7]))
else:
    receive(sys.argv[2], int(sys.argv[3]))
