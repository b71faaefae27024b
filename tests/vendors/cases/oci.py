"""oci signs requests without and with a body."""
#: dialect oci
#: pip oci==2.189.0
#: pip requests==2.34.2
#: pip cryptography==50.0.2
#: vendor oci
import contextlib

from capture import Capture, Keys, named, print_case

keys = Keys()
NAME = ["ocid1.tenancy.oc1..a", "ocid1.user.oc1..b", "20:3b:97:13:55:1c:00:00:00:00:00:00:00:00:00:01"]
with Capture() as capture:
    import requests
    from oci.signer import Signer

    signer = Signer(NAME[0], NAME[1], NAME[2], keys.path("rsa"))
    for call in (
        lambda: requests.get("https://iaas.eu-frankfurt-1.oraclecloud.com/20160918/instances?compartmentId=a%20b&limit=5", auth=signer),
        lambda: requests.post("https://iaas.eu-frankfurt-1.oraclecloud.com/20160918/volumeAttachments", json={"type": "iscsi", "name": "\u00fc"}, auth=signer),
    ):
        with contextlib.suppress(Exception):
            call()

print_case(
    accounts=[{"name": "ops", "identifiers": {"oci-key": "/".join(NAME)}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(capture.requests, "list", "attach"),
)
