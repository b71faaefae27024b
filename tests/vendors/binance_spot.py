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
        import requests
        from binance_common.utils import send_request

        query = [pair for pair in parse_qsl(request.query, keep_blank_values=True) if pair[0] != "signature"]
        form = parse_qsl(request.body.decode(), keep_blank_values=True)
        api, sent = client(), []

        class Session(requests.Session):
            def send(self, prepared, **_):
                sent.append(prepared)
                raise ConnectionError

        with contextlib.suppress(ConnectionError):
            send_request(Session(), api.configuration, request.method, request.path, dict(query), dict(form), is_signed=True, signer=api._signer)
        return sent[0].url == request.url and sent[0].headers["x-mbx-apikey"] == request.headers["x-mbx-apikey"]

    verifying(judge)
    with Capture() as capture:
        api = client()
        # Not the usual five seconds: a busy machine may take longer from signing to sending.
        for call in (
            lambda: api.get_account(recv_window=60000),
            lambda: api.new_order(symbol="BTCUSDT", side="BUY", type="LIMIT", time_in_force="GTC", quantity=1.0, price=2.5, recv_window=60000),
        ):
            with contextlib.suppress(Exception):
                call()

    print_case(
        accounts=[{"name": "trader", "identifiers": {"api-key": "key-1"}, "keys": [{"file": f"{key}.pub.pem"}]}],
        requests=named(capture.requests, "account", "order"),
        sign={"key": f"{key}.pem", "identifier": "key-1", "method": "GET", "url": f"{HOST}/api/v3/account?recvWindow=5000&omitZeroBalances=true"},
        verifies=True,
    )
