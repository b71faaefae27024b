"""HTTP message signatures: http-message-signatures from PyPI and from npm sign for our server, verify what our command signs and what our
server answers, and answer what our command takes."""

import base64
import hashlib
import json
import os
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from http_message_signatures import (HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, InvalidSignature,
                                     MappingKeyResolver, algorithms)

from cases import ANY, SPOOFED_HEADERS, TIMEOUT, Cases, arguments, b64url

IDENTITY = {"account": "http-signature-ops", "identifier": ANY}
# name: (how it is made, the PyPI package's algorithm, its name in RFC 9421)
KEYS = {
    "ed25519": (ed25519.Ed25519PrivateKey.generate, algorithms.ED25519, "ed25519"),
    "p256": (lambda: ec.generate_private_key(ec.SECP256R1()), algorithms.ECDSA_P256_SHA256, "ecdsa-p256-sha256"),
    "p384": (lambda: ec.generate_private_key(ec.SECP384R1()), None, "ecdsa-p384-sha384"),
    "rsa": (lambda: rsa.generate_private_key(65537, 2048), algorithms.RSA_PSS_SHA512, "rsa-pss-sha512"),
    "stranger": (ed25519.Ed25519PrivateKey.generate, algorithms.ED25519, "ed25519"),
}
FULL = ("@method", "@authority", "@path", "@query")


def prepare(folder):
    """Makes the keys; those that exist stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (make, _, _) in KEYS.items():
        if (folder / f"{name}.pub.pem").exists():
            continue
        key = make()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{name}.pem").write_bytes(pem)
        public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (folder / f"{name}.pub.pem").write_bytes(public)


class Resolver(HTTPSignatureKeyResolver):
    """Every key id stands for the one key of a case."""

    def __init__(self, key):
        self.key = key

    def resolve_private_key(self, key_id):
        return self.key

    def resolve_public_key(self, key_id):
        return self.key.public_key()


def run(public, folder):
    """Sends every case."""
    cases = Cases("http-signature")
    keys = {name: serialization.load_pem_private_key((folder / f"{name}.pem").read_bytes(), None) for name in KEYS}
    session = requests.Session()

    def signed(name="ed25519", method="GET", path="/http-signature/v1/things", body=None, cover=FULL, keyid=None, headers=None, algorithm=None, **more):
        """A request signed by the PyPI package."""
        request = requests.Request(method, public + path, data=body, headers=dict(headers or {})).prepare()
        if body:
            request.headers["Content-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
            cover = (*cover, "content-digest")
        signer = HTTPMessageSigner(signature_algorithm=algorithm or KEYS[name][1], key_resolver=Resolver(keys[name]))
        now = int(time.time())
        parameters = {"created": now, "nonce": uuid.uuid4().hex, **more}
        if isinstance(parameters["created"], int):
            parameters["created"] = at(parameters["created"])
        signer.sign(request, use_existing_digest=bool(body), key_id=keyid or thumbprint(keys[name]), covered_component_ids=cover, **parameters)
        return request

    def send(request):
        return session.send(request, timeout=TIMEOUT)

    plain = {"method": "GET", "target": "/http-signature/v1/things", "body": b""}
    for name in ["ed25519", "p256", "rsa"]:
        cases.accept(f"PyPI, {name}", lambda: send(signed(name)), **IDENTITY, **plain)
        cases.accept(f"PyPI, {name}, without alg", lambda: send(signed(name, include_alg=False)), **IDENTITY, **plain)
    cases.accept("PyPI, rsa-v1_5-sha256", lambda: send(signed("rsa", algorithm=algorithms.RSA_V1_5_SHA256)), **IDENTITY, **plain)
    body = '{"name":"Größe/✓"}'.encode()
    cases.accept("PyPI, POST with a digest", lambda: send(signed(method="POST", body=body)), **IDENTITY, method="POST", body=body)
    cases.accept("PyPI, 70,000 bytes", lambda: send(signed(method="PUT", body=b"\xff" * 70_000)), **IDENTITY, method="PUT", body=b"\xff" * 70_000)
    query = "/http-signature/v1/things?tag=a%2Fb&q=%C3%BC&empty="
    cases.accept("PyPI, query", lambda: send(signed(path=query)), **IDENTITY, method="GET", target=query)
    cases.accept("PyPI, @target-uri", lambda: send(signed(path=query, cover=("@method", "@target-uri"))), **IDENTITY, target=query)
    cases.accept("PyPI, more components", lambda: send(signed(
        path=query, headers={"Accept": "text/plain", "Priority": "u=1 ,  i"},
        cover=(*FULL, "@scheme", '"@query-param";name="q"', "accept", '"priority";sf', '"accept";bs', '"priority";key="u"'))), **IDENTITY, target=query)
    cases.accept("PyPI, its own label", lambda: send(signed(label="mine-1")), **IDENTITY, **plain)
    cases.accept("PyPI, identity headers sent by the caller", lambda: send(signed(headers=SPOOFED_HEADERS)), **IDENTITY)
    cases.refuse("PyPI, a stranger's key", lambda: send(signed("stranger")))
    cases.refuse("PyPI, a stranger under a known id", lambda: send(signed("stranger", keyid=thumbprint(keys["ed25519"]))))
    cases.refuse("PyPI, method not covered", lambda: send(signed(cover=("@authority", "@path", "@query"))))
    cases.refuse("PyPI, query not covered", lambda: send(signed(path=query, cover=("@method", "@authority", "@path"))))
    cases.refuse("PyPI, too old", lambda: send(signed(created=int(time.time()) - 120)))
    cases.refuse("PyPI, without nonce", lambda: send(signed(nonce=None)))
    cases.refuse("PyPI, with the tag of another protocol", lambda: send(signed(tag="web-bot-auth")))

    def again():
        request = signed()
        first = send(request)
        return first if first.status_code != 200 else send(request)

    cases.refuse("PyPI, the same request again", again)

    def changed():
        request = signed(method="POST", body=b'{"to":"alice"}')
        request.body = b'{"to":"mallo"}'
        return send(request)

    cases.refuse("PyPI, another body under the digest", changed)

    def bare():
        answer = requests.get(public + "/http-signature/v1/things", timeout=TIMEOUT)
        told = answer.headers.get("Accept-Signature", "")
        wanted = 'sig1=("@method" "@authority" "@path" "@query" "content-digest");created'
        return "" if answer.status_code == 401 and told == wanted else f"found {answer.status_code} {told!r}"

    cases.holds("a refusal says what to sign", bare)
    answers(cases, public, folder, keys, signed, send)
    ours_verify_elsewhere(cases, folder, keys)
    node(cases, public, folder, keys)
    cases.done()


ANSWER = ("@status", "content-digest", "content-type", '"@method";req', '"@authority";req', '"@path";req', '"@query";req')
ASKED = ('"signature-input";req;key="pyhms"', '"signature";req;key="pyhms"')


def answers(cases, public, folder, keys, signed, send):
    """What our server answers, judged by the PyPI package; and what the package answers, judged by our command."""
    published = {}
    for jwk in requests.get(public + "/.well-known/jwks.json", timeout=TIMEOUT).json()["keys"]:
        number = lambda text: int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")
        key = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
        published[thumbprint_of(key)] = key
    verifier = HTTPMessageVerifier(
        signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=MappingKeyResolver(public_keys=published, private_keys={}))

    def judged(answer):
        found = verifier.verify(answer, expect_tag="countersign-answer", require_components=(*ANSWER, *ASKED), body=answer.content)
        return "" if len(found) == 1 and found[0].body == answer.content else f"found {found}"

    query = "/http-signature/v1/things?a=%2F"
    cases.holds("an answer of ours verified by PyPI", lambda: judged(send(signed(path=query))))
    cases.holds("a refusal of ours verified by PyPI", lambda: judged(send(signed("stranger"))))

    def moved():
        """An answer to one request is none to another."""
        first, second = send(signed(path=query)), send(signed(path=query))
        first.request = second.request
        try:
            return f"expected a refusal, found {judged(first)!r}"
        except InvalidSignature:
            return ""

    cases.holds("an answer of ours to another request refused by PyPI", moved)

    def directory():
        answer = requests.get(public + "/.well-known/http-message-signatures-directory", timeout=TIMEOUT)
        found = verifier.verify(
            answer, expect_tag="http-message-signatures-directory", require_components=('"@authority";req', "content-digest"), body=answer.content)
        named = {jwk["kid"] for jwk in answer.json()["keys"]}
        return "" if {one.parameters["keyid"] for one in found} == named == set(published) else f"found {found}"

    cases.holds("our directory of keys verified by PyPI", directory)
    theirs(cases, folder, keys["p256"])


def theirs(cases, folder, key):
    """Answers that the PyPI package signs, taken by our command or not."""
    jwks = folder / "answers.json"
    numbers = key.public_key().public_numbers()
    coordinate = lambda value: b64url(value.to_bytes(32, "big"))
    jwks.write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": coordinate(numbers.x), "y": coordinate(numbers.y)}]}))
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ECDSA_P256_SHA256, key_resolver=Resolver(key))
    kept = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = f"http://{self.headers['Host']}{self.path}"
            asked = requests.Request("GET", url, headers=dict(self.headers)).prepare()
            answer = requests.Response()
            answer.status_code, answer.request, body = 200, asked, b'{"from":"elsewhere"}'
            answer.headers.update({"Content-Type": "application/json", "Content-Length": str(len(body))})
            answer.headers["Content-Digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
            cover = [part.replace("pyhms", "sig1") for part in (*ANSWER, *ASKED)]
            if "/loose" in self.path:
                cover = [part for part in cover if part != "content-type"]
            signer.sign(answer, use_existing_digest=True, key_id=thumbprint(key), covered_component_ids=cover, tag="countersign-answer", created=at(int(time.time())))
            kept.append(dict(answer.headers))
            told = kept[0] if "/again" in self.path else dict(answer.headers)
            self.send_response(200)
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.replace(b"elsewhere", b"nowhere!!") if "/changed" in self.path else body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    for path, code, words in [
        ("/good?a=%2F", 0, "signed by the server's key"),
        ("/again", 3, "answers another question"),
        ("/changed", 3, "another one than the server signed"),
        ("/loose", 3, "does not cover content-type"),
    ]:
        def taken():
            command = [os.environ["COUNTERSIGN_PROGRAM"], "request", "-d", "http-signature", "-k", str(folder / "ed25519.pem")]
            ended = subprocess.run(
                [*command, "--verify-answer", str(jwks), "GET", base + path], capture_output=True, text=True, timeout=60)
            return "" if ended.returncode == code and words in ended.stderr else f"exit {ended.returncode}: {ended.stderr[:300]}"

        cases.holds(f"an answer signed by PyPI, {path}: {code}", taken)
    server.shutdown()


def ours_verify_elsewhere(cases, folder, keys):
    """What our command signs, judged by the PyPI package."""
    url = "https://API.example.com:443/v1/x%20y?a=1&b=%C3%BC"
    for name in ["ed25519", "p256", "rsa"]:
        for body in [None, '{"a":"ü"}']:
            def check():
                request = requests.Request("POST", url, data=body and body.encode()).prepare()
                request.headers.update(sign(folder / f"{name}.pem", url, "POST", body))
                verifier = HTTPMessageVerifier(signature_algorithm=KEYS[name][1], key_resolver=Resolver(keys[name]))
                results = verifier.verify(request)
                return "" if len(results) == 1 and results[0].parameters["keyid"] == thumbprint(keys[name]) else f"found {results}"

            cases.holds(f"ours verified by PyPI, {name}, body {body is not None}", check)


def node(cases, public, folder, keys):
    """The npm packages: they sign for our server, and judge what our command signs."""
    url = "https://api.example.com/v1/x?a=1"
    tasks = []
    for name in ["ed25519", "p256", "p384", "rsa"]:
        common = {"key": str(folder / f"{name}.pem"), "alg": KEYS[name][2], "keyid": thumbprint(keys[name])}
        for method, body in [("GET", ""), ("POST", '{"a":"ü"}')]:
            sent = {**common, "do": "send", "method": method, "body": body, "url": f"{public}/http-signature/v1/things?q=%C3%BC"}
            if name == "rsa":
                # Its helper makes the salt as long as it can be, where RFC 9421 section 3.3.1 wants 64 bytes.
                tasks.append({**sent, "status": 401, "case": f"npm, rsa-pss-sha512 with a salt of 190 bytes is refused, {method}"})
                tasks.append({**sent, "salt": 64, "case": f"npm, rsa-pss-sha512 with a salt of 64 bytes, {method}"})
                tasks.append({**sent, "alg": "rsa-v1_5-sha256", "case": f"npm, rsa-v1_5-sha256, {method}"})
            else:
                tasks.append({**sent, "case": f"npm, {name}, {method}"})
            headers = sign(folder / f"{name}.pem", url, method, body)
            tasks.append({**common, "do": "verify", "case": f"ours verified by npm, {name}, {method}", "method": method, "url": url, "headers": headers})
    script = Path(__file__).resolve().parent / "http_signature.mjs"
    ended = subprocess.run(["node", str(script)], input=json.dumps(tasks), capture_output=True, text=True, timeout=120,
                           env={**os.environ, "NODE_FOLDER": os.environ["COUNTERSIGN_NODE_MODULES"]})
    if ended.returncode != 0:
        raise RuntimeError(f"node: {ended.stderr[-800:]}")
    for outcome in json.loads(ended.stdout):
        cases.holds(outcome["case"], lambda: outcome["why"])


def sign(key, url, method, body):
    """The headers that our command makes."""
    command = [os.environ["COUNTERSIGN_PROGRAM"], "sign", "--json", "-d", "http-signature", "-k", str(key), "-X", method]
    if body:
        command += ["--data", body]
    ended = subprocess.run([*command, url], capture_output=True, text=True, timeout=60, check=True)
    return dict(json.loads(ended.stdout)["headers"])


def at(seconds):
    """The instant, as the PyPI package wants it."""
    import datetime

    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def thumbprint(key):
    """The JWK thumbprint of a private key (RFC 7638)."""
    return thumbprint_of(key.public_key())


def thumbprint_of(public):
    """The JWK thumbprint of a public key."""
    number = lambda value, size: b64url(value.to_bytes(size, "big"))
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": b64url(raw)}
    elif isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        jwk = {"e": number(numbers.e, 3), "kty": "RSA", "n": number(numbers.n, public.key_size // 8)}
    else:
        numbers, size = public.public_numbers(), public.curve.key_size // 8
        jwk = {"crv": f"P-{public.curve.key_size}", "kty": "EC", "x": number(numbers.x, size), "y": number(numbers.y, size)}
    text = json.dumps(jwk, sort_keys=True, separators=(",", ":"))
    return b64url(hashlib.sha256(text.encode()).digest())


if __name__ == "__main__":
    task, public, folder = arguments()
    folder = Path(folder) / "http-signature"
    prepare(folder) if task == "prepare" else run(public, folder)
