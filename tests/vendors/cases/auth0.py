"""auth0-python asks for a token with a client assertion."""
#: dialect auth0
#: pip auth0-python==6.8.0
#: pip cryptography==50.0.2
#: vendor auth0-python
from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture(answer=b'{"access_token":"t","expires_in":3600,"token_type":"Bearer"}') as capture:
    from auth0.authentication import GetToken

    for domain in ["example.auth0.com", "other.auth0.com"]:
        GetToken(domain, "client-1", client_assertion_signing_key=keys.text("rsa")).client_credentials("https://api.example.com/")

good, other = named(capture.requests, "token", "an assertion for another tenant")
print_case(
    accounts=[{"name": "app", "identifiers": {"auth0-client": "client-1"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=[good],
    refused=[other],
    sign={"key": "rsa.pem", "identifier": "client-1", "method": "POST", "url": good["url"]},
)
