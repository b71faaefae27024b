"""mastercard-oauth1-signer signs requests that the requests library sends."""
#: dialect mastercard
#: pip mastercard-oauth1-signer==1.9.2
#: pip requests==2.34.2
#: pip cryptography==42.0.8
#: vendor mastercard-oauth1-signer
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture() as capture:
    import requests
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from oauth1.oauth_ext import OAuth1RSA

    private = load_pem_private_key(keys.text("rsa").encode(), None)
    for method, url, body in [
        ("GET", "https://sandbox.api.mastercard.com/locations/v1/merchants?category=1.2&limit=5", None),
        ("GET", "https://sandbox.api.mastercard.com/locations/v1/merchants?name=a%20b%26c&limit=5", None),
        ("POST", "https://sandbox.api.mastercard.com/service", '{"foo":"b\\u00e4r"}'),
    ]:
        with contextlib.suppress(Exception):
            requests.request(method, url, data=body, auth=OAuth1RSA("abc-_def!1234", private))

print_case(
    accounts=[{"name": "shop", "identifiers": {"consumer-key": "abc-_def!1234"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(capture.requests, "plain", "escaped", "body"),
)
