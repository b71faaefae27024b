"""orderly-evm-connector signs and calls its API; at our time it signs the same as countersign."""
#: dialect orderly
#: pip orderly-evm-connector==0.2.9
#: vendor orderly-evm-connector
import contextlib
import json
import time
from fractions import Fraction

import base58
from capture import Capture, Keys, named, print_case, verifying
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

keys = Keys()
private = load_pem_private_key(keys.text("ed25519").encode(), None)
NAME = "ed25519:" + base58.b58encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
SECRET = "ed25519:" + base58.b58encode(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())).decode()
ACCOUNT = "0x" + "ab" * 32
HOST = "https://api.orderly.org"


def client():
    from orderly_evm_connector.rest import Rest

    return Rest(orderly_key=NAME, orderly_secret=SECRET, orderly_account_id=ACCOUNT, orderly_api_url=HOST)


def judge(request):
    """The package sends the same request at the same time: what it puts into its headers has to be ours, to the letter."""
    carriers = ("orderly-account-id", "orderly-key", "orderly-timestamp", "orderly-signature")
    clock, time.time = time.time, lambda: Fraction(int(request.headers["orderly-timestamp"]), 1000)
    session = client()
    # Here the clock stands still: what is sent is looked at before it is sent.
    session.send_request = lambda *_: None
    try:
        body = json.loads(request.body) if request.body else None
        session._sign_request(request.method, f"{request.path}{'?' if request.query else ''}{request.query}", body)
    finally:
        time.time = clock
    written = json.dumps(body).encode() if body else b""
    return written == request.body and all(session.session.headers[name] == request.headers.get(name) for name in carriers)


verifying(judge)
with Capture(answer=b'{"success":true}') as capture:
    api = client()
    for call in (
        lambda: api.get_current_holdings(all=True),
        lambda: api.create_order("PERP_ETH_USDC", "LIMIT", "BUY", order_price=1500.5, order_quantity=0.1),
    ):
        with contextlib.suppress(Exception):
            call()

print_case(
    accounts=[{"name": "broker", "identifiers": {"orderly-key": NAME}, "keys": [{"file": "ed25519.pub.pem"}]}],
    # The connector writes the plain alphabet of base64.
    settings={"signature_encode": "base64"},
    requests=named(capture.requests, "holding", "order"),
    sign={
        "key": "ed25519.pem",
        "identifier": NAME,
        "method": "POST",
        "url": f"{HOST}/v1/order",
        "body": '{"symbol": "PERP_ETH_USDC", "order_quantity": 0.1}',
        "settings": {"account": ACCOUNT},
    },
    verifies=True,
)
