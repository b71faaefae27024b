"""discord-interactions verifies what countersign signs; Discord itself signs on its own servers only."""
#: dialect discord
#: pip discord-interactions==0.4.0
#: pip cryptography==42.0.8
#: vendor discord-interactions
#: note the package only verifies
import base64
import sys
import time

from capture import Keys, print_case, verifying
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

keys = Keys()
private = load_pem_private_key(keys.text("ed25519").encode(), None)
signed = verifying()
if signed:
    from discord_interactions import verify_key

    headers = {name.lower(): value for name, value in signed["headers"]}
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    good = verify_key(base64.b64decode(signed["body_b64"]), headers["x-signature-ed25519"], headers["x-signature-timestamp"], public)
    sys.exit(0 if good else 1)

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
