"""A proxy on this machine that keeps each request as its client wrote it, and answers as little as the client needs to go on."""

import base64
import contextlib
import http.server
import json
import os
import threading
from urllib.parse import urlsplit

# What the SDK of Space and Time is given to sign: the challenge that the corpus of broken requests answers.
AUTH_CODE = "469867d9660b67f8aa12b2"
# Between the client and its proxy, not part of the request (RFC 9110 section 7.6.1).
BETWEEN = {"connection", "proxy-connection", "keep-alive"}


class Recorder(http.server.BaseHTTPRequestHandler):
    """Keeps one request after another."""

    def do_POST(self):  # noqa: N802  (the name that the library calls)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        where = urlsplit(self.path)
        path = where.path + (f"?{where.query}" if where.query else "")
        self.server.seen.append({
            "method": self.command,
            # As a provider has it behind TLS: the proxy stands where TLS would end.
            "url": f"https://{where.netloc}{path}",
            "headers": [[name, value] for name, value in self.headers.items() if name.lower() not in BETWEEN],
            "body": base64.b64encode(body).decode(),
        })
        code = path.endswith("/auth/code")
        answer = json.dumps({"authCode": AUTH_CODE} if code else {"detail": "kept"}).encode()
        self.send_response(200 if code else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *arguments):
        """Says nothing: what came is in `seen`."""


@contextlib.contextmanager
def recording():
    """Runs the proxy, with the environment's variables pointing at it; gives the list of what came, and its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.seen = []
    address = f"127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = {name: os.environ.get(name) for name in ("http_proxy", "HTTP_PROXY")}
    os.environ.update({name: f"http://{address}" for name in before})
    try:
        yield server.seen, address
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.shutdown()
        server.server_close()
