"""Flask under gunicorn with two workers and one Redis, the same under wsgiref, and what a hostile caller writes on the line."""

import io
import json
import logging
import unittest
from concurrent.futures import ThreadPoolExecutor

import countersign
import countersign.wsgi
from support import (
    DIALECTS,
    HERE,
    STRANGER,
    WORK,
    Server,
    accounts_file,
    age,
    code_of,
    exchange,
    free_port,
    python,
    raw_request,
    redis,
    signer,
    status_of,
)

PUBLIC = "https://api.example.com"
BODY = b'{"a": 1}'


def serve(name, dialects, memory, *, command=None, **env):
    port = free_port()
    file = accounts_file(WORK / f"accounts-{port}")
    command = command or python("-m", "gunicorn", "--workers", "2", "--threads", "2", "--bind", f"127.0.0.1:{port}", "flask_app:app")
    command = [str(port) if part == "PORT" else part for part in command]
    return Server(name, command, port, DIALECTS=json.dumps(dialects), ACCOUNTS=str(file), MEMORY=memory, PUBLIC=PUBLIC, **env)


def ask(server, signing, method="GET", target="/v1/things?page=2", body=b"", headers=(), sign_target=None):
    """Signs for the public address and sends to where the server really is, byte for byte."""
    signed = signing.sign(method, PUBLIC + (sign_target or target), headers, body)
    return exchange(server.port, raw_request(method, target, "api.example.com", [*headers, *signed.headers], body)), signed


class Gunicorn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = redis()
        cls.addClassCleanup(cls.redis.stop)
        cls.memory = f"redis://127.0.0.1:{cls.redis.port}/0"
        cls.server = serve("gunicorn", list(DIALECTS), cls.memory)
        cls.addClassCleanup(cls.server.stop)

    def told(self, answer):
        self.assertEqual(status_of(answer), 200, answer)
        return json.loads(answer.partition(b"\r\n\r\n")[2])

    def test_every_dialect_is_recognised(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                told = self.told(ask(self.server, signer(dialect), "POST", "/v1/a%20b/%C3%A9?q=%2F&q=2", BODY)[0])
                self.assertEqual((told["account"], told["user"]), (f"of-{dialect}", f"of-{dialect}"))
                self.assertEqual((told["path"], told["body"], told["again"]), ("/v1/a b/é", BODY.decode(), ""))

    def test_a_proof_works_once_in_both_workers_together(self):
        for dialect in ("asymmetric-jwt", "http-signature"):
            signed = signer(dialect).sign("GET", PUBLIC + "/x")
            request = raw_request("GET", "/x", "api.example.com", signed.headers)
            with ThreadPoolExecutor(8) as threads:
                answers = list(threads.map(lambda _: exchange(self.server.port, request), range(24)))  # noqa: B023
            statuses = sorted(status_of(answer) for answer in answers)
            self.assertEqual(statuses, [200] + [401] * 23)
            self.assertEqual({code_of(answer) for answer in answers if status_of(answer) == 401}, {"replayed"})
        processes = {self.told(ask(self.server, signer("skykit"))[0])["process"] for _ in range(40)}
        self.assertEqual(len(processes), 2, "both workers answer")

    def refused(self, answer, code, status=401):
        self.assertEqual((status_of(answer), code_of(answer)), (status, code), answer)
        head = answer.partition(b"\r\n\r\n")[0].lower()
        self.assertIn(b"countersign-reject: rej_", head)
        self.assertIn(b"countersign-time: ", head)

    def test_what_does_not_hold_is_refused_with_its_reason(self):
        signing = signer("http-signature")
        signed = signing.sign("POST", PUBLIC + "/x", [], BODY)
        send = lambda method="POST", target="/x", body=BODY: exchange(  # noqa: E731
            self.server.port, raw_request(method, target, "api.example.com", signed.headers, body)
        )
        self.refused(send(body=b'{"a": 2}'), "digest-mismatch")
        self.refused(send(target="/y"), "refused")
        self.refused(send(target="/%78"), "refused")
        self.refused(send(method="PUT"), "refused")
        self.told(send())
        self.refused(exchange(self.server.port, raw_request("GET", "/x", "api.example.com", [])), "missing-credentials")
        self.refused(ask(self.server, age(signer("http-signature"), 7200))[0], "out-of-window")
        self.refused(ask(self.server, age(signer("asymmetric-jwt"), 7200))[0], "out-of-window")
        self.refused(ask(self.server, signer("http-signature", key=STRANGER["ed25519"]))[0], "refused")
        self.refused(ask(self.server, signer("asymmetric-jwt", identifier="nobody"))[0], "refused")
        self.refused(ask(self.server, signer("skykit", key=STRANGER["rsa"]))[0], "refused")

    def test_the_host_is_the_public_address_whatever_a_request_says(self):
        signed = signer("http-signature").sign("GET", PUBLIC + "/x")
        self.told(exchange(self.server.port, raw_request("GET", "/x", "evil.example", signed.headers)))
        other = signer("http-signature").sign("GET", "https://evil.example/x")
        answer = exchange(self.server.port, raw_request("GET", "/x", "evil.example", other.headers))
        self.refused(answer, "refused")
        signed = signer("http-signature").sign("GET", PUBLIC + "/x?y")
        self.told(exchange(self.server.port, raw_request("GET", "http://evil.example/x?y", "evil.example", signed.headers)))

    def test_headers_that_imitate_an_identity_do_not_arrive(self):
        imitating = [
            ("Remote-User", "root"),
            ("X-Remote-User", "root"),
            ("X-Countersign-Account", "root"),
            ("X-Authenticated-UserId", "root"),
            ("Countersign-Recognised", "root"),
            ("Remote_User", "root"),
            ("X_Countersign_Account", "root"),
        ]
        told = self.told(ask(self.server, signer("skykit"), headers=imitating)[0])
        self.assertNotIn("root", json.dumps(told["headers"]))
        self.assertEqual(told["user"], "of-skykit")

    def test_a_header_does_not_say_where_the_programs_paths_begin(self):
        # gunicorn takes it from 127.0.0.1, where its proxy is: the program would see /admin.
        answer, _ = ask(self.server, signer("http-signature"), target="/public/admin", headers=[("SCRIPT_NAME", "/public")])
        self.assertEqual(status_of(answer), 503)
        self.assertIn("a header SCRIPT_NAME says where the program's paths begin", self.server.told())

    def test_a_credential_that_comes_twice_is_refused(self):
        for dialect in ("asymmetric-jwt", "skykit"):
            signed = signer(dialect).sign("GET", PUBLIC + "/x")
            ((name, value),) = [header for header in signed.headers if header[0].lower() == "authorization"]
            for again in (value, b"JWT x", b""):
                request = raw_request("GET", "/x", "api.example.com", [(name, value), (name, again)])
                self.assertEqual(status_of(exchange(self.server.port, request)), 401, again)
        # Two dialects at once.
        both = [*signer("http-signature").sign("GET", PUBLIC + "/x").headers, *signer("skykit").sign("GET", PUBLIC + "/x").headers]
        self.refused(exchange(self.server.port, raw_request("GET", "/x", "api.example.com", both)), "malformed")

    def test_bodies_come_whole_or_not_at_all(self):
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], BODY)
        chunked = [*signed.headers, ("Transfer-Encoding", "chunked")]
        pieces = b"3\r\n" + BODY[:3] + b"\r\n5\r\n" + BODY[3:] + b"\r\n0\r\n\r\n"
        told = self.told(exchange(self.server.port, raw_request("POST", "/x", "api.example.com", chunked, pieces, length=False)))
        self.assertEqual((told["body"], told["again"]), (BODY.decode(), ""))
        large = b"x" * 100_001
        self.refused(ask(self.server, signer("http-signature"), "POST", body=large)[0], "malformed", 413)
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], large)
        chunked = [*signed.headers, ("Transfer-Encoding", "chunked")]
        pieces = b"%x\r\n" % len(large) + large + b"\r\n0\r\n\r\n"
        answer = exchange(self.server.port, raw_request("POST", "/x", "api.example.com", chunked, pieces, length=False))
        self.refused(answer, "malformed", 413)
        # Cut off in the middle: the beginning is not judged as if it were all.
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], BODY[:4])
        cut = raw_request("POST", "/x", "api.example.com", [*signed.headers, ("Content-Length", str(len(BODY)))], BODY[:4], length=False)
        answer = exchange(self.server.port, cut, half_close=True)
        self.assertNotIn(b" 200 ", answer.partition(b"\r\n")[0] + b" ")
        # What follows the body on the line is no part of it.
        signed = signer("http-signature").sign("POST", PUBLIC + "/x", [], BODY)
        request = raw_request("POST", "/x", "api.example.com", signed.headers, BODY) + b"GET /smuggled HTTP/1.1\r\n\r\n"
        self.assertEqual(self.told(exchange(self.server.port, request))["body"], BODY.decode())

    def test_a_memory_that_is_away_is_a_fault(self):
        gone = redis()
        server = serve("gunicorn-fault", ["asymmetric-jwt"], f"redis://127.0.0.1:{gone.port}/0")
        self.addCleanup(server.stop)
        self.told(ask(server, signer("asymmetric-jwt"))[0])
        gone.stop()
        answer, _ = ask(server, signer("asymmetric-jwt"))
        self.assertEqual((status_of(answer), code_of(answer)), (503, "unavailable"))
        self.assertNotIn(b"edis", answer)
        self.assertIn("the replay memory failed", server.told())

    def test_several_workers_with_a_memory_each_serve_nobody(self):
        server = serve("gunicorn-alone", ["asymmetric-jwt"], "new process")
        self.addCleanup(server.stop)
        self.assertEqual(status_of(ask(server, signer("asymmetric-jwt"))[0]), 503)
        self.assertIn("several processes", server.told())
        # Opened before the workers were forked off: the same.
        port = free_port()
        preloaded = python("-m", "gunicorn", "--workers", "1", "--threads", "2", "--preload", "--bind", "127.0.0.1:PORT", "flask_app:app")
        preloaded = [part.replace("PORT", str(port)) for part in preloaded]
        file = accounts_file(WORK / f"accounts-{port}")
        server = Server(
            "gunicorn-preload", preloaded, port, DIALECTS='["asymmetric-jwt"]', ACCOUNTS=str(file), MEMORY="new process", PUBLIC=PUBLIC
        )
        self.addCleanup(server.stop)
        self.assertEqual(status_of(ask(server, signer("asymmetric-jwt"))[0]), 503)
        self.assertIn("forked", server.told())

    def test_where_proofs_are_optional_a_wrong_one_is_refused(self):
        server = serve("gunicorn-optional", ["asymmetric-jwt"], self.memory, OPTIONAL="yes")
        self.addCleanup(server.stop)
        told = self.told(exchange(server.port, raw_request("GET", "/x", "h", [("Remote-User", "root")])))
        self.assertEqual((told["account"], told["user"]), (None, None))
        self.assertNotIn("root", json.dumps(told["headers"]))
        self.assertEqual(status_of(ask(server, signer("asymmetric-jwt", key=STRANGER["ed25519"]))[0]), 401)
        self.assertEqual(self.told(ask(server, signer("asymmetric-jwt"))[0])["account"], "of-asymmetric-jwt")


class Wsgiref(unittest.TestCase):
    """A server that gives the decoded path only."""

    def serve(self, dialects):
        server = serve("wsgiref", dialects, "new process", command=python(str(HERE / "programs" / "wsgiref_app.py"), "PORT"))
        self.addCleanup(server.stop)
        return server

    def test_a_dialect_that_signs_no_path_is_judged(self):
        server = self.serve(["asymmetric-jwt", "skykit"])
        for dialect in ("asymmetric-jwt", "skykit"):
            self.assertEqual(status_of(ask(server, signer(dialect))[0]), 200, dialect)

    def test_one_that_signs_the_path_is_a_fault_and_nothing_is_guessed(self):
        server = self.serve(["http-signature"])
        self.assertEqual(status_of(ask(server, signer("http-signature"))[0]), 503)
        self.assertIn("decoded only", server.told())


class Environ(unittest.TestCase):
    """What a server could put into the environment."""

    def setUp(self):
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)

    def call(self, environ, *, dialect="http-signature", paths=None):
        options = {"accounts_file": accounts_file(WORK / "environ")}
        if paths:
            account = countersign.Account("confined", [signer(dialect).public_key], paths=paths)
            options = {"find": lambda asked: account}
        verifier = countersign.Verifier([dialect], memory="new process", public=PUBLIC, **options)
        seen = []

        def app(environ, start_response):
            seen.append(environ)
            start_response("200 OK", [])
            return [b""]

        statuses = []
        body = b"".join(countersign.wsgi.Middleware(app, verifier)(environ, lambda status, headers: statuses.append(status)))
        return int(statuses[0][:3]), seen, body

    def environ(self, method="POST", target="/a%2Fb?x=1", body=BODY, **other):
        signed = signer("http-signature").sign(method, PUBLIC + target, [], body)
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": "/a/b",
            "QUERY_STRING": query,
            "REQUEST_URI": target,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.multiprocess": False,
        }
        environ.update({f"HTTP_{name.upper().replace('-', '_')}": value.decode() for name, value in signed.headers})
        environ.update(other)
        return environ

    def test_the_path_as_it_came_is_judged_and_must_be_the_one_the_program_sees(self):
        status, (seen,), _ = self.call(self.environ())
        self.assertEqual((status, seen["wsgi.input"].read()), (200, BODY))
        self.assertEqual(self.call(self.environ(SCRIPT_NAME="/a", PATH_INFO="/b"))[0], 200)
        for changed in ({"PATH_INFO": "/admin"}, {"QUERY_STRING": "x=2"}, {"SCRIPT_NAME": "/admin"}, {"REQUEST_URI": "/admin?x=1"}):
            self.assertEqual(self.call(self.environ(**changed))[:2], (503, []), changed)
        self.assertEqual(self.call(self.environ(REQUEST_URI=""))[:2], (503, []))

    def test_who_is_confined_to_some_paths_stays_there_whatever_a_header_says(self):
        for dialect, refused in (("http-signature", 503), ("asymmetric-jwt", 403)):
            signed = signer(dialect).sign("POST", PUBLIC + "/public/admin", [], BODY)
            proof = {f"HTTP_{name.upper().replace('-', '_')}": value.decode() for name, value in signed.headers}
            environ = self.environ(target="/public/admin", **proof)
            seen = {"QUERY_STRING": "", "SCRIPT_NAME": "/public", "PATH_INFO": "/admin"}
            header = self.call({**environ, **seen, "HTTP_SCRIPT_NAME": "/public"}, dialect=dialect, paths=["/public"])
            self.assertEqual(header[:2], (refused, []), dialect)
            # Set by the server's environment it is no caller's word.
            self.assertEqual(self.call({**environ, **seen, "wsgi.input": io.BytesIO(BODY)}, dialect=dialect, paths=["/public"])[0], 200)

    def test_lengths_that_are_none_or_two(self):
        for changed, status in [
            ({"CONTENT_LENGTH": "+8"}, 400),
            ({"CONTENT_LENGTH": "8 "}, 400),
            ({"CONTENT_LENGTH": "²"}, 400),
            ({"CONTENT_LENGTH": "٨"}, 503),
            ({"PATH_INFO": "/٨"}, 503),
            ({"CONTENT_LENGTH": "9"}, 400),
            ({"HTTP_TRANSFER_ENCODING": "chunked"}, 400),
            ({"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, 411),
            ({"CONTENT_LENGTH": ""}, 401),
            ({"CONTENT_LENGTH": "4"}, 401),
            ({"CONTENT_LENGTH": "9" * 30}, 413),
        ]:
            self.assertEqual(self.call(self.environ(**changed))[:2], (status, []), changed)

    def test_an_answer_to_head_has_no_body(self):
        status, seen, body = self.call(self.environ("HEAD", body=b"", HTTP_SIGNATURE="x"))
        self.assertEqual((status, seen, body), (401, [], b""))


if __name__ == "__main__":
    unittest.main()
