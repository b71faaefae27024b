"""docusign-esign asks the account server for a user's token."""
#: dialect docusign
#: pip docusign-esign==6.1.0
#: vendor docusign-esign
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
USER, OTHER = "e6e2c3a0-0000-4000-8000-000000000001", "e6e2c3a0-0000-4000-8000-000000000002"
INTEGRATION = "0c9d0b5e-0000-4000-8000-000000000009"
with Capture(answer=b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}') as capture:
    import docusign_esign
    import urllib3

    client = docusign_esign.ApiClient()
    client.rest_client.pool_manager = urllib3.PoolManager(ca_certs=capture.authority.file)

    def ask(user, scopes):
        with contextlib.suppress(Exception):
            client.request_jwt_user_token(INTEGRATION, user, "account.docusign.com", keys.text("rsa").encode(), 3600, scopes)

    ask(USER, ["signature", "impersonation"])
    ask(OTHER, ["signature", "impersonation"])
    ask(USER, ["signature"])

good, other, scope = named(capture.requests, "token", "a user who did not agree", "no impersonation asked for")
print_case(
    users=[USER, OTHER],
    accounts=[{"name": "app", "identifiers": {"docusign-integration": INTEGRATION}, "acts_as": [USER], "keys": [{"file": "rsa.pub.pem"}]}],
    requests=[good],
    refused=[other, scope],
    sign={"key": "rsa.pem", "identifier": INTEGRATION, "acting_as": USER, "method": "POST", "url": good["url"]},
)
