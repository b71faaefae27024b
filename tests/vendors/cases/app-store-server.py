"""Apple's app-store-server-library calls the App Store Server API."""
#: dialect app-store-server
#: pip app-store-server-library==3.1.2
#: vendor app-store-server-library
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
ISSUER, KEY, BUNDLE = "57246542-96fe-1a63-e053-0824d011072a", "2X9R4HXF34", "com.example.app"
with Capture() as capture:
    from appstoreserverlibrary.api_client import AppStoreServerAPIClient
    from appstoreserverlibrary.models.Environment import Environment

    def ask(bundle):
        client = AppStoreServerAPIClient(keys.text("ec256").encode(), KEY, ISSUER, bundle, Environment.PRODUCTION)
        with contextlib.suppress(Exception):
            client.get_refund_history("1", None)

    ask(BUNDLE)
    ask("com.example.other")

good, other = named(capture.requests, "refunds", "the token of another app")
print_case(
    accounts=[{"name": "shop", "identifiers": {"app-store-issuer": ISSUER}, "keys": [{"file": "ec256.pub.pem", "label": KEY}]}],
    requests=[good],
    refused=[other],
    sign={"key": "ec256.pem", "identifier": ISSUER, "method": "GET", "url": good["url"]},
)
