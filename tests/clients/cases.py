"""What every Python client script shares: one JSON line a case, and what an accepted request must look like upstream."""

import base64
import hashlib
import json
import sys

SPOOF = "somebody-else"
# Sent along with some good requests: the upstream must see our names in these headers, never the caller's.
SPOOFED_HEADERS = {
    "X-Countersign-Account": SPOOF,
    "X-Countersign-Identifier": SPOOF,
    "X-Countersign-Acting-As": SPOOF,
    "X-Countersign-Key": SPOOF,
}
TIMEOUT = 30  # seconds a request may take before the case counts as failed; no case measures time


class Cases:
    """Runs the cases of one dialect and prints their outcomes."""

    def __init__(self, dialect):
        self.dialect = dialect
        self.count = 0
        self.keys = {}

    def report(self, case, expect, got, status, why=""):
        """Prints one case; it passed when `got` is what was expected and nothing speaks against it."""
        self.count += 1
        line = {
            "dialect": self.dialect,
            "case": case,
            "expect": expect,
            "got": got,
            "status": status,
            "ok": got == expect and not why,
        }
        if why:
            line["why"] = why
        print(json.dumps(line), flush=True)

    def accept(self, case, send, **identity):
        """A good request: 200 from the upstream, which saw the request unchanged and knew who sent it."""
        self._run(case, "accept", send, lambda answer: upstream_complaint(answer, self.dialect, **identity))

    def refuse(self, case, send, status=401):
        """A bad request: exactly this status, and no word from the upstream."""
        self._run(case, "refuse", send, lambda answer: refusal_complaint(answer, status))

    def holds(self, case, check):
        """Something else that must be so: `check` returns "" or what is wrong."""
        try:
            why = check()
        except Exception as error:  # a client that cannot go on is a failed case, never a skipped one
            why = f"{type(error).__name__}: {error}"
        self.report(case, "accept", "refuse" if why else "accept", None, why)

    def done(self):
        """Tells the runner that the script came to its end."""
        print(json.dumps({"done": self.count}), flush=True)

    def _run(self, case, expect, send, complaint):
        try:
            answer = send()
        except Exception as error:  # a client that cannot go on is a failed case, never a skipped one
            self.report(case, expect, "error", None, f"{type(error).__name__}: {error}")
            return
        got = "accept" if answer.status_code == 200 else "refuse"
        why = complaint(answer)
        self.report(case, expect, got, answer.status_code, why)


def upstream_complaint(answer, dialect, account, identifier, acting_as=None, method=None, target=None, body=None, key=True):
    """What is wrong with an answer that should be the upstream's echo, or ""."""
    if answer.status_code != 200:
        return f"expected 200 from the upstream, found {answer.status_code}: {answer.text[:200]!r}"
    try:
        echo = answer.json()
        headers = [(name.lower(), value) for name, value in echo["headers"]]
    except (ValueError, KeyError, TypeError) as error:
        return f"expected the upstream's echo, found {answer.text[:200]!r} ({error})"
    for header, wanted in [
        ("x-countersign-account", account),
        ("x-countersign-identifier", identifier),
        # A session is opened in the dialect spacetime; its tokens are ours, and judged as such.
        ("x-countersign-dialect", "own-session" if dialect == "spacetime" else dialect),
        ("x-countersign-acting-as", acting_as),
    ]:
        found = [value for name, value in headers if name == header]
        if wanted is not ANY and found != ([] if wanted is None else [wanted]):
            return f"{header}: expected {wanted!r} once, found {found!r}"
        if wanted is ANY and (len(found) != 1 or not found[0]):
            return f"{header}: expected one value, found {found!r}"
    found = [value for name, value in headers if name == "x-countersign-key"]
    if key and (len(found) != 1 or not found[0]):
        return f"x-countersign-key: expected one value, found {found!r}"
    if isinstance(key, str) and found != [key]:
        return f"x-countersign-key: expected {key!r}, found {found!r}"
    spoofed = [name for name, value in headers if value == SPOOF]
    if spoofed:
        return f"the caller's own identity headers reached the upstream: {spoofed!r}"
    if method is not None and echo["method"] != method:
        return f"method: sent {method!r}, the upstream saw {echo['method']!r}"
    if target is not None and echo["target"] != target:
        return f"target: sent {target!r}, the upstream saw {echo['target']!r}"
    if body is not None and echo["body_sha256"] != hashlib.sha256(body).hexdigest():
        return f"body: sent {body!r}, the upstream saw another one"
    return ""


def refusal_complaint(answer, status):
    """What is wrong with an answer that should be a refusal, or ""."""
    if answer.status_code != status:
        return f"expected a refusal with {status}, found {answer.status_code}: {answer.text[:200]!r}"
    if "body_sha256" in answer.text:
        return "the refusal carries the upstream's answer"
    return ""


def key_seen(answer):
    """The key that the upstream was told of."""
    return next(value for name, value in answer.json()["headers"] if name.lower() == "x-countersign-key")


def b64url(data):
    """Base64url without padding, as JOSE writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    """The bytes of base64url text without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def flip_signature(token):
    """The token with one bit of its signature turned over."""
    head, payload, signature = token.split(".")
    raw = bytearray(unb64url(signature))
    raw[len(raw) // 2] ^= 1
    return f"{head}.{payload}.{b64url(bytes(raw))}"


def change_payload(token, **changes):
    """The token with other claims under the old signature."""
    head, payload, signature = token.split(".")
    claims = json.loads(unb64url(payload))
    claims.update(changes)
    return f"{head}.{b64url(json.dumps(claims, separators=(',', ':')).encode())}.{signature}"


def arguments():
    """`prepare DIR`, or `run PUBLIC DIR`: the command, the public base address and the folder of keys."""
    if len(sys.argv) == 3 and sys.argv[1] == "prepare":
        return "prepare", None, sys.argv[2]
    if len(sys.argv) == 4 and sys.argv[1] == "run":
        return "run", sys.argv[2].rstrip("/"), sys.argv[3]
    sys.exit(f"wanted `{sys.argv[0]} prepare DIR` or `{sys.argv[0]} run PUBLIC_URL DIR`, found {sys.argv[1:]!r}")


class _Any:
    def __repr__(self):
        return "any one value"


ANY = _Any()
