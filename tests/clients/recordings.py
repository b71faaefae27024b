"""What the real clients send, kept as the corpus of broken requests starts from it; and whether they still send that.

    recordings.py run PUBLIC DIR       has the clients of this environment send again and compares; asks no server
    recordings.py write                writes tests/explain/recorded anew from what they send
"""

import base64
import contextlib
import datetime
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from cases import Cases, arguments, unb64url
from recorder import recording

ROOT = Path(__file__).resolve().parent.parent.parent
KEYS = ROOT / "tests/explain/keys"
KEPT = ROOT / "tests/explain/recorded"
BASE = "http://api.example.com"  # asked through the proxy, which keeps it as https: it stands where TLS would end
TARGET = "/v2/things/42?b=2&a=1"
BODY = rb'{"name":"caf\u00e9","path":"/a/b","list":[1,2]}'
JSON = {"Content-Type": "application/json"}
COMPANION = "companion-of-alice"


def version(*packages):
    return " over ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)


def post(**headers):
    import requests

    requests.post(BASE + TARGET, data=BODY, headers={**JSON, **headers}, timeout=30)


def skykit(_proxy):
    from jose import jwt

    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 600, "iss": "alice@example.com"}, (KEYS / "key_main.pem").read_text(), algorithm="RS256")
    post(Authorization="Bearer " + token)
    return version("python-jose", "requests")


def asymmetric_jwt(key):
    def send(_proxy):
        import django
        from django.conf import settings

        if not settings.configured:
            settings.configure()
            django.setup()
        from asymmetric_jwt_auth.keys import PrivateKey
        from asymmetric_jwt_auth.tokens import Token

        post(Authorization=Token("alice").create_auth_header(PrivateKey.load_pem_from_file(KEYS / f"{key}.pem")))
        return version("asymmetric-jwt-auth", "PyJWT", "requests")

    return send


def partner_key(_proxy):
    import jwt

    exp = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)
    payload = {"iss": "Ghazal", "sub": "Partner:1001", "aud": "Ghazal", "exp": exp}
    token = jwt.encode(payload=payload, key=(KEYS / "key_main.pem").read_text(), algorithm="RS256")
    post(**{"Authorization": token, "x-helplightning-api-key": COMPANION})
    return version("PyJWT", "requests")


def skillhive(proxy):
    php = subprocess.run(
        ["php", Path(__file__).with_name("recordings.php"), proxy, KEYS / "key_main.pem", BASE + TARGET, "https" + BASE[4:] + TARGET],
        input=BODY, capture_output=True, check=True, timeout=60,
    )
    return php.stdout.decode()


def operator(_proxy):
    program = os.environ["COUNTERSIGN_PROGRAM"]
    subprocess.run([
        program, "request", "POST", BASE + TARGET, "--public-url", "https" + BASE[4:], "-d", "operator", "-k", KEYS / "key_es.pem",
        "--as", "alice", "-H", "Content-Type: application/json", "--data", BODY.decode(),
    ], capture_output=True, timeout=60)
    return "countersign request"


def spacetime(_proxy):
    import logging

    from spaceandtime import SpaceAndTime

    # The last 32 bytes of an Ed25519 key in PKCS#8 are the secret (RFC 8410 section 7).
    raw = base64.b64decode("".join((KEYS / "key_ed.pem").read_text().splitlines()[1:-1]))[-32:]
    SpaceAndTime(api_url=BASE, user_id="alice", user_private_key=base64.b64encode(raw).decode(), logger=logging.getLogger("quiet")).authenticate()
    return version("spaceandtime", "PyNaCl", "requests")


def http_signature(_proxy):
    import hashlib
    import uuid

    import requests
    from cryptography.hazmat.primitives import serialization
    from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

    key = serialization.load_pem_private_key((KEYS / "key_ed.pem").read_bytes(), None)

    class Resolver(HTTPSignatureKeyResolver):
        def resolve_private_key(self, key_id):
            return key

    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    jwk = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).decode().rstrip("=")
    # Signed for the address as the server has it; asked through the proxy, as the others.
    request = requests.Request("POST", "https" + BASE[4:] + TARGET, data=BODY, headers=JSON).prepare()
    request.headers["Content-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(BODY).digest()).decode()}:"
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Resolver()).sign(
        request, use_existing_digest=True, key_id=thumbprint, created=datetime.datetime.now(datetime.timezone.utc), nonce=uuid.uuid4().hex,
        covered_component_ids=("@method", "@authority", "@path", "@query", "content-digest"),
    )
    request.url = BASE + TARGET
    with requests.Session() as session:
        settings = session.merge_environment_settings(request.url, {}, None, None, None)
        session.send(request, timeout=30, **settings)
    return version("http-message-signatures", "requests")


ONE = {
    "skykit": skykit,
    "asymmetric-jwt": asymmetric_jwt("key_main"),
    "asymmetric-jwt-ed25519": asymmetric_jwt("key_ed"),
    "partner-key": partner_key,
    "skillhive": skillhive,
    "operator": operator,
}
OTHER = {"spacetime": spacetime}
MESSAGES = {"http-signature": http_signature}
# Each environment has the packages of its own clients.
CLIENTS = OTHER if importlib.util.find_spec("spaceandtime") else MESSAGES if importlib.util.find_spec("http_message_signatures") else ONE


def record(name, client):
    """What a client sends, the calls before it that carry no credential left out."""
    # What a client says of the answer belongs to no case.
    with recording() as (seen, proxy), contextlib.redirect_stdout(sys.stderr):
        source = client(proxy)
    sent = next((one for one in seen if not one["url"].endswith("/auth/code")), None)
    if sent is None:
        raise RuntimeError(f"the client sent nothing that carries a credential: {seen}")
    sent["body"] = base64.b64decode(sent["body"]).decode()
    return {"client": source, **sent}


def shape(recorded):
    """A recording without what is new each time: times, nonces and signatures, each replaced by what kind of thing it is."""
    def part(text):
        # As text, since the order of members and the spaces between them are the client's.
        return re.sub(r'("nonce": ?)"[^"]*"', r'\1"…"', re.sub(r"\d{10}", "time", unb64url(text).decode()))

    def value(name, text):
        if name.lower() in ("api-signature", "countersign-signature", "countersign-nonce"):
            return f"{len(text) // 4 * 4} letters" if name.lower() != "countersign-nonce" else "nonce"
        if name.lower() == "countersign-time":
            return "time"
        if name.lower() == "signature-input":
            return re.sub(r'nonce="\w*"', "nonce", re.sub(r"\d{10}", "time", text))
        if name.lower() == "signature":
            return [text.split("=")[0], len(text)]
        token = re.fullmatch(r"(\w+ )?([\w-]+)\.([\w-]+)\.([\w-]+)", text)
        if name.lower() == "authorization" and token:
            before, head, claims, signature = token.groups()
            return [before, part(head), part(claims), len(signature)]
        return text

    body = re.sub(r'("signature": ?")[0-9a-f]{128}"', r'\1…"', recorded["body"])
    return {**recorded, "headers": [[name, value(name, text)] for name, text in recorded["headers"]], "body": body}


def run():
    cases = Cases("recordings")

    def same(name, client):
        now, kept = shape(record(name, client)), shape(json.loads((KEPT / f"{name}.json").read_text()))
        # The system's own programs come in many versions; what they send is what counts.
        now.pop("client"), kept.pop("client")
        now["headers"], kept["headers"] = ([pair for pair in one["headers"] if pair[0].lower() != "user-agent"] for one in (now, kept))
        return "" if now == kept else f"wanted {kept}, found {now}: `recordings.py write` keeps what is sent today"

    for name, client in CLIENTS.items():
        cases.holds(f"{name} is sent as it was recorded", lambda name=name, client=client: same(name, client))
    cases.done()


def write():
    KEPT.mkdir(exist_ok=True)
    for name, client in CLIENTS.items():
        (KEPT / f"{name}.json").write_text(json.dumps(record(name, client), indent=2, ensure_ascii=False) + "\n")
        print(f"{name}: {KEPT / name}.json")


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    elif arguments()[0] == "run":
        run()
