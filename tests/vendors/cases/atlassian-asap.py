"""atlassian-jwt-auth makes tokens through its own requests plugin, and verifies ours."""
#: dialect atlassian-asap
#: pip atlassian-jwt-auth==22.0.1
#: pip requests==2.34.2
#: vendor atlassian-jwt-auth
import jwt
from capture import Capture, Keys, named, print_case, verifying

keys = Keys()


def judge(request):
    import atlassian_jwt_auth

    class Retriever(atlassian_jwt_auth.key.BasePublicKeyRetriever):
        def retrieve(self, key_identifier, **_):
            with open(f"{keys.folder}/rsa.pub.pem", encoding="ascii") as file:
                return file.read()

    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    return bool(atlassian_jwt_auth.JWTAuthVerifier(Retriever()).verify_jwt(token, "example-service"))


verifying(judge, jwt.exceptions.PyJWTError, ValueError)

with Capture() as capture:
    import atlassian_jwt_auth
    import requests
    from atlassian_jwt_auth.contrib.requests import JWTAuth

    def ask(issuer="micros/one", kid="micros/one/key", algorithm="RS256", key="rsa", **more):
        signer = atlassian_jwt_auth.create_signer(issuer, kid, keys.text(key), algorithm=algorithm, **more)
        requests.get("https://service.example.com/things", auth=JWTAuth(signer, "example-service"))

    ask()
    ask(algorithm="ES256", key="ec256")
    ask(kid="micros/two/key")
    ask(subject="somebody")

one, two, stolen, subject = named(capture.requests, "rsa", "ecdsa", "the key id of another issuer", "another subject than the issuer")
print_case(
    accounts=[
        {
            "name": "one",
            "identifiers": {"asap-issuer": "micros/one"},
            "keys": [{"file": "rsa.pub.pem", "label": "micros/one/key"}, {"file": "ec256.pub.pem", "label": "micros/one/key"}],
        }
    ],
    requests=[one, two],
    refused=[stolen, subject],
    sign={"key": "rsa.pem", "identifier": "micros/one", "method": "GET", "url": "https://service.example.com/things"},
    verifies=True,
)
