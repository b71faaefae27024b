"""Skykit as its guide shows it: keys by the openssl recipe and by the `rsa` package, tokens by python-jose, sent by requests."""

import datetime
import hashlib
import hmac
import json
import subprocess
import sys
import time
from pathlib import Path

import requests
from jose import jwt

from cases import (
    SPOOFED_HEADERS, TIMEOUT, Cases, arguments, b64url, change_payload, flip_signature, key_seen,
)

OPS = {"account": "skykit-ops", "identifier": "ops@example.com"}
SECOND = {"account": "skykit-second", "identifier": "second@example.com"}


def prepare(folder):
    """Makes the keys with the commands of the guide; those that exist stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, public_form in [("openssl", "-pubout"), ("second", "-RSAPublicKey_out"), ("off", "-pubout"), ("stranger", "-pubout")]:
        private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        if not public.exists():
            openssl("genrsa", "-out", private, "2048")
            openssl("rsa", "-in", private, "-outform", "PEM", public_form, "-out", public)
    if not (folder / "rsa-package.pub.pem").exists():
        import rsa

        public, private = rsa.newkeys(2048)
        (folder / "rsa-package.pem").write_bytes(private.save_pkcs1())
        (folder / "rsa-package.pub.pem").write_bytes(public.save_pkcs1())


def run(public, folder):
    """Sends every case."""
    cases = Cases("skykit")
    keys = {name: (folder / f"{name}.pem").read_text() for name in ["openssl", "rsa-package", "second", "off", "stranger"]}
    now = int(time.time())

    def claims(iss="ops@example.com", iat=now, exp=now + 3600, **more):
        return {"iat": iat, "exp": exp, "iss": iss, **more}

    def token(key="openssl", algorithm="RS256", **changes):
        return jwt.encode(claims(**changes), keys[key], algorithm=algorithm)

    def without(claim):
        wanted = claims()
        del wanted[claim]
        return jwt.encode(wanted, keys["openssl"], algorithm="RS256")

    def call(text, method="GET", path="/skykit/v1/devices", body=None, scheme="Bearer ", **headers):
        sent = {} if text is None else {"Authorization": scheme + text}
        return requests.request(method, public + path, headers={**sent, **headers}, data=body, timeout=TIMEOUT)

    plain = {"method": "GET", "target": "/skykit/v1/devices", "body": b""}
    good = token()
    cases.accept("openssl key, SPKI", lambda: call(good), **OPS, **plain)
    cases.accept("the same token again", lambda: call(good), **OPS, **plain)
    cases.accept("rsa package key, PKCS#1", lambda: call(token("rsa-package")), **OPS, **plain)
    cases.accept("openssl -RSAPublicKey_out key", lambda: call(token("second", iss="second@example.com")), **SECOND, **plain)
    cases.accept("token made with the openssl command alone", lambda: call(openssl_token(folder / "openssl.pem", claims())), **OPS, **plain)
    cases.accept("claims from datetimes", lambda: call(jwt.encode({
        "iat": datetime.datetime.now(datetime.timezone.utc),
        "exp": datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=30),
        "iss": "ops@example.com",
    }, keys["openssl"], algorithm="RS256")), **OPS, **plain)
    cases.accept("fractional times", lambda: call(token(iat=time.time(), exp=time.time() + 600.25)), **OPS, **plain)
    cases.accept("clock 15 seconds ahead", lambda: call(token(iat=int(time.time()) + 15, exp=int(time.time()) + 600)), **OPS, **plain)
    cases.accept("claims beside the three", lambda: call(token(sub="screen 7", jti="a")), **OPS, **plain)
    for method, body in [("POST", '{"name":"Größe/✓"}'.encode()), ("PUT", b"\x00\xff\x80"), ("DELETE", b""), ("PATCH", b"x" * 70_000)]:
        cases.accept(f"{method} with {len(body)} bytes", lambda: call(good, method, body=body), **OPS, method=method, body=body)
    target = "/skykit/v1/devices?tag=a%2Fb&q=%C3%BC&empty="
    cases.accept("query string", lambda: call(good, path=target), **OPS, method="GET", target=target)
    cases.accept("identity headers sent by the caller", lambda: call(good, **SPOOFED_HEADERS), **OPS)
    cases.holds("each key has a name of its own upstream", lambda: same_and_different(
        key_seen(call(good)), key_seen(call(token())), key_seen(call(token("rsa-package"))),
    ))

    cases.refuse("no token", lambda: call(None))
    cases.refuse("expired", lambda: call(token(iat=now - 3000, exp=now - 60)))
    cases.refuse("a life of 3601 seconds", lambda: call(token(exp=now + 3601)))
    cases.refuse("ten minutes ahead", lambda: call(token(iat=now + 600, exp=now + 1200)))
    cases.refuse("exp before iat", lambda: call(token(iat=now, exp=now - 5)))
    for claim in ["iat", "exp", "iss"]:
        cases.refuse(f"no {claim}", lambda: call(without(claim)))
    cases.refuse("times as text", lambda: call(hand_made(folder / "openssl.pem", claims(iat=str(now), exp=str(now + 600)))))
    cases.refuse("unknown e-mail", lambda: call(token(iss="nobody@example.com")))
    cases.refuse("e-mail in capitals", lambda: call(token(iss="OPS@example.com")))
    cases.refuse("another account's key", lambda: call(token("second")))
    cases.refuse("a key nobody registered", lambda: call(token("stranger")))
    cases.refuse("a key that is switched off", lambda: call(token("off", iss="off@example.com")))
    cases.refuse("one bit of the signature", lambda: call(flip_signature(good)))
    cases.refuse("other e-mail under the old signature", lambda: call(change_payload(good, iss="second@example.com")))
    cases.refuse("later exp under the old signature", lambda: call(change_payload(token(exp=now + 60), exp=now + 3600)))
    cases.refuse("RS512", lambda: call(token(algorithm="RS512")))
    cases.refuse("alg none", lambda: call(unsigned(claims(), {"alg": "none", "typ": "JWT"})))
    cases.refuse("HS256 with the public key as secret", lambda: call(hmac_token(claims(), (folder / "openssl.pub.pem").read_bytes())))
    cases.refuse("two segments", lambda: call(good.rsplit(".", 1)[0]))
    cases.refuse("text that is no token", lambda: call("abc"))
    cases.refuse("scheme JWT", lambda: call(good, scheme="JWT "))
    for route in ["/asymmetric-jwt/x", "/partner-key/x", "/spacetime/x"]:
        cases.refuse(f"a skykit token at {route}", lambda: call(good, path=route))
    cases.refuse("a skykit token at /skillhive/x", lambda: call(good, path="/skillhive/x"), status=403)
    cases.done()


def openssl(*arguments, stdin=None):
    """Runs openssl and returns what it wrote; a failure stops the script."""
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, check=True, capture_output=True).stdout


def openssl_token(private, claims):
    """An RS256 token made without any JWT library."""
    return hand_made(private, claims)


def hand_made(private, claims):
    signed = unsigned(claims, {"alg": "RS256", "typ": "JWT"})[:-1]
    return f"{signed}.{b64url(openssl('dgst', '-sha256', '-sign', private, '-binary', stdin=signed.encode()))}"


def hmac_token(claims, secret):
    """The old confusion: the public key, which everybody has, as an HMAC secret."""
    signed = unsigned(claims, {"alg": "HS256", "typ": "JWT"})[:-1]
    return f"{signed}.{b64url(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def unsigned(claims, header):
    return ".".join(b64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims)) + "."


def same_and_different(first, again, other):
    """"" when one key keeps its name and another key has another one."""
    if first != again:
        return f"one key had two names: {first!r} and {again!r}"
    return f"two keys had one name: {first!r}" if first == other else ""


if __name__ == "__main__":
    command, base, where = arguments()
    where = Path(where) / "skykit"
    sys.exit(prepare(where) if command == "prepare" else run(base, where))
