"""binance-sdk-spot signs with Ed25519 and calls the exchange."""
#: dialect binance
#: pip binance-sdk-spot==13.3.0
#: pip cryptography==42.0.8
#: vendor binance-sdk-spot
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture() as capture:
    from binance_common.configuration import ConfigurationRestAPI
    from binance_sdk_spot.spot import Spot

    configuration = ConfigurationRestAPI(api_key="key-1", private_key=keys.text("ed25519"), retries=0)
    client = Spot(config_rest_api=configuration)
    for call in (
        lambda: client.rest_api.get_account(recv_window=5000),
        lambda: client.rest_api.new_order(symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=1.0, price=2.5),
    ):
        with contextlib.suppress(Exception):
            call()

print_case(
    accounts=[{"name": "trader", "identifiers": {"api-key": "key-1"}, "keys": [{"file": "ed25519.pub.pem"}]}],
    requests=named(capture.requests, "account", "order"),
)
