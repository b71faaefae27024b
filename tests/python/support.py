"""What the tests share: keys, callers in every dialect, and servers that are started and ended."""

import contextlib
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

import countersign

HERE = Path(__file__).resolve().parent
WORK = Path(os.environ["COUNTERSIGN_WORK"])
PROGRAM = os.environ["COUNTERSIGN_PROGRAM"]
ECHO = os.environ["COUNTERSIGN_ECHO"]
READY = 30  # seconds that a server may take to start on a loaded machine
COMPANION = "an-api-key-of-ours"

# dialect: (kind of key, namespace, identifier)
DIALECTS = {
    "asymmetric-jwt": ("ed25519", "user", "guido"),
    "skillhive": ("rsa", "connection", "17"),
    "partner-key": ("rsa", "site", "54344"),
    "skykit": ("rsa", "email", "ops@example.com"),
    "http-signature": ("ed25519", None, "ops"),
}


def make_key(kind):
    private = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return private.private_bytes(*pem)


KEYS = {dialect: make_key(kind) for dialect, (kind, _, _) in DIALECTS.items()}
STRANGER = {kind: make_key(kind) for kind in ("ed25519", "rsa")}


def signer(dialect, *, key=None, identifier=None, origin=None, settings=None):
    return countersign.Signer(
        dialect,
        identifier or DIALECTS[dialect][2],
        key=key or KEYS[dialect],
        acting_as="testuser@example.com" if dialect == "skillhive" else None,
        companion=COMPANION if dialect == "partner-key" else None,
        origin=origin,
        settings=settings,
    )


def accounts():
    """A description of everybody, TOML."""
    lines = ['[[user]]\nname = "testuser@example.com"\n']
    for dialect, (_, namespace, identifier) in DIALECTS.items():
        public = signer(dialect).public_key
        lines.append(f'[[account]]\nname = "of-{dialect}"\n')
        if namespace:
            lines.append(f'identifiers = {{ {namespace} = "{identifier}" }}\n')
        if dialect == "skillhive":
            lines.append('acts_as = ["testuser@example.com"]\n')
        lines.append(f"[[account.key]]\nlabel = \"k\"\ndialects = [\"{dialect}\"]\npublic = '''{public}'''\n")
        if dialect == "partner-key":
            lines.append('[[account.companion]]\nlabel = "c"\ndialect = "partner-key"\nsecret_file = "companion"\n')
    return "".join(lines)


def accounts_file(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "companion").write_text(COMPANION + "\n")
    path = folder / "accounts.toml"
    path.write_text(accounts())
    return path


def age(signer, seconds):
    """Makes a signer's clock differ: its proofs are dated so far in the past."""
    told = str(int((time.time() - seconds) * 1000))
    assert signer.learn(401, [("countersign-time", told)])
    return signer


def free_port():
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.closing(socket.socket()) as tried:
            try:
                tried.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Server:
    """A program that serves at a port, ended by the end of a test."""

    def __init__(self, name, command, port, **env):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = WORK / f"{name}.log"
        path = os.pathsep.join([str(HERE / "programs"), str(HERE)])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path, **env}
            )
        until = time.monotonic() + READY
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                raise RuntimeError(f"{name} did not start: {self.told()}")
            time.sleep(0.05)

    def _answers(self):
        with contextlib.closing(socket.socket()) as tried:
            tried.settimeout(1)
            return tried.connect_ex(("127.0.0.1", self.port)) == 0

    def told(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def python(*arguments):
    return [sys.executable, *arguments]


def redis():
    port = free_port()
    return Server("redis", ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", WORK], port)


class Gateway:
    """A countersign server with a route for each dialect, and the echo behind it."""

    def __init__(self):
        public, manage, echo = free_port(), free_port(), free_port()
        data = WORK / f"gateway-{public}"
        data.mkdir(parents=True)
        text = f'version = 1\n\n[server]\npublic_url = "http://127.0.0.1:{public}"\n\n'
        text += f'[[listener]]\naddress = "127.0.0.1:{public}"\nsurfaces = ["gateway", "health"]\n\n'
        text += f'[[listener]]\naddress = "127.0.0.1:{manage}"\nsurfaces = ["manage", "health"]\n'
        for dialect in DIALECTS:
            text += f'\n[[route]]\nname = "{dialect}"\npath = "/{dialect}/"\ndialects = ["{dialect}"]\nupstream = "http://127.0.0.1:{echo}"\n'
        (data / "server.toml").write_text(text)
        env = {"COUNTERSIGN_DATA": str(data), "COUNTERSIGN_MANAGE": f"http://127.0.0.1:{manage}"}
        run = lambda *arguments: subprocess.run([PROGRAM, *arguments], env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL)  # noqa: E731
        run("init")
        self.echo = Server("echo", [ECHO, f"127.0.0.1:{echo}"], echo)
        self.server = Server("gateway", [PROGRAM, "serve", "--config", data / "server.toml"], public, **env)
        until = time.monotonic() + READY
        while True:
            try:
                run("apply", str(accounts_file(data / "accounts")))
                break
            except subprocess.CalledProcessError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        self.url = self.server.url

    def stop(self):
        self.server.stop()
        self.echo.stop()


def exchange(port, data, *, half_close=False):
    """Sends bytes and reads everything that comes back."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as line:
        line.sendall(data)
        if half_close:
            line.shutdown(socket.SHUT_WR)
        parts = []
        while part := line.recv(65536):
            parts.append(part)
    return b"".join(parts)


def raw_request(method, target, host, headers, body=b"", *, length=True):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    lines += [f"{name}: {value.decode('latin-1') if isinstance(value, bytes) else value}" for name, value in headers]
    if length and body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def code_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])["code"]


def digest_of(secret):
    return hashlib.sha256(secret.encode()).hexdigest()
