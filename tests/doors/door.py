"""One front door: the example's own files with this machine's ports and paths, the real program on them, countersign beside it."""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import time
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATIENCE = 20  # seconds until a program must answer; no case measures time
# Routes that no example has: one for paths with encoded slashes, which few upstreams want, and two that do not enforce yet.
MORE_ROUTES = """
[[route]]
name = "raw"
path = "/raw"
dialects = ["skillhive"]
raw_paths = true

[[route]]
name = "watched"
path = "/watched"
dialects = ["skykit"]
methods = ["GET", "POST"]
mode = "shadow"

[[route]]
name = "warned"
path = "/warned"
dialects = ["skykit"]
mode = "warn"
modes = { door-sky = "enforce" }
"""


def free_port():
    """A port that nobody listens on now, below those that the system gives to outgoing connections: one of these would take it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as one:
            one.bind(("127.0.0.1", port))
            return port


class Place:
    """What all doors of a run share: the binary, the folder, the certificate, the registry."""

    def __init__(self, countersign, work, upstream):
        self.countersign, self.work, self.upstream = countersign, work, upstream
        self.certificate, self.key = work / "api.example.com.pem", work / "api.example.com.key"
        self.data = work / "data"


class Door:
    """The parts that all doors have; each kind says what its program is and which texts of its files are replaced."""

    name = None
    program = None
    files = []
    bodies = True  # whether our own problem document reaches the caller
    passes_bodies = False  # whether a dialect that signs the body can be judged with one
    takes_letters = True  # whether paths that are not ASCII get through
    http2 = False  # whether the example speaks it
    internal = False  # whether the question has an address on the door itself
    when_down = 503  # what the door answers when countersign is down
    retry_after = True
    warns = True  # whether what countersign says beside a pass reaches the caller

    def __init__(self, place):
        self.place = place
        self.folder = place.work / self.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port, self.verify, self.manage = free_port(), free_port(), free_port()
        self.server = self.process = None

    @classmethod
    def label(cls):
        """Its name in the table; two versions of one program differ in it."""
        return cls.name

    @classmethod
    def version(cls):
        """What the program says it is."""
        ended = subprocess.run([str(word) for word in cls.asks_version], capture_output=True, text=True, timeout=20)
        return (ended.stdout + ended.stderr).strip().splitlines()[0]

    def cannot_pass(self, _target):
        """Addresses that the program itself refuses or spells anew."""
        return False

    def changes(self):
        """Texts of the example's files and what stands there instead; each must be there."""
        return {}

    def command(self):
        """How the program is started, in the foreground."""
        raise NotImplementedError

    def prepare(self):
        """Whatever else the program wants to find."""

    def start(self):
        """Writes the files, starts countersign and the program, and waits for both."""
        shared = {"127.0.0.1:8700": f"127.0.0.1:{self.verify}", "127.0.0.1:8701": f"127.0.0.1:{self.manage}"}
        copy(EXAMPLES / self.name / "server.toml", self.folder / "server.toml", shared, MORE_ROUTES)
        changes, used = self.changes(), set()
        for file in self.files:
            used |= copy(EXAMPLES / self.name / file, self.folder / file, changes)
        missing = set(changes) - used
        if missing:
            raise RuntimeError(f"examples/{self.name}: wanted these texts to replace, found none of {missing}")
        self.prepare()
        self.start_countersign()
        self.process = background(self.command(), self.folder / "door.log", self.environment())
        wait(lambda: listens(self.port), self.process, self.folder / "door.log")

    def environment(self):
        return dict(os.environ)

    def start_countersign(self):
        """Starts countersign on the example's server.toml."""
        env = {**os.environ, "COUNTERSIGN_DATA": str(self.place.data), "COUNTERSIGN_SERVER__LOG_FORMAT": "json"}
        # So few that a slow machine spends them, too.
        env |= {"COUNTERSIGN_LIMITS__FAILURES_PER_ADDRESS": "1", "COUNTERSIGN_LIMITS__FAILURES_BURST": "20"}
        command = [str(self.place.countersign), "serve", "--config", str(self.folder / "server.toml")]
        self.server = background(command, self.folder / "countersign.log", env, append=True)
        wait(lambda: listens(self.verify), self.server, self.folder / "countersign.log")

    def stop_countersign(self):
        """As a power cut does."""
        self.server.kill()
        self.server.wait()

    def until_judged(self, ask):
        """Some doors leave a backend alone for a while after it failed."""
        until = time.monotonic() + PATIENCE
        while not ask() and time.monotonic() < until:
            time.sleep(0.1)

    def readiness(self):
        """What `countersign readiness` tells."""
        command = [str(self.place.countersign), "readiness", "--json", "--server", f"http://127.0.0.1:{self.manage}"]
        env = {**os.environ, "COUNTERSIGN_DATA": str(self.place.data)}
        return json.loads(subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=True).stdout)

    def reason(self, reject):
        """The reason that countersign's log has under a reject id."""
        for line in (self.folder / "countersign.log").read_text().splitlines():
            if reject in line:
                return json.loads(line).get("reason")
        return None

    def stop(self):
        """Ends what was started."""
        for process in [self.process, self.server]:
            if process and process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def copy(source, to, changes, more=""):
    """Copies a text file with some texts replaced; says which were there."""
    text = source.read_text()
    used = {old for old in changes if old in text}
    for old in sorted(used, key=len, reverse=True):
        text = text.replace(old, str(changes[old]))
    to.write_text(text + more)
    return used


def background(command, log, env, append=False):
    """Starts a program whose words go to a file."""
    with log.open("ab" if append else "wb") as out:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)


def listens(port):
    """Whether somebody accepts there."""
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


def wait(ready, process, log):
    """Waits; a program that ended says why in its log."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if ready():
            return
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}: {log.read_text()[-2000:]}")
        time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} does not answer: {log.read_text()[-2000:]}")
