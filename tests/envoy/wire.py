"""Requests written byte by byte over HTTP/1.1 and HTTP/2, since client libraries correct what a hostile caller sends."""

import contextlib
import json
import socket

HOST = "api.example.test"
WAIT = 30  # seconds a request may take to be answered; no case measures time


class Answer:
    def __init__(self, status, head, body):
        self.status, self.head, self.body = status, head, body

    def header(self, name):
        return next((value for found, value in self.head if found == name), None)

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def send(port, method, path, lines, body=b"", chunked=False, host=HOST):
    """HTTP/1.1, as it stands."""
    names = {name.lower() for name, _ in lines}
    head = [as_bytes(method) + b" " + as_bytes(path) + b" HTTP/1.1", b"Host: " + as_bytes(host)]
    head += [as_bytes(name) + b": " + as_bytes(value) for name, value in lines]
    if chunked:
        head.append(b"Transfer-Encoding: chunked")
        half = max(1, len(body) // 2)
        body = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in [body[:half], body[half:]] if part) + b"0\r\n\r\n"
    elif body or method in ("POST", "PUT", "PATCH"):
        head.append(f"Content-Length: {len(body)}".encode())
    if "connection" not in names:
        head.append(b"Connection: close")
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as stream:
        with contextlib.suppress(OSError):  # Envoy answers early and closes; the answer is there all the same
            stream.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        data = b""
        with contextlib.suppress(ConnectionError):
            while part := stream.recv(65536):
                data += part
                if (answer := parsed(data)) is not None:
                    return answer
    return Answer(0, [], data)


def parsed(data):
    head, gap, body = data.partition(b"\r\n\r\n")
    if not gap:
        return None
    first, *rest = head.decode("latin-1").split("\r\n")
    status = int(first.split(" ")[1])
    if status == 100:
        return parsed(body)
    pairs = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
    length = next((int(value) for name, value in pairs if name == "content-length"), 0)
    return Answer(status, pairs, body[:length]) if len(body) >= length else None


def send_h2(port, method, path, lines, body=b"", scheme="http"):
    """HTTP/2 by prior knowledge, without a content length; status 0 when the stream was reset."""
    import h2.config
    import h2.connection
    import h2.events

    config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None)
    connection = h2.connection.H2Connection(config=config)
    connection.initiate_connection()
    pseudo = [(b":method", as_bytes(method)), (b":scheme", as_bytes(scheme)), (b":authority", HOST.encode()), (b":path", as_bytes(path))]
    headers = pseudo + [(as_bytes(name).lower(), as_bytes(value)) for name, value in lines]
    connection.send_headers(1, headers, end_stream=not body)
    status, head, answer, ended, sent = 0, [], b"", False, 0
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as stream:
        while not ended:
            while body and sent < len(body) and (room := min(connection.local_flow_control_window(1), connection.max_outbound_frame_size, len(body) - sent)):
                sent += room
                connection.send_data(1, body[sent - room : sent], end_stream=sent == len(body))
            with contextlib.suppress(OSError):
                stream.sendall(connection.data_to_send())
            try:
                data = stream.recv(65536)
            except ConnectionError:
                break
            if not data:
                break
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    head = [(name.decode(), value.decode("latin-1")) for name, value in event.headers]
                    status = int(dict(head)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    answer += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
                    ended = True
    return Answer(status, head, answer)
