# SPDX-License-Identifier: MIT
"""replace amid TCP connections of many megabytes: every byte is right, and hardly any is
sent twice."""
import contextlib
import os
import re
import threading
import time

from case import Arguments, Skip, case, is_real_root, main, need, same, slow
from download import PORT, Server, download, text
from network import Namespace, forward, link, offloads_off, tcp_counts
from policy import Policy, reload
from program import Running, adds_up

HERE = contextlib.nullcontext()
LONGER, SHORTER = "elephant", "x"
# So many more of the segments may be sent twice than without replace, in one of some
# attempts: a receiver that does not get to run drops what its socket has no room for.
REPEATED_MAX = 0.003
ATTEMPTS = 3
RELOADS_MIN = 5


def size():
    return 4_000_000 if Arguments.sanitized else 50_000_000


def need_edits():
    """From Linux 7.1 on the kernel drops what is changed there."""
    release = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    if not is_real_root() and release >= (7, 1):
        raise Skip("a user namespace: this kernel takes no changed packets there")


def same_bytes(came, wanted, what):
    if came != wanted:              # looking for the place takes its time
        end = len(os.path.commonprefix([came, wanted]))
        need(False, f"{what}: {len(came)} bytes of {len(wanted)}, right up to {end}")


class Place:
    """Where the client and the server are, and the rules for what goes between them."""

    def __init__(self, hook, offloads=True):
        need_edits()
        self.client = self.server = HERE
        if hook != "input":
            self.client = Namespace()
            link(1, self.client, "client")
        if hook != "output":
            self.server = Namespace()
            link(2, self.server, "server")
        self.addresses = ["10.0.1.1", "fd00:1::1"] if hook == "output" \
            else ["10.0.2.2", "fd00:2::2"]
        self.queues = {
            "forward": [f"queue forward if tcp port {PORT}"],
            "input": [f"queue input if tcp src port {PORT}",
                      f"queue output if tcp dst port {PORT}"],
            "output": [f"queue output if tcp src port {PORT}",
                       f"queue input if tcp dst port {PORT}"],
        }[hook]
        forward()
        for namespace in (HERE, self.client, self.server):
            with namespace:
                if not offloads:
                    offloads_off()

    def serve(self, body, seconds=0):
        with self.server:
            for address in self.addresses:
                Server(address, body, seconds)

    def download(self, address, wanted):
        """Returns how many segments were sent by the server, and how many of them
        again."""
        before = tcp_counts(self.server)
        with self.client:
            came = download(address)
        after = tcp_counts(self.server)
        same_bytes(came, wanted, address)
        return [after[name] - before[name] for name in ("OutSegs", "RetransSegs")]


def check(place, address, wanted, before):
    """The file is right, and hardly any segment was sent twice."""
    for _ in range(ATTEMPTS):
        sent, again = place.download(address, wanted)
        if again <= before + REPEATED_MAX * sent:
            return
    need(False, f"{address}: {again} of {sent} segments were sent again, {before} "
         "without replace")


def compare(place, to, *options):
    """Downloads without replace and with it."""
    body = text(size())
    place.serve(body)
    with Running("run", "--json", *options, *place.queues, "accept") as run:
        plain = [place.download(address, body)[1] for address in place.addresses]
        run.summary()
    rule = f'replace "cat" "{to}" if tcp src port {PORT}'
    wanted = body.replace(b"cat", to.encode())
    with Running("run", "--json", *options, *place.queues, rule) as run:
        for address, before in zip(place.addresses, plain):
            check(place, address, wanted, before)
        summary = run.summary()
    if "--no-gso" not in options:   # a rule counts what is not yet cut
        adds_up(summary)
    same(summary["lost"], 0, "lost")


def replaces(hook, to, offloads, *options):
    name = "longer" if len(to) > 3 else "shorter"
    state = "on" if offloads else "off"
    title = f"{hook}, {' '.join([*options, ''])}offloads {state}: {name} bytes arrive " \
        "whole, and not twice"

    @case(title, seconds=60)
    def _():
        compare(Place(hook, offloads), to, *options)


for each in ("forward", "input", "output"):
    replaces(each, LONGER, True)
    replaces(each, LONGER, False)
replaces("forward", SHORTER, True)
replaces("forward", SHORTER, False)
replaces("forward", LONGER, True, "-q", "0-1", "--deciders", "2")
replaces("forward", LONGER, True, "--no-gso")


@case("reload after reload amid a connection: what it brings is all there", seconds=60)
def _():
    place = Place("forward")
    body = text(size())
    place.serve(body, seconds=slow(3))

    def rules(to):
        return [*place.queues, f'replace "cat" "{to}" if tcp src port {PORT}']
    policy = Policy(*rules("elephant"))
    came = []

    def fetch():
        with place.client:
            came.append(download(place.addresses[0]))
    thread = threading.Thread(target=fetch, daemon=True)
    with Running("run", "-f", str(policy.path)) as run:
        thread.start()
        reloads, end = 0, time.monotonic() + slow(30)
        while thread.is_alive() and time.monotonic() < end:
            time.sleep(0.1)
            reloads += 1
            policy.write(*rules(("elephant", "ox", "horse")[reloads % 3]))
            reload()
        thread.join(timeout=slow(5))
        run.stop()
    need(len(came) == 1, "the download did not end")
    need(reloads >= RELOADS_MIN, f"{reloads} reloads")
    back = came[0]
    for word in (b"elephant", b"ox", b"horse"):
        need(word in back, f"no {word}")
        back = back.replace(word, b"cat")
    same_bytes(back, body, "with \"cat\" again")


main()
