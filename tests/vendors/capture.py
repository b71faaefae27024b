"""Keeps what a vendor's package sends: every host name leads to a server in this process, TLS by an authority of its own.

    with Capture() as capture:
        ...                       # let the package send
    print_case(..., requests=capture.requests)

Nothing leaves the machine: a name that is looked up is always loopback. Uses the standard library, and the cryptography package of
the case's environment for certificates (PyPI's `cryptography` stands in every case file's header, or comes with the vendor's package).
"""

import atexit
import base64
import datetime
import ipaddress
import json
import os
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

real_getaddrinfo = socket.getaddrinfo
real_connect = socket.socket.connect


class Capture:
    """A server on loopback that every connection of this process reaches. `answer` is what it says to everything."""

    def __init__(self, answer=b"{}", status=200, headers=()):
        self.requests, self.answer, self.status, self.headers = [], answer, status, list(headers)
        self.folder = tempfile.mkdtemp(prefix="vendors-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def __enter__(self):
        self.authority = Authority(self.folder)
        self.plain, self.secure = self._serve(None), self._serve(self.authority.context)
        socket.getaddrinfo, socket.socket.connect = self._lookup, self._connect()
        trust(self.authority.file)
        return self

    def __exit__(self, *_):
        socket.getaddrinfo, socket.socket.connect = real_getaddrinfo, real_connect
        for server in (self.plain, self.secure):
            server.shutdown()
            server.server_close()

    def _serve(self, context):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self, "https" if context else "http"))
        server.daemon_threads = True
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    @staticmethod
    def _lookup(host, port, *rest, **named):
        kind = socket.SOCK_STREAM
        number = int(port) if port else 0
        return [(socket.AF_INET, kind, 6, "", ("127.0.0.1", number))]

    def _connect(capture):
        ours = {capture.plain.server_address[1], capture.secure.server_address[1]}

        def connect(self, address):
            port = address[1] if isinstance(address, tuple) else None
            if port is not None and port not in ours:
                server = capture.plain if port == 80 else capture.secure
                address = ("127.0.0.1", server.server_address[1])
            return real_connect(self, address)

        return connect


def handler(capture, scheme):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def take(self):
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            if self.headers.get("transfer-encoding", "").lower() == "chunked":
                body = self.chunks()
            host = self.headers.get("host", "localhost")
            target = self.path if self.path.startswith("/") else "/" + self.path.split("/", 3)[-1]
            capture.requests.append(
                {
                    "now": int(time.time()),
                    "method": self.command,
                    "url": f"{scheme}://{host}{target}",
                    "headers": [[name.lower(), value] for name, value in self.headers.items()],
                    "body_b64": base64.b64encode(body).decode(),
                }
            )
            answer = capture.answer(self.command, self.path) if callable(capture.answer) else capture.answer
            self.send_response(capture.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            for name, value in capture.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def chunks(self):
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return out

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = take

        def log_message(self, *_):
            pass

    return Handler


class Authority:
    """An authority for this process alone; it makes a certificate for each name that is asked for."""

    def __init__(self, folder):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self.x509, self.hashes, self.serialization = x509, hashes, serialization
        self.folder, self.made = folder, {}
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vendors")])
        own = self._certificate(self.name, self.key.public_key(), ca=True)
        self.file = os.path.join(folder, "authority.pem")
        with open(self.file, "wb") as out:
            out.write(own.public_bytes(serialization.Encoding.PEM))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.sni_callback = self._for
        self._load(self.context, "localhost")

    def _for(self, connection, name, _):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._load(context, name or "localhost")
        connection.context = context

    def _load(self, context, host):
        if host not in self.made:
            from cryptography.hazmat.primitives.asymmetric import ec

            key = ec.generate_private_key(ec.SECP256R1())
            subject = self.x509.Name([self.x509.NameAttribute(self.x509.NameOID.COMMON_NAME, host[:64])])
            certificate = self._certificate(subject, key.public_key(), host=host)
            path = os.path.join(self.folder, f"host-{len(self.made)}.pem")
            private = key.private_bytes(
                self.serialization.Encoding.PEM, self.serialization.PrivateFormat.PKCS8, self.serialization.NoEncryption()
            )
            with open(path, "wb") as out:
                out.write(private + certificate.public_bytes(self.serialization.Encoding.PEM))
            self.made[host] = path
        context.load_cert_chain(self.made[host])

    def _certificate(self, subject, public, ca=False, host=None):
        x509 = self.x509
        today = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - datetime.timedelta(days=1))
            .not_valid_after(today + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if host:
            names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, self.hashes.SHA256())


def trust(file):
    """Has every TLS client of this process trust the authority, whichever store it reads."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        os.environ[name] = file
    try:
        import certifi

        certifi.where = lambda: file
        certifi.core.where = lambda: file
    except ImportError:
        pass
    for module in ("requests.adapters", "requests.utils", "requests.certs", "httpx._config"):
        loaded = sys.modules.get(module)
        if loaded is not None and hasattr(loaded, "DEFAULT_CA_BUNDLE_PATH"):
            loaded.DEFAULT_CA_BUNDLE_PATH = file
        if loaded is not None and hasattr(loaded, "where"):
            loaded.where = lambda: file


class Keys:
    """The folder of keys that run.py made: `rsa`, `ec256`, `ec384`, `ec521`, `ed25519`, each as NAME.pem and NAME.pub.pem."""

    def __init__(self):
        self.folder = sys.argv[1]

    def path(self, name):
        return os.path.join(self.folder, f"{name}.pem")

    def text(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()


class Signed:
    """A request that countersign signed, or a change of it."""

    def __init__(self, told):
        self.method, self.url = told["method"], told["url"]
        self.headers = {name.lower(): value for name, value in told["headers"]}
        self.body = base64.b64decode(told["body_b64"])
        parts = urlsplit(self.url)
        self.host, self.path, self.query = parts.netloc, parts.path, parts.query


def verifying(judge, *refusals):
    """Where this run is for verifying (`case.py KEYS verify`): has `judge` say of each request whether the package takes it, and ends.

    An error out of `refusals` is the package's no. Any other is a mistake of the case, which ends the run and fails the check.
    """
    if sys.argv[2:] != ["verify"]:
        return
    said = []
    for told in json.load(sys.stdin):
        try:
            said.append("" if judge(Signed(told)) else "it says no")
        except refusals as error:
            said.append(f"{type(error).__name__}: {error}")
    print(json.dumps(said), flush=True)
    sys.exit(0)


def named(requests, *ids):
    """The captured requests with a name each, as a case prints them."""
    if len(requests) != len(ids):
        sys.exit(f"wanted {len(ids)} captured requests, found {len(requests)}: {[(r['method'], r['url']) for r in requests]}")
    return [{"id": name, **request} for name, request in zip(ids, requests)]


def print_case(**case):
    """Prints what run.py reads."""
    print(json.dumps(case), flush=True)
