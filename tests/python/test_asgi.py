"""Starlette under uvicorn, its WebSockets, and messages that a server may send."""

import asyncio
import json
import logging
import unittest
from concurrent.futures import ThreadPoolExecutor

import websockets.exceptions
import websockets.sync.client

import countersign
import countersign.asgi
from countersign import Account
from support import DIALECTS, STRANGER, WORK, Server, accounts_file, age, code_of, exchange, free_port, python, raw_request, redis, signer, status_of

PUBLIC = "https://api.example.com"
BODY = b'{"a": 1}'


class Uvicorn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = redis()
        cls.addClassCleanup(cls.redis.stop)
        cls.server = cls.serve()
        cls.addClassCleanup(cls.server.stop)

    @classmethod
    def serve(cls, **env):
        port = free_port()
        file = accounts_file(WORK / f"accounts-{port}")
        command = python("-m", "uvicorn", "--workers", "2", "--port", str(port), "starlette_app:app")
        memory = f"redis://127.0.0.1:{cls.redis.port}/0"
        return Server("uvicorn", command, port, DIALECTS=json.dumps(list(DIALECTS)), ACCOUNTS=str(file), MEMORY=memory, PUBLIC=PUBLIC, **env)

    def send(self, signed, method="GET", target="/x", body=b"", headers=(), **options):
        request = raw_request(method, target, "api.example.com", [*headers, *signed.headers], body, **options)
        return exchange(self.server.port, request)

    def told(self, answer):
        self.assertEqual(status_of(answer), 200, answer)
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def test_every_dialect_is_recognised(self):
        target = "/v1/a%20b/%C3%A9?q=%2F&q=2"
        for dialect in DIALECTS:
            with self.subTest(dialect):
                told = self.told(self.send(signer(dialect).sign("POST", PUBLIC + target, [], BODY), "POST", target, BODY))
                self.assertEqual((told["account"], told["body"], told["started"]), (f"of-{dialect}", BODY.decode(), ["yes"]))

    def test_what_does_not_hold_is_refused_with_its_reason(self):
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], BODY)
        for what, code in [
            ({"body": b'{"a": 2}'}, "digest-mismatch"),
            ({"target": "/%78"}, "refused"),
            ({"target": "/y"}, "refused"),
            ({"method": "GET"}, "refused"),
        ]:
            answer = self.send(signed, **{"method": "POST", "body": BODY, **what})
            self.assertEqual((status_of(answer), code_of(answer)), (401, code), what)
        self.told(self.send(signed, "POST", body=BODY))
        self.assertEqual(code_of(self.send(signed, "POST", body=BODY)), "replayed")
        old = age(signer("asymmetric-jwt"), 7200).sign("GET", PUBLIC + "/x")
        self.assertEqual(code_of(self.send(old)), "out-of-window")
        stranger = signer("skykit", key=STRANGER["rsa"]).sign("GET", PUBLIC + "/x")
        self.assertEqual(code_of(self.send(stranger)), "refused")
        self.assertEqual(code_of(self.send(countersign.Signed([], "", None))), "missing-credentials")
        twice = countersign.Signed(signer("asymmetric-jwt").sign("GET", PUBLIC + "/x").headers * 2, "", None)
        self.assertEqual(status_of(self.send(twice)), 401)
        large = b"x" * 100_001
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], large)
        self.assertEqual(status_of(self.send(signed, "POST", body=large)), 413)
        chunked = b"%x\r\n" % len(large) + large + b"\r\n0\r\n\r\n"
        answer = self.send(signed, "POST", body=chunked, headers=[("Transfer-Encoding", "chunked")], length=False)
        self.assertEqual(status_of(answer), 413)

    def test_chunked_bodies_are_judged_whole(self):
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], BODY)
        chunked = b"3\r\n" + BODY[:3] + b"\r\n5\r\n" + BODY[3:] + b"\r\n0\r\n\r\n"
        answer = self.send(signed, "POST", body=chunked, headers=[("Transfer-Encoding", "chunked")], length=False)
        self.assertEqual(self.told(answer)["body"], BODY.decode())

    def test_a_proof_works_once_in_both_workers_together(self):
        signed = signer("asymmetric-jwt").sign("GET", PUBLIC + "/x")
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: self.send(signed), range(24)))
        self.assertEqual(sorted(status_of(answer) for answer in answers), [200] + [401] * 23)

    def test_headers_that_imitate_an_identity_do_not_arrive(self):
        imitating = [("Remote-User", "root"), ("X_Remote_User", "root"), ("x-COUNTERSIGN-account", "root"), ("X-Forwarded-User", "root")]
        told = self.told(self.send(signer("skykit").sign("GET", PUBLIC + "/x"), headers=[*imitating, ("X-Amount", "1"), ("X_Amount", "999"), ("X_Lone", "2")]))
        self.assertNotIn("root", json.dumps(told["headers"]))
        self.assertEqual([told["headers"].get(name) for name in ("x-amount", "x_amount", "x_lone")], ["1", None, "2"])

    def test_a_websocket_is_recognised_by_its_handshake(self):
        def talk(signed):
            headers = [(name, value.decode()) for name, value in signed.headers]
            with websockets.sync.client.connect(f"ws://127.0.0.1:{self.server.port}/talk", additional_headers=headers) as line:
                return json.loads(line.recv())["account"]

        for dialect in ("asymmetric-jwt", "http-signature"):
            self.assertEqual(talk(signer(dialect).sign("GET", PUBLIC + "/talk")), f"of-{dialect}")
        with self.assertRaises(websockets.exceptions.InvalidStatus) as caught:
            talk(signer("http-signature").sign("GET", PUBLIC + "/other"))
        self.assertEqual(caught.exception.response.status_code, 401)
        with self.assertRaises(websockets.exceptions.InvalidStatus):
            talk(countersign.Signed([], "", None))

    def test_where_proofs_are_optional_a_wrong_one_is_refused(self):
        server = self.serve(OPTIONAL="yes")
        self.addCleanup(server.stop)
        answer = exchange(server.port, raw_request("GET", "/x", "h", [("Remote-User", "root")]))
        self.assertEqual(self.told(answer)["account"], None)
        stranger = signer("asymmetric-jwt", key=STRANGER["ed25519"]).sign("GET", PUBLIC + "/x")
        self.assertEqual(status_of(exchange(server.port, raw_request("GET", "/x", "h", stranger.headers))), 401)


class Messages(unittest.TestCase):
    """What a server may send, and what it gets."""

    def setUp(self):
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)

    def call(self, messages, scope=None, dialect="http-signature", body=BODY, **options):
        options = {"accounts_file": accounts_file(WORK / "messages"), "memory": "new process", "public": PUBLIC, **options}
        if "find" in options:
            del options["accounts_file"]
        verifier = countersign.Verifier([dialect], **options)
        signed = signer(dialect).sign("POST", PUBLIC + "/a%2Fb?x=1", [], body)
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/a/b",
            "raw_path": b"/a%2Fb",
            "query_string": b"x=1",
            "headers": [(name.encode(), value) for name, value in signed.headers],
            **(scope or {}),
        }
        waiting, sent, read = list(messages), [], []

        async def receive():
            return waiting.pop(0)

        async def send(message):
            sent.append(message)

        async def app(scope, receive, send):
            read.append(scope)
            while len(read) < 10:
                read.append(await receive())
                if not read[-1].get("more_body"):
                    break
            await send({"type": "http.response.start", "status": 200, "headers": []})

        asyncio.run(countersign.asgi.Middleware(app, verifier)(scope, receive, send))
        return (sent[0].get("status", sent[0]["type"]) if sent else None), read, waiting

    def piece(self, body, more=False):
        return {"type": "http.request", "body": body, "more_body": more}

    def test_the_body_comes_in_pieces_and_goes_on_in_one(self):
        status, read, left = self.call([self.piece(BODY[:3], True), self.piece(b"", True), self.piece(BODY[3:]), {"type": "http.disconnect"}])
        self.assertEqual((status, read[1]), (200, {"type": "http.request", "body": BODY, "more_body": False}))
        self.assertEqual(left, [{"type": "http.disconnect"}])
        self.assertEqual(read[0]["countersign"].account, "of-http-signature")

    def test_who_goes_away_is_not_judged(self):
        self.assertEqual(self.call([self.piece(BODY[:3], True), {"type": "http.disconnect"}]), (None, [], []))
        # Nor is the beginning of a body taken for all of it.
        self.assertEqual(self.call([self.piece(BODY[:3], True), {"type": "http.disconnect"}], body=BODY[:3]), (None, [], []))

    def test_paths_that_differ_or_are_not_told(self):
        body = [self.piece(BODY)]
        self.assertEqual(self.call(body, {"path": "/admin"})[0], 503)
        self.assertEqual(self.call(body, {"raw_path": None})[0], 503)
        self.assertEqual(self.call(body, {"raw_path": b"/a%2Fb?x=1"})[0], 200)
        self.assertEqual(self.call(body, {"raw_path": b"/a%2fb"})[0], 401)
        self.assertEqual(self.call(body, {"query_string": b"x=2"})[0], 401)

    def test_what_fails_on_our_side_is_a_fault(self):
        async def away(*_):
            raise ConnectionError("the database")

        public = signer("asymmetric-jwt").public_key
        found = lambda asked: Account(asked.identifier, [public])  # noqa: E731
        for options in ({"find": away}, {"find": found, "memory": away}):
            self.assertEqual(self.call([self.piece(BODY)], dialect="asymmetric-jwt", **options)[:2], (503, []))

    def test_what_is_neither_request_nor_websocket(self):
        status, read, _ = self.call([{"type": "lifespan.startup"}], {"type": "lifespan"})
        self.assertEqual((status, read[0]["type"]), (200, "lifespan"))
        with self.assertRaises(RuntimeError):
            self.call([], {"type": "webtransport"})
        # A server that cannot send an answer to a handshake is told to close it.
        status, read, _ = self.call([{"type": "websocket.connect"}], {"type": "websocket", "path": "/other"}, dialect="skykit", body=b"")
        self.assertEqual((status, len(read)), (200, 2))
        status, read, _ = self.call([{"type": "websocket.connect"}], {"type": "websocket", "headers": []})
        self.assertEqual((status, read), ("websocket.close", []))


if __name__ == "__main__":
    unittest.main()
