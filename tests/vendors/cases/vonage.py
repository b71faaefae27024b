"""vonage-jwt makes tokens; requests sends them."""
#: dialect vonage
#: pip vonage-jwt==1.1.5
#: pip requests==2.34.2
#: vendor vonage-jwt
from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture() as capture:
    import requests
    from vonage_jwt.jwt import JwtClient

    client = JwtClient("app-1", keys.text("rsa"))
    header = {"authorization": f"Bearer {client.generate_application_jwt().decode()}"}
    requests.get("https://api.nexmo.com/v1/calls?status=ringing", headers=header)
    narrowed = client.generate_application_jwt({"acl": {"paths": {"/*/users/**": {}}}}).decode()
    requests.get("https://api.nexmo.com/v1/calls", headers={"authorization": f"Bearer {narrowed}"})

first, second = named(capture.requests, "calls", "a token that is narrowed to paths")
print_case(
    accounts=[{"name": "app", "identifiers": {"vonage-application": "app-1"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=[first],
    refused=[second],
    sign={"key": "rsa.pem", "identifier": "app-1", "method": "GET", "url": "https://api.nexmo.com/v1/calls"},
    differs=["claim.application_id", "claim.jti"],
)
