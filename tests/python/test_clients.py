"""requests, httpx and aiohttp against the real gateway, in every dialect of the table."""

import asyncio
import io
import json
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import aiohttp
import httpx
import requests

import countersign
import countersign.aiohttp
import countersign.httpx
import countersign.requests
from support import DIALECTS, STRANGER, Gateway, age, free_port, signer

BODY = b'{"name": "B\xc3\xb6rse"}'


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gateway = Gateway()
        cls.addClassCleanup(cls.gateway.stop)

    def url(self, dialect, rest="things?page=2&name=a%20b"):
        return f"{self.gateway.url}/{dialect}/{rest}"

    def seen(self, text, dialect):
        """What the echo behind the gateway got."""
        told = json.loads(text)
        headers = {name.lower(): value for name, value in told["headers"]} if isinstance(told["headers"], list) else told["headers"]
        account = headers["x-countersign-account"]
        self.assertEqual(account if isinstance(account, str) else account[0], f"of-{dialect}")
        return told

    def test_requests_signs_every_dialect(self):
        for dialect in DIALECTS:
            with self.subTest(dialect), requests.Session() as session:
                session.auth = countersign.requests.Auth(signer(dialect))
                for _ in range(2):
                    answer = session.get(self.url(dialect), params={"more": "é"}, timeout=20)
                    self.assertEqual(answer.status_code, 200, answer.text)
                    self.seen(answer.text, dialect)
                answer = session.post(self.url(dialect), data=BODY, headers={"Content-Type": "application/json"}, timeout=20)
                self.assertEqual(answer.status_code, 200, answer.text)
                self.seen(answer.text, dialect)

    def test_requests_signs_streams_forms_and_files(self):
        auth = countersign.requests.Auth(signer("http-signature"))
        for what in ({"data": io.BytesIO(BODY)}, {"data": iter([BODY, BODY])}, {"data": {"a": "1"}}, {"files": {"f": io.BytesIO(BODY)}}, {"json": {"a": 1}}):
            answer = requests.post(self.url("http-signature"), auth=auth, timeout=20, **what)
            self.assertEqual(answer.status_code, 200, answer.text)

    def test_a_strangers_proof_is_refused(self):
        for dialect, (kind, _, _) in DIALECTS.items():
            auth = countersign.requests.Auth(signer(dialect, key=STRANGER[kind]))
            answer = requests.get(self.url(dialect), auth=auth, timeout=20)
            self.assertIn(answer.status_code, (401, 403), dialect)
            self.assertEqual(answer.json()["code"], "refused", dialect)

    def test_a_clock_that_is_off_is_learned_by_each_client(self):
        for dialect in ("asymmetric-jwt", "http-signature"):
            off = lambda: age(signer(dialect, origin=self.gateway.url), 7200)  # noqa: E731, B023
            answer = requests.post(self.url(dialect), data=BODY, auth=countersign.requests.Auth(off()), timeout=20)
            self.assertEqual(answer.status_code, 200, answer.text)
            self.assertEqual(len(answer.history), 1)
            answer = httpx.post(self.url(dialect), content=BODY, auth=countersign.httpx.Auth(off()), timeout=20)
            self.assertEqual(answer.status_code, 200, answer.text)
            status, text = asyncio.run(self.by_aiohttp(off(), dialect, data=BODY))
            self.assertEqual(status, 200, text)

    async def by_aiohttp(self, signing, dialect, **what):
        async with aiohttp.ClientSession(middlewares=[countersign.aiohttp.Auth(signing)]) as session:
            async with session.post(self.url(dialect), **what) as answer:
                return answer.status, await answer.text()

    def test_httpx_signs_every_dialect(self):
        for dialect in DIALECTS:
            with self.subTest(dialect), httpx.Client(auth=countersign.httpx.Auth(signer(dialect)), timeout=20) as client:
                answer = client.get(self.url(dialect), params={"more": "é"})
                self.assertEqual(answer.status_code, 200, answer.text)
                self.seen(answer.text, dialect)
                for what in ({"content": BODY}, {"content": iter([BODY, BODY])}, {"data": {"a": "1"}}, {"files": {"f": BODY}}, {"json": {"a": 1}}):
                    answer = client.post(self.url(dialect), **what)
                    self.assertEqual(answer.status_code, 200, answer.text)

    def test_httpx_signs_asynchronously_and_streams_answers(self):
        async def chunks():
            yield BODY
            yield BODY

        async def run(dialect):
            async with httpx.AsyncClient(auth=countersign.httpx.Auth(signer(dialect)), timeout=20) as client:
                for content in (BODY, chunks()):
                    async with client.stream("POST", self.url(dialect), content=content) as answer:
                        text = (await answer.aread()).decode()
                        self.assertEqual(answer.status_code, 200, text)
                        self.seen(text, dialect)

        for dialect in ("http-signature", "skykit"):
            asyncio.run(run(dialect))

    def test_aiohttp_signs_every_dialect(self):
        async def chunks():
            yield BODY
            yield BODY

        for dialect in DIALECTS:
            with self.subTest(dialect):
                for what in ({}, {"data": BODY}, {"json": {"a": 1}}, {"data": {"a": "1"}}, {"data": chunks()}):
                    status, text = asyncio.run(self.by_aiohttp(signer(dialect, origin=self.gateway.url), dialect, **what))
                    self.assertEqual(status, 200, text)
                    self.seen(text, dialect)

    def test_no_proof_goes_to_another_server(self):
        with Elsewhere(self.url("partner-key")) as other:
            bound = signer("partner-key", origin=self.gateway.url)
            requests.get(other.url, auth=countersign.requests.Auth(bound), timeout=20)
            httpx.get(other.url, auth=countersign.httpx.Auth(bound), timeout=20)

            async def ask():
                async with aiohttp.ClientSession(middlewares=[countersign.aiohttp.Auth(bound)]) as session:
                    async with session.get(other.url) as answer:
                        await answer.read()

            asyncio.run(ask())
            # And where a redirect leads there, what was signed for the first server is not shown.
            free = signer("partner-key")
            with Elsewhere(other.url) as first:
                requests.get(first.url + "/redirect", auth=countersign.requests.Auth(free), timeout=20)
                self.assertTrue(first.proofs, "the first server is shown one")
            self.assertEqual(other.asked, 4)
            self.assertEqual(other.proofs, [])
        with self.assertRaises(countersign.Unusable):
            countersign.aiohttp.Auth(signer("skykit"))


class Redirects(unittest.TestCase):
    """What a server says that a redirect led to, and what it is shown."""

    def test_the_second_try_shows_nothing_to_where_a_redirect_leads(self):
        with Scripted(lambda asked: (200, [])) as other:
            lesson = ("countersign-time", told_time(-60))
            leads = lambda asked: (401, [lesson]) if asked == 1 else (302, [("Location", f"http://localhost:{other.port}/x")])  # noqa: E731
            for origin in (True, False):
                with Scripted(leads) as first:
                    signing = signer("partner-key", origin=first.url if origin else None)
                    answer = requests.get(first.url + "/x", auth=countersign.requests.Auth(signing), timeout=20)
                    self.assertEqual((answer.status_code, first.asked), (200, 2))
                    self.assertGreater(len(first.proofs), 2, "a proof and the companion key, twice")
            self.assertEqual((other.asked, other.proofs), (2, []))

    def test_only_the_server_that_was_asked_sets_the_clock(self):
        lesson = told_time(-80_000)
        with Scripted(lambda asked: (401, [("countersign-time", lesson)])) as other:
            leads = lambda asked: (307, [("Location", f"http://localhost:{other.port}/x")])  # noqa: E731

            async def by_httpx(url, signing):
                async with httpx.AsyncClient(auth=countersign.httpx.Auth(signing), follow_redirects=True, timeout=20) as client:
                    return await client.post(url, content=BODY)

            for ask in (
                lambda url, signing: requests.post(url, data=BODY, auth=countersign.requests.Auth(signing), timeout=20),
                lambda url, signing: httpx.post(url, content=BODY, auth=countersign.httpx.Auth(signing), follow_redirects=True, timeout=20),
                lambda url, signing: asyncio.run(by_httpx(url, signing)),
            ):
                with Scripted(leads) as first:
                    signing = signer("http-signature")
                    self.assertEqual(ask(first.url + "/x", signing).status_code, 401)
                    self.assertEqual(first.asked, 1, "nothing is sent a second time")
                    self.assertTrue(signing.learn(401, [("countersign-time", lesson)]), "it was not learned before")


def told_time(seconds):
    return str(int((time.time() + seconds) * 1000))


class Scripted:
    """A server that answers as it is told, and notes every header that looks like a proof."""

    def __init__(self, answers):
        outer = self
        self.asked, self.proofs = 0, []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.asked += 1
                outer.proofs += [name for name in self.headers if name.lower().startswith(("authorization", "api", "x-", "signature"))]
                status, headers = answers(outer.asked)
                self.send_response(status)
                for name, value in [*headers, ("Content-Length", "0")]:
                    self.send_header(name, value)
                self.end_headers()

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Elsewhere:
    """A server of somebody else's, which notes every header that looks like a proof."""

    def __init__(self, leads_to):
        outer = self
        self.asked, self.proofs = 0, []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                proofs = ("authorization", "api", "x-", "signature")
                outer.proofs += [name for name in self.headers if name.lower().startswith(proofs)]
                self.send_response(302 if self.path == "/redirect" else 200)
                self.send_header("Location", leads_to)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        # Another host as a caller sees it.
        self.url = f"http://localhost:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    unittest.main()
