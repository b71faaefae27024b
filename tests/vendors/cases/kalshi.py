"""kalshi_python_sync signs and calls the exchange."""
#: dialect kalshi
#: pip kalshi_python_sync==3.2.0
#: pip cryptography==42.0.8
#: vendor kalshi_python_sync
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture() as capture:
    from kalshi_python_sync import ApiClient, Configuration
    from kalshi_python_sync.api.portfolio_api import PortfolioApi
    from kalshi_python_sync.auth import KalshiAuth

    client = ApiClient(Configuration(host="https://api.elections.kalshi.com/trade-api/v2"))
    client.kalshi_auth = KalshiAuth("a952bcbe-ec3b-4b5b-b8f9-11dae589608c", keys.text("rsa"))
    for call in (lambda: PortfolioApi(client).get_balance(), lambda: PortfolioApi(client).get_positions(limit=5)):
        with contextlib.suppress(Exception):
            call()

print_case(
    accounts=[{"name": "trader", "identifiers": {"api-key": "a952bcbe-ec3b-4b5b-b8f9-11dae589608c"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(capture.requests, "balance", "positions"),
)
