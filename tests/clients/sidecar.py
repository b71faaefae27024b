"""Tools without a key through `countersign sidecar`: curl, wget and requests, for each dialect, with a good key and a stranger's."""

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import requests

from cases import SPOOFED_HEADERS, TIMEOUT, Cases, arguments, refusal_complaint, upstream_complaint
from snippets import WHO

# What the dialects have in common in this table: keys and names are those of the other scripts.
TARGET = "/v1/it's/%24(id)?q=%24HOME&page=2"
BODY = b'{"a": 1, "b": "\xc3\xa9"}'


def prepare(folder):
    """The keys are those of the other scripts, and of the snippets."""
    folder.mkdir(parents=True, exist_ok=True)


class Sidecar:
    """A running sidecar of one caller."""

    def __init__(self, public, keys, dialect, key, identifier, more):
        more = [str(keys / word) if word.endswith(".txt") else word for word in more]
        command = [os.environ["COUNTERSIGN_PROGRAM"], "--json", "sidecar", "--listen", "127.0.0.1:0", "--to", public]
        command += ["--dialect", dialect, "--key", str(keys / key), "--as", identifier, *more]
        self.running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = json.loads(self.running.stdout.readline())["listening"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.terminate()
        self.running.communicate(timeout=TIMEOUT)


def answered(status, text):
    return SimpleNamespace(status_code=status, text=text, json=lambda: json.loads(text))


def curl(address, body):
    command = ["curl", "-sS", "--max-time", str(TIMEOUT), "--path-as-is", "--globoff", "--write-out", "\n%{http_code}", address]
    if body is not None:
        command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
    printed = subprocess.run(command, input=body, capture_output=True, check=True).stdout.decode()
    text, status = printed.rsplit("\n", 1)
    return answered(int(status), text)


def wget(address, body):
    command = ["wget", "--quiet", "--tries=1", f"--timeout={TIMEOUT}", "--content-on-error", "--server-response", "--output-document=-", address]
    if body is not None:
        command += ["--header=Content-Type: application/json", f"--post-data={body.decode()}"]
    ended = subprocess.run(command, capture_output=True)
    heads = [line.split() for line in ended.stderr.decode().splitlines() if line.strip().startswith("HTTP/")]
    return answered(int(heads[-1][1]), ended.stdout.decode())


def by_requests(address, body):
    # Its credentials are the tool's own and must not reach the upstream, nor spoil the proof.
    return requests.request(
        "GET" if body is None else "POST",
        address,
        data=body,
        headers={**SPOOFED_HEADERS, "Content-Type": "application/json"},
        auth=("somebody", "somebody-else"),
        timeout=TIMEOUT,
    )


TOOLS = {"curl": curl, "wget": wget, "requests": by_requests}


def run(public, folder):
    """Every tool in every dialect."""
    cases = Cases("sidecar")
    keys = folder.parent
    for dialect, callers in WHO.items():
        for key, identity, more in callers:
            with Sidecar(public, keys, dialect, key, identity["identifier"], more) as sidecar:
                for tool, ask in TOOLS.items():
                    for body in [None, BODY]:
                        method = "GET" if body is None else "POST"

                        def good(ask=ask, body=body, method=method):
                            target = f"/{dialect}{TARGET}"
                            answer = ask(f"{sidecar.address}{target}", body)
                            return upstream_complaint(answer, dialect, **identity, method=method, target=target, body=body or b"")

                        cases.holds(f"{dialect}, {Path(key).stem}, {tool}, {method}", good)
            kind = "ed25519" if "ed25519" in key or dialect == "spacetime" else "rsa"
            with Sidecar(public, keys, dialect, f"snippets/stranger-{kind}.pem", identity["identifier"], more) as sidecar:

                def bad():
                    # Where a session is wanted there is none to send, which the sidecar tells itself.
                    status = {"skillhive": 403, "spacetime": 502}.get(dialect, 401)
                    return refusal_complaint(curl(f"{sidecar.address}/{dialect}{TARGET}", None), status)

                cases.holds(f"{dialect}, a stranger's key", bad)
    cases.done()


if __name__ == "__main__":
    command, public, folder = arguments()
    folder = Path(folder) / "sidecar"
    if command == "prepare":
        prepare(folder)
    else:
        run(public, folder)
