"""asymmetric-jwt-auth 1.3.0's own client (`Token.create_auth_header`), and tokens in the style of release 0.4.3."""

import json
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django
import jwt
import requests
from django.conf import settings

settings.configure()
django.setup()

from asymmetric_jwt_auth.keys import Ed25519PrivateKey, PrivateKey, RSAPrivateKey  # noqa: E402  (wants the settings first)
from asymmetric_jwt_auth.tokens import Token  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

from cases import SPOOFED_HEADERS, TIMEOUT, Cases, arguments, b64url, change_payload, flip_signature, key_seen  # noqa: E402

GUIDO = {"account": "ajwt-guido", "identifier": "guido"}
BARRY = {"account": "ajwt-barry", "identifier": "barry"}
PASSWORD = b"correct horse"


def prepare(folder):
    """Makes the keys with the library; those that exist stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in [
        ("guido-rsa", RSAPrivateKey), ("guido-ed25519", Ed25519PrivateKey), ("barry-rsa", RSAPrivateKey),
        ("off-ed25519", Ed25519PrivateKey), ("stranger-rsa", RSAPrivateKey), ("stranger-ed25519", Ed25519PrivateKey),
    ]:
        public = folder / f"{name}.pub.pem"
        if not public.exists():
            private = kind.generate()
            (folder / f"{name}.pem").write_bytes(private.as_pem)
            public.write_bytes(private.public_key.as_pem)
    if not (folder / "barry-rsa.pub").exists():
        loaded = serialization.load_pem_public_key((folder / "barry-rsa.pub.pem").read_bytes())
        line = loaded.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        (folder / "barry-rsa.pub").write_bytes(line + b" barry@laptop\n")
    encrypted = folder / "guido-rsa.encrypted.pem"
    if not encrypted.exists():
        loaded = serialization.load_pem_private_key((folder / "guido-rsa.pem").read_bytes(), password=None)
        encrypted.write_bytes(loaded.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(PASSWORD),
        ))


def run(public, folder):
    """Sends every case."""
    cases = Cases("asymmetric-jwt")
    keys = {path.stem: PrivateKey.load_pem_from_file(path) for path in sorted(folder.glob("*.pem"))
            if not path.name.endswith((".pub.pem", ".encrypted.pem"))}
    encrypted = PrivateKey.load_pem_from_file(folder / "guido-rsa.encrypted.pem", password=PASSWORD)
    pem = keys["guido-rsa"].as_pem

    def header(user="guido", key="guido-rsa", timestamp=None):
        return Token(user, timestamp).create_auth_header(keys[key])

    def old(algorithm="RS512", key=pem, headers=None, **changes):
        """What release 0.4.3 sends: fractional time and nonce, no kid."""
        claims = {"username": "guido", "time": time.time(), "nonce": random.random(), **changes}
        return "JWT " + jwt.encode(claims, key, algorithm=algorithm, headers=headers)

    def without(claim):
        claims = {"username": "guido", "time": int(time.time()), "nonce": str(random.random())}
        del claims[claim]
        return "JWT " + jwt.encode(claims, pem, algorithm="RS512")

    def call(text, method="GET", path="/asymmetric-jwt/api/", body=None, **headers):
        sent = {} if text is None else {"Authorization": text}
        return requests.request(method, public + path, headers={**sent, **headers}, data=body, timeout=TIMEOUT)

    plain = {"method": "GET", "target": "/asymmetric-jwt/api/", "body": b""}
    cases.accept("RSA key", lambda: call(header()), **GUIDO, **plain)
    cases.accept("Ed25519 key", lambda: call(header(key="guido-ed25519")), **GUIDO, **plain)
    cases.accept("RSA key registered as an OpenSSH line", lambda: call(header("barry", "barry-rsa")), **BARRY, **plain)
    cases.accept("RSA key from an encrypted file", lambda: call(Token("guido").create_auth_header(encrypted)), **GUIDO, **plain)
    cases.accept("15 seconds behind", lambda: call(header(timestamp=int(time.time()) - 15)), **GUIDO, **plain)
    cases.accept("15 seconds ahead", lambda: call(header(timestamp=int(time.time()) + 15)), **GUIDO, **plain)
    cases.accept("POST with a body", lambda: call(header(), "POST", body=b'{"a":"\xc3\xbc"}\xff'), **GUIDO, method="POST", body=b'{"a":"\xc3\xbc"}\xff')
    cases.accept("query string", lambda: call(header(), path="/asymmetric-jwt/api/?q=%2F&b="), **GUIDO, target="/asymmetric-jwt/api/?q=%2F&b=")
    cases.accept("scheme in small letters", lambda: call("jwt" + header()[3:]), **GUIDO)
    cases.accept("identity headers sent by the caller", lambda: call(header(), **SPOOFED_HEADERS), **GUIDO)
    cases.accept("0.4.3: fractional time and nonce, no kid", lambda: call(old()), **GUIDO, **plain)
    cases.accept("0.4.3: nonce as text", lambda: call(old(nonce=str(random.random()))), **GUIDO, **plain)
    for algorithm in ["RS384", "RS256"]:
        cases.accept(algorithm, lambda: call(old(algorithm)), **GUIDO, **plain)
    cases.accept("exp in the future beside the three", lambda: call(old(exp=int(time.time()) + 60)), **GUIDO, **plain)
    cases.accept("a kid that nobody knows", lambda: call(old(headers={"kid": "my laptop"})), **GUIDO, **plain)
    cases.holds("the two keys have different names upstream", lambda: "" if
                key_seen(call(header())) != key_seen(call(header(key="guido-ed25519"))) else "they have the same name")

    for name, make in [("RSA", header), ("Ed25519", lambda: header(key="guido-ed25519")), ("0.4.3", old)]:
        text = make()
        cases.accept(f"{name}: the first time", lambda: call(text), **GUIDO)
        cases.refuse(f"{name}: the same token again", lambda: call(text))
        cases.refuse(f"{name}: the same token at another path", lambda: call(text, path="/asymmetric-jwt/other"))
        cases.refuse(f"{name}: the same token, scheme in small letters", lambda: call("jwt" + text[3:]))
    cases.holds("one token sent eight times at once works once", lambda: exactly_one(call, header()))
    cases.holds("eight tokens sent at once all work", lambda: all_good(call, [header() for _ in range(8)]))
    moment = int(time.time())
    cases.accept("time as an integer", lambda: call(old(time=moment, nonce="one")), **GUIDO)
    cases.refuse("the same nonce, the same time with a fraction of zero", lambda: call(old(time=float(moment), nonce="one")))
    cases.accept("the same nonce a second later", lambda: call(old(time=moment + 1, nonce="one")), **GUIDO)
    cases.accept("the same nonce by another user", lambda: call(
        old(username="barry", key=keys["barry-rsa"].as_pem, time=moment, nonce="one")), **BARRY)
    text = header()
    cases.refuse("one bit of the signature", lambda: call(spoil(text)))
    cases.accept("a bad signature used up no nonce", lambda: call(text), **GUIDO)

    cases.refuse("no token", lambda: call(None))
    cases.refuse("a minute behind", lambda: call(header(timestamp=int(time.time()) - 60)))
    cases.refuse("a minute ahead", lambda: call(header(timestamp=int(time.time()) + 60)))
    cases.refuse("unknown user", lambda: call(header("nobody")))
    cases.refuse("user in capitals", lambda: call(header("Guido")))
    cases.refuse("another account's key", lambda: call(header("guido", "barry-rsa")))
    cases.refuse("an RSA key nobody registered", lambda: call(header(key="stranger-rsa")))
    cases.refuse("an Ed25519 key nobody registered", lambda: call(header(key="stranger-ed25519")))
    cases.refuse("a key that is switched off", lambda: call(header("off", "off-ed25519")))
    cases.refuse("a kid that names another account's key", lambda: call(old(headers={"kid": keys["barry-rsa"].public_key.fingerprint})))
    cases.refuse("other user under the old signature", lambda: call("JWT " + change_payload(header()[4:], username="barry")))
    cases.refuse("new nonce under the old signature", lambda: call("JWT " + change_payload(header()[4:], nonce="fresh")))
    for claim in ["username", "time", "nonce"]:
        cases.refuse(f"no {claim}", lambda: call(without(claim)))
    for name, nonce in [("empty", ""), ("null", None), ("a list", ["a"]), ("an object", {"a": 1})]:
        cases.refuse(f"nonce {name}", lambda: call(old(nonce=nonce)))
    cases.refuse("time as text", lambda: call(old(time=str(int(time.time())))))
    cases.refuse("user as a number", lambda: call(old(username=5)))
    cases.refuse("exp in the past", lambda: call(old(exp=int(time.time()) - 60)))
    cases.refuse("nbf in the future", lambda: call(old(nbf=int(time.time()) + 600)))
    cases.refuse("aud present", lambda: call(old(aud="somewhere")))
    cases.refuse("PS512", lambda: call(old("PS512")))
    cases.refuse("HS512 with the public key as secret", lambda: call(old_hmac((folder / "guido-rsa.pub.pem"))))
    cases.refuse("alg none", lambda: call(old("none", key=None)))
    cases.refuse("unknown crit", lambda: call(old(headers={"crit": ["x"], "x": 1})))
    cases.refuse("a payload that is a list", lambda: call("JWT " + jwt.api_jws.encode(b"[1]", pem, algorithm="RS512")))
    cases.refuse("text that is no token", lambda: call("JWT abc"))
    cases.refuse("nothing after the scheme", lambda: call("JWT"))
    cases.refuse("scheme Bearer", lambda: call("Bearer" + header()[3:]))
    cases.refuse("at a skykit route", lambda: call(header(), path="/skykit/x"))
    cases.done()


def spoil(text):
    return "JWT " + flip_signature(text[4:])


def old_hmac(public):
    """The old confusion: the public key, which everybody has, as an HMAC secret."""
    head, payload = ({"typ": "JWT", "alg": "HS512"}, {"username": "guido", "time": int(time.time()), "nonce": "h"})
    signed = ".".join(b64url(json.dumps(part).encode()) for part in (head, payload))
    mac = subprocess.run(
        ["openssl", "dgst", "-sha512", "-mac", "HMAC", "-macopt", f"hexkey:{public.read_bytes().hex()}", "-binary"],
        input=signed.encode(), check=True, capture_output=True,
    ).stdout
    return f"JWT {signed}.{b64url(mac)}"


def exactly_one(call, text):
    """"" when one of eight simultaneous uses of a token was accepted and the others were refused."""
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: call(text), range(8)))
    return "" if statuses == [200] + [401] * 7 else f"expected one 200 and seven 401, found {statuses}"


def all_good(call, texts):
    """"" when all of some different tokens were accepted."""
    with ThreadPoolExecutor(len(texts)) as pool:
        statuses = [answer.status_code for answer in pool.map(call, texts)]
    return "" if set(statuses) == {200} else f"expected 200 for all, found {statuses}"


if __name__ == "__main__":
    command, base, where = arguments()
    where = Path(where) / "asymmetric-jwt"
    sys.exit(prepare(where) if command == "prepare" else run(base, where))
