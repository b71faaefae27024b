"""The Space and Time SDK (PyPI spaceandtime 1.1.73), unmodified, pointed at our base address through its own `api_url` setting."""

import base64
import json
import logging
import os
import secrets
import sys
import tempfile
import threading
import time
from pathlib import Path

from spaceandtime import SpaceAndTime, SXTBaseAPI, SXTKeyManager, SXTUser

from cases import ANY, Cases, flip_signature, refusal_complaint, unb64url, upstream_complaint

GRACE = 10  # seconds the server under test lets a repeated refresh have the same new pair
# What base64url makes of `{"type":"access","kid":"`: clients in the wild recognise tokens by it.
ACCESS_TOKEN_START = "eyJ0eXBlIjoiYWNjZXNzIiwia2lkIjoi"
# The SDK loads its modules twice, under two names, and takes only these members: not those it exports itself.
SXTApiCallTypes, SXTKeyEncodings = SXTBaseAPI.APICALLTYPE, SXTKeyManager.ENCODINGS
LOGGER = logging.getLogger("spaceandtime")
LOGGER.addHandler(logging.NullHandler())
LOGGER.propagate = False


def prepare(folder):
    """Makes the key of the user who is known beforehand, with the SDK; what exists stays."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "alice.pub.txt").exists():
        keys = SXTKeyManager(new_keypair=True, encoding=SXTKeyEncodings.BASE64, logger=LOGGER)
        (folder / "alice.txt").write_text(keys.private_key)
        (folder / "alice.pub.txt").write_text(keys.public_key)
    if not (folder / "api-key.txt").exists():
        (folder / "api-key.txt").write_text(secrets.token_urlsafe(32) + "\n")


class Answer:
    """What the SDK gives back from a call, as an answer with a status and a text."""

    def __init__(self, outcome):
        success, found = outcome
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        self.success, self.found = success, found
        self.status_code = 200 if success else found.get("status_code") if isinstance(found, dict) else None
        self.text = json.dumps(found, default=str) if success else str(found.get("text", "") if isinstance(found, dict) else found)

    def json(self):
        return self.found


def run(public, folder):
    """Runs every case. User names are new in each run, since whoever registers a name first has it."""
    cases = Cases("spacetime")
    run_id = secrets.token_hex(4)
    alice_key = (folder / "alice.txt").read_text()
    resource = "/spacetime/v1/sql"

    def user(name, key=None):
        """A user object with a key of its own; `key` is a private key in base64."""
        made = SXTUser(api_url=public, user_id=name, user_private_key=key, logger=LOGGER)
        if key is None:
            made.new_keypair()
        return made

    def with_token(token):
        api = SXTBaseAPI(access_token=token, logger=LOGGER)
        api.api_url = public
        return api

    def fetch(api, path=resource, method=SXTApiCallTypes.GET, data=None):
        """A call of a protected resource behind the gateway, by the SDK's own request function."""
        return Answer(api.call_api(public + path, True, method, data_parms=data or {}, endpoint_full_override_flag=True))

    def sign_in(who):
        """Signs in and complains when that did not work."""
        success, found = who.authenticate()
        return "" if success else f"authenticate: {found!r}"

    def upstream(who, identifier, account=ANY, **more):
        return upstream_complaint(fetch(who.base_api, **more), "own-session", account=account, identifier=identifier)

    # --- register ---
    newcomer = user(f"newcomer-{run_id}")
    cases.holds("a new name does not exist yet", lambda: "" if newcomer.exists is False and never_5xx(
        Answer(newcomer.base_api.auth_idexists(newcomer.user_id))) else "it exists")
    cases.holds("register_new_user", lambda: succeeded(newcomer.register_new_user(email=f"{run_id}@example.com")))
    cases.holds("then the name exists", lambda: "" if newcomer.exists else "it does not")
    cases.holds("its access token opens the resource", lambda: upstream(newcomer, newcomer.user_id))
    cases.holds("a second registration of the name with another key is refused", lambda: failed(
        user(newcomer.user_id).register_new_user(email="thief@example.com")))
    simple = user(f"simple-{run_id}")
    cases.holds("asking for a code creates nobody", lambda: (
        succeeded(simple.base_api.get_auth_challenge_token(simple.user_id)) or ("it exists" if simple.exists else "")))
    cases.holds("an unknown user signs in and is created", lambda: sign_in(simple))
    cases.holds("which opens the resource", lambda: upstream(simple, simple.user_id))
    cases.holds("a code asked for with a join code, which the SDK drops, comes all the same", lambda: has(
        user(f"joiner-{run_id}").base_api.auth_code(f"joiner-{run_id}", joincode="no-such-code"), "authCode"))
    cases.holds("a user id with a slash, which the SDK leaves in the path", lambda: (
        "it exists" if user(f"team-{run_id}/alice").exists else never_5xx_complaint(
            Answer(newcomer.base_api.auth_idexists(f"team-{run_id}/alice")))))

    # --- authenticate ---
    sxt = SpaceAndTime(api_url=public, user_id="alice", user_private_key=alice_key, logger=LOGGER)
    alice = sxt.user
    cases.holds("authenticate with a registered key", lambda: succeeded(sxt.authenticate()))
    cases.holds("GET with the SDK's `{}` body reaches the upstream", lambda: upstream(alice, "alice", "space-alice"))
    cases.holds("POST reaches the upstream", lambda: upstream(
        alice, "alice", "space-alice", method=SXTApiCallTypes.POST, data={"sqlText": "select 'ü/😀'"}))
    cases.holds("access token as clients know it", lambda: token_shape(alice.access_token, "access", 1500, alice))
    cases.holds("refresh token as clients know it", lambda: token_shape(alice.refresh_token, "refresh", 1800, alice))
    cases.holds("expiries in milliseconds", lambda: expiry_shape(alice))
    cases.holds("several sessions at once", lambda: sign_in(user("alice", alice_key)) or upstream(alice, "alice", "space-alice"))

    # --- validate ---
    cases.holds("auth_validtoken has its five members", lambda: five_members(alice.base_api.auth_validtoken(), "alice"))
    cases.holds("the SDK's own view of it", lambda: "" if (
        alice.get_user_network_info()["connected_flag"] and alice.get_user_network_info()["userId"] == "alice"
    ) else f"{alice.get_user_network_info()!r}")
    cases.holds("members of the organisation, by name", lambda: has(alice.get_subscription_users(), "alice"))

    # --- wrong keys, wrong codes ---
    def token_call(name, keys, code=None, signed=None, key=None, scheme="ed25519"):
        """One sign-in by hand with the SDK's calls, each part of which can be another one."""
        api = with_token("")
        if code is None:
            code = Answer(api.get_auth_challenge_token(name)).found["authCode"]
        return Answer(api.get_access_token(
            name, code, signed or keys.sign_message(code), key or keys.public_key_to(SXTKeyEncodings.BASE64), scheme=scheme))

    stranger = SXTKeyManager(new_keypair=True, encoding=SXTKeyEncodings.BASE64, logger=LOGGER)
    mine = SXTKeyManager(private_key=alice_key, encoding=SXTKeyEncodings.BASE64, logger=LOGGER)
    cases.holds("a good sign-in by hand", lambda: "" if token_call("alice", mine).success else "refused")
    cases.holds("a code with a prefix, signed unchanged as every SDK does", lambda: "" if token_call("alice", mine, code=Answer(
        with_token("").auth_code("alice", prefix="Sign in to our app: ")).found["authCode"]).success else "refused")
    cases.refuse("a key that is not the user's", lambda: token_call("alice", stranger))
    cases.holds("authenticate() says so", lambda: failed(user("alice").authenticate()))
    cases.refuse("the user's key, another's signature", lambda: token_call(
        "alice", stranger, key=mine.public_key_to(SXTKeyEncodings.BASE64)))
    cases.refuse("another user's key", lambda: token_call(newcomer.user_id, mine))
    cases.refuse("a code nobody gave out", lambda: token_call("alice", mine, code=secrets.token_hex(16)))
    cases.refuse("a code of another user", lambda: token_call("alice", mine, code=Answer(
        with_token("").get_auth_challenge_token(newcomer.user_id)).found["authCode"]))
    cases.refuse("signature over the decoded code", lambda: decoded_code(with_token(""), mine))
    cases.holds("a code works once", lambda: code_works_once(with_token(""), mine, token_call))
    cases.refuse("a scheme nobody knows", lambda: token_call("alice", mine, scheme="rsa"), status=400)
    cases.refuse("a key of 31 bytes", lambda: token_call("alice", mine, key=base64.b64encode(bytes(31)).decode()), status=400)
    cases.refuse("a signature that is no hex", lambda: token_call("alice", mine, signed="zz"), status=400)

    # --- the resource with wrong tokens ---
    cases.refuse("resource without a token", lambda: fetch(with_token("")))
    cases.refuse("resource with the refresh token", lambda: fetch(with_token(alice.refresh_token)))
    cases.refuse("resource with one bit of the signature changed", lambda: fetch(with_token(flip_signature(alice.access_token))))
    cases.refuse("validtoken without a token", lambda: Answer(with_token("").auth_validtoken()))
    cases.holds("the text that the SDK's own test looks for", lambda: "" if "JWT authorization failed" in Answer(
        with_token("").auth_validtoken()).text else "it is missing")
    cases.refuse("access token at refresh", lambda: Answer(with_token("").token_refresh(alice.access_token)))

    # --- add a key ---
    second = SXTKeyManager(new_keypair=True, encoding=SXTKeyEncodings.BASE64, logger=LOGGER)
    owner = user(f"owner-{run_id}")
    cases.holds("a user who will add a key", lambda: sign_in(owner))
    cases.refuse("adding a key with a code for signing in", lambda: add_key(
        owner, second, Answer(owner.base_api.get_auth_challenge_token(owner.user_id)).found["authCode"]))
    cases.refuse("adding a key without having it", lambda: add_key(owner, second, signer=stranger))
    cases.refuse("adding a key without a token", lambda: Answer(with_token("").auth_addkey_challenge()))
    cases.refuse("the second key before it is added", lambda: token_call(owner.user_id, second))
    cases.holds("add a key", lambda: "" if add_key(owner, second).success else "refused")
    cases.holds("it is listed", lambda: listed(owner.base_api.auth_keys(), second.public_key_to(SXTKeyEncodings.BASE64)))
    cases.holds("sign in with the second key", lambda: sign_in(user(owner.user_id, second.private_key_to(SXTKeyEncodings.BASE64))))
    cases.holds("the first key still works", lambda: sign_in(owner))

    # --- API key ---
    def api_key_call(text):
        """The SDK's API-key call with our address in place of the one it has built in."""
        return Answer(with_token("").call_api(
            public + "/v1/auth/apikey", False, header_parms={"apikey": text}, endpoint_full_override_flag=True))

    api_key = (folder / "api-key.txt").read_text().strip()
    cases.holds("an API key gives an access token", lambda: upstream_complaint(
        fetch(with_token(api_key_call(api_key).found["accessToken"])), "own-session", account="space-alice", identifier="alice", key=False))
    cases.refuse("a wrong API key", lambda: api_key_call("0" * 43))

    # --- refresh ---
    refresher = user(f"refresher-{run_id}")
    cases.holds("a user who will refresh", lambda: sign_in(refresher))
    first = (refresher.access_token, refresher.refresh_token)
    # reauthenticate() has its test turned round in 1.1.73: it wants a refresh token that it thinks has expired.
    refresher.refresh_token_expire_epoch = 0
    cases.holds("reauthenticate() refreshes", lambda: succeeded(refresher.reauthenticate()))
    cases.holds("both tokens are new", lambda: "" if not {refresher.access_token, refresher.refresh_token} & set(first) else "one is old")
    cases.holds("the new access token opens the resource", lambda: upstream(refresher, refresher.user_id))
    cases.refuse("one bit of a refresh token", lambda: Answer(with_token("").token_refresh(flip_signature(refresher.refresh_token))))
    cases.holds("two threads refresh at once and get the same pair", lambda: two_threads(refresher, with_token, fetch))
    current = refresher.base_api
    cases.holds("the session goes on", lambda: succeeded(current.token_refresh(current.refresh_token)))
    cases.holds("and its newest token opens the resource", lambda: upstream(refresher, refresher.user_id))
    other = user(refresher.user_id, refresher.key_manager.private_key_to(SXTKeyEncodings.BASE64))
    cases.holds("another session of the same user", lambda: sign_in(other))
    time.sleep(GRACE + 2)  # the grace must be over for the next case; nothing is measured
    cases.refuse("a refresh token used long before", lambda: Answer(with_token("").token_refresh(first[1])))
    cases.refuse("which ends its session: the access token", lambda: fetch(current))
    cases.refuse("which ends its session: the refresh token", lambda: Answer(with_token("").token_refresh(current.refresh_token)))
    cases.holds("but no other session", lambda: upstream(other, refresher.user_id))

    # --- log out ---
    cases.holds("log out with the access token, as this SDK does", lambda: succeeded(alice.base_api.auth_logout()))
    cases.refuse("then the resource", lambda: fetch(alice.base_api))
    cases.refuse("then validtoken", lambda: Answer(alice.base_api.auth_validtoken()))
    cases.refuse("then refresh", lambda: Answer(with_token("").token_refresh(alice.refresh_token)))
    cases.refuse("logging out without a token", lambda: Answer(with_token("").auth_logout()))
    cases.holds("sign in again, log out with the refresh token, as other SDKs do", lambda: (
        sign_in(simple) or succeeded(with_token(simple.refresh_token).auth_logout())))
    cases.refuse("then the resource with the access token", lambda: fetch(simple.base_api))
    cases.done()


def succeeded(outcome):
    """"" when an SDK call says that it worked."""
    return "" if outcome[0] is True else f"the SDK reports a failure: {outcome[1]!r}"


def failed(outcome):
    """"" when an SDK call says that it did not work, because of a 401: the SDK keeps the status in the text of its error."""
    if outcome[0] is not False:
        return "the SDK reports success"
    return "" if "'status_code': 401" in str(outcome[1][0]) else f"expected a failure with 401, found {outcome[1]!r}"


def has(outcome, member):
    """"" when an SDK call worked and its answer has this member."""
    return succeeded(outcome) or ("" if member in outcome[1] else f"expected {member!r}, found {outcome[1]!r}")


def never_5xx(answer):
    return answer.status_code is not None and answer.status_code < 500


def never_5xx_complaint(answer):
    return "" if never_5xx(answer) else f"found {answer.status_code}"


def token_shape(token, kind, life, who):
    """"" when the token has the header and the claims that samples in the wild show."""
    header, claims = (json.loads(unb64url(part)) for part in token.split(".")[:2])
    if list(header) != ["type", "kid", "alg"] or header["type"] != kind or header["alg"] != "ES256":
        return f"header: {header!r}"
    if kind == "access" and not token.startswith(ACCESS_TOKEN_START):
        return f"start: {token[:40]}"
    missing = {"iat", "nbf", "exp", "type", "user", "session", "ssn_exp", "iteration"} - set(claims)
    if missing:
        return f"claims missing: {sorted(missing)}"
    if claims["exp"] - claims["iat"] != life:
        return f"life: expected {life}, found {claims['exp'] - claims['iat']}"
    if claims["type"] != kind or claims["user"] != who.user_id:
        return f"claims: {claims!r}"
    if claims["exp"] != (who.access_token_expire_epoch if kind == "access" else who.refresh_token_expire_epoch) // 1000:
        return "exp and the expiry in the answer differ"
    for name in ["session", "iteration"]:
        if len(claims[name]) != 24 or set(claims[name]) - set("0123456789abcdef"):
            return f"{name}: expected 24 hex digits, found {claims[name]!r}"
    other = json.loads(unb64url(who.refresh_token.split(".")[1]))
    return "" if other["iteration"] == claims["iteration"] else "the tokens of the pair have different iterations"


def expiry_shape(who):
    """"" when both expiries are integers, in milliseconds, and the SDK thinks neither has passed."""
    epochs = [who.access_token_expire_epoch, who.refresh_token_expire_epoch]
    if not all(type(epoch) is int and epoch > 1_000_000_000_000 for epoch in epochs):
        return f"found {epochs!r}"
    return "the SDK thinks they have passed" if who.access_expired or who.refresh_expired else ""


def five_members(outcome, name):
    """"" when validtoken's answer has its five members."""
    wanted = ["userId", "subscriptionId", "restricted", "quotaExceeded", "trial"]
    complaint = succeeded(outcome)
    if complaint:
        return complaint
    missing = [member for member in wanted if member not in outcome[1]]
    return f"missing: {missing}" if missing else "" if outcome[1]["userId"] == name else f"userId: {outcome[1]['userId']!r}"


def decoded_code(api, keys):
    """A signature over the bytes that the hex stands for; what is signed is the text."""
    code = Answer(api.get_auth_challenge_token("alice")).found["authCode"]
    from nacl.signing import SigningKey

    signed = SigningKey(keys.private_key_to(SXTKeyEncodings.BYTES)).sign(bytes.fromhex(code[: len(code) // 2 * 2])).signature.hex()
    return Answer(api.get_access_token("alice", code, signed, keys.public_key_to(SXTKeyEncodings.BASE64)))


def code_works_once(api, keys, token_call):
    """"" when a code signs in once, and not again."""
    code = Answer(api.get_auth_challenge_token("alice")).found["authCode"]
    if not token_call("alice", keys, code=code).success:
        return "refused the first time"
    return refusal_complaint(token_call("alice", keys, code=code), 401)


def add_key(who, keys, code=None, signer=None):
    """Adds a key to a signed-in user, as the SDK's documentation shows."""
    if code is None:
        code = Answer(who.base_api.auth_addkey_challenge()).found["authCode"]
    return Answer(who.base_api.auth_addkey(
        who.user_id, keys.public_key_to(SXTKeyEncodings.BASE64), code, (signer or keys).sign_message(code)))


def listed(outcome, key):
    """"" when the list of keys holds this one."""
    return succeeded(outcome) or ("" if key in json.dumps(outcome[1]) else f"expected {key} in {outcome[1]!r}")


def two_threads(who, with_token, fetch):
    """"" when two simultaneous refreshes with one token get one and the same new pair, and it works."""
    barrier, apis, outcomes = threading.Barrier(2), [with_token(""), with_token("")], [None, None]

    def refresh(place):
        barrier.wait()
        outcomes[place] = apis[place].token_refresh(who.refresh_token)

    threads = [threading.Thread(target=refresh, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for outcome in outcomes:
        complaint = succeeded(outcome)
        if complaint:
            return complaint
    # Signatures may differ, since ECDSA draws a number for each; what is signed must not.
    pairs = [tuple(outcome[1][name].rsplit(".", 1)[0] for name in ("accessToken", "refreshToken")) for outcome in outcomes]
    if pairs[0] != pairs[1]:
        return "the threads got different pairs"
    for api in apis:
        if fetch(api).status_code != 200:
            return f"a new access token: {fetch(api).status_code}"
    who.base_api = apis[0]
    who.access_token, who.refresh_token = apis[0].access_token, apis[0].refresh_token
    return ""


if __name__ == "__main__":
    from cases import arguments

    command, base, where = arguments()
    where = Path(where).resolve() / "spacetime"
    os.chdir(tempfile.mkdtemp())  # the SDK reads ./.env when there is one
    sys.exit(prepare(where) if command == "prepare" else run(base, where))
