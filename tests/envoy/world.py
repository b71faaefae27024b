"""A real countersign with callers, an echo behind it, and Envoys with the configuration of examples/envoy."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

from wire import HOST, WAIT

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent.parent / "examples" / "envoy"


# Routes that the example has not: they do not enforce yet.
LENIENT = """
[[route]]
name = "watched"
path = "/watched"
dialects = ["skykit"]
methods = ["GET"]
mode = "shadow"

[[route]]
name = "warned"
path = "/warned"
dialects = ["skykit"]
mode = "warn"
modes = { ops = "enforce" }
"""


class World:
    """A countersign with callers, an echo, and Envoys when asked for."""

    def __init__(self, options, work, stack):
        self.binary, self.work, self.stack = str(options.countersign.resolve()), work, stack
        self.envoys = Path(sys.prefix) / "bin" / "envoy"
        self.ports = {name: free_port() for name in ["8701", "8702", "9000"]}
        self.data = work / "data"
        subprocess.run(["rm", "-rf", str(self.data)], check=True)
        self.data.mkdir(mode=0o700)
        self.env = {**os.environ, "COUNTERSIGN_DATA": str(self.data), "COUNTERSIGN_MANAGE": f"http://127.0.0.1:{self.ports['8701']}"}
        self.keys = self.data / "callers"
        self.keys.mkdir()
        for dialect in ["skykit", "asymmetric-jwt", "skillhive", "partner-key"]:
            self.run("key", "new", "--for", dialect, "--bits", "2048", str(self.keys / f"{dialect}.key"))
        secret = self.keys / "api-key.txt"
        secret.write_text("an-api-key-of-the-envoy-test-0001\n")
        secret.chmod(0o600)
        (self.keys / "accounts.toml").write_text((HERE / "accounts.toml").read_text())
        self.config = self.data / "countersign.toml"
        self.config.write_text(self.ported((EXAMPLE / "countersign.toml").read_text()) + LENIENT)
        self.run("init")
        self.start([str(options.echo.resolve()), f"127.0.0.1:{self.ports['9000']}"], "echo")
        self.serve()
        wait_for(self.ports["9000"])
        self.run("apply", str(self.keys / "accounts.toml"))

    def serve(self, **settings):
        """Starts countersign, as often as a case asks for it."""
        self.env |= settings
        self.countersign = self.start([self.binary, "serve", "--config", str(self.config)], "countersign")
        for name in ["8701", "8702"]:
            wait_for(self.ports[name], self.countersign)

    def ported(self, text):
        for name, port in self.ports.items():
            text = text.replace(f":{name}", f":{port}").replace(f"port_value: {name}", f"port_value: {port}")
        return text

    def run(self, *arguments):
        ended = subprocess.run([self.binary, *arguments], env=self.env, capture_output=True, text=True, timeout=120)
        if ended.returncode != 0:
            sys.exit(f"countersign {' '.join(arguments)}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}\nenvoy: 0 passed, 1 failed")
        return ended.stdout

    def start(self, command, name):
        log = open(self.work / f"{name}.log", "w")
        program = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stack.callback(end, program)
        return program

    def sign(self, dialect, method, path, body=b"", scheme="http"):
        """The proof's header lines."""
        who = {
            "skykit": ["--as", "ops@example.com"],
            "asymmetric-jwt": ["--as", "guido"],
            "skillhive": ["--as", "hive-1", "--acting-as", "testuser@demoskillhive.com"],
            "partner-key": ["--as", "54344", "--api-key-file", str(self.keys / "api-key.txt")],
        }[dialect]
        if body:
            (self.data / "body").write_bytes(body)
            who += ["--data", f"@{self.data / 'body'}"]
        made = self.run("sign", "--json", "-d", dialect, "-k", str(self.keys / f"{dialect}.key"), "-X", method, *who, f"{scheme}://{HOST}{path}")
        return [tuple(pair) for pair in json.loads(made)["headers"]]

    @contextlib.contextmanager
    def envoy(self, way, changes=()):
        """An Envoy with the example's configuration, changed where a case asks for it."""
        text = self.ported((EXAMPLE / ("envoy.yaml" if way == "grpc" else "envoy-http.yaml")).read_text())
        for old, new in changes:
            text = text.replace(old, new)
        port = free_port()
        file = self.data / "envoy.yaml"
        file.write_text(text.replace("port_value: 8443", f"port_value: {port}"))
        command = [str(self.envoys), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"]
        program = self.start(command, "envoy")
        wait_for(port, program)
        try:
            yield port
        finally:
            end(program)


def end(program):
    program.kill()
    program.wait()


def free_port():
    """A port that nobody listens on now, below those that the system gives to outgoing connections: one of these would take it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port


def wait_for(port, program=None):
    for _ in range(WAIT * 20):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if program is not None and program.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}; the logs are below the work folder\nenvoy: 0 passed, 1 failed")
