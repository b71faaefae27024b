"""What the native half promises: nothing made by hand, faults and refusals told apart, one memory for all processes."""

import asyncio
import copy
import os
import pickle
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import countersign
from countersign import Account, Key
from support import DIALECTS, KEYS, accounts, age, digest_of, COMPANION, signer, make_key, STRANGER

PUBLIC = "https://api.example.com"
URL = PUBLIC + "/v1/things?page=2"
TARGET = "/v1/things?page=2"


def described():
    return accounts().replace('secret_file = "companion"', f'digest = "{digest_of(COMPANION)}"')


def verifier(dialect, **options):
    options = {"accounts": described(), "memory": "new process", "public": PUBLIC, **options}
    if "find" in options:
        del options["accounts"]
    return countersign.Verifier([dialect], **options)


def judge(verifier, signed, method="POST", target=TARGET, body=b"{}"):
    try:
        return verifier.verify(method, target, signed.headers, body).account
    except countersign.Refusal as refusal:
        return refusal.reason


class Core(unittest.TestCase):
    def test_every_dialect_there_and_back(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                signed = signer(dialect).sign("POST", URL, [("content-type", "application/json")], b"{}")
                headers = [("content-type", "application/json"), *signed.headers]
                who = verifier(dialect).verify("POST", TARGET, headers, b"{}")
                self.assertEqual((who.account, who.dialect), (f"of-{dialect}", dialect))
                self.assertTrue(who.fingerprint.startswith("SHA256:"))

    def test_nobody_makes_a_judgement_by_hand(self):
        for kind in (countersign.Recognised, countersign.Refused):
            with self.assertRaises(TypeError):
                kind()
            with self.assertRaises(TypeError):
                object.__new__(kind)
            with self.assertRaises(TypeError):
                type("Mine", (kind,), {})
        who = verifier("skykit").verify("GET", TARGET, signer("skykit").sign("GET", URL).headers, b"")
        for act in (lambda: setattr(who, "account", "root"), lambda: copy.copy(who), lambda: pickle.dumps(who)):
            with self.assertRaises((AttributeError, TypeError)):
                act()

    def test_a_refusal_has_a_reason_and_the_whole_answer(self):
        checked = verifier("http-signature")
        signed = signer("http-signature").sign("POST", URL, [], b"{}")
        self.assertEqual(judge(checked, signed, body=b"{ }"), "digest-mismatch")
        self.assertEqual(judge(checked, signed, target="/v1/others"), "bad-signature")
        self.assertEqual(judge(checked, signed), "of-http-signature")
        self.assertEqual(judge(checked, signed), "replayed")
        old = age(signer("http-signature"), 7200).sign("POST", URL, [], b"{}")
        with self.assertRaises(countersign.Refusal) as caught:
            checked.verify("POST", TARGET, old.headers, b"{}")
        refused = caught.exception.refused
        self.assertEqual((refused.kind, refused.status), ("time", 401))
        headers = dict(refused.headers)
        self.assertEqual(headers["countersign-reject"], refused.reject)
        self.assertIn(b'"code"', refused.body)
        unknown = signer("http-signature", key=STRANGER["ed25519"]).sign("POST", URL, [], b"{}")
        self.assertEqual(judge(checked, unknown), "unknown-account")
        self.assertEqual(judge(checked, countersign.Signed([], URL, None)), "missing-credentials")
        self.assertEqual(judge(checked, signed, body=b"x" * (checked.body_limit + 1)), "body-too-large")
        self.assertEqual(judge(checked, signed, target="/\xff"), "malformed-credential")

    def test_what_a_function_raises_is_a_fault_with_its_cause(self):
        class Away(Exception):
            pass

        def away(*_):
            raise Away("the database")

        signed = signer("asymmetric-jwt").sign("GET", URL)
        found = lambda asked: Account(asked.identifier, [signer("asymmetric-jwt").public_key])  # noqa: E731
        for options in ({"find": away}, {"find": found, "memory": away}):
            with self.assertRaises(countersign.Fault) as caught:
                verifier("asymmetric-jwt", **options).verify("GET", TARGET, signed.headers)
            self.assertIsInstance(caught.exception.__cause__, Away)
        # Nothing that is not exactly an answer is one.
        for wrong in (None, 1, 0, "", "yes"):
            with self.assertRaises(countersign.Fault):
                verifier("asymmetric-jwt", find=found, memory=lambda *_: wrong).verify("GET", TARGET, signed.headers)
        for wrong in (True, "guido", {"name": "guido"}, [], Account("guido", [7]), Account("", ["no key"]), Account("guido", [], paths=["public"])):
            with self.assertRaises(countersign.Fault):
                verifier("asymmetric-jwt", find=lambda asked: wrong).verify("GET", TARGET, signed.headers)

        def ended(*_):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            verifier("asymmetric-jwt", find=ended).verify("GET", TARGET, signed.headers)

    def test_a_key_that_cannot_be_used_looks_like_an_unknown_name_and_is_logged(self):
        def answer(find):
            with self.assertRaises(countersign.Refusal) as caught:
                verifier("asymmetric-jwt", find=find).verify("GET", TARGET, signer("asymmetric-jwt").sign("GET", URL).headers)
            refused = caught.exception.refused
            return refused.status, [pair for pair in refused.headers if pair[0] not in ("countersign-reject", "countersign-time")], refused.body

        with self.assertNoLogs("countersign"):
            unknown = answer(lambda asked: None)
        for enabled in (True, False):
            with self.assertLogs("countersign", "ERROR") as told:
                self.assertEqual(answer(lambda asked: Account("Guido", [Key("no key", label="old")], enabled=enabled)), unknown)  # noqa: B023
            self.assertIn('no key of account Guido can be used: key "old"', told.output[0])

    def test_what_is_shown_of_a_signed_request_is_no_credential(self):
        signed = signer("skykit").sign("GET", URL)
        shown = repr(signed)
        self.assertIn("authorization", shown.lower())
        self.assertNotIn(signed.headers[0][1].decode(), shown)
        self.assertNotIn("page=2", shown)

    def test_the_program_is_asked_with_what_the_proof_names(self):
        asked = []
        public = signer("asymmetric-jwt").public_key

        def find(who):
            asked.append(who)
            return Account("Guido", [Key(public, label="laptop")], id="7") if who.identifier == "guido" else None

        claimed = {}
        memory = lambda digest, expires: claimed.setdefault(digest, expires) == expires and len(claimed) == 1  # noqa: E731
        checked = verifier("asymmetric-jwt", find=find, memory=memory)
        signed = signer("asymmetric-jwt").sign("GET", URL)
        who = checked.verify("GET", TARGET, signed.headers)
        self.assertEqual((who.account, who.account_id, who.identifier, who.key_label), ("Guido", "7", "guido", "laptop"))
        self.assertEqual((asked[0].namespace, asked[0].identifier), ("user", "guido"))
        ((digest, expires),) = claimed.items()
        self.assertEqual(len(digest), 32)
        self.assertLess(abs(expires - time.time()), 120)
        barry = signer("asymmetric-jwt", identifier="barry").sign("GET", URL)
        self.assertEqual(judge(checked, barry, method="GET", body=b""), "unknown-account")
        expired = lambda asked: Account("guido", [Key(public, expires=1)])  # noqa: E731
        self.assertEqual(judge(verifier("asymmetric-jwt", find=expired), signer("asymmetric-jwt").sign("GET", URL), "GET", body=b""), "key-not-live")

    def test_asynchronous_functions_are_waited_for_on_the_loop(self):
        public = signer("asymmetric-jwt").public_key

        async def find(asked):
            await asyncio.sleep(0)
            return Account(asked.identifier, [public])

        used = set()

        async def claim(digest, expires):
            await asyncio.sleep(0)
            return digest not in used and not used.add(digest)

        checked = verifier("asymmetric-jwt", find=find, memory=claim)
        signed = signer("asymmetric-jwt").sign("GET", URL)

        async def twice():
            who = await checked.averify("GET", TARGET, signed.headers)
            with self.assertRaises(countersign.Refusal) as caught:
                await checked.averify("GET", TARGET, signed.headers)
            return who.account, caught.exception.reason

        self.assertEqual(asyncio.run(twice()), ("guido", "replayed"))
        with self.assertRaises(countersign.Fault):
            checked.verify("GET", TARGET, signer("asymmetric-jwt").sign("GET", URL).headers)

    def test_what_an_asynchronous_function_waits_for_does_not_stand_behind_judgements(self):
        public = signer("asymmetric-jwt").public_key

        async def find(asked):
            # As a name's address is looked up: in the loop's own threads.
            return await asyncio.to_thread(Account, asked.identifier, [public])

        checked = verifier("asymmetric-jwt", find=find)

        async def several():
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            made = [signer("asymmetric-jwt").sign("GET", URL) for _ in range(8)]
            return await asyncio.gather(*[checked.averify("GET", TARGET, signed.headers) for signed in made])

        self.assertEqual([who.account for who in asyncio.run(several())], ["guido"] * 8)

    def test_a_memory_in_this_process_does_not_serve_one_that_was_forked_off(self):
        checked = verifier("asymmetric-jwt")
        signed = signer("asymmetric-jwt").sign("GET", URL)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                checked.verify("GET", TARGET, signed.headers)
                os.write(writing, b"let in")
            except countersign.Fault as fault:
                os.write(writing, str(fault).encode())
            finally:
                os._exit(0)
        os.close(writing)
        told = os.read(reading, 1000).decode()
        os.close(reading)
        os.waitpid(child, 0)
        self.assertIn("forked", told)
        self.assertEqual(judge(checked, signed, "GET", body=b""), "of-asymmetric-jwt")

    def test_a_proof_works_once_among_many_threads(self):
        checked = verifier("asymmetric-jwt")
        signed = signer("asymmetric-jwt").sign("GET", URL)
        found = []
        start = threading.Barrier(8)

        def one():
            start.wait()
            found.append(judge(checked, signed, "GET", body=b""))

        threads = [threading.Thread(target=one) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(found), ["of-asymmetric-jwt"] + ["replayed"] * 7)

    def test_what_cannot_be_opened_says_why(self):
        for words, options in [
            ("replay memory", {"memory": None}),
            ("public address", {"public": None, "dialect": "http-signature"}),
            ("session", {"dialect": "own-session"}),
            ("no-such", {"dialect": "no-such"}),
            ("bdy", {"require": ["bdy"]}),
            ("several or none", {"accounts": None}),
            ("memory", {"memory": "here"}),
            ("wanted lists, found a text", {"admit": "of-asymmetric-jwt"}),
            ("wanted lists, found a text", {"require": "once"}),
        ]:
            with self.subTest(words), self.assertRaises(countersign.Unusable) as caught:
                verifier(options.pop("dialect", "asymmetric-jwt"), **options)
            self.assertIn(words, str(caught.exception))
        for words, options in [
            ("one of key and key_file", {}),
            ("private key", {"key": "nothing"}),
            ("no-such.pem", {"key_file": "no-such.pem"}),
            ("algorithm", {"key": KEYS["skykit"], "algorithm": "ROT13"}),
        ]:
            with self.subTest(words), self.assertRaises(countersign.Unusable) as caught:
                countersign.Signer("skykit", "me@example.com", **options)
            self.assertIn(words, str(caught.exception))
        with self.assertRaises(countersign.NotSigned):
            countersign.Signer("skykit", "me@example.com", key=make_key("ed25519")).sign("GET", URL)
        with self.assertRaises(countersign.NotSigned):
            signer("skykit").sign("GET", "/relative")
        with self.assertRaises(countersign.ClockTooFar):
            age(signer("skykit"), 86_400 * 3)


if __name__ == "__main__":
    unittest.main()
