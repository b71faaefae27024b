"""discord-interactions verifies what countersign signs; Discord itself signs on its own servers only."""
#: dialect discord
#: pip discord-interactions==0.4.0
#: pip cryptography==42.0.8
#: vendor discord-interactions
#: note the package only verifies
import base64
import time

from capture import Keys, print_case, verifying
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

keys = Keys()
private = load_pem_private_key(keys.text("ed25519").encode(), None)


def judge(request):
    from discord_interactions import verify_key

    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    signature, timestamp = request.headers.get("x-signature-ed25519", ""), request.headers["x-signature-timestamp"]
    return verify_key(request.body, signature, timestamp, public)


verifying(judge)

now = str(int(time.time()))
body = b'{"type":1}'
request = {
    "id": "ping",
    "now": int(now),
    "method": "POST",
    "url": "https://bot.example.com/interactions",
    "headers": [["x-signature-timestamp", now], ["x-signature-ed25519", private.sign(now.encode() + body).hex()]],
    "body_b64": base64.b64encode(body).decode(),
}
print_case(
    accounts=[{"name": "discord", "identifiers": {"discord-application": "discord"}, "keys": [{"file": "ed25519.pub.pem"}]}],
    requests=[request],
    sign={"key": "ed25519.pem", "identifier": "discord", "method": "POST", "url": "https://bot.example.com/interactions", "body": '{"type":2}'},
    verifies=True,
)
