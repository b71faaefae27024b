"""oci signs requests without and with a body; at our date it signs the same as countersign."""
#: dialect oci
#: pip oci==2.189.0
#: pip requests==2.34.2
#: pip cryptography==50.0.2
#: vendor oci
import contextlib

from capture import Capture, Keys, named, print_case, verifying

keys = Keys()
NAME = ["ocid1.tenancy.oc1..a", "ocid1.user.oc1..b", "20:3b:97:13:55:1c:00:00:00:00:00:00:00:00:00:01"]
HOST = "https://iaas.eu-frankfurt-1.oraclecloud.com"


def judge(request):
    import requests
    from oci.signer import Signer

    # Length and digest of the body are the package's to find; date, type and host are taken as they came.
    kept = {name: value for name, value in request.headers.items() if name in ("date", "content-type", "host")}
    prepared = requests.Request(request.method, request.url, headers=kept, data=request.body).prepare()
    return Signer(*NAME, keys.path("rsa"))(prepared).headers["authorization"] == request.headers.get("authorization")


verifying(judge)
with Capture() as capture:
    import requests
    from oci.signer import Signer

    signer = Signer(*NAME, keys.path("rsa"))
    for call in (
        lambda: requests.get(f"{HOST}/20160918/instances?compartmentId=a%20b&limit=5", auth=signer),
        lambda: requests.post(f"{HOST}/20160918/volumeAttachments", json={"type": "iscsi", "name": "\u00fc"}, auth=signer),
    ):
        with contextlib.suppress(Exception):
            call()

print_case(
    accounts=[{"name": "ops", "identifiers": {"oci-key": "/".join(NAME)}, "keys": [{"file": "rsa.pub.pem"}]}],
    requests=named(capture.requests, "list", "attach"),
    sign={
        "key": "rsa.pem",
        "identifier": "/".join(NAME),
        "method": "POST",
        "url": f"{HOST}/20160918/volumeAttachments?compartmentId=a%20b",
        "body": '{"type":"iscsi"}',
    },
    # The package wrote the first without a body: the header lists fewer names, and those are what `verifies` shows.
    verifies=True,
)
