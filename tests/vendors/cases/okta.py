"""The okta client asks its org for a token with a client assertion."""
#: dialect okta
#: pip okta==3.4.6
#: pip cryptography==50.0.2
#: vendor okta
import asyncio
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture(answer=b'{"access_token":"t","expires_in":3600,"token_type":"Bearer","scope":"okta.users.read"}') as capture:
    from okta.client import Client

    async def ask():
        settings = {
            "orgUrl": "https://example.okta.com",
            "authorizationMode": "PrivateKey",
            "clientId": "client-1",
            "scopes": ["okta.users.read"],
            "privateKey": keys.text("rsa"),
            "kid": "key-1",
        }
        with contextlib.suppress(Exception):
            await Client(settings).list_users()

    asyncio.run(ask())

requests = [request for request in capture.requests if request["method"] == "POST"][:1]
print_case(
    accounts=[{"name": "app", "identifiers": {"okta-client": "client-1"}, "keys": [{"file": "rsa.pub.pem", "label": "key-1"}]}],
    requests=named(requests, "token"),
    sign={"key": "rsa.pem", "identifier": "client-1", "method": "POST", "url": requests[0]["url"] if requests else ""},
)
