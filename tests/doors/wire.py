"""A caller that sends its bytes exactly as they are, over TLS, and reads one answer."""

import socket
import ssl

TIMEOUT = 15  # seconds an answer may take before the case counts as failed; no case measures time


class Answer:
    """Status, headers in the order in which they came, and body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        """The value of a header that stands once; None when it is not there, all values when it stands more often."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return None if not found else found[0] if len(found) == 1 else found

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:200]!r}"


def send(port, host, method, target, headers=(), body=b"", tls=True, version="1.1", source="127.0.0.1"):
    """Sends one request; `headers` are pairs and go out as they are. `source`: the caller's own address, on loopback."""
    if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers) and body:
        headers = [*headers, ("Content-Length", str(len(body)))]
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if not any(name.lower() == "connection" for name, _ in headers):
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")
    raw = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT, source_address=(source, 0))
    with raw, (_context().wrap_socket(raw, server_hostname="api.example.com") if tls else raw) as stream:
        stream.sendall(head + body)
        return read(stream)


def _context():
    # The test's own certificate is of no interest; what passes through the door is.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def read(stream):
    """Reads one answer: by length, in chunks, or to the end of the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = stream.recv(65536)
        if not piece:
            return Answer(0, [], data)
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    answer = Answer(int(first.split(" ")[1]), headers, b"")
    if answer.status == 100:
        return read(_Rest(rest, stream))
    length = answer.header("content-length")
    while length is None or len(rest) < int(length):
        try:
            piece = stream.recv(65536)
        except ssl.SSLError:
            break
        if not piece:
            break
        rest += piece
        if length is None and rest.endswith(b"0\r\n\r\n"):
            break
    answer.body = unchunked(rest) if (answer.header("transfer-encoding") or "") == "chunked" else rest
    return answer


class _Rest:
    """What was read already, and then the stream."""

    def __init__(self, rest, stream):
        self.rest, self.stream = rest, stream

    def recv(self, most):
        if self.rest:
            piece, self.rest = self.rest, b""
            return piece
        return self.stream.recv(most)


def unchunked(data):
    """The body in chunks, put together."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        size = int(size.partition(b";")[0] or b"0", 16)
        if size == 0:
            break
        body, data = body + data[:size], data[size + 2:]
    return body
