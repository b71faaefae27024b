"""`countersign doctor` through nginx set wrongly on purpose: each fault is named, with the setting that mends it."""

import json
import os
import socket
import socketserver
import subprocess
import threading

import door
from callers import USER, WHO

SERVER = """version = 1
[server]
trusted_proxies = ["127.0.0.1"]
[[listener]]
address = "127.0.0.1:{verify}"
surfaces = ["gateway", "forward-auth"]
[[listener]]
address = "127.0.0.1:{manage}"
surfaces = ["manage"]
[[route]]
name = "hive"
path = "/hive"
dialects = ["skillhive"]
upstream = "http://127.0.0.1:{upstream}"
[[route]]
name = "rest"
dialects = ["skykit"]
upstream = "http://127.0.0.1:{upstream}"
"""
# nginx that passes everything on to the gateway, and nginx that asks; each as it should be.
PASSES = "location / {{ proxy_pass http://countersign; proxy_set_header Host $http_host; {more} }}"
ASKS = """location / {{ auth_request /_ask; proxy_pass http://127.0.0.1:{upstream}; }}
location = /_ask {{ internal; proxy_pass http://countersign/verify; proxy_pass_request_body off; proxy_set_header Content-Length "";
    proxy_set_header Host $http_host; {method} proxy_set_header X-Original-Uri {uri}; proxy_set_header X-Forwarded-Proto {scheme};
    proxy_set_header X-Forwarded-Host {host}; proxy_set_header X-Forwarded-For $remote_addr; {more} }}"""
GOOD = {"method": "proxy_set_header X-Original-Method $request_method;", "uri": "$request_uri", "scheme": "$scheme", "host": "$http_host", "more": ""}
UNSEEN = ("body", "asks without the body", "bodies = true")
# name: the location, and what the doctor must find: what, how, fix.
CHAINS = {
    "gateway as it should be": (PASSES, {"more": ""}, []),
    "gateway, host rewritten": (
        "location / {{ proxy_pass http://countersign; }}", {}, [("host", "another host", "proxy_set_header Host $http_host")]),
    "gateway, address decoded": (
        "location / {{ proxy_pass http://countersign/; proxy_set_header Host $http_host; }}", {},
        [("path", "other letters", "without a path or slash"), ("path", "decoded", "without a path or slash")]),
    "gateway, beginning taken away": (
        "location /hive/v1/ {{ proxy_pass http://countersign/hive/; proxy_set_header Host $http_host; }}", {},
        [("path", "another path", "without a path")]),
    "gateway, query taken away": (
        "location / {{ proxy_pass http://countersign$request_path; proxy_set_header Host $http_host; }}", {},
        [("query", "taken away", "$request_uri")]),
    "gateway, proof taken away": (
        PASSES, {"more": 'proxy_set_header Api-Signature "";'}, [("credential", "api-signature, which carries the proof, was taken away", "api-signature")]),
    "gateway, scheme told wrongly": (
        PASSES, {"more": "proxy_set_header X-Forwarded-Proto https;"}, [("scheme", "another scheme", "X-Forwarded-Proto $scheme")]),
    "gateway, body taken away": (
        PASSES, {"more": 'proxy_pass_request_body off; proxy_set_header Content-Length "";'}, [("body", "taken away", "proxy_pass_request_body on")]),
    "asks as it should be": (ASKS, GOOD, [UNSEEN]),
    "asks, address decoded": (ASKS.replace("{{", "{{ set $decoded $uri$is_args$args;", 1), {**GOOD, "uri": "$decoded"}, [
        UNSEEN, ("path", "decoded", "X-Original-Uri $request_uri")]),
    "asks, address of the question told": (ASKS, {**GOOD, "uri": "$uri"}, [
        UNSEEN, ("path", "another path", "X-Original-Uri $request_uri"), ("query", "taken away", "$request_uri")]),
    "asks, scheme told wrongly": (ASKS, {**GOOD, "scheme": "https"}, [UNSEEN, ("scheme", "another scheme", "X-Forwarded-Proto $scheme")]),
    "asks, host told wrongly": (ASKS, {**GOOD, "host": "inner.example"}, [
        UNSEEN, ("host", "another host", "X-Forwarded-Host $http_host")]),
    "asks, method not told": (ASKS, {**GOOD, "method": ""}, [("proxy", "does not tell the original request", "X-Original-Method $request_method")]),
    "asks, not trusted": (ASKS, {**GOOD, "more": "proxy_bind 127.0.0.2;"}, [
        UNSEEN, ("proxy", "127.0.0.2 is not trusted", 'trusted_proxies = ["127.0.0.2"]')]),
    "nobody asks": ("location / {{ return 204; }}", {}, [("route", "did not reach countersign; the answer was 204", "auth_request")]),
}


class Meddler:
    """A proxy that sorts queries, writes JSON bodies anew and folds headers, as some gateways do."""

    def __init__(self, behind):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                meddle(self.rfile, self.wfile, behind)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def meddle(rfile, wfile, behind):
    method, target, _ = rfile.readline().decode("latin-1").split()
    headers = {}
    while (line := rfile.readline().decode("latin-1").rstrip("\r\n")):
        name, _, value = line.partition(":")
        headers[name.lower()] = ", ".join([headers[name.lower()], value.strip()] if name.lower() in headers else [value.strip()])
    body = rfile.read(int(headers.pop("content-length", 0)))
    if body:
        body = json.dumps(json.loads(body)).encode()
        headers["content-length"] = str(len(body))
    path, mark, query = target.partition("?")
    headers["connection"] = "close"
    lines = [f"{method} {path}{mark}{'&'.join(sorted(query.split('&')))} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", behind), timeout=15) as one:
        one.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        while piece := one.recv(65536):
            wfile.write(piece)


class Doctor:
    """One countersign, one nginx with a server for each chain, and a doctor called for each."""

    def __init__(self, place, callers):
        self.place, self.callers = place, callers
        self.folder = place.work / "doctor"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.verify, self.manage = door.free_port(), door.free_port()
        self.processes = []

    def start(self):
        ports = {"verify": self.verify, "manage": self.manage, "upstream": self.place.upstream.port}
        (self.folder / "server.toml").write_text(SERVER.format(**ports))
        env = {**os.environ, "COUNTERSIGN_DATA": str(self.place.data)}
        command = [self.place.countersign, "serve", "--config", self.folder / "server.toml"]
        self.run(command, "countersign.log", self.verify, env)
        self.ports, servers = {}, ""
        for name, (location, values, _) in CHAINS.items():
            self.ports[name] = door.free_port()
            text = location.format(**{**ports, **values})
            servers += f"server {{ listen 127.0.0.1:{self.ports[name]}; {text} }}\n"
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        (self.folder / "nginx.conf").write_text(
            f"pid {self.folder}/nginx.pid;\nerror_log stderr info;\nworker_processes 1;\ndaemon off;\nevents {{ }}\n"
            f"http {{ access_log off; {temp} upstream countersign {{ server 127.0.0.1:{self.verify}; }}\n"
            "map $request_uri $request_path { ~^(?<bare>[^?]*) $bare; }\n" + servers + "}\n")
        self.run(["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", "stderr"], "nginx.log", max(self.ports.values()))
        self.meddler = Meddler(self.ports["gateway as it should be"])

    def run(self, command, log, port, env=None):
        process = door.background(command, self.folder / log, env or dict(os.environ))
        self.processes.append(process)
        door.wait(lambda: door.listens(port), process, self.folder / log)

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def ask(self, port, dialect="skillhive", key="hive.pem"):
        """What the doctor says, and its exit code."""
        place = "/hive/v1/a" if dialect == "skillhive" else "/things"
        command = [self.place.countersign, "--json", "doctor", "--url", f"http://127.0.0.1:{port}{place}", "-d", dialect,
                   "-k", self.place.work / "keys" / key, "--as", WHO[dialect][1], "--server", f"http://127.0.0.1:{self.manage}"]
        command += ["--acting-as", USER] if dialect == "skillhive" else []
        env = {**os.environ, "COUNTERSIGN_DATA": str(self.place.data)}
        ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, env=env)
        try:
            return json.loads(ended.stdout), ended.returncode
        except ValueError:
            raise AssertionError(f"exit {ended.returncode}: {ended.stdout} {ended.stderr}") from None

    def all(self):
        """Every case: a name and what to do."""
        for name, (_, _, wanted) in CHAINS.items():
            yield name, lambda: self.finds(self.ports[name], wanted)
        yield "a proxy that sorts queries, folds headers and writes bodies anew", lambda: self.finds(self.meddler.port, [
            ("query", "another order", "sorts"), ("body", "was changed", "JSON transformation")], [("header", "folded into one", "")])
        yield "skykit signs none of it", self.unsigned
        yield "a key that nobody registered", self.stranger
        yield "strangers are told nothing", self.secrecy

    def finds(self, port, wanted, notes=()):
        """All these, and nothing else that breaks proofs but the verdict that follows from them."""
        report, code = self.ask(port)
        found = report["findings"]
        for breaks, group in [(True, wanted), (False, notes)]:
            for what, how, fix in group:
                fits = [one for one in found if one["what"] == what and how in one["how"] and fix in one["fix"] and one["breaks"] == breaks]
                assert fits, f"wanted {what}: {how} / {fix}, found {json.dumps(found, indent=1)}"
        known = {what for what, _, _ in wanted} | ({"verdict"} if wanted else set())
        more = [one for one in found if one["breaks"] and one["what"] not in known]
        assert not more, f"found more: {json.dumps(more, indent=1)}"
        assert code == (3 if wanted else 0), f"exit code {code}"
        assert abs(report["clock_ahead_ms"]) < 1000, f"clock {report['clock_ahead_ms']}"

    def unsigned(self):
        report, code = self.ask(self.ports["asks, address decoded"], "skykit", "rsa.pem")
        assert code == 0 and any(one["what"] == "path" for one in report["findings"]), report
        report, code = self.ask(self.meddler.port, "skykit", "rsa.pem")
        assert code == 0 and {"query", "body"} <= {one["what"] for one in report["findings"]}, report

    def stranger(self):
        report, code = self.ask(self.ports["gateway as it should be"], "skykit", "partner.pem")
        found = [one for one in report["findings"] if one["breaks"]]
        assert code == 3 and [one["what"] for one in found] == ["verdict"], report
        assert "bad-signature" in found[0]["how"] or "unknown" in found[0]["how"], found

    def secrecy(self):
        import wire
        for target in ["/api/v1/examinations", "/api/v1/examinations/00000000000000000000000000000000"]:
            for method in ["GET", "POST"]:
                answer = wire.send(self.manage, f"127.0.0.1:{self.manage}", method, target, tls=False)
                assert answer.status == 401, answer
        plain = wire.send(self.verify, "127.0.0.1", "GET", "/things", tls=False)
        named = wire.send(self.verify, "127.0.0.1", "GET", "/things", [("Countersign-Doctor", "0" * 32 + "/plain")], tls=False)
        assert (plain.status, plain.body) == (named.status, named.body) == (401, plain.body), named
        assert [name for name, _ in plain.headers] == [name for name, _ in named.headers], named
