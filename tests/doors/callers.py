"""Those who call: their keys, their rows in the registry, and the headers that prove a request of theirs."""

import base64
import json
import secrets
import time

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

API_KEY = "hl-api-key-of-the-doors-test"
USER = "testuser@demoskillhive.com"
WHO = {
    # dialect: (account, identifier)
    "skykit": ("door-sky", "ops@example.com"),
    "asymmetric-jwt": ("door-once", "guido"),
    "partner-key": ("door-partner", "54344"),
    "skillhive": ("door-hive", "c7ds89c7shc7ds98h98"),
}
ACCOUNTS = f"""
[[user]]
name = "{USER}"

[[account]]
name = "door-sky"
identifiers = {{ email = "ops@example.com" }}
[[account.key]]
dialects = ["skykit"]
file = "rsa.pub.pem"

[[account]]
name = "door-once"
identifiers = {{ user = "guido" }}
[[account.key]]
dialects = ["asymmetric-jwt"]
file = "ed25519.pub.pem"

[[account]]
name = "door-partner"
identifiers = {{ site = "54344" }}
[[account.key]]
dialects = ["partner-key"]
file = "partner.pub.pem"
[[account.companion]]
label = "app"
dialect = "partner-key"
secret_file = "api-key.txt"
bound = true

[[account]]
name = "door-hive"
identifiers = {{ connection = "c7ds89c7shc7ds98h98" }}
acts_as = ["{USER}"]
[[account.key]]
dialects = ["skillhive"]
file = "hive.pub.pem"
algorithms = ["RSA-SHA256"]
"""


class Callers:
    """Holds everybody's private keys; `prepare` writes the public ones for `countersign apply`."""

    def __init__(self):
        self.rsa, self.partner, self.hive, self.stranger = (rsa.generate_private_key(65537, 2048) for _ in range(4))
        self.ed25519, self.other_ed25519 = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()

    def prepare(self, folder):
        """Writes public keys, private keys for the command line, and accounts.toml."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ["rsa", "partner", "hive", "ed25519"]:
            key = getattr(self, name)
            (folder / f"{name}.pub.pem").write_bytes(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
            private = folder / f"{name}.pem"
            private.touch(mode=0o600)
            private.write_bytes(key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        secret = folder / "api-key.txt"
        secret.touch(mode=0o600)
        secret.write_text(API_KEY)
        (folder / "accounts.toml").write_text(ACCOUNTS)

    def skykit(self, key=None, **changes):
        """A bearer token that anybody may send again for ten minutes."""
        now = int(time.time())
        claims = {"iss": "ops@example.com", "iat": now, "exp": now + 600, **changes}
        return [("Authorization", "Bearer " + jwt.encode(claims, key or self.rsa, algorithm="RS256"))]

    def once(self, key=None, **changes):
        """A token that works once."""
        claims = {"username": "guido", "time": int(time.time()), "nonce": secrets.token_hex(16), **changes}
        return [("Authorization", "JWT " + jwt.encode(claims, key or self.ed25519, algorithm="EdDSA"))]

    def partner_key(self, key=None, api_key=API_KEY, **changes):
        """A bare token with an API key beside it."""
        claims = {"iss": "Ghazal", "sub": "Partner:54344", "aud": "Ghazal", "exp": int(time.time()) + 60, **changes}
        token = jwt.encode(claims, key or self.partner, algorithm="RS256")
        return [("Authorization", token), *([("X-HelpLightning-API-Key", api_key)] if api_key else [])]

    def skillhive(self, url, content="", key=None, user=USER):
        """A signature over address and body, as PHP spells the JSON text."""
        connection = WHO["skillhive"][1]
        text = json.dumps({"url": url, "content": content, "api_id": connection, "user": user}, separators=(",", ":"))
        signed = (key or self.hive).sign(text.replace("/", "\\/").encode(), padding.PKCS1v15(), hashes.SHA256())
        return [("Api-Id", connection), ("Api-User", user), ("Api-Signature", base64.b64encode(signed).decode())]


def broken(proof):
    """The proof with one bit of its signature turned over."""
    name, value = proof[-1] if proof[-1][0] == "Api-Signature" else proof[0]
    place = len(value) - 40
    other = "A" if value[place] != "A" else "B"
    return [(key, value[:place] + other + value[place + 1:] if key == name else text) for key, text in proof]
