"""asymmetric-jwt-auth makes tokens for its own middleware, and verifies ours."""
#: dialect asymmetric-jwt
#: pip asymmetric-jwt-auth==1.3.0
#: pip requests==2.34.2
#: vendor asymmetric-jwt-auth
import django
from capture import Capture, Keys, named, print_case, verifying
from django.conf import settings

keys = Keys()
settings.configure(
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    # A busy machine may take longer than the usual 20 seconds from signing to here.
    ASYMMETRIC_JWT_AUTH={"TIMESTAMP_TOLERANCE": 300},
)
django.setup()

from asymmetric_jwt_auth.keys import PrivateKey, PublicKey  # noqa: E402
from asymmetric_jwt_auth.tokens import Token, UntrustedToken  # noqa: E402


def judge(request):
    with open(f"{keys.folder}/rsa.pub.pem", "rb") as file:
        public = PublicKey.load_pem(file.read())
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    verified = UntrustedToken(token).verify(public)
    return scheme == "JWT" and verified is not None and verified.username == "alice"


verifying(judge)
with Capture() as capture:
    import requests

    for user, key in (("alice", "rsa"), ("bob", "ed25519")):
        header = Token(user).create_auth_header(PrivateKey.load_pem(keys.text(key).encode()))
        requests.get("https://service.example.com/things", headers={"Authorization": header})
    late = Token("alice", timestamp=capture.requests[0]["now"] - 60).create_auth_header(PrivateKey.load_pem(keys.text("rsa").encode()))
    requests.get("https://service.example.com/things", headers={"Authorization": late})

rsa, ed25519, late = named(capture.requests, "rsa", "ed25519", "a minute old")
print_case(
    accounts=[
        {"name": "alice", "identifiers": {"user": "alice"}, "keys": [{"file": "rsa.pub.pem"}]},
        {"name": "bob", "identifiers": {"user": "bob"}, "keys": [{"file": "ed25519.pub.pem"}]},
    ],
    requests=[rsa, ed25519],
    refused=[late],
    sign={"key": "rsa.pem", "identifier": "alice", "method": "GET", "url": "https://service.example.com/things"},
    verifies=True,
)
