"""The service behind the door: answers with the request as it arrived, byte for byte, and remembers how many there were."""

import base64
import json
import socketserver
import threading


class Upstream:
    """Listens on a free port of this machine."""

    def __init__(self):
        upstream = self
        self.lock, self.seen = threading.Lock(), []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while upstream.answer(self.rfile, self.wfile):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 128

            def handle_error(self, request, client_address):
                pass  # a door that closes a connection early is no error of the upstream's

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self):
        """How many requests arrived so far."""
        with self.lock:
            return len(self.seen)

    def answer(self, rfile, wfile):
        """Reads one request and tells it; False at the end of the connection."""
        line = rfile.readline()
        if not line.strip():
            return False
        method, target, version = line.decode("latin-1").split()
        headers = []
        while (line := rfile.readline().decode("latin-1").rstrip("\r\n")):
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        fields = {name.lower(): value for name, value in headers}
        if "chunked" in fields.get("transfer-encoding", ""):
            body = b""
            while (size := int(rfile.readline().split(b";")[0], 16)):
                body += rfile.read(size)
                rfile.readline()
            rfile.readline()
        else:
            body = rfile.read(int(fields.get("content-length", 0)))
        request = {"method": method, "target": target, "headers": headers, "body": base64.b64encode(body).decode()}
        with self.lock:
            self.seen.append(request)
        told = json.dumps(request).encode()
        close = version == "HTTP/1.0" or fields.get("connection", "").lower() == "close"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(told)}\r\n"
        wfile.write(head.encode() + (b"Connection: close\r\n" if close else b"") + b"\r\n" + (b"" if method == "HEAD" else told))
        return not close
