"""What both cases of the exchange do with binance-sdk-spot: its two kinds of key differ in nothing else."""
import contextlib
from urllib.parse import parse_qsl

from capture import Capture, Keys, named, print_case, verifying

HOST = "https://api.binance.com"


def run(key):
    keys = Keys()

    def client():
        from binance_common.configuration import ConfigurationRestAPI
        from binance_sdk_spot.spot import Spot

        return Spot(config_rest_api=ConfigurationRestAPI(api_key="key-1", private_key=keys.text(key), retries=0)).rest_api

    def judge(request):
        """The package sends the same parameters at the same time: what it puts into the address has to be ours, to the letter."""
        from binance_common.utils import send_request

        given = [pair for pair in parse_qsl(request.query, keep_blank_values=True) if pair[0] != "signature"]
        form = parse_qsl(request.body.decode(), keep_blank_values=True)
        api = client()
        with Capture() as capture, contextlib.suppress(Exception):
            send_request(
                api._session, api.configuration, request.method, request.path, dict(given), dict(form), is_signed=True, signer=api._signer
            )
        sent = capture.requests[0]
        return sent["url"] == request.url and dict(map(tuple, sent["headers"]))["x-mbx-apikey"] == request.headers["x-mbx-apikey"]

    verifying(judge)
    with Capture() as capture:
        api = client()
        for call in (
            lambda: api.get_account(recv_window=5000),
            lambda: api.new_order(symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=1.0, price=2.5),
        ):
            with contextlib.suppress(Exception):
                call()

    print_case(
        accounts=[{"name": "trader", "identifiers": {"api-key": "key-1"}, "keys": [{"file": f"{key}.pub.pem"}]}],
        requests=named(capture.requests, "account", "order"),
        sign={"key": f"{key}.pem", "identifier": "key-1", "method": "GET", "url": f"{HOST}/api/v3/account?recvWindow=5000&omitZeroBalances=true"},
        verifies=True,
    )
