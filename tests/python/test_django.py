"""The unmodified client of asymmetric-jwt-auth 1.3.0 against rows that its own models wrote."""

import json
import os
import sqlite3
import subprocess
import threading
import time
import unittest
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import django
import requests
from django.conf import settings

settings.configure()
django.setup()

from asymmetric_jwt_auth.keys import Ed25519PrivateKey, RSAPrivateKey  # noqa: E402  (wants the settings first)
from asymmetric_jwt_auth.tokens import Token  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402

import countersign.requests  # noqa: E402
from support import HERE, WORK, Server, exchange, free_port, python, raw_request, redis, signer, status_of  # noqa: E402

OLD, NEW = "asymmetric_jwt_auth", "countersign.django"
OURS = ["countersign.django.middleware.Middleware"]
SITE = HERE / "programs" / "site"


def openssh(key):
    loaded = serialization.load_pem_public_key(key.public_key.as_pem)
    return loaded.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode() + " barry@laptop"


class Site:
    """A site with a database of its own."""

    def __init__(self, app, middleware=OURS, **env):
        self.database = WORK / f"site-{uuid.uuid4().hex}.sqlite3"
        self.env = {"DJANGO_SETTINGS_MODULE": "settings", "DATABASE": str(self.database), "APP": app, "MIDDLEWARE": json.dumps(middleware), **env}

    def moved(self, app, middleware=OURS, **env):
        """The same database under other settings."""
        site = Site(app, middleware, **{**{name: value for name, value in self.env.items() if name in ("REDIS", "COUNTERSIGN")}, **env})
        site.database, site.env["DATABASE"] = self.database, str(self.database)
        return site

    def run(self, *arguments, fails=False):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SITE), str(HERE)]), **self.env}
        ran = subprocess.run(python(*arguments), env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if (ran.returncode != 0) != fails:
            raise AssertionError(f"{arguments} ended with {ran.returncode}: {ran.stdout}")
        return ran.stdout

    def manage(self, *arguments, **options):
        return self.run("-m", "django", *arguments, **options)

    def rows(self, rows):
        self.run(str(SITE / "site_rows.py"), json.dumps(rows))

    def serve(self, kind="gunicorn"):
        port = free_port()
        if kind == "gunicorn":
            command = python("-m", "gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{port}", "site_wsgi:application")
        else:
            command = python("-m", "uvicorn", "--port", str(port), "--lifespan", "off", "site_asgi:application")
        env = {**self.env, "PYTHONPATH": os.pathsep.join([str(SITE), str(HERE)])}
        return Server(f"django-{kind}", command, port, **env)

    def last_used(self):
        with sqlite3.connect(self.database) as database:
            return [row[0] for row in database.execute("select last_used_on from asymmetric_jwt_auth_publickey order by id")]


class Moving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.redis = redis()
        cls.addClassCleanup(cls.redis.stop)
        cls.shared = {"REDIS": f"redis://127.0.0.1:{cls.redis.port}/0", "COUNTERSIGN": '{"JWKS_HTTP": true}'}
        cls.guido, cls.guidos = RSAPrivateKey.generate(), Ed25519PrivateKey.generate()
        cls.barry, cls.off, cls.stranger, cls.published = (kind.generate() for kind in (RSAPrivateKey, Ed25519PrivateKey, RSAPrivateKey, RSAPrivateKey))
        cls.key_set = KeySet(cls.published)
        cls.addClassCleanup(cls.key_set.stop)
        # The old site: its own application makes its tables and its own models write the rows.
        cls.old = Site(OLD, ["asymmetric_jwt_auth.middleware.JWTAuthMiddleware"], **cls.shared)
        cls.old.manage("migrate")
        cls.old.rows({
            "guido": {"keys": [cls.guido.public_key.as_pem.decode(), cls.guidos.public_key.as_pem.decode()]},
            "barry": {"keys": [openssh(cls.barry)]},
            "off": {"keys": [cls.off.public_key.as_pem.decode()], "active": False},
            "published": {"jwks_url": cls.key_set.url},
            "away": {"jwks_url": cls.key_set.url + "/none"},
            "dripping": {"jwks_url": cls.key_set.url + "/drip"},
            "keyless": {},
        })
        cls.site = cls.old.moved(NEW)
        cls.server = cls.site.serve()
        cls.addClassCleanup(cls.server.stop)

    def ask(self, header, server=None, **options):
        headers = {"Authorization": header} if header else {}
        return requests.request(options.pop("method", "GET"), (server or self.server).url + "/x", headers=headers, timeout=20, **options)

    def header(self, name, key, at=None):
        return Token(name, at).create_auth_header(key)

    def test_the_old_client_is_recognised_by_its_old_rows(self):
        for name, key in [("guido", self.guido), ("guido", self.guidos), ("barry", self.barry), ("published", self.published)]:
            told = self.ask(self.header(name, key)).json()
            self.assertEqual((told["user"], told["by"], told["backend"], told["forged"]), (name, "asymmetric-jwt", name, False))
        self.assertTrue(self.site.last_used()[0])
        # A browser's protection does not stand in the way of a proof, and stands where there is none.
        told = self.ask(self.header("guido", self.guido), method="POST", data=b"a=1").json()
        self.assertEqual((told["user"], told["body"]), ("guido", "a=1"))
        self.assertEqual(self.ask(None, method="POST", data=b"a=1").status_code, 403)

    def test_nothing_of_the_database_changes_with_the_application(self):
        self.assertIn("No migrations to apply", self.site.manage("migrate"))
        self.assertIn("No changes detected", self.site.manage("makemigrations", "--check", "--dry-run"))
        self.site.manage("check")
        # A new site gets the same tables from the new application alone.
        fresh = Site(NEW, **self.shared)
        fresh.manage("migrate")
        self.assertIn("No changes detected", fresh.manage("makemigrations", "--check", "--dry-run"))
        schema = lambda site: sorted(  # noqa: E731
            (name, sorted((column[1], column[2], column[3], column[5]) for column in base.execute(f"pragma table_info({name})")))
            for base in [sqlite3.connect(site.database)]
            for (name,) in base.execute("select name from sqlite_master where type = 'table' and name like 'asymmetric%'")
        )
        self.assertEqual(schema(fresh), schema(self.old))
        self.assertEqual(len(schema(fresh)), 2)
        fresh.rows({"guido": {"keys": [self.guido.public_key.as_pem.decode()]}})
        with self.assertRaises(AssertionError) as caught:
            fresh.rows({"barry": {"keys": ["no key"]}})
        self.assertIn("ValidationError", str(caught.exception))

    def test_the_old_application_may_stay_with_the_new_middleware(self):
        server = self.old.moved(OLD).serve()
        self.addCleanup(server.stop)
        self.assertEqual(self.ask(self.header("barry", self.barry), server).json()["user"], "barry")

    def test_a_proof_works_once_in_both_workers_together(self):
        header = self.header("guido", self.guidos)
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: self.ask(header), range(24)))
        self.assertEqual(sorted(answer.status_code for answer in answers), [200] + [401] * 23)
        self.assertEqual({answer.json()["code"] for answer in answers if answer.status_code == 401}, {"replayed"})
        self.assertEqual(len({self.ask(None).json()["process"] for _ in range(60)}), 2)

    def test_what_does_not_hold_is_refused(self):
        good = self.header("guido", self.guido)
        for header, code in [
            (self.header("guido", self.stranger), "refused"),
            (self.header("guido", self.barry), "refused"),
            (self.header("barry", self.guido), "refused"),
            (self.header("Guido", self.guido), "refused"),
            (self.header("nobody", self.guido), "refused"),
            (self.header("off", self.off), "refused"),
            (self.header("keyless", self.guido), "refused"),
            (self.header("guido", self.guido, int(time.time()) - 60), "out-of-window"),
            (self.header("guido", self.guido, int(time.time()) + 60), "out-of-window"),
            (good[:-4] + "AAAA", "refused"),
            ("JWT x", "malformed"),
            ("JWT " + ".".join(["e30"] * 3), "malformed"),
        ]:
            answer = self.ask(header)
            self.assertEqual((answer.status_code, answer.json()["code"]), (401, code), header)
            self.assertTrue(answer.headers["WWW-Authenticate"].startswith("JWT"))
        self.assertEqual(self.ask("Bearer x").json()["is_authenticated"], False)
        told = self.ask(None).json()
        self.assertEqual((told["is_authenticated"], told["by"], told["backend"]), (False, None, None))
        signed = [("Authorization", good), ("Authorization", good)]
        self.assertEqual(status_of(exchange(self.server.port, raw_request("GET", "/", "h", signed))), 401)

    def test_a_key_set_that_cannot_be_had_is_a_fault_of_ours(self):
        answer = self.ask(self.header("away", self.published))
        self.assertEqual((answer.status_code, answer.json()["code"]), (503, "unavailable"))
        self.assertEqual(self.ask(self.header("published", self.guido)).status_code, 401)

    def test_a_key_set_that_drips_is_not_waited_for(self):
        self.assertEqual(self.ask(self.header("dripping", self.published)).status_code, 503)

    def test_a_key_that_cannot_be_used_says_nothing_to_strangers(self):
        small = rsa.generate_private_key(65537, 1024).public_key()
        text = small.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.old.rows({"weak": {"keys": [text]}, "weak-off": {"keys": [text], "active": False}})
        unknown = self.ask(self.header("nobody", self.guido))
        for name in ("weak", "weak-off"):
            answer = self.ask(self.header(name, self.guido))
            self.assertEqual((answer.status_code, answer.content), (unknown.status_code, unknown.content))
            self.assertIn(f"no key of account {name} can be used", self.server.told())

    def test_the_site_under_an_asgi_server(self):
        server = self.site.serve("uvicorn")
        self.addCleanup(server.stop)
        self.assertEqual(self.ask(self.header("guido", self.guido), server).json()["user"], "guido")
        self.assertEqual(self.ask(self.header("guido", self.barry), server).status_code, 401)

    def test_refused_proofs_may_go_on_as_nobodys_and_old_settings_count(self):
        site = self.old.moved(NEW, COUNTERSIGN='{"PASS_REFUSED": true}', ASYMMETRIC_JWT_AUTH='{"AUTH_METHOD": "KEY", "TIMESTAMP_TOLERANCE": 90}')
        server = site.serve()
        self.addCleanup(server.stop)
        key = lambda *arguments: self.header(*arguments).replace("JWT ", "KEY ")  # noqa: E731
        self.assertEqual(self.ask(key("guido", self.guido, int(time.time()) - 60), server).json()["user"], "guido")
        for header in (key("guido", self.barry), self.header("guido", self.guido)):
            self.assertEqual(self.ask(header, server).json()["is_authenticated"], False)

    def test_a_cache_that_is_not_shared_is_refused_when_the_site_starts(self):
        site = self.old.moved(NEW)
        del site.env["REDIS"]
        told = site.run("-c", "import site_wsgi", fails=True)
        self.assertIn("a proof could be used once in each process", told)
        # A cache that throws away what it has when it is full.
        site.env["CACHE_TABLE"] = "300"
        self.assertIn("MAX_ENTRIES", site.run("-c", "import site_wsgi", fails=True))
        site.env["CACHE_TABLE"] = "100000"
        site.manage("createcachetable")
        server = site.serve()
        self.addCleanup(server.stop)
        header = self.header("guido", self.guido)
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: self.ask(header, server), range(8)))
        self.assertEqual(sorted(answer.status_code for answer in answers)[0], 200)
        self.assertEqual([answer.status_code for answer in answers].count(200), 1)

    def test_a_session_does_not_take_the_place_of_who_was_recognised(self):
        site = self.old.moved(NEW, [], FIRST=json.dumps(OURS))
        self.assertIn("AuthenticationMiddleware, found it before", site.run("-c", "import site_wsgi", fails=True))

    def test_forms_are_checked_where_the_proof_stands_in_the_address(self):
        told = {"DIALECTS": ["alipay", "asymmetric-jwt"], "PUBLIC_URL": "https://api.example.com"}
        server = self.old.moved(NEW, COUNTERSIGN=json.dumps(told)).serve()
        self.addCleanup(server.stop)
        key = rsa.generate_private_key(65537, 2048)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        signing = countersign.Signer("alipay", "mallory", key=pem)
        self.old.rows({"mallory": {"keys": [signing.public_key]}})

        def send(method, headers=()):
            url = signing.sign(method, "https://api.example.com/x?mail=evil").url
            answer = exchange(server.port, raw_request(method, url.removeprefix("https://api.example.com"), "h", headers))
            return status_of(answer), answer

        status, answer = send("GET")
        self.assertEqual(status, 200, answer)
        self.assertIn(b'"mallory"', answer)
        # A stranger's page brings a form with its own proof into somebody's browser, which adds what it keeps for this site.
        for headers in ([], [("Authorization", "Basic Z3VpZG86eA==")], [("Cookie", "sessionid=x")]):
            status, answer = send("POST", headers)
            self.assertEqual(status, 403, answer)
            self.assertIn(b"CSRF", answer)
        told = self.ask(self.header("guido", self.guido), server, method="POST", data=b"a=1").json()
        self.assertEqual(told["user"], "guido")

    def test_one_process_remembers_by_itself_and_several_serve_nobody(self):
        site = self.old.moved(NEW, COUNTERSIGN='{"ONE_PROCESS": true}')
        del site.env["REDIS"]
        server = site.serve()
        self.addCleanup(server.stop)
        self.assertEqual(self.ask(self.header("guido", self.guido), server).status_code, 503)
        self.assertIn("several processes serve", server.told())
        server = site.serve("uvicorn")
        self.addCleanup(server.stop)
        # What may have been used before it began is refused.
        answer = self.ask(self.header("guido", self.guido, int(time.time()) - 10), server)
        self.assertEqual((answer.status_code, answer.json()["code"]), (401, "try-again"))

    def test_other_dialects_and_bodies(self):
        told = {"DIALECTS": ["skykit", "http-signature"], "PUBLIC_URL": "https://api.example.com"}
        site = self.old.moved(NEW, COUNTERSIGN=json.dumps(told))
        ours = signer("skykit", identifier="sky@example.com")
        self.old.rows({"sky@example.com": {"keys": [ours.public_key]}})
        server = site.serve()
        self.addCleanup(server.stop)
        answer = requests.post(server.url + "/x", data=b"{}", auth=countersign.requests.Auth(ours), timeout=20)
        self.assertEqual(answer.json()["user"], "sky@example.com")
        # A key by itself names no user here.
        signed = signer("http-signature").sign("GET", "https://api.example.com/x")
        self.assertEqual(status_of(exchange(server.port, raw_request("GET", "/x", "h", signed.headers))), 401)


class KeySet:
    """A server with a key set, in which one key is of a kind that nobody knows."""

    def __init__(self, key):
        import jwt

        known = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(serialization.load_pem_public_key(key.public_key.as_pem)))
        known |= {"kid": key.public_key.fingerprint, "use": "sig"}
        text = json.dumps({"keys": [{"kty": "ODD", "kid": "x"}, known]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path.endswith("/drip"):
                    self.drip()
                    return
                self.send_response(404 if self.path.endswith("/none") else 200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def drip(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                for byte in text:
                    try:
                        self.wfile.write(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(1)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    unittest.main()
