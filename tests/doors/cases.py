"""What every door must let through, refuse, and never let a caller say."""

import base64
import json
import subprocess
import time
import urllib.parse

import wire
from callers import USER, WHO, broken

HOST = "api.example.com"
BASE = "https://" + HOST
SPOOF = "somebody-else"
# Every spelling that an upstream may read as a header of ours.
SPOOFED = [(name, SPOOF) for name in [
    "X-Countersign-Account", "x-countersign-account", "x_countersign_account", "X-Countersign_Account", "X_COUNTERSIGN_ACCOUNT",
    "X-Countersign-Account-Id", "X-Countersign-Identifier", "X-Countersign-Dialect", "X-Countersign-Key",
    "X-Countersign-Organisation", "X-Countersign-Acting-As", "X-Countersign-Session", "X-Countersign-Request-Id",
    "X-Countersign-Assertion", "X-Countersign-Mode", "X-Countersign", "x_countersign_acting_as", "X-COUNTERSIGN-ORGANISATION",
]]
# What a caller may say about where its request came from; nobody listens.
ELSEWHERE = [
    ("X-Forwarded-Method", "DELETE"), ("X-Forwarded-Uri", "/hive/other"), ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"), ("X-Forwarded-For", "203.0.113.9"), ("X-Original-Method", "DELETE"),
    ("X-Original-Uri", "/hive/other"), ("X-Original-URL", "/hive/other"), ("X_Original_Uri", "/hive/other"),
    ("X-Original-Content-Length", "0"), ("Forwarded", "for=203.0.113.9;host=evil.example;proto=http"),
]


class Failed(Exception):
    """A case that did not hold."""


def want(true, text):
    """Ends the case unless something is so."""
    if not true:
        raise Failed(text)


class Cases:
    """Runs the cases of one door; `door` says what it cannot do."""

    def __init__(self, door, callers, upstream):
        self.door, self.callers, self.upstream = door, callers, upstream

    def send(self, method, target, proof=(), more=(), body=b"", host=HOST):
        return wire.send(self.door.port, host, method, target, [*proof, *more], body)

    def passes(self, dialect, method, target, proof, more=(), body=b""):
        """The upstream got the request as it was sent, once, with our identity headers and nobody else's."""
        before = self.upstream.count()
        answer = self.send(method, target, proof, more, body)
        want(answer.status == 200, f"wanted 200, found {answer}")
        want(self.upstream.count() == before + 1, "wanted one request upstream")
        seen = self.upstream.seen[-1]
        want((seen["method"], seen["target"]) == (method, target), f"the upstream saw {seen['method']} {seen['target']}")
        want(base64.b64decode(seen["body"]) == body, "the upstream saw another body")
        account, identifier = WHO[dialect]
        fields = {}
        for name, value in seen["headers"]:
            plain = "".join(sign if sign.isalnum() else "-" for sign in name.lower())
            fields.setdefault(plain, []).append(value)
        wanted = {"account": account, "identifier": identifier, "dialect": dialect, "acting-as": USER if dialect == "skillhive" else None}
        for name, value in wanted.items():
            found = fields.get("x-countersign-" + name, [])
            want(found == ([] if value is None else [value]), f"x-countersign-{name}: wanted {value!r} once, found {found}")
        for name in ["account-id", "key", "request-id"]:
            found = fields.get("x-countersign-" + name, [])
            want(len(found) == 1 and found[0], f"x-countersign-{name}: wanted one value, found {found}")
        spoofed = [pair for pair in seen["headers"] if SPOOF in pair[1] or "evil.example" in pair[1] or "/hive/other" in pair[1]]
        want(not spoofed, f"the caller's own headers reached the upstream: {spoofed}")
        return seen

    def refused(self, method, target, proof=(), more=(), body=b"", status=(401, 403), code=None):
        """Nothing reached the upstream, and the answer has our status, reject id and time."""
        before = self.upstream.count()
        answer = self.send(method, target, proof, more, body)
        want(answer.status in status, f"wanted one of {status}, found {answer}")
        want(self.upstream.count() == before, "the refused request reached the upstream")
        reject, clock = answer.header("countersign-reject"), answer.header("countersign-time")
        want(isinstance(reject, str) and reject.startswith("rej_"), f"countersign-reject: {reject}")
        want(isinstance(clock, str) and clock.isdigit(), f"countersign-time: {clock}")
        if code and self.door.bodies:
            # Strangers are not told what exactly is wrong with an identity.
            outward = "refused" if code == "bad-signature" else code
            want(told(answer) == outward, f"wanted {outward} in {answer.body!r}")
        if code:
            want(self.door.reason(reject) == code, f"wanted {code} in the log under {reject}, found {self.door.reason(reject)}")
        return answer

    def never(self, method, target, proof=(), more=(), body=b"", status=range(400, 600)):
        """Whoever answers: not the upstream."""
        before = self.upstream.count()
        answer = self.send(method, target, proof, more, body)
        want(answer.status in status, f"wanted a refusal, found {answer}")
        want(self.upstream.count() == before, "the request reached the upstream")
        return answer

    def all(self):
        """Every case: a name and what to do."""
        yield from self.accepted()
        yield from self.turned_away()
        yield from self.lies()
        yield from self.bodies()
        yield from self.addresses()
        yield from self.modes()
        yield from self.floods()
        yield from self.outages()

    def hive(self, target, **more):
        return self.callers.skillhive(BASE + target, **more)

    def accepted(self):
        callers = self.callers
        yield "skykit", lambda: self.passes("skykit", "GET", "/v1/things?x=%C3%BC", callers.skykit())

        def again():
            proof = callers.skykit()
            for _ in range(2):
                self.passes("skykit", "GET", "/v1/things", proof)
        yield "skykit: the same token twice", again
        yield "skykit: POST with a body", lambda: self.passes("skykit", "POST", "/v1/things", callers.skykit(), body=b'{"a":"\xc3\xbc"}')
        yield "skykit: a body of 300 kB", lambda: self.passes("skykit", "PUT", "/v1/things", callers.skykit(), body=b"x" * 300_000)
        yield "asymmetric-jwt", lambda: self.passes("asymmetric-jwt", "GET", "/orders/1", callers.once())
        yield "partner-key", lambda: self.passes("partner-key", "GET", "/partners/x", callers.partner_key())
        yield "skillhive without body", lambda: self.passes("skillhive", "GET", "/hive/users/", self.hive("/hive/users/"))

    def turned_away(self):
        callers, now = self.callers, time.time
        yield "no proof: 401 with a challenge", lambda: want(
            "Bearer" in (self.refused("GET", "/v1/things", status=(401,)).header("www-authenticate") or ""), "wanted a challenge")
        old = lambda: callers.skykit(iat=int(now()) - 600, exp=int(now()) - 60)
        yield "skykit: expired", lambda: self.refused("GET", "/v1/a", old(), code="expired")
        yield "skykit: one bit", lambda: self.refused("GET", "/v1/a", broken(callers.skykit()), code="bad-signature")
        yield "skykit: a stranger's key", lambda: self.refused("GET", "/v1/a", callers.skykit(key=callers.stranger))
        yield "skykit: two tokens", lambda: self.never("GET", "/v1/a", callers.skykit() + callers.skykit())

        def replayed():
            proof = callers.once()
            self.passes("asymmetric-jwt", "GET", "/orders/2", proof)
            self.refused("GET", "/orders/2", proof, status=(401,), code="replayed")
        yield "asymmetric-jwt: replayed", replayed
        yield "asymmetric-jwt: one bit", lambda: self.refused("GET", "/orders/3", broken(callers.once()))
        yield "asymmetric-jwt: a minute old", lambda: self.refused("GET", "/orders/3", callers.once(time=int(now()) - 60))
        yield "asymmetric-jwt: another key", lambda: self.refused("GET", "/orders/3", callers.once(key=callers.other_ed25519))
        yield "partner-key: no API key", lambda: self.refused("GET", "/partners/x", callers.partner_key(api_key=None))
        yield "partner-key: another API key", lambda: self.refused("GET", "/partners/x", callers.partner_key(api_key="wrong"))
        yield "partner-key: expired", lambda: self.refused("GET", "/partners/x", callers.partner_key(exp=int(now()) - 60))
        yield "partner-key: one bit", lambda: self.refused("GET", "/partners/x", broken(callers.partner_key()))
        yield "skillhive: one bit", lambda: self.refused("GET", "/hive/a", broken(self.hive("/hive/a")), status=(403,))
        yield "skillhive: another address", lambda: self.refused("GET", "/hive/b", self.hive("/hive/a"), status=(403,))
        yield "skillhive: another query", lambda: self.refused("GET", "/hive/a?x=2", self.hive("/hive/a?x=1"), status=(403,))
        yield "another route's dialect", lambda: self.refused("GET", "/orders/1", callers.skykit())

    def lies(self):
        callers = self.callers
        yield "identity headers of the caller's", lambda: self.passes("skykit", "GET", "/v1/a", callers.skykit(), SPOOFED)
        yield "the same, named in Connection", lambda: self.passes("skykit", "GET", "/v1/a", callers.skykit(), [
            *SPOOFED, ("Connection", "close, X-Countersign-Account, X-Countersign-Key, X-Countersign-Identifier, x_countersign_account")])
        yield "the same, without a proof", lambda: self.refused("GET", "/v1/a", more=SPOOFED)
        yield "what the caller says of its address", lambda: self.passes(
            "skillhive", "GET", "/hive/true?a=1", self.hive("/hive/true?a=1"), ELSEWHERE)
        yield "a proof for the address it only tells of", lambda: self.refused(
            "GET", "/hive/true", self.hive("/hive/other"), ELSEWHERE, status=(403,))
        yield "another route by what it says", lambda: self.refused(
            "GET", "/orders/1", callers.skykit(), [("X-Forwarded-Uri", "/v1/a"), ("X-Original-Uri", "/v1/a"), ("X-Rewrite-Url", "/v1/a")])

        def connection():
            names = "close, X-Forwarded-Uri, X-Forwarded-Method, X-Forwarded-Host, X-Original-Uri, X-Original-Method, X-Original-Content-Length"
            answer = self.send("POST", "/hive/a", self.hive("/hive/a"), [("Connection", names)], b"unsigned")
            want(answer.status >= 400, f"wanted a refusal, found {answer}")
        yield "our own questions named in Connection", connection

        def dropped():
            # A proxy that obeys drops the proof itself, and then nobody passes; never must it pass with another's name.
            before = self.upstream.count()
            answer = self.send("GET", "/v1/a", callers.skykit(), [("Connection", "close, Authorization")])
            want(answer.status in (200, 400, 401, 403), f"found {answer}")
            want(self.upstream.count() - before == (answer.status == 200), "counted wrongly")
        yield "the proof named in Connection", dropped
        yield "the question's own address", lambda: self.never("GET", "/_countersign", callers.skykit(), [("X-Original-Uri", "/v1/a")]) \
            if self.door.internal else self.refused("GET", "/_countersign")

    def bodies(self):
        def unseen():
            self.refused("POST", "/hive/a", self.hive("/hive/a", content='{"a":1}'), body=b'{"a":1}', status=(403,), code="body-unseen")

        def seen():
            self.passes("skillhive", "POST", "/hive/a", self.hive("/hive/a", content='{"a":"\u00fc"}'), body='{"a":"\u00fc"}'.encode())
            self.refused("POST", "/hive/a", self.hive("/hive/a", content='{"a":1}'), body=b'{"a":2}', status=(403,), code="bad-signature")
            self.never("POST", "/hive/a", self.hive("/hive/a"), body=b"x" * 200_000)
            self.passes("skillhive", "POST", "/hive/a", self.hive("/hive/a", content="y" * 20_000), body=b"y" * 20_000)
        yield "skillhive with a body", seen if self.door.passes_bodies else unseen
        chunked = [("Transfer-Encoding", "chunked")]
        yield "skillhive: GET with an unsigned body", lambda: self.never("GET", "/hive/a", self.hive("/hive/a"), body=b"evil")
        yield "skillhive: the same in chunks", lambda: self.never("GET", "/hive/a", self.hive("/hive/a"), chunked, b"4\r\nevil\r\n0\r\n\r\n")
        if self.door.http2:
            yield "skillhive: GET over HTTP/2", lambda: self.http2(b"")
            yield "skillhive: GET over HTTP/2 with a body that no header tells of", lambda: self.http2(b"evil")
        yield "skillhive: POST in chunks", lambda: self.never("POST", "/hive/a", self.hive("/hive/a"), chunked, b"4\r\nevil\r\n0\r\n\r\n")
        yield "skillhive: GET with the length 0", lambda: self.passes("skillhive", "GET", "/hive/a", self.hive("/hive/a"), [("Content-Length", "0")])

    def http2(self, body):
        """curl sends it, since no header of HTTP/2 need tell that there is a body."""
        before = self.upstream.count()
        command = ["curl", "-sk", "--http2", "--max-time", str(wire.TIMEOUT), "-X", "GET", "-o", "-", "-w", "\n%{http_version} %{http_code}"]
        for name, value in self.hive("/hive/a"):
            command += ["-H", f"{name}: {value}"]
        if body:
            command += ["--data-binary", body.decode(), "-H", "Content-Length:", "-H", "Content-Type: text/plain"]
        command += ["--resolve", f"{HOST}:{self.door.port}:127.0.0.1", f"https://{HOST}:{self.door.port}/hive/a"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.splitlines()[-1]
        # The port is not part of what was signed, and public_url has none.
        if body:
            want(told.startswith("2 4"), f"wanted a refusal over HTTP/2, found {told}")
            want(self.upstream.count() == before, "the request reached the upstream")
        else:
            want(told == "2 200", f"wanted 200 over HTTP/2, found {told}")

    def addresses(self):
        strange = ["/raw/a%2Fb?x=%C3%BC&skills[]=1", "/raw/a%2fb//c?x=%2F&y=a+b%20c&&z", "/raw/%41?b=2&a=1&a=0"]
        strange.append("/hive/u/caf%c3%A9?q=%2F%3F&skills[]=1&skills[]=2")
        for target in [target for target in strange if not self.door.cannot_pass(target)]:
            yield f"undecoded: {target}", lambda: self.passes("skillhive", "GET", target, self.hive(target))
        for target in [target for target in strange if self.door.cannot_pass(target)]:
            yield f"closed: {target}", lambda: self.never("GET", target, self.hive(target))
        plain = "/hive/u/caf%C3%A9?q=%2F%3F&skills[]=1&skills[]=2"
        yield f"undecoded: {plain}", lambda: self.passes("skillhive", "GET", plain, self.hive(plain))
        yield "letters as they are, as PHP sends them", self.letters
        for target in ["/orders/../v1/a", "/orders/%2e%2e/v1/a", "/v1//a", "/v1/..%2forders", "/v1/a;b", "/%6frders/1", "/v1/%252e"]:
            yield f"two readings: {target}", lambda: self.never("GET", target, self.callers.skykit(), status=range(400, 500))
        yield "another host", lambda: self.host("other.example")
        yield "a host that is none", lambda: self.strange("GET", "api$example.com")
        yield "a method that nobody knows", lambda: self.strange("M-SEARCH", HOST)
        yield "an address instead of a path", self.absolute
        yield "as many header lines as nobody sends", lambda: self.heavy([(f"X-Line-{number}", "x") for number in range(150)])
        yield "more header lines than anybody reads", lambda: self.heavy([(f"X-Line-{number}", "x") for number in range(1500)])
        yield "long header lines", lambda: self.heavy([(f"X-Line-{number}", "x" * 15_000) for number in range(3)])
        yield "longer header lines", lambda: self.heavy([(f"X-Line-{number}", "x" * 15_000) for number in range(12)])

    def nobodys(self, method, target, mode, proof=(), more=(), warning=None):
        """Passes as nobody's: of our family the upstream sees the mode and the request's id alone."""
        before = self.upstream.count()
        answer = self.send(method, target, proof, [*SPOOFED, *more])
        want(answer.status == 200, f"wanted 200, found {answer}")
        want(self.upstream.count() == before + 1, "wanted one request upstream")
        seen = [(name.lower().replace("_", "-"), value) for name, value in self.upstream.seen[-1]["headers"]]
        ours = sorted(name for name, _ in seen if name.startswith("x-countersign"))
        want(ours == ["x-countersign-mode", "x-countersign-request-id"], f"the upstream saw {ours}")
        want(("x-countersign-mode", mode) in seen, f"wanted the mode {mode}, found {seen}")
        want(not [pair for pair in seen if SPOOF in pair[1]], f"the upstream saw {seen}")
        told = answer.header("countersign-warning")
        want(told == (warning if self.door.warns else None), f"countersign-warning: {told}")
        reject = answer.header("countersign-reject")
        want(bool(reject) == bool(told), f"countersign-reject: {reject}")

    def modes(self):
        callers = self.callers
        yield "shadow: no proof", lambda: self.nobodys("GET", "/watched/a", "shadow")
        yield "shadow: one bit", lambda: self.nobodys("GET", "/watched/a", "shadow", broken(callers.skykit()))
        yield "shadow: a warning of the caller's own", lambda: self.nobodys(
            "GET", "/watched/a", "shadow", more=[("Countersign-Warning", "own"), ("Countersign-Reject", "rej_own")])
        yield "shadow: another method than the route takes", lambda: self.refused("PUT", "/watched/a", status=(403,), code="not-permitted")
        yield "shadow: two readings", lambda: self.never("GET", "/watched/../v1/a", status=range(400, 500))

        def known():
            seen = self.passes("skykit", "GET", "/watched/a", callers.skykit(), SPOOFED)
            modes = [value for name, value in seen["headers"] if name.lower() == "x-countersign-mode"]
            want(modes == ["shadow"], f"x-countersign-mode: {modes}")
        yield "shadow: a proof that holds", known
        missing = "missing-credentials; such requests will be refused"
        yield "warn: no proof", lambda: self.nobodys("GET", "/warned/a", "warn", warning=missing)
        stranger = lambda: callers.skykit(iss="nobody@example.com", key=callers.stranger)
        yield "warn: a stranger", lambda: self.nobodys(
            "GET", "/warned/a", "warn", stranger(), warning="refused; such requests will be refused")
        yield "warn: a caller that is enforced", lambda: self.refused("GET", "/warned/a", broken(callers.skykit()), code="bad-signature")
        yield "warn: the same with a proof that holds", lambda: self.passes("skykit", "GET", "/warned/a", callers.skykit())
        yield "readiness", self.readiness

    def readiness(self):
        """The report knows who would pass, and from where those came who would not."""
        seen = {(row["route"], row["caller"]): row for row in self.door.readiness()["seen"]}
        ready = {who: row["ready"] for who, row in seen.items()}
        wanted = {("watched", "door-sky"): True, ("watched", "127.0.0.0/24"): False, ("warned", "door-sky"): True,
                  ("warned", "127.0.0.0/24"): False}
        want(ready == wanted, f"wanted {wanted}, found {ready}")
        want(seen["watched", "door-sky"]["unproven"] == 1, f"found {seen}")

    def letters(self):
        """A path that is not ASCII: judged as it came; the upstream gets it so, or encoded."""
        before = self.upstream.count()
        answer = self.send("GET", "/hive/\u00fc?\u00e4=1", self.callers.skillhive(BASE + "/hive/\u00fc?\u00e4=1"))
        if self.door.takes_letters:
            want(answer.status == 200, f"wanted 200, found {answer}")
            seen = self.upstream.seen[-1]["target"].encode("latin-1").decode()
            want(urllib.parse.unquote(seen) == "/hive/\u00fc?\u00e4=1", f"the upstream saw {seen}")
        else:
            want(400 <= answer.status < 500, f"wanted a refusal, found {answer}")
            want(self.upstream.count() == before, "refused and passed on")

    def host(self, host):
        """Signatures over the address count for the public one alone, whatever Host says."""
        before = self.upstream.count()
        answer = self.send("GET", "/hive/a", self.callers.skillhive(f"https://{host}/hive/a"), host=host)
        # Caddy answers hosts that it does not know with an empty 200.
        want(answer.status >= 400 or not answer.body, f"wanted a refusal, found {answer}")
        want(self.upstream.count() == before, "the request reached the upstream")

    def strange(self, method, host):
        """What callers choose never ends as a fault of ours."""
        before = self.upstream.count()
        answer = self.send(method, "/v1/a", self.callers.skykit(), host=host)
        # Caddy answers hosts that it does not know with an empty 200.
        want(400 <= answer.status < 500 or not answer.body, f"wanted a refusal, found {answer}")
        want(self.upstream.count() == before, "the request reached the upstream")

    def heavy(self, more):
        """A head that is too much for somebody is the caller's fault, never one of ours that is worth trying again."""
        before = self.upstream.count()
        try:
            answer = self.send("GET", "/v1/a", self.callers.skykit(), more)
        except OSError:  # the door answered before it had all of it, and closed
            return want(self.upstream.count() == before, "the request reached the upstream")
        want(answer.status == 200 or 400 <= answer.status < 500, f"wanted 200 or 4xx, found {answer}")
        want(self.upstream.count() - before == (answer.status == 200), "counted wrongly")

    def absolute(self):
        """`GET https://evil.example/hive/a`: refused, or judged by the path that the upstream gets."""
        before = self.upstream.count()
        answer = self.send("GET", "https://api.example.com/hive/a", self.hive("/hive/a"))
        if answer.status == 200:
            want(self.upstream.seen[-1]["target"].endswith("/hive/a"), "another path upstream")
        else:
            want(self.upstream.count() == before, "refused and passed on")
        want(self.send("GET", "https://api.example.com/hive/b", self.hive("/hive/a")).status >= 400, "another path passed")

    def floods(self):
        def flood():
            """Forgeries from one address: told to wait there, and nobody elsewhere is; the proxy's own address is no caller's."""
            before = self.upstream.count()

            def from_address(source, proof):
                return wire.send(self.door.port, HOST, "GET", "/v1/a", proof, source=source)

            for _ in range(400):
                answer = from_address("127.0.0.2", broken(self.callers.skykit()))
                if answer.status != 401:
                    break
            want(answer.status == 429, f"wanted 429, found {answer}")
            want(answer.header("retry-after") == "1", f"retry-after: {answer.header('retry-after')}")
            reject = answer.header("countersign-reject")
            want(isinstance(reject, str) and self.door.reason(reject) == "too-many-failures", f"another reason for {reject}")
            want(self.upstream.count() == before, "a forgery reached the upstream")
            want(from_address("127.0.0.3", self.callers.skykit()).status == 200, "a good caller elsewhere is held back")
        yield "forgeries from one address: 429 there, and nothing elsewhere", flood

    def outages(self):
        def down():
            self.door.stop_countersign()
            for proof in [self.callers.skykit(), self.callers.once(), []]:
                answer = self.never("GET", "/v1/a", proof)
                want(answer.status in (500, 502, 503, 504), f"wanted 5xx, found {answer}")
            want(answer.status == self.door.when_down, f"wanted {self.door.when_down}, found {answer}")
            if self.door.retry_after:
                want(answer.header("retry-after"), f"wanted Retry-After, found {answer}")
        yield "countersign stopped: closed", down

        def back():
            self.door.start_countersign()
            self.door.until_judged(lambda: self.send("GET", "/v1/a", self.callers.skykit()).status == 200)
            self.passes("skykit", "GET", "/v1/a", self.callers.skykit())
        yield "countersign back: open", back


def told(answer):
    """A problem document's code."""
    return json.loads(answer.body).get("code")
