# SPDX-License-Identifier: MIT
"""The package nfqueue of npm: its addon links nothing but libnetfilter_queue.

Fetched from npm, and compiled as its binding.gyp says, without node-gyp: a hundred more
packages.
"""
import io
import json
import pathlib
import socket
import subprocess
import tarfile

from existing import (Existing, Prepared, both, fetch, main, need_program, rule, same,
                      until)
from traffic import UdpServer, open_socket

QUEUE = 9
PACKAGE = "https://registry.npmjs.org/nfqueue/-/nfqueue-0.3.2.tgz"
SHA512 = ("bc9333b155bc5090a9b5e40df76296d8615451ee01b799f132b9ecebf6b73572cc630f0eb640b8"
          "efb8db4ba7660c090c101be8dd33c21f5214bf79c691d73503")
HEADERS = pathlib.Path("/usr/include/node")
NAN = pathlib.Path("/usr/include/nan.h")
MARK = 0x11223344

SCRIPT = """
const nfq = require('nfqueue');
nfq.createQueueHandler(%d, 1 << 20, (packet) => {
    const data = packet.payload, text = data.toString('latin1', 28);
    console.log(JSON.stringify({...packet.info, text}));
    if (text.startsWith('drop'))
        return packet.setVerdict(nfq.NF_DROP);
    if (!text.startsWith('swap'))
        return packet.setVerdict(nfq.NF_ACCEPT, text.startsWith('mark') && 0x%x);
    const head = Buffer.from(data.subarray(0, 28));
    head.writeUInt16BE(0, 26);
    packet.setVerdict(nfq.NF_ACCEPT, text.startsWith('swap and mark') && 0x%x,
                      Buffer.concat([head, Buffer.from(text.toUpperCase())]));
});
""" % (QUEUE, MARK, MARK)


def compile_addon(package):
    addon = package / "build/Release/nfqueue.node"
    addon.parent.mkdir(parents=True)
    # -w: its and node's headers warn.
    subprocess.run(
        ["c++", "-w", "-shared", "-fPIC", "-fpermissive", "-std=gnu++17", f"-I{HEADERS}",
         package / "src/node_nfqueue.cpp", "-o", addon, "-lnetfilter_queue"],
        check=True, timeout=200)


def prepare(folder, library):
    if not HEADERS.exists() or not NAN.exists():
        return "node.js is no package of this distribution"
    data, reason = fetch(PACKAGE, SHA512)
    if data:
        modules = folder / "node_modules"
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(modules)
        compile_addon((modules / "package").rename(modules / "nfqueue"))
        (folder / "script.js").write_text(SCRIPT)
    return reason


def node(library):
    return Existing(library, QUEUE, need_program("node"), Prepared.need() / "script.js")


def send(texts):
    with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", 5000))
        for text in texts:
            client.send(text)


def reported(program, count):
    program.says("}\n", count)
    return [json.loads(line) for line in program.out.text.split("\n")[:-1]]


@both("node-nfqueue: packets pass, are dropped, changed and marked", 40)
def _(library):
    server = UdpServer("127.0.0.1", 5000)
    rule("INPUT -p udp --dport 5000", QUEUE)
    texts = [b"pass", b"drop", b"mark", b"swap", b"swap and mark", b"x" * 1400, b""]
    with node(library) as program:
        send(texts)
        until(lambda: len(server.came) == 6, 5, "all but one came")
        rows = reported(program, len(texts))
    mark = MARK if server.marks else 0
    same(server.came, [(b"pass", 0), (b"mark", mark), (b"SWAP", 0),
                       (b"SWAP AND MARK", mark), (b"x" * 1400, 0), (b"", 0)], "what came")
    same([row["text"].encode() for row in rows], texts, "what it saw")
    same([row["id"] for row in rows], [*range(1, len(texts) + 1)], "ids")
    same([row["len"] for row in rows], [28 + len(text) for text in texts], "lengths")


@both("node-nfqueue: what it tells of a packet", 40)
def _(library):
    UdpServer("127.0.0.1", 5000)
    rule("INPUT -p udp --dport 5000", QUEUE)
    rule("OUTPUT -p udp --dport 5000", QUEUE)
    with node(library) as program:
        with open_socket("127.0.0.1", socket.SOCK_DGRAM) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 77)
            client.sendto(b"pass", ("127.0.0.1", 5000))
        out, into = reported(program, 2)
    same({**out, "id": 0}, {"len": 32, "id": 0, "nfmark": 77, "indev": 0, "physindev": 0,
         "outdev": 1, "physoutdev": 0, "indev_name": "*", "physindev_name": "*",
         "outdev_name": "lo", "physoutdev_name": "*", "text": "pass"}, "on its way out")
    same((into["indev"], into["indev_name"], into["outdev_name"], into["nfmark"]),
         (1, "lo", "*", 77), "on its way in")


@both("node-nfqueue: a thousand packets", 40)
def _(library):
    server = UdpServer("127.0.0.1", 5000)
    rule("INPUT -p udp --dport 5000", QUEUE)
    texts = [b"%s %d" % ((b"drop", b"swap")[number % 2], number)
             for number in range(1000)]
    with node(library) as program:
        for start in range(0, 1000, 50):
            send(texts[start:start + 50])
            until(lambda: len(server.came) == (start + 50) / 2, 5, "the half came")
        reported(program, 1000)
    same([data for data, _ in server.came], [text.upper() for text in texts[1::2]],
         "what came")


main(prepare)
