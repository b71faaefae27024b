"""msal asks for a token with the assertion of a certificate."""
#: dialect entra
#: pip msal==1.39.0
#: vendor msal
import json

from capture import Capture, Keys, named, print_case

keys = Keys()
TENANT = "00000000-0000-0000-0000-000000000000"
HOST = f"https://login.microsoftonline.com/{TENANT}"


def answer(method, path):
    if "openid-configuration" in path:
        return json.dumps(
            {"issuer": f"{HOST}/v2.0", "token_endpoint": f"{HOST}/oauth2/v2.0/token", "authorization_endpoint": f"{HOST}/a", "device_authorization_endpoint": f"{HOST}/d"}
        ).encode()
    return b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}'


with Capture(answer=answer) as capture:
    import msal

    # The digest of a certificate, which the server is told of; the key alone signs.
    client = msal.ConfidentialClientApplication(
        "client-1", authority=HOST, client_credential={"private_key": keys.text("rsa"), "thumbprint": "A1" * 20}, instance_discovery=False
    )
    client.acquire_token_for_client(["https://graph.microsoft.com/.default"])

requests = [request for request in capture.requests if request["method"] == "POST"]
print_case(
    accounts=[{"name": "app", "identifiers": {"entra-client": "client-1"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(requests, "token"),
    sign={"key": "rsa.pem", "identifier": "client-1", "algorithm": "RS256", "method": "POST", "url": requests[0]["url"]},
    # The digest of the certificate, which a key without one does not have.
    differs=["head.x5t", "head.kid"],
)
