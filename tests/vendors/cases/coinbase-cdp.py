"""cdp-sdk makes tokens for requests; requests sends them to the host that it names."""
#: dialect coinbase-cdp
#: pip cdp-sdk==1.51.0
#: pip requests==2.34.2
#: vendor cdp-sdk
from capture import Capture, Keys, named, print_case

keys = Keys()
HOST = "api.cdp.coinbase.com"
KEY = "organizations/1/apiKeys/2"
with Capture() as capture:
    import requests
    from cdp.auth.utils.jwt import JwtOptions, generate_jwt

    def ask(method, path, query="", **more):
        options = JwtOptions(
            api_key_id=KEY, api_key_secret=keys.text("ec256"), request_method=method, request_host=HOST, request_path=path, **more
        )
        header = {"authorization": f"Bearer {generate_jwt(options)}"}
        requests.request(method, f"https://{HOST}{path}{query}", headers=header, data=b"{}" if method == "POST" else None)

    ask("GET", "/platform/v2/evm/accounts", "?page=2")
    ask("POST", "/platform/v2/evm/accounts")
    ask("GET", "/platform/v2/evm/accounts", expires_in=600)
    websocket = JwtOptions(api_key_id=KEY, api_key_secret=keys.text("ec256"))
    requests.get(f"https://{HOST}/x", headers={"authorization": f"Bearer {generate_jwt(websocket)}"})

read, write, long, nowhere = named(capture.requests, "read", "write", "ten minutes", "a token for websockets")
print_case(
    accounts=[{"name": "cdp", "identifiers": {"coinbase-key": KEY}, "keys": [{"file": "ec256.pub.pem", "label": KEY}]}],
    requests=[read, write],
    refused=[long, nowhere],
    sign={"key": "ec256.pem", "identifier": KEY, "method": "GET", "url": f"https://{HOST}/platform/v2/evm/accounts?page=2"},
)
