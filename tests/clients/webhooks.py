"""A receiver of webhooks: takes what the server pushes, and checks it with PyJWT over the key set that the server publishes."""

import http.server
import os
import threading
import time

import jwt

from cases import Cases, arguments, change_payload

PATIENCE = 120  # seconds until what waits has to be here; no case measures time
EVENT = "urn:countersign:event:key.registered"


def run(public):
    """Takes events until there is one of every account that was applied, and checks them all."""
    cases = Cases("webhooks")
    port = int(os.environ["COUNTERSIGN_HOOK_PORT"])
    audience = f"http://127.0.0.1:{port}/hook"
    taken = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            taken.append((self.headers["Content-Type"], body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    # Nobody listened until now: what was written meanwhile waits.
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys = jwt.PyJWKClient(f"{public}/.well-known/jwks.json")

    def verified(token):
        key = keys.get_signing_key_from_jwt(token).key
        return jwt.decode(token, key, algorithms=["ES256"], audience=audience, issuer="countersign", options={"require": ["iat", "jti"]})

    def events():
        return [verified(token) for _, token in list(taken)]

    def arrived():
        wanted = {"skykit-ops", "partner-a", "partner-b"}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            missing = wanted - {event["events"].get(EVENT, {}).get("account_name") for event in events()}
            if not missing:
                return ""
            time.sleep(0.2)
        return f"no event of a key of {sorted(missing)} among {len(taken)}"

    def typed():
        wrong = [kind for kind, token in taken if kind != "application/secevent+jwt" or jwt.get_unverified_header(token)["typ"] != "secevent+jwt"]
        return f"types are {wrong[:3]!r}" if wrong or not taken else ""

    def ordered():
        numbers = [about["audit"] for event in events() for about in event["events"].values()]
        ids = {event["jti"] for event in events()}
        return "" if numbers == sorted(set(numbers)) and len(ids) == len(numbers) else f"entries came as {numbers}"

    def bound():
        try:
            verified(change_payload(taken[0][1], sub_id={"format": "opaque", "id": "key_other"}))
        except jwt.InvalidSignatureError:
            return ""
        return "a changed event verifies"

    cases.holds("what was written before the receiver was there arrives and verifies with PyJWT", arrived)
    cases.holds("each is typed as a security event", typed)
    cases.holds("they come once, in the order of the audit log", ordered)
    cases.holds("a changed one does not verify", bound)
    cases.done()


if __name__ == "__main__":
    command, public, _ = arguments()
    if command == "run":
        run(public)
