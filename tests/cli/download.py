# SPDX-License-Identifier: MIT
"""A large file by HTTP. Its end is the connection's, so that every byte counts."""
import http.client
import http.server
import random
import socket
import socketserver
import threading
import time

from case import slow

PORT = 8000
# "cat", and what may be the beginning of one, or its end.
WORDS = (b"cat", b"dog", b"ca", b"t", b"c", b"xyz " * 10, bytes(range(256)))
PART = 1 << 20


def text(size):
    """The same bytes for the same size."""
    numbers = random.Random(size)
    body = bytearray()
    while len(body) < size:
        body += b"".join(numbers.choices(WORDS, k=10000))
    return bytes(body[:size])


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP/1.0, without a length."""

    def do_GET(self):
        body = self.server.body
        self.send_response(200)
        self.end_headers()
        for start in range(0, len(body), PART):
            self.wfile.write(body[start:start + PART])
            time.sleep(self.server.pause)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Sends the body in parts, with a pause of so many seconds behind each."""

    daemon_threads = True

    def __init__(self, address, body, pause=0):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.body, self.pause = body, pause
        super().__init__((address, PORT), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self):
        """Without a question to a name server that there is not."""
        socketserver.TCPServer.server_bind(self)


def download(address, seconds=30):
    connection = http.client.HTTPConnection(address, PORT, timeout=slow(seconds))
    connection.request("GET", "/")
    body = connection.getresponse().read()
    connection.close()
    return body
