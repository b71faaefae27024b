"""A real countersign with two callers, and an upstream that OpenTelemetry's own middleware instruments."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

HERE = Path(__file__).resolve().parent
CONFIG = """version = 1
[server]
drain = "0s"
log_format = "json"
[[listener]]
address = "127.0.0.1:{public}"
surfaces = ["gateway", "forward-auth"]
[[listener]]
address = "127.0.0.1:{checks}"
surfaces = ["ext-authz"]
[[listener]]
address = "127.0.0.1:{manage}"
surfaces = ["manage", "metrics", "health"]
[[route]]
name = "sky"
path = "/skykit"
dialects = ["skykit"]
upstream = "http://127.0.0.1:{upstream}"
[[route]]
name = "once"
path = "/once"
dialects = ["asymmetric-jwt"]
upstream = "http://127.0.0.1:{upstream}"
[[route]]
name = "gone"
path = "/gone"
dialects = ["skykit"]
upstream = "http://127.0.0.1:{nobody}"
"""


class World:
    def __init__(self, binary, work, stack):
        self.binary, self.work, self.stack, self.seen = str(binary.resolve()), work, stack, []
        self.caller, self.callee = InMemorySpanExporter(), InMemorySpanExporter()
        RequestsInstrumentor().instrument(tracer_provider=provider("caller", self.caller))
        app = OpenTelemetryMiddleware(self.answer, tracer_provider=provider("callee", self.callee))
        server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.ports = {name: free_port() for name in ["public", "checks", "manage", "nobody"]} | {"upstream": server.server_port}
        self.url = f"http://127.0.0.1:{self.ports['public']}"
        self.data = work / "data"
        subprocess.run(["rm", "-rf", str(self.data)], check=True)
        self.data.mkdir(mode=0o700)
        self.env = {**os.environ, "COUNTERSIGN_DATA": str(self.data), "COUNTERSIGN_MANAGE": f"http://127.0.0.1:{self.ports['manage']}"}
        for dialect in ["skykit", "asymmetric-jwt"]:
            self.run("key", "new", "--for", dialect, "--bits", "2048", str(self.data / f"{dialect}.key"))
        (self.data / "accounts.toml").write_text((HERE / "accounts.toml").read_text())
        self.config = self.data / "countersign.toml"
        self.config.write_text(CONFIG.format(**self.ports))
        self.run("init")
        with self.serving():
            self.run("apply", str(self.data / "accounts.toml"))

    def answer(self, environ, start):
        self.seen.append({name: environ.get(name) for name in ["HTTP_TRACEPARENT", "HTTP_TRACESTATE"]})
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    @contextlib.contextmanager
    def serving(self, **settings):
        """The server with other settings; ended as a service manager does, and its exit looked at."""
        self.log = self.work / "countersign.log"
        with open(self.log, "w") as log:
            self.program = subprocess.Popen([self.binary, "serve", "--config", str(self.config)], env=self.env | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stack.callback(self.program.kill)
        for name in ["public", "manage"]:
            wait_for(self.ports[name], self.program)
        try:
            yield self
        finally:
            if self.program.poll() is None:
                self.stop()

    def stop(self):
        """Gives the seconds that the end took."""
        begun = time.monotonic()
        self.program.send_signal(signal.SIGTERM)
        self.program.wait(60)
        return time.monotonic() - begun

    def run(self, *arguments):
        ended = subprocess.run([self.binary, *arguments], env=self.env, capture_output=True, text=True, timeout=120)
        if ended.returncode != 0:
            sys.exit(f"countersign {' '.join(arguments)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}\ntraces: 0 passed, 1 failed")
        return ended.stdout

    def sign(self, dialect, path):
        who = {"skykit": "ops@example.com", "asymmetric-jwt": "guido"}[dialect]
        made = self.run("sign", "--json", "-d", dialect, "-k", str(self.data / f"{dialect}.key"), "-X", "GET", "--as", who, f"{self.url}{path}")
        return dict(tuple(pair) for pair in json.loads(made)["headers"])

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['manage']}/metrics", timeout=10) as answer:
            found = re.findall(rf"^countersign_{re.escape(name)} (\d+)$", answer.read().decode(), re.MULTILINE)
        return int(found[0]) if found else 0

    def lines(self):
        """The request lines of the log."""
        for line in self.log.read_text().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if entry.get("target") == "countersign::request":
                    yield entry


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def provider(name, exporter):
    made = TracerProvider(resource=Resource.create({"service.name": name}))
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


def free_port():
    """A port that nobody listens on now, below those that the system gives to outgoing connections: one of these would take it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port


def wait_for(port, program):
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if program.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}; the log is below the work folder\ntraces: 0 passed, 1 failed")
