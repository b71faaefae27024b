"""The token endpoint as Python programs use it: Authlib's client fetches tokens, Authlib and joserfc judge them at a resource server."""

import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from cases import SPOOFED_HEADERS, TIMEOUT, Cases, arguments, b64url, flip_signature

MACHINE = {"account": "machine", "identifier": "machine-1"}
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def prepare(folder):
    """Makes the keys; those that exist stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in [
        ("rsa", lambda: rsa.generate_private_key(65537, 2048)),
        ("p256", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("server", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("stranger", lambda: ec.generate_private_key(ec.SECP256R1())),
    ]:
        public = folder / f"{name}.pub.pem"
        if not public.exists():
            key = make()
            (folder / f"{name}.pem").write_bytes(key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            public.write_bytes(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def run(public, folder):
    """Sends every case."""
    cases = Cases("access-token")
    pem = {name: (folder / f"{name}.pem").read_text() for name in ["rsa", "p256", "server", "stranger"]}
    metadata = requests.get(public + "/.well-known/oauth-authorization-server", timeout=TIMEOUT).json()
    endpoint, issuer = metadata["token_endpoint"], metadata["issuer"]
    resource = requests.get(public + "/.well-known/oauth-protected-resource", timeout=TIMEOUT).json()

    def session(key="p256", alg="ES256", client="machine-1", audience=issuer):
        kind = RSAKey if alg == "RS256" else ECKey
        client = OAuth2Session(client, kind.import_key(pem[key]), token_endpoint_auth_method="private_key_jwt",
                               revocation_endpoint_auth_method="private_key_jwt")
        client.register_client_auth_method(PrivateKeyJWT(token_endpoint=audience, alg=alg))
        return client

    def fetch(**more):
        return session(**{name: more.pop(name) for name in ["key", "alg", "client", "audience"] if name in more}).fetch_token(
            endpoint, grant_type="client_credentials", **more)

    def error(send):
        """The error that Authlib raises for an answer."""
        try:
            found = send()
        except Exception as error:  # Authlib has a class for each error
            return getattr(error, "error", None) or f"{type(error).__name__}: {error}"
        return f"a token: {found}"

    def same(found, wanted):
        return "" if found == wanted else f"wanted {wanted!r}, found {found!r}"

    def call(token, scheme="Bearer", path="/access-token/things?page=1", method="GET", **headers):
        headers = {"Authorization": f"{scheme} {token}", **headers}
        return requests.request(method, public + path, headers=headers, timeout=TIMEOUT)

    plain = {"method": "GET", "target": "/access-token/things?page=1", "body": b""}
    token = fetch()
    access = token["access_token"]
    cases.holds("Authlib fetches a token with its P-256 key", lambda: same(token["token_type"], "Bearer"))
    cases.accept("its token as a bearer", lambda: call(access), **MACHINE, **plain)
    cases.accept("the same token again, with identity headers of the caller's", lambda: call(access, **SPOOFED_HEADERS), **MACHINE, **plain)
    cases.accept("Authlib with its RSA key", lambda: call(fetch(key="rsa", alg="RS256")["access_token"]), **MACHINE, **plain)
    cases.holds("a scope less than all", lambda: same(fetch(scope="read")["scope"], "read"))
    cases.holds("a scope that there is not", lambda: same(error(lambda: fetch(scope="admin")), "invalid_scope"))
    cases.holds("the endpoint as audience", lambda: same(error(lambda: fetch(audience=endpoint)), "invalid_client"))
    cases.holds("another's key", lambda: same(error(lambda: fetch(key="stranger")), "invalid_client"))
    cases.holds("a client that nobody knows", lambda: same(error(lambda: fetch(client="nobody")), "invalid_client"))
    cases.holds("a secret instead of a key", lambda: same(error(
        lambda: OAuth2Session("machine-1", "secret", token_endpoint_auth_method="client_secret_post").fetch_token(
            endpoint, grant_type="client_credentials")), "invalid_request"))
    cases.refuse("a token with one bit changed", lambda: call(flip_signature(access)))
    cases.refuse("a plain token behind DPoP", lambda: call(access, scheme="DPoP"))

    # The other direction: programs that take our tokens, by nothing but the metadata.
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=TIMEOUT).json())

    def judged():
        decoded = jwt.decode(access, keys, algorithms=["ES256"])
        wanted = {"typ": "at+jwt", "iss": issuer, "aud": resource["resource"], "sub": "machine-1", "client_id": "machine-1"}
        found = {**{name: decoded.claims[name] for name in ["iss", "aud", "sub", "client_id"]}, "typ": decoded.header["typ"]}
        return same(found, wanted)

    class Judge(JWTBearerTokenValidator):
        """Authlib's validator of RFC 9068."""

        def get_jwks(self):
            return keys

    def validated(text):
        judge = Judge(issuer=issuer, resource_server=resource["resource"])
        found = judge.authenticate_token(text)
        judge.validate_token(found, ["read"], None)
        return same(found["sub"], "machine-1")

    cases.holds("joserfc reads our token by our key set", judged)
    cases.holds("Authlib's RFC 9068 validator takes it", lambda: validated(access))
    cases.holds("and refuses a changed one", lambda: "" if "a token" not in error(lambda: validated(flip_signature(access))) else "taken")

    def ask(path, text, **client):
        by = session(**client)
        return (by.introspect_token if path == "introspection_endpoint" else by.revoke_token)(metadata[path], token=text)

    server = {"key": "server", "client": "resource-server-1"}
    cases.holds("Authlib introspects as the resource server", lambda: same(
        ask("introspection_endpoint", access, **server).json()["active"], True))
    other = fetch()["access_token"]
    cases.holds("Authlib revokes its own token", lambda: same(ask("revocation_endpoint", other).status_code, 200))
    cases.refuse("which is refused at once", lambda: call(other))
    cases.holds("and told so to the resource server", lambda: same(
        ask("introspection_endpoint", other, **server).json(), {"active": False}))

    # jwt-bearer, refresh, and a refresh token that comes twice.
    def assertion(**claims):
        return sign_jwt_bearer_assertion(pem["p256"], issuer="machine-1", audience=issuer, subject="machine-1", alg="ES256", claims=claims or None)

    def exchange(**form):
        return requests.post(endpoint, data=form, timeout=TIMEOUT)

    pair = exchange(grant_type=GRANT, assertion=assertion()).json()
    cases.accept("Authlib's assertion as a grant", lambda: call(pair["access_token"]), **MACHINE, **plain)
    rotated = OAuth2Session("machine-1", token=pair, token_endpoint_auth_method="none").refresh_token(endpoint)
    cases.accept("Authlib refreshes", lambda: call(rotated["access_token"]), **MACHINE, **plain)
    cases.holds("the first refresh token again", lambda: same(
        exchange(grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()["error"], "invalid_grant"))
    cases.refuse("which ended what came of it", lambda: call(rotated["access_token"]))
    once = assertion()
    cases.holds("one assertion twice", lambda: same(
        [exchange(grant_type=GRANT, assertion=once).status_code for _ in range(2)], [200, 400]))

    # DPoP as joserfc signs it; the nonce comes with the first answer.
    possession, thief = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")

    def proof(method, url, nonce=None, beside=None, key=possession, **changes):
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time())}
        if nonce:
            claims["nonce"] = nonce
        if beside:
            claims["ath"] = b64url(hashlib.sha256(beside.encode()).digest())
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
        return jws.serialize_compact(head, json.dumps({**claims, **changes}), key)

    def bound(nonce=None):
        form = {"grant_type": "client_credentials", "client_assertion": assertion(),
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
        return requests.post(endpoint, data=form, headers={"DPoP": proof("POST", endpoint, nonce)}, timeout=TIMEOUT)

    asked = bound()
    cases.holds("a proof without a nonce is asked for one", lambda: same(asked.json()["error"], "use_dpop_nonce"))
    granted = bound(asked.headers["DPoP-Nonce"]).json()
    cases.holds("the token is bound", lambda: same(granted["token_type"], "DPoP"))
    text, url = granted["access_token"], public + "/access-token/things"
    nonce = asked.headers["DPoP-Nonce"]

    def shown(**changes):
        key = changes.pop("key", possession)
        return call(text, scheme="DPoP", DPoP=proof("GET", url, nonce, text, key=key, **changes))

    cases.accept("a bound token with a proof", shown, **MACHINE, **plain)
    kept = proof("GET", url, nonce, text)
    cases.accept("another proof", lambda: call(text, scheme="DPoP", DPoP=kept), **MACHINE, **plain)
    cases.refuse("the same proof again", lambda: call(text, scheme="DPoP", DPoP=kept))
    cases.refuse("a thief's proof", lambda: shown(key=thief))
    cases.refuse("a proof for another method", lambda: shown(htm="POST"))
    cases.refuse("a proof for another address", lambda: shown(htu=public + "/access-token/others"))
    cases.refuse("a proof beside another token", lambda: shown(ath=b64url(hashlib.sha256(b"x").digest())))
    cases.refuse("a proof of an hour ago", lambda: shown(iat=int(time.time()) - 3600))
    cases.refuse("no proof", lambda: call(text, scheme="DPoP"))
    cases.refuse("a bound token as a bearer", lambda: call(text, DPoP=proof("GET", url, nonce, text)))

    # The caller's side of our own making, against the same server: with a bound token as shipped, and with a plain one.
    def ours(*more):
        program = [os.environ["COUNTERSIGN_PROGRAM"], "request", "GET", public + "/access-token/things?page=1", "-d", "access-token",
                   "--key", str(folder / "p256.pem"), "--as", "machine-1", "--issuer", issuer, "--json", *more]
        ended = subprocess.run(program, capture_output=True, text=True, timeout=TIMEOUT)
        if ended.returncode:
            return f"ended with {ended.returncode}: {ended.stderr}"
        answer = json.loads(ended.stdout)
        seen = {name: value for name, value in answer["body"]["headers"]}
        scheme = seen.get("authorization", "DPoP" if "dpop" in seen else "")
        return same((answer["status"], seen["x-countersign-account"], scheme), (200, "machine", ""))

    cases.holds("countersign request with a bound token, its credentials kept from the upstream", ours)
    cases.holds("countersign request with a plain token", lambda: ours("--bearer", "--scope", "read"))
    cases.done()


if __name__ == "__main__":
    command, base, where = arguments()
    where = Path(where) / "access-token"
    sys.exit(prepare(where) if command == "prepare" else run(base, where))
