"""Help Lightning's partner keys as the tutorial shows them: PyJWT, the bare token in Authorization, the API key beside it."""

import datetime
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jwt
import requests

from cases import SPOOFED_HEADERS, TIMEOUT, Cases, arguments, b64url, change_payload, flip_signature

SITE_A = {"account": "partner-a", "identifier": "54344"}
SITE_B = {"account": "partner-b", "identifier": "8888"}
warnings.filterwarnings("ignore", category=DeprecationWarning)  # the tutorial's utcnow()


def prepare(folder):
    """Makes partner keys as the console hands them out (PKCS#8) and API keys; those that exist stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ["site-54344", "site-8888", "stranger"]:
        private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        if not public.exists():
            subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private], check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    for name in ["api-key", "api-key-kiosk", "api-key-off", "api-key-8888"]:
        path = folder / f"{name}.txt"
        if not path.exists():
            random = subprocess.run(["openssl", "rand", "-hex", "24"], check=True, capture_output=True).stdout
            path.write_bytes(random)  # with the line break that `echo` and editors leave: it is no part of the key


def run(public, folder):
    """Sends every case."""
    cases = Cases("partner-key")
    keys = {name: (folder / f"{name}.pem").read_text() for name in ["site-54344", "site-8888", "stranger"]}
    api = {name: (folder / f"{name}.txt").read_text().strip() for name in ["api-key", "api-key-kiosk", "api-key-off", "api-key-8888"]}

    def tutorial(partner_key=folder / "site-54344.pem", timeout=60, site_id=54344):
        """The tutorial's program, line by line."""
        with open(partner_key) as f:
            exp = datetime.datetime.utcnow() + datetime.timedelta(seconds=timeout)
            payload = {"iss": "Ghazal", "sub": f"Partner:{site_id}", "aud": "Ghazal", "exp": exp}
            pkey = f.read()
            return jwt.encode(payload=payload, key=pkey, algorithm="RS256")

    def token(key="site-54344", algorithm="RS256", headers=None, leave_out=(), **changes):
        claims = {"iss": "Ghazal", "sub": "Partner:54344", "aud": "Ghazal", "exp": int(time.time()) + 60, **changes}
        claims = {name: value for name, value in claims.items() if name not in leave_out}
        return jwt.encode(claims, keys.get(key, key), algorithm=algorithm, headers=headers)

    def call(text, api_key="api-key", method="GET", path="/partner-key/api/v1r1/enterprise/users", body=None, **headers):
        sent = {"Content-Type": "application/json", **headers}
        if text is not None:
            sent["Authorization"] = text
        if api_key is not None:
            sent["x-helplightning-api-key"] = api.get(api_key, api_key)
        return requests.request(method, public + path, headers=sent, data=body, timeout=TIMEOUT)

    plain = {"method": "GET", "target": "/partner-key/api/v1r1/enterprise/users", "body": b""}
    cases.accept("the tutorial's token, bare", lambda: call(tutorial()), **SITE_A, **plain)
    cases.accept("Bearer", lambda: call("Bearer " + tutorial()), **SITE_A, **plain)
    cases.accept("the same token twice", lambda text=tutorial(): (call(text), call(text))[1], **SITE_A, **plain)
    cases.accept("an hour, as the export samples", lambda: call(tutorial(timeout=3600)), **SITE_A, **plain)
    cases.accept("the other site", lambda: call(tutorial(folder / "site-8888.pem", site_id=8888), "api-key-8888"), **SITE_B, **plain)
    cases.accept("second API key of the site", lambda: call(token(), "api-key-kiosk"), **SITE_A, **plain)
    cases.accept("iat and other claims", lambda: call(token(iat=int(time.time()), jti="a")), **SITE_A, **plain)
    cases.accept("fractional exp", lambda: call(token(exp=time.time() + 60)), **SITE_A, **plain)
    cases.accept("aud as a list", lambda: call(token(aud=["Ghazal", "other"])), **SITE_A, **plain)
    cases.accept("a kid that nobody knows", lambda: call(token(headers={"kid": "2026"})), **SITE_A, **plain)
    cases.accept("POST", lambda: call(token(), method="POST", body=b'{"email":"a@example.com"}'), **SITE_A, method="POST", body=b'{"email":"a@example.com"}')
    target = "/partner-key/api/v1r1/enterprise/calls?page=1&filter=a%20b"
    cases.accept("query string", lambda: call(token(), path=target), **SITE_A, target=target)
    cases.accept("API key header in capitals", lambda: call(token(), None, **{"X-HELPLIGHTNING-API-KEY": api["api-key"]}), **SITE_A)
    cases.accept("identity headers sent by the caller", lambda: call(token(), **SPOOFED_HEADERS), **SITE_A)

    cases.refuse("no API key", lambda: call(token(), None))
    cases.refuse("empty API key", lambda: call(token(), ""))
    cases.refuse("wrong API key", lambda: call(token(), "0" * 48))
    cases.refuse("API key with one letter changed", lambda: call(token(), ("1" if api["api-key"][0] == "0" else "0") + api["api-key"][1:]))
    cases.refuse("an API key that is switched off", lambda: call(token(), "api-key-off"))
    cases.refuse("the other site's API key", lambda: call(token(), "api-key-8888"))
    cases.refuse("API key alone", lambda: call(None))
    cases.refuse("neither", lambda: call(None, None))
    cases.refuse("the other site's number", lambda: call(token(sub="Partner:8888"), "api-key-8888"))
    cases.refuse("the other site's key", lambda: call(token("site-8888")))
    cases.refuse("unknown site", lambda: call(token(sub="Partner:1")))
    cases.refuse("a key nobody registered", lambda: call(token("stranger")))
    cases.refuse("expired", lambda: call(token(exp=int(time.time()) - 60)))
    cases.refuse("local time taken for UTC, two hours behind", lambda: call(token(exp=int(time.time()) + 60 - 7200)))
    for claim in ["iss", "sub", "aud", "exp"]:
        cases.refuse(f"no {claim}", lambda: call(token(leave_out=[claim])))
    cases.refuse("other iss", lambda: call(token(iss="ghazal")))
    cases.refuse("other aud", lambda: call(token(aud="Other")))
    cases.refuse("aud as an empty list", lambda: call(token(aud=[])))
    for sub in ["54344", "User:54344", "partner:54344", "Partner:054344", "Partner:54344 ", "Partner:54344\n", "Partner:٥٤٣٤٤", "Partner:"]:
        cases.refuse(f"sub {json.dumps(sub)}", lambda: call(token(sub=sub)))
    cases.refuse("one bit of the signature", lambda: call(flip_signature(token())))
    cases.refuse("other site under the old signature", lambda: call(change_payload(token(), sub="Partner:8888"), "api-key-8888"))
    cases.refuse("later exp under the old signature", lambda: call(change_payload(token(), exp=int(time.time()) + 3000)))
    cases.refuse("RS512", lambda: call(token(algorithm="RS512")))
    cases.refuse("alg none", lambda: call(token(None, algorithm="none")))
    cases.refuse("HS256 with the public key as secret", lambda: call(old_confusion(folder / "site-54344.pub.pem")))
    cases.refuse("text that is no token", lambda: call("abc"))
    cases.refuse("scheme JWT", lambda: call("JWT " + token()))
    cases.refuse("at a skykit route", lambda: call("Bearer " + token(), path="/skykit/x"))
    cases.done()


def old_confusion(public):
    """The public key, which everybody has, as an HMAC secret."""
    claims = {"iss": "Ghazal", "sub": "Partner:54344", "aud": "Ghazal", "exp": int(time.time()) + 60}
    signed = ".".join(b64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    mac = subprocess.run(
        ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt", f"hexkey:{public.read_bytes().hex()}", "-binary"],
        input=signed.encode(), check=True, capture_output=True,
    ).stdout
    return f"{signed}.{b64url(mac)}"


if __name__ == "__main__":
    command, base, where = arguments()
    where = Path(where) / "partner-key"
    sys.exit(prepare(where) if command == "prepare" else run(base, where))
