"""The Fireblocks client calls its API."""
#: dialect fireblocks
#: pip fireblocks==35.1.0
#: vendor fireblocks
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
with Capture(answer=b"{}") as capture:
    from fireblocks.base_path import BasePath
    from fireblocks.client import Fireblocks
    from fireblocks.client_configuration import ClientConfiguration
    from fireblocks.models.create_vault_account_request import CreateVaultAccountRequest

    settings = ClientConfiguration(api_key="key-1", secret_key=keys.text("rsa"), base_path=BasePath.Sandbox)
    with Fireblocks(settings) as client:
        # What the package makes of the empty answer is not looked at.
        with contextlib.suppress(Exception):
            client.vaults.get_paged_vault_accounts(limit=5).result()
        with contextlib.suppress(Exception):
            body = CreateVaultAccountRequest(name="first")
            client.vaults.create_vault_account(create_vault_account_request=body).result()

listed, made = named(capture.requests, "list", "create")
print_case(
    accounts=[{"name": "hive", "identifiers": {"fireblocks-key": "key-1"}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=[listed, made],
    sign={"key": "rsa.pem", "identifier": "key-1", "method": "GET", "url": listed["url"]},
)
