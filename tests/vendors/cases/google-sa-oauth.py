"""google-auth asks the token endpoint."""
#: dialect google-sa-oauth
#: pip google-auth==2.63.0
#: pip requests==2.34.2
#: pip cryptography==50.0.2
#: vendor google-auth
from capture import Capture, Keys, named, print_case

keys = Keys()
EMAIL = "robot@project.iam.gserviceaccount.com"
INFO = {"client_email": EMAIL, "private_key": keys.text("rsa"), "private_key_id": "key-1", "token_uri": "https://oauth2.googleapis.com/token"}
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
with Capture(answer=b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}') as capture:
    from google.auth.transport.requests import Request
    from google.oauth2 import service_account

    for more in [{}, {"subject": "boss@example.com"}]:
        service_account.Credentials.from_service_account_info(INFO, scopes=[SCOPE], **more).refresh(Request())

good, delegated = named(capture.requests, "token", "an assertion for a user")
print_case(
    accounts=[{"name": "robot", "identifiers": {"email": EMAIL}, "keys": [{"file": "rsa.pub.pem", "label": "key-1"}]}],
    requests=[good],
    refused=[delegated],
    sign={"key": "rsa.pem", "identifier": EMAIL, "method": "POST", "url": good["url"]},
)
