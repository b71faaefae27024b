"""box-sdk-gen asks for a token of an enterprise, and of a user."""
#: dialect box
#: pip box-sdk-gen[jwt]==1.17.0
#: vendor box-sdk-gen[jwt]
from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture(answer=b'{"access_token":"t","expires_in":3600,"token_type":"bearer","restricted_to":[]}') as capture:
    from cryptography.hazmat.primitives import serialization as form

    # The package wants a private key with a passphrase.
    key = form.load_pem_private_key(keys.text("rsa").encode(), None)
    key = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"secret")).decode()
    from box_sdk_gen import BoxJWTAuth, JWTConfig

    settings = JWTConfig(
        client_id="client-1", client_secret="secret", jwt_key_id="key-1", private_key=key, private_key_passphrase="secret", enterprise_id="12345"
    )
    auth = BoxJWTAuth(config=settings)
    auth.refresh_token()
    auth.with_user_subject("67890").refresh_token()

enterprise, user = named(capture.requests, "enterprise", "an assertion for a user")
print_case(
    accounts=[{"name": "app", "identifiers": {"box-client": "client-1"}, "keys": [{"file": "rsa.pub.pem", "label": "key-1"}]}],
    requests=[enterprise],
    refused=[user],
    sign={"key": "rsa.pem", "identifier": "client-1", "method": "POST", "url": enterprise["url"]},
)
