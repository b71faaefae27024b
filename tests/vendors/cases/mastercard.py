"""mastercard-oauth1-signer signs requests that the requests library sends; with our nonce and time it signs the same as countersign."""
#: dialect mastercard
#: pip mastercard-oauth1-signer==1.9.2
#: pip requests==2.34.2
#: pip cryptography==42.0.8
#: vendor mastercard-oauth1-signer
import contextlib
import re

from capture import Capture, Keys, named, print_case, verifying
from cryptography.hazmat.primitives.serialization import load_pem_private_key

keys = Keys()
private = load_pem_private_key(keys.text("rsa").encode(), None)
CONSUMER = "abc-_def!1234"


def parameters(header):
    return dict(re.findall(r'(\w+)="([^"]*)"', header))


def judge(request):
    from oauth1 import coreutils
    from oauth1.oauth import OAuth

    ours = parameters(request.headers.get("authorization", ""))
    # Used once a process and only here: `verify` sends nothing.
    coreutils.get_nonce = lambda: ours.get("oauth_nonce")
    coreutils.get_timestamp = lambda: ours.get("oauth_timestamp")
    theirs = OAuth.get_authorization_header(request.url, request.method, request.body.decode(), CONSUMER, private)
    return parameters(theirs) == ours


verifying(judge)
with Capture() as capture:
    import requests
    from oauth1.oauth_ext import OAuth1RSA

    for method, url, body in [
        ("GET", "https://sandbox.api.mastercard.com/locations/v1/merchants?category=1.2&limit=5", None),
        ("GET", "https://sandbox.api.mastercard.com/locations/v1/merchants?name=a%20b%26c&limit=5", None),
        ("POST", "https://sandbox.api.mastercard.com/service", '{"foo":"b\\u00e4r"}'),
    ]:
        with contextlib.suppress(Exception):
            requests.request(method, url, data=body, auth=OAuth1RSA(CONSUMER, private))

print_case(
    accounts=[{"name": "shop", "identifiers": {"consumer-key": CONSUMER}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(capture.requests, "plain", "escaped", "body"),
    sign={
        "key": "rsa.pem",
        "identifier": CONSUMER,
        "method": "POST",
        "url": "https://sandbox.api.mastercard.com/service?name=a%20b%26c&limit=5",
        "body": '{"foo":"bar"}',
    },
    verifies=True,
)
