# SPDX-License-Identifier: MIT
"""A service manager with a file descriptor store, as systemd has it: sd_notify(3) and
sd_listen_fds(3) as a program sees them."""
import array
import os
import socket
import threading

from case import need, until

# The program's pid is known only to itself: systemd sets it between fork and exec.
START = 'LISTEN_PID=$$ exec "$@"'
FIRST_FD, HIGH_FD = 3, 500
FDS_MAX = 16


class Manager:
    """Keeps what is pushed, and gives it to the next program it starts."""

    def __init__(self):
        self.store = {}             # name: file descriptor
        self.states = []            # all that was told but of the store: "READY=1"...
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = f"\0nfqueue-test-{os.getpid()}"
        self.socket.bind(self.address)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, parts, _, _ = self.socket.recvmsg(
                4096, socket.CMSG_SPACE(FDS_MAX * 4), socket.MSG_CMSG_CLOEXEC)
            fds = array.array("i")
            for level, kind, value in parts:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(value)
            self.take(data.decode().split("\n"), list(fds))

    def take(self, lines, fds):
        words = dict(line.split("=", 1) for line in lines if line)
        name = words.get("FDNAME", "stored")
        if "FDSTORE" in words:
            for fd in fds:
                self.keep(name, fd)
        elif "FDSTOREREMOVE" in words:
            if name in self.store:
                os.close(self.store.pop(name))
        else:
            self.states += [line for line in lines if line]

    def keep(self, name, fd):
        if name in self.store:      # systemd would keep both: we never want that
            self.states.append(f"TWICE={name}")
            os.close(fd)
        else:
            self.store[name] = fd

    def environment(self):
        """For a program that command() starts, with place() before its exec."""
        return {"NOTIFY_SOCKET": "@" + self.address[1:],
                "LISTEN_FDS": str(len(self.store)),
                "LISTEN_FDNAMES": ":".join(self.store)}

    def place(self):
        """In the child, before exec: puts what is stored where it is expected."""
        copies = [os.dup2(fd, HIGH_FD + index, inheritable=False)
                  for index, fd in enumerate(self.store.values())]
        for index, fd in enumerate(copies):
            os.dup2(fd, FIRST_FD + index)

    def command(self, *words):
        return ["sh", "-c", START, "sh", *words]

    def wait_told(self, state, times=1):
        until(lambda: self.states.count(state) >= times, 10, f"{state}, {times} times")
        need(not [s for s in self.states if s.startswith("TWICE")], self.states)
