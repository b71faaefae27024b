"""kalshi_python_sync signs and calls the exchange; our signature is over the text that it builds, with its padding."""
#: dialect kalshi
#: pip kalshi_python_sync==3.2.0
#: pip cryptography==42.0.8
#: vendor kalshi_python_sync
import base64
import contextlib
import time
from fractions import Fraction

from capture import Capture, Keys, named, print_case, verifying
from cryptography.exceptions import InvalidSignature

keys = Keys()
ACCESS_KEY = "a952bcbe-ec3b-4b5b-b8f9-11dae589608c"


class Verifier:
    """Stands where the package has its key: checks a signature over what the package would sign, with the padding that it asks for."""

    def __init__(self, public, signature):
        self.public, self.signature = public, signature

    def sign(self, message, padding, algorithm):
        self.public.verify(self.signature, message, padding, algorithm)
        return self.signature


def judge(request):
    from kalshi_python_sync.auth import KalshiAuth

    auth = KalshiAuth(ACCESS_KEY, keys.text("rsa"))
    ours = {name: request.headers.get(name, "") for name in ("kalshi-access-key", "kalshi-access-timestamp", "kalshi-access-signature")}
    auth.private_key = Verifier(auth.private_key.public_key(), base64.b64decode(ours["kalshi-access-signature"]))
    # The package multiplies by a thousand: a fraction stays exact.
    clock, time.time = time.time, lambda: Fraction(int(ours["kalshi-access-timestamp"]), 1000)
    try:
        theirs = auth.create_auth_headers(request.method, request.url)
    finally:
        time.time = clock
    return ours == {name.lower(): value for name, value in theirs.items()}


verifying(judge, InvalidSignature)
with Capture() as capture:
    from kalshi_python_sync import ApiClient, Configuration
    from kalshi_python_sync.api.portfolio_api import PortfolioApi
    from kalshi_python_sync.auth import KalshiAuth

    client = ApiClient(Configuration(host="https://api.elections.kalshi.com/trade-api/v2"))
    client.kalshi_auth = KalshiAuth(ACCESS_KEY, keys.text("rsa"))
    for call in (lambda: PortfolioApi(client).get_balance(), lambda: PortfolioApi(client).get_positions(limit=5)):
        with contextlib.suppress(Exception):
            call()

balance, positions = named(capture.requests, "balance", "positions")
print_case(
    accounts=[{"name": "trader", "identifiers": {"api-key": ACCESS_KEY}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=[balance, positions],
    sign={"key": "rsa.pem", "identifier": ACCESS_KEY, "method": "GET", "url": positions["url"]},
    verifies=True,
)
