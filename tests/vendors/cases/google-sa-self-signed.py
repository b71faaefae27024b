"""google-auth makes a self-signed token and sends it."""
#: dialect google-sa-self-signed
#: pip google-auth==2.63.0
#: pip requests==2.34.2
#: pip cryptography==50.0.2
#: vendor google-auth
from capture import Capture, Keys, named, print_case

keys = Keys()
EMAIL = "robot@project.iam.gserviceaccount.com"
INFO = {"client_email": EMAIL, "private_key": keys.text("rsa"), "private_key_id": "key-1", "token_uri": "https://oauth2.googleapis.com/token"}
with Capture() as capture:
    from google.auth.jwt import Credentials
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2 import service_account

    for audience in ["https://service.example.com/", "https://other.example.com/"]:
        AuthorizedSession(Credentials.from_service_account_info(INFO, audience=audience)).get("https://service.example.com/things")
    scoped = service_account.Credentials.from_service_account_info(INFO, scopes=["https://www.googleapis.com/auth/pubsub"], always_use_jwt_access=True)
    scoped._create_self_signed_jwt(None)
    AuthorizedSession(scoped).get("https://service.example.com/things")

good, other, scope = named(capture.requests, "things", "the token for another service", "a token with scope and no audience")
print_case(
    accounts=[{"name": "robot", "identifiers": {"email": EMAIL}, "keys": [{"file": "rsa.pub.pem", "label": "key-1"}]}],
    requests=[good],
    refused=[other, scope],
    sign={"key": "rsa.pem", "identifier": EMAIL, "method": "GET", "url": good["url"]},
)
