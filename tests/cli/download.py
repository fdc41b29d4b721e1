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
PARTS = 50


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
        part = len(body) // PARTS
        for start in range(0, len(body), part):
            self.wfile.write(body[start:start + part])
            time.sleep(self.server.seconds / PARTS)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Sends the body in parts, in so many seconds at the least."""

    daemon_threads = True

    def __init__(self, address, body, seconds=0):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.body, self.seconds = body, seconds
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
