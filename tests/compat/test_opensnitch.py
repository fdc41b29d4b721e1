# SPDX-License-Identifier: MIT
"""OpenSnitch, the application firewall: many threads in Go, and rules by port and user.

Its package is unpacked, not installed: installed, it would run as a service.
"""
import json
import os
import shutil
import subprocess

from existing import (UPSTREAM, Existing, Prepared, both, main, need, queue_row, same,
                      sh)
from traffic import TcpServer, UdpServer, tcp_connects, tcp_echo, udp_answers

QUEUE = 5
REPEATED = QUEUE + 1    # it opens this one too
NOBODY = 65534
# Its rules: what each denies
DENIED = {"no-datagrams": ("dest.port", "5001"), "no-stream": ("dest.port", "5003"),
          "not-for-nobody": ("user.id", str(NOBODY))}


def rule_file(name, operand, data):
    return {"created": "2024-01-01T00:00:00Z", "updated": "2024-01-01T00:00:00Z",
            "name": name, "enabled": True, "precedence": True, "action": "deny",
            "duration": "always",
            "operator": {"type": "simple", "operand": operand, "sensitive": False,
                         "data": data, "list": []}}


def prepare(folder, library):
    if not shutil.which("apt-get"):
        return "opensnitch is no package of this distribution"
    done = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
                           "opensnitch"], cwd=folder, capture_output=True, timeout=120)
    packages = list(folder.glob("*.deb"))
    if done.returncode or not packages:
        return f"opensnitch is not reached: {done.stderr.decode().strip()}"
    subprocess.run(["dpkg-deb", "-x", packages[0], folder / "root"], check=True)
    (folder / "rules").mkdir()
    for name, (operand, data) in DENIED.items():
        text = json.dumps(rule_file(name, operand, data))
        (folder / f"rules/{name}.json").write_text(text)
    return ""


def opensnitch(library):
    folder = Prepared.need()
    return Existing(library, QUEUE, folder / "root/usr/bin/opensnitchd", "-debug",
                    "-rules-path", folder / "rules", "-queue-num", QUEUE, "-ui-socket",
                    f"unix://{folder}/nobody", "-process-monitor-method", "proc",
                    "-no-live-reload")


def as_nobody(function, *args):
    """Whether it says yes, called by a user without rights."""
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        os._exit(0 if function(*args) else 1)
    return os.waitpid(pid, 0)[1] == 0


def redirects():
    return sh("iptables-save").count("-j NFQUEUE")


@both("opensnitch: what its rules deny does not leave, all else does", 40)
def _(library):
    for port in (5000, 5001):
        UdpServer("127.0.0.1", port)
    for port in (5002, 5003):
        TcpServer("127.0.0.1", port)
    with opensnitch(library) as program:
        # It lets pass what comes before a worker waits for it.
        program.says(f"Running on netfilter queue #{QUEUE}")
        same(udp_answers("127.0.0.1", 5000, seconds=5), True, "datagrams, allowed")
        same(udp_answers("127.0.0.1", 5001), False, "datagrams, denied")
        same(as_nobody(udp_answers, "127.0.0.1", 5000), False, "datagrams of nobody")
        tcp_echo("127.0.0.1", 5002, 1 << 20)
        same(tcp_connects("127.0.0.1", 5003), False, "a stream, denied")
        need(f"127.0.0.1:5000 uid: {NOBODY}" in program.out.text, "the user is unknown")
        same(queue_row(REPEATED)["waiting"], 0, "packets in its other queue")
        if library == UPSTREAM:
            return
        # There it hangs most times: its reader takes the answer that the thread which
        # destroys the queue waits for.
        code, text = program.stop()
    same(code, 0, f"exit status: {text}")
    same(redirects(), 0, "rules left")


main(prepare)
