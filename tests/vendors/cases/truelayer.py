"""truelayer-signing signs requests, and verifies ours."""
#: dialect truelayer
#: pip truelayer-signing==0.4.0
#: pip requests==2.34.2
#: vendor truelayer-signing
from capture import Capture, Keys, named, print_case, verifying
from truelayer_signing.errors import TlSigningException

keys = Keys()


def judge(request):
    from truelayer_signing import HttpMethod, verify_with_pem

    with open(f"{keys.folder}/ec521.pub.pem", encoding="ascii") as file:
        verifier = verify_with_pem(file.read()).set_method(HttpMethod(request.method))
    verifier.set_path(request.path).set_body(request.body.decode())
    verifier.add_headers({name: value for name, value in request.headers.items() if name != "tl-signature"})
    verifier.verify(request.headers.get("tl-signature", ""))
    return True


# The second for what is no token, and for a method that the package does not know.
verifying(judge, TlSigningException, ValueError)

KID = "45fc75cf-5649-4134-84b3-192c2c78e990"
with Capture() as capture:
    import requests
    from truelayer_signing import HttpMethod, sign_with_pem

    def ask(method, path, body="", headers=None):
        headers = headers or {}
        signer = sign_with_pem(KID, keys.text("ec521")).set_method(HttpMethod(method)).set_path(path).add_headers(headers).set_body(body)
        requests.request(method, f"https://api.truelayer.com{path}", data=body.encode(), headers={**headers, "Tl-Signature": signer.sign()})

    ask("POST", "/payments", '{"currency":"GBP","name":"Zoë"}', {"Idempotency-Key": "idemp-1", "X-Other": "a b"})
    ask("GET", "/payments/1")

pay, read = named(capture.requests, "pay", "read")
print_case(
    accounts=[{"name": "tl", "identifiers": {"truelayer-key": KID}, "keys": [{"file": "ec521.pub.pem", "label": KID}]}],
    requests=[pay, read],
    sign={
        "key": "ec521.pem",
        "identifier": KID,
        "method": "POST",
        "url": "https://api.truelayer.com/payments",
        "headers": [["Idempotency-Key", "idemp-1"], ["X-Other", "a b"]],
        "body": '{"currency":"GBP","name":"Zoë"}',
        "settings": {"signed_headers": "Idempotency-Key,X-Other"},
    },
    verifies=True,
)
