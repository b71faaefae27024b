"""twilio's ValidationClient signs and sends."""
#: dialect twilio-pkcv
#: pip twilio==9.13.0
#: pip cryptography==50.0.2
#: vendor twilio
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
ACCOUNT, KEY, CREDENTIAL = "AC" + "1" * 32, "SK" + "2" * 32, "CR" + "3" * 32
with Capture(answer=b"{}") as capture:
    from twilio.http.validation_client import ValidationClient
    from twilio.rest import Client

    http = ValidationClient(ACCOUNT, KEY, CREDENTIAL, keys.text("rsa"))
    client = Client(KEY, "secret", ACCOUNT, http_client=http)
    with contextlib.suppress(Exception):
        client.messages.list(limit=1, to="+15005550001")
    with contextlib.suppress(Exception):
        client.messages.create(to="+15005550001", from_="+15005550006", body="hello")

read, write = named(capture.requests, "list", "send")
basic = dict(map(tuple, read["headers"]))["authorization"]
print_case(
    settings={},
    accounts=[{"name": "tw", "identifiers": {"twilio-api-key": KEY}, "keys": [{"file": "rsa.pub.pem", "label": CREDENTIAL}]}],
    requests=[read, write],
    sign={
        "key": "rsa.pem",
        "identifier": KEY,
        "method": "GET",
        "url": read["url"],
        "headers": [["authorization", basic]],
        "settings": {"key_id": CREDENTIAL, "account": ACCOUNT},
    },
)
