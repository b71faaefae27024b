"""zitadel-client asks for a token of a service user."""
#: dialect zitadel
#: pip zitadel-client==4.1.9
#: vendor zitadel-client
import json
import os
import tempfile

from capture import Capture, Keys, named, print_case

keys = Keys()
HOST = "https://zitadel.example.com"


def answer(method, path):
    if "openid-configuration" in path:
        return json.dumps({"issuer": HOST, "token_endpoint": f"{HOST}/oauth/v2/token", "authorization_endpoint": f"{HOST}/a", "jwks_uri": f"{HOST}/k"}).encode()
    return b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}'


with Capture(answer=answer) as capture:
    from zitadel_client.auth.web_token_authenticator import WebTokenAuthenticator

    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump({"type": "serviceaccount", "keyId": "key-1", "key": keys.text("rsa"), "userId": "user-1"}, file)
    WebTokenAuthenticator.from_json(HOST, file.name).get_auth_token()
    os.unlink(file.name)

requests = [request for request in capture.requests if request["method"] == "POST"]
print_case(
    accounts=[{"name": "robot", "identifiers": {"zitadel-user": "user-1"}, "keys": [{"file": "rsa.pub.pem", "label": "key-1"}]}],
    requests=named(requests, "token"),
    sign={"key": "rsa.pem", "identifier": "user-1", "method": "POST", "url": requests[0]["url"]},
)
