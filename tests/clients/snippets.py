"""Every snippet that `countersign snippet` prints, in every language, run as its reader would run it: by the language's own tools."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cases import Cases, arguments, upstream_complaint

LANGUAGES = ["countersign", "shell", "python", "php", "node", "go", "java", "rust"]
PATIENCE = 300  # seconds a program may take; compilers are among them, and no case measures time
# Who asks, by dialect: the identity that the upstream must see, and how the snippet is asked for.
WHO = {
    "skykit": [("skykit/openssl.pem", {"account": "skykit-ops", "identifier": "ops@example.com"}, [])],
    "skillhive": [
        (
            "skillhive/modern.pem",
            {"account": "hive-modern", "identifier": "modern-sha256-only", "acting_as": "testuser@demoskillhive.com"},
            ["--acting-as", "testuser@demoskillhive.com"],
        )
    ],
    "spacetime": [("snippets/alice.pem", {"account": "space-alice", "identifier": "alice"}, [])],
    "asymmetric-jwt": [
        ("asymmetric-jwt/guido-rsa.pem", {"account": "ajwt-guido", "identifier": "guido"}, []),
        ("asymmetric-jwt/guido-ed25519.pem", {"account": "ajwt-guido", "identifier": "guido"}, []),
    ],
    "partner-key": [
        ("partner-key/site-54344.pem", {"account": "partner-a", "identifier": "54344"}, ["--api-key-file", "partner-key/api-key.txt"])
    ],
}
# A text that means something to a shell and to PHP, and must reach the server as it is.
ADDRESS = "/v1/it's/$(id)?q=$HOME&page=2"
ED25519_PREFIX = bytes.fromhex("302e020100300506032b657004220420")  # PKCS#8 around the 32 bytes (RFC 8410, section 7)


def prepare(folder):
    """The keys are those of the other scripts; a stranger's, of each kind, are made here."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in [("stranger-rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("stranger-ed25519", ["ED25519"])]:
        path = folder / f"{name}.pem"
        if not path.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", *kind, "-out", path], check=True, capture_output=True)
    seed = base64.b64decode((folder.parent / "spacetime/alice.txt").read_text())
    body = base64.b64encode(ED25519_PREFIX + seed[:32]).decode()
    (folder / "alice.pem").write_text(f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")


class Runner:
    """Asks for snippets and runs them in folders of their own."""

    def __init__(self, public, keys):
        self.public, self.keys = public, keys
        self.countersign = os.environ["COUNTERSIGN_PROGRAM"]
        self.root = Path(os.environ["COUNTERSIGN_ROOT"])
        self.work = keys.parent / "snippets"
        shutil.rmtree(self.work, ignore_errors=True)

    def program(self, dialect, language, key, identifier, more, path):
        """What `countersign snippet` prints for this caller."""
        more = [str(self.keys / word) if word.endswith(".txt") else word for word in more]
        asked = [self.countersign, "snippet", "--json", "--dialect", dialect, "--language", language, "--key", str(self.keys / key)]
        asked += ["--as", identifier, *more, f"{self.public}/{dialect}{path}"]
        return json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)

    def run(self, case, language, snippet):
        """Runs the program; gives exit code and what it printed."""
        folder = self.work / case.replace(" ", "-").replace(",", "")
        folder.mkdir(parents=True)
        file = folder / snippet["file_name"]
        file.write_text(snippet["text"])
        command = {
            "countersign": ["bash", str(file)],
            "shell": ["bash", str(file)],
            "python": [sys.executable, str(file)],
            "php": ["php", str(file)],
            "node": ["node", str(file)],
            "go": ["go", "run", str(file)],
            "java": ["java", str(file)],
            "rust": ["cargo", "run", "--quiet", "--offline"],
        }[language]
        where = folder
        if language == "rust":
            where = self.cargo(file)
        path = f"{Path(self.countersign).parent}{os.pathsep}{os.environ['PATH']}"
        cache = {"GOCACHE": str(self.keys.parent / "go-cache"), "GO111MODULE": "off", "XDG_CACHE_HOME": str(folder)}
        ended = subprocess.run(command, cwd=where, capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, "PATH": path, **cache})
        return ended.returncode, ended.stdout, ended.stderr

    def cargo(self, file):
        """A package around the program, which finds the crates as this workspace has them."""
        package = self.work / "package"
        (package / "src").mkdir(parents=True, exist_ok=True)
        shutil.copy(file, package / "src/main.rs")
        shutil.copy(self.root / "Cargo.lock", package / "Cargo.lock")
        (package / "Cargo.toml").write_text(
            "[package]\nname = 'first-request'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n[dependencies]\n"
            f"countersign-client = {{ path = '{self.root}/crates/client', features = ['reqwest'] }}\n"
            "tokio = { version = '1', features = ['macros', 'rt-multi-thread'] }\nbytes = '1'\nhttp = '1'\ngetrandom = '0.4'\n"
        )
        return package


class Printed:
    """What a program printed, as an answer with a status and a text."""

    def __init__(self, code, text):
        self.status_code, self.text = 200 if code == 0 else 401, text

    def json(self):
        return json.loads(self.text)


def run(public, folder):
    """Runs every snippet with a good key, and with a stranger's."""
    cases = Cases("snippets")
    runner = Runner(public, folder.parent)
    for dialect, callers in WHO.items():
        for key, identity, more in callers:
            for language in LANGUAGES:
                name = f"{dialect}, {Path(key).stem}, {language}"

                def good(name=name):
                    snippet = runner.program(dialect, language, key, identity["identifier"], more, ADDRESS)
                    code, printed, errors = runner.run(name, language, snippet)
                    target = f"/{dialect}{ADDRESS}"
                    why = upstream_complaint(Printed(code, printed), dialect, **identity, method="GET", target=target)
                    return why and f"{why}; {errors[-600:]}"

                cases.holds(f"{name} is let in", good)

                def bad(name=f"{name}, stranger"):
                    kind = "ed25519" if "ed25519" in key or dialect == "spacetime" else "rsa"
                    snippet = runner.program(dialect, language, f"snippets/stranger-{kind}.pem", identity["identifier"], more, ADDRESS)
                    code, printed, _ = runner.run(name, language, snippet)
                    return "" if code != 0 and "body_sha256" not in printed else f"a stranger's key: {code} {printed}"

                if language != "rust" or dialect == "skykit":  # each takes a compiler's run, and the library is tested elsewhere
                    cases.holds(f"{name} with a stranger's key is not", bad)
    cases.done()


if __name__ == "__main__":
    command, base, where = arguments()
    where = Path(where) / "snippets"
    sys.exit(prepare(where) if command == "prepare" else run(base, where))
