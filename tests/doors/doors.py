"""Every front door of examples/: its program, and which texts of its files name ports and paths."""

from door import Door

CERTIFICATE = "/etc/ssl/certs/api.example.com.pem"
KEY = "/etc/ssl/private/api.example.com.key"


class Nginx(Door):
    """auth_request; Debian's nginx."""

    name, program = "nginx", "nginx"
    files, asks_version = ["countersign.conf"], ["nginx", "-v"]
    bodies, internal = False, True

    def changes(self):
        return {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "127.0.0.1:8700": f"127.0.0.1:{self.verify}",
            "127.0.0.1:9000": f"127.0.0.1:{self.place.upstream.port}",
            CERTIFICATE: self.place.certificate,
            KEY: self.place.key,
        }

    def prepare(self):
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
        (self.folder / "nginx.conf").write_text(
            f"pid {self.folder}/nginx.pid;\nerror_log stderr info;\nworker_processes 1;\ndaemon off;\n"
            f"events {{ worker_connections 256; }}\nhttp {{\naccess_log off;\n{temp}include {self.folder}/countersign.conf;\n}}\n")

    def command(self):
        return ["nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", "stderr"]


class HaProxy(Door):
    """A Lua action over HAProxy's own HTTP client; Debian's haproxy."""

    name, program = "haproxy", "haproxy"
    files, asks_version = ["haproxy.cfg", "countersign.lua"], ["haproxy", "-v"]

    def changes(self):
        return {
            "bind :443 ssl crt /etc/haproxy/api.example.com.pem": f"bind 127.0.0.1:{self.port} ssl crt {self.folder}/both.pem",
            "lua-load /etc/haproxy/countersign.lua": f"lua-load {self.folder}/countersign.lua",
            "server countersign 127.0.0.1:8700": f"server countersign 127.0.0.1:{self.verify}",
            "abns@countersign": f"abns@countersign-{self.port}",
            "server api 127.0.0.1:9000": f"server api 127.0.0.1:{self.place.upstream.port}",
        }

    def prepare(self):
        (self.folder / "both.pem").write_text(self.place.certificate.read_text() + self.place.key.read_text())

    def command(self):
        return ["haproxy", "-db", "-f", self.folder / "haproxy.cfg"]


DOORS = [Nginx, HaProxy]
