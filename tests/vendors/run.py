#!/usr/bin/env python3
"""Has vendors' own packages sign, judges what they sent by countersign, and shows them what countersign signs.

    run.py --countersign target/debug/countersign --work DIR [--only snowflake,fireblocks] [--write]

README.md beside this file says what a case is. Nothing is ever skipped: a missing program or package is a failure. `--write` keeps
what the packages sent as vectors below crates/dialects.
"""

import argparse
import base64
import copy
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEYS = {"rsa": "rsa:2048", "other-rsa": "rsa:2048", "ec256": "P-256", "ec384": "P-384", "ec521": "P-521", "ed25519": "ed25519"}
CASE_TIMEOUT = 300  # seconds after which a package that hangs is ended and counts as failed


def main():
    options = read_options()
    work = options.work.resolve()
    keys = make_keys(work / "keys")
    failed = passed = 0
    for path in options.cases:
        case = Case(path, work, keys, options.countersign.resolve())
        print(f"running {path.stem} …", flush=True)
        begun = time.monotonic()
        for name, why in case.checks(options.write):
            mark = "FAIL" if why else "ok  "
            print(f"{mark}  {case.dialect:<22}  {name}")
            if why:
                print(f"        {why}")
            failed, passed = failed + bool(why), passed + (not why)
        print(f"{path.stem} took {time.monotonic() - begun:.0f} s", flush=True)
    print(f"vendors: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


class Case:
    """One file of `cases`: what it needs, and what its package sent."""

    def __init__(self, path, work, keys, countersign):
        self.path, self.work, self.keys, self.countersign = path, work, keys, countersign
        lines = [line.lstrip("/#").removeprefix(":").strip() for line in path.read_text().splitlines() if line.startswith(("#: ", "//: "))]
        said = [line.split(" ", 1) for line in lines]
        self.dialect = next(value for name, value in said if name == "dialect")
        self.vendor = next(value for name, value in said if name == "vendor")
        self.note = next((value for name, value in said if name == "note"), None)
        self.pip = [value for name, value in said if name == "pip"]
        self.npm = [value for name, value in said if name == "npm"]

    def checks(self, write):
        """As `run`; what cannot go on is a failed check."""
        try:
            yield from self.run(write)
        except Failed as failed:
            yield "the case comes to its end", str(failed)

    def run(self, write):
        """Yields each check with "" or what is wrong."""
        told = self.program()
        file = self.vectors(told)
        yield from self.judge(file)
        signed = None
        if told.get("sign"):
            signed, why = self.sign(told)
            yield "what countersign signs has the package's structure", why or self.compare(told, signed)
        if told.get("verifies"):
            if signed is None:
                yield "the package verifies", "the case says that the package verifies, and nothing to sign"
                return
            changes = list(mutations(signed, self.bound(), self.carrier(signed)))
            # One run for all: first what is good, so that nothing but the change can be why a changed one is refused.
            verdicts = self.verdicts([signed, *(changed for _, changed in changes)])
            yield "the package takes what countersign signs", verdicts[0] and f"it refuses it: {verdicts[0]}"
            for (name, _), verdict in zip(changes, verdicts[1:]):
                yield f"the package refuses: {name}", "" if verdict else "it takes it"
        if write:
            # A preset that several packages speak has one file for each.
            name = "vendor" if self.path.stem == self.dialect else self.path.stem
            target = ROOT / "crates" / "dialects" / self.dialect / "vectors" / f"{name}.json"
            target.parent.mkdir(exist_ok=True)
            target.write_text(json.dumps(file, indent=1) + "\n")

    # --- the package ---

    def program(self, *more, stdin=None):
        """What the case prints: one line of JSON, the last."""
        command, environment = self.command()
        scratch = self.work / "scratch"
        scratch.mkdir(exist_ok=True)
        try:
            ended = subprocess.run(
                [*command, str(self.keys), *more], cwd=scratch, env=environment, input=stdin, capture_output=True, text=True, timeout=CASE_TIMEOUT
            )
        except subprocess.TimeoutExpired as hung:
            raise Failed(f"no end after {CASE_TIMEOUT} s") from hung
        if ended.returncode != 0:
            raise Failed(f"exit {ended.returncode}: {ended.stderr.strip()[-1500:]}")
        try:
            return json.loads(ended.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise Failed(f"wanted one line of JSON, found {ended.stdout[-300:]!r}") from error

    def command(self):
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        kept.update(PYTHONPATH=str(HERE), PYTHONPYCACHEPREFIX=str(self.work / "pycache"), HOME=str(self.work))
        if self.npm:
            folder = self.node()
            kept.update(VENDOR_MODULES=str(folder))
            copied = folder / self.path.name
            shutil.copy(self.path, copied)
            shutil.copy(HERE / "capture.mjs", folder / "capture.mjs")
            return [need("node", "nodejs"), str(copied)], kept
        # Without `-P` a case would hide the package of its own name.
        return [str(self.python()), "-P", str(self.path)], kept

    def python(self):
        seed = f"{sys.version_info[:2]} {sorted(self.pip)}".encode()
        folder = self.work / f"venv-{hashlib.sha256(seed).hexdigest()[:12]}"
        if not (folder / ".complete").exists():
            print(f"installing {', '.join(self.pip)} …", flush=True)
            venv.create(folder, clear=True)
            # What is imported is compiled then; some packages have ten thousand modules that nobody imports here.
            quiet = ["--quiet", "--no-compile", "--disable-pip-version-check"]
            step([str(self.installer()), "--python", str(folder / "bin/python"), "install", *quiet, *self.pip])
            (folder / ".complete").touch()
        return folder / "bin" / "python"

    def installer(self):
        """The one pip for all environments: to put it into each costs more than most packages."""
        folder = self.work / "pip"
        if not (folder / ".complete").exists():
            venv.create(folder, with_pip=True, clear=True)
            (folder / ".complete").touch()
        return folder / "bin" / "pip"

    def node(self):
        seed = " ".join(sorted(self.npm)).encode()
        folder = self.work / f"node-{hashlib.sha256(seed).hexdigest()[:12]}"
        if not (folder / ".complete").exists():
            print(f"installing {', '.join(self.npm)} …", flush=True)
            folder.mkdir(exist_ok=True)
            # Scripts of packages are not wanted: nothing here needs to be compiled.
            # Peers neither: what a package needs to run stands among its dependencies, or in the case's header.
            step([need("npm", "npm"), "install", "--silent", "--no-save", "--ignore-scripts", "--legacy-peer-deps", "--prefix", str(folder), *self.npm])
            (folder / ".complete").touch()
        return folder

    # --- their signature, our judgement ---

    def vectors(self, told):
        accounts = copy.deepcopy(told["accounts"])
        for account in accounts:
            for key in account.get("keys", []):
                if "file" in key:
                    key["public"] = (self.keys / key.pop("file")).read_text()
        cases = []
        bound = self.bound()
        for request in told["requests"]:
            cases.append(one(request["id"], request["now"], request, "accept"))
            for name, changed in mutations(request, bound, self.carrier(request)):
                cases.append(one(f"{request['id']}: {name}", request["now"], changed, "reject"))
            for name, later in [("a day later", 86_400), ("two years earlier", -63_072_000)]:
                if "time" in bound["covers"]:
                    cases.append(one(f"{request['id']}: {name}", request["now"] + later, request, "reject"))
            if bound["replay"] == "never":
                again = one(f"{request['id']}: sent twice", request["now"], request, "accept")
                again["steps"] += one("", request["now"], request, "reject")["steps"]
                cases.append(again)
        for request in told.get("refused", []):
            cases.append(one(request["id"], request["now"], request, "reject", request.get("reason")))
        vendor = {
            "package": self.vendor,
            "version": self.version(),
            "date": datetime.date.today().isoformat(),
            "signs": True,
            "compared": bool(told.get("sign")),
            "verifies": bool(told.get("verifies")),
        }
        if self.note:
            vendor["note"] = self.note
        return {
            "format": "dialect-vectors/2",
            "dialect": self.dialect,
            "vendor": vendor,
            "about": f"sent by the vendor's package and captured on loopback; tests/vendors/cases/{self.path.name} makes it",
            "config": told.get("settings", {}),
            "registry": {"users": told.get("users", []), "accounts": accounts},
            "cases": cases,
        }

    def version(self):
        for spec in [*self.pip, *self.npm]:
            name, _, version = spec.rpartition("==") if "==" in spec else spec.rpartition("@")
            if name == self.vendor:
                return version
        raise Failed(f"{self.path.name}: vendor {self.vendor} is none of its packages")

    def judge(self, file):
        path = self.work / f"{self.path.stem}.json"
        path.write_text(json.dumps(file))
        ended = subprocess.run([str(self.countersign), "dialect", "test", "--json", str(path)], capture_output=True, text=True)
        try:
            cases = json.loads(ended.stdout)["cases"]
        except (ValueError, KeyError):
            yield "countersign judges", f"exit {ended.returncode}: {ended.stderr[-800:]}"
            return
        for case in cases:
            yield case["case"], case["failed"] or ""

    def shown(self):
        return json.loads(step([str(self.countersign), "dialect", "show", "--json", self.dialect]))

    def bound(self):
        return self.shown()["binding"]

    def carrier(self, request):
        """The header in which the signature stands; None where it stands in a parameter or a form."""
        names = {name.lower() for name, _ in request["headers"]}
        there = [name for name in self.shown().get("carriers", []) if name in names]
        # Of several the one that is called so: beside it stand the key's name, the time, or what is covered.
        return next((name for name in there if "signature" in name and not name.endswith(("-input", "-timestamp"))), there[0] if there else None)

    # --- our signature, their judgement ---

    def sign(self, told):
        asked = told["sign"]
        command = [str(self.countersign), "sign", "--json", "--dialect", self.dialect, "--key", str(self.keys / asked["key"]), "--as", asked["identifier"]]
        for name in ("acting_as", "algorithm"):
            if asked.get(name):
                command += [f"--{name.replace('_', '-')}", asked[name]]
        for name, value in {**told.get("settings", {}), **asked.get("settings", {})}.items():
            command += ["--set", f"{name}={value}"]
        for name, value in asked.get("headers", []):
            command += ["-H", f"{name}: {value}"]
        if asked.get("body") is not None:
            command += ["--data", asked["body"]]
        command += ["-X", asked["method"], asked["url"]]
        ended = subprocess.run(command, capture_output=True, text=True)
        if ended.returncode != 0:
            return None, f"exit {ended.returncode}: {ended.stderr[-600:]}"
        made = json.loads(ended.stdout)
        body = made.get("body") if made.get("body") is not None else asked.get("body") or ""
        return {
            "method": asked["method"],
            "url": made.get("url") or asked["url"],
            "headers": [*asked.get("headers", []), *made["headers"]],
            "body_b64": base64.b64encode(body.encode()).decode(),
        }, ""

    def compare(self, told, signed):
        """What differs between the structure of what the package sent first and of what countersign signed, or ""."""
        theirs, ours = structure(told["requests"][0]), structure(signed)
        if not theirs:
            # No token: a signed text stands in headers, whose names count.
            carriers = set(self.shown()["carriers"])
            theirs, ours = (places(request, carriers) for request in (told["requests"][0], signed))
        ignored = set(told.get("differs", []))
        for where in sorted(set(theirs) | set(ours)):
            if theirs.get(where) != ours.get(where) and where not in ignored:
                return f"{where}: the package has {theirs.get(where)!r}, countersign {ours.get(where)!r}"
        return "" if theirs else "no token found in what the package sent"

    def verdicts(self, requests):
        """For each request "" where the package takes it, and why not where it refuses it."""
        said = self.program("verify", stdin=json.dumps(requests))
        if not isinstance(said, list) or len(said) != len(requests) or not all(isinstance(one, str) for one in said):
            raise Failed(f"wanted {len(requests)} texts from verify, found {str(said)[:300]}")
        return said


class Failed(Exception):
    """A case that cannot go on."""


def one(name, now, request, result, reason=None):
    kept = {name: request[name] for name in ("method", "url", "headers", "body_b64")}
    expect = {"result": result, "status": 200 if result == "accept" else 401}
    if reason:
        expect["reason"] = reason
    return {"id": name, "steps": [{"now": now, "request": kept, "expect": expect}]}


def mutations(request, bound, carrier):
    """The changes of a request that must be refused, each with its name."""

    def changed(**parts):
        return {**copy.deepcopy(request), **parts}

    def with_header(name, value):
        headers = [[known, value if known.lower() == name else old] for known, old in request["headers"]]
        return changed(headers=headers)

    body = base64.b64decode(request["body_b64"])
    if carrier:
        value = next(value for name, value in request["headers"] if name.lower() == carrier)
        yield "signature changed", with_header(carrier, flip(value))
        yield "signature cut off", with_header(carrier, value[:-8])
        yield "no credential", changed(headers=[pair for pair in request["headers"] if pair[0].lower() != carrier])
    elif body.startswith(b"{"):
        fields = json.loads(body)
        fields["client_assertion"] = flip(fields["client_assertion"])
        yield "signature changed", changed(body_b64=base64.b64encode(json.dumps(fields).encode()).decode())
    elif b"assertion=" in body:
        yield "signature changed", changed(body_b64=base64.b64encode(flip_form(body)).decode())
    elif parameter := SIGNATURE_PARAMETER.search(request["url"]):
        before, after = request["url"][: parameter.start(2)], request["url"][parameter.end(2) :]
        yield "signature changed", changed(url=before + flip(parameter[2]) + after)
        yield "signature cut off", changed(url=before + parameter[2][:-8] + after)
        yield "no credential", changed(url=request["url"].replace(parameter[0], ""))
    scheme, _, rest = request["url"].partition("://")
    host, slash, path = rest.partition("/")
    path, question, query = path.partition("?")
    covers = bound["covers"]
    if "method" in covers:
        yield "method changed", changed(method="PATCH" if request["method"] != "PATCH" else "PUT")
    if "host" in covers:
        moved = [[name, "elsewhere.example" if name.lower() == "host" else value] for name, value in request["headers"]]
        yield "host changed", changed(url=f"{scheme}://elsewhere.example/{path}{question}{query}", headers=moved)
    if "path" in covers:
        yield "path changed", changed(url=f"{scheme}://{host}/{path}x{question}{query}")
    if "query" in covers:
        yield "query changed", changed(url=f"{scheme}://{host}/{path}?{query}{'&' if query else ''}x=1")
    if "body" in covers:
        yield "body changed", changed(body_b64=base64.b64encode(body + b" ").decode())
        if body:
            yield "body taken away", changed(body_b64="")


SIGNATURE_PARAMETER = re.compile(r"(?<=[?&])(sign|signature)=([^&]*)&?")
TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.([A-Za-z0-9_-]+)$")
LONG = re.compile(r"[A-Za-z0-9+/_%-]{20,}")


def flip(value):
    """The value with one character in the middle of its signature changed.

    A token's signature is its last part; elsewhere it is the longest run of letters and digits. The middle, since the last digits of
    base64 may stand for nothing; and never to the same digit of hexadecimal in capitals.
    """
    token = TOKEN.search(value)
    start, end = token.span(1) if token else max((run.span() for run in LONG.finditer(value)), key=lambda span: span[1] - span[0])
    at = start + (end - start) // 2
    return value[:at] + ("A" if value[at] not in "Aa" else "B") + value[at + 1 :]


def flip_form(body):
    fields = body.decode().split("&")
    for at, field in enumerate(fields):
        name, _, value = field.partition("=")
        if name in ("assertion", "client_assertion"):
            fields[at] = f"{name}={flip(value)}"
    return "&".join(fields).encode()


def places(request, carriers):
    """Where a signed text stands: in headers, or in a parameter of the address."""
    found = {name.lower(): "there" for name, _ in request["headers"] if name.lower() in carriers}
    if not carriers and (parameter := SIGNATURE_PARAMETER.search(request["url"])):
        found[parameter[1]] = "there"
    return found


def structure(request):
    """Header and claims of the tokens in a request: which members, in which kinds, and the values that do not change."""
    found = {}
    values = [value.rsplit(" ", 1)[-1] for _, value in request["headers"]]
    body = base64.b64decode(request["body_b64"]).decode(errors="replace")
    if body.startswith("{"):
        values += [value for value in json.loads(body).values() if isinstance(value, str)]
    else:
        values += [field.partition("=")[2] for field in body.split("&")]
    for value in values:
        parts = value.split(".")
        if len(parts) != 3:
            continue
        try:
            head = json.loads(unb64url(parts[0]))
            claims = json.loads(unb64url(parts[1])) if parts[1] else {}
        except ValueError:
            continue
        for where, members in (("head", head), ("claim", claims)):
            for name, member in members.items():
                found[f"{where}.{name}"] = shape(name, member)
    return found


FRESH = {"iat", "exp", "nbf", "jti", "nonce", "kid", "rqh", "iss", "sub"}


def shape(name, member):
    """A value that changes from one signature to the next counts by its kind alone."""
    if isinstance(member, (int, float)) and not isinstance(member, bool):
        return "a number"
    if name in FRESH and isinstance(member, str):
        return "a text"
    return member


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_keys(folder):
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, kind in KEYS.items():
        private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        if public.exists():
            continue
        family, _, bits = kind.partition(":")
        if family == "rsa":
            options = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"]
        elif family == "ed25519":
            options = ["-algorithm", "ED25519"]
        else:
            options = ["-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{family}"]
        step([need("openssl", "openssl"), "genpkey", *options, "-out", str(private)])
        private.chmod(0o600)
        step(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)])
    return folder


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--countersign", required=True, type=Path, help="the countersign binary")
    parser.add_argument("--work", required=True, type=Path, help="folder for environments and keys; kept between runs")
    parser.add_argument("--only", default="", help="case files by stem, with commas between them")
    parser.add_argument("--write", action="store_true", help="keep what was sent as vectors")
    options = parser.parse_args()
    cases = sorted(path for path in (HERE / "cases").iterdir() if path.suffix in (".py", ".mjs"))
    only = [name for name in options.only.split(",") if name]
    options.cases = [path for path in cases if not only or path.stem in only]
    unknown = set(only) - {path.stem for path in cases}
    if unknown or not options.cases:
        parser.error(f"--only: no case {', '.join(sorted(unknown)) or 'at all'}")
    return options


def need(program, package):
    found = shutil.which(program)
    if not found:
        sys.exit(f"wanted the program {program}, found none on PATH; apt-get install {package}\nvendors: 0 passed, 1 failed")
    return found


def step(command):
    """Runs a command that must go well; gives what it printed."""
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode != 0:
        raise Failed(f"exit {ended.returncode} from {' '.join(command)}\n{ended.stdout[-1500:]}{ended.stderr[-3000:]}")
    return ended.stdout


if __name__ == "__main__":
    main()
