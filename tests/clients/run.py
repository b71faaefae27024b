#!/usr/bin/env python3
"""Drives a running countersign server with the real client libraries of the five seed systems, and counts what came out.

    run.py --public http://127.0.0.1:8080 --countersign target/debug/countersign --work DIR [--only skykit,skillhive]

README.md beside this file says what the server must be set to. Uses the standard library alone; the clients live in virtual
environments below DIR. Nothing is ever skipped: a missing program or package is a failure.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENTS = {
    # dialect: (script, requirement file of the virtual environment it runs in; None for PHP)
    # First, since what is to be told waits longer the longer nobody takes it.
    "webhooks": ("webhooks.py", "requirements.txt"),
    "skykit": ("skykit.py", "requirements.txt"),
    "skillhive": ("skillhive.php", None),
    "asymmetric-jwt": ("asymmetric_jwt.py", "requirements.txt"),
    "partner-key": ("partner_key.py", "requirements.txt"),
    "http-signature": ("http_signature.py", "requirements-http-signature.txt"),
    "spacetime": ("spacetime.py", "requirements-spacetime.txt"),
    # What the corpus of broken requests starts from is still what they send; one environment after the other.
    "recordings": ("recordings.py", "requirements.txt"),
    "recordings-spacetime": ("recordings.py", "requirements-spacetime.txt"),
    "recordings-http-signature": ("recordings.py", "requirements-http-signature.txt"),
    "access-token": ("access_token.py", "requirements-oauth.txt"),
    "oauth4webapi": ("oauth.mjs", "package.json"),
    # Programs of our own making, in the languages of their readers; last, since they use the keys of the others.
    "snippets": ("snippets.py", "requirements.txt"),
    "sidecar": ("sidecar.py", "requirements.txt"),
    "imports": ("imports.py", "requirements.txt"),
}
SCRIPT_TIMEOUT = 600  # seconds after which a client that hangs is ended and counts as failed


def main():
    options = read_options()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    need("openssl", "apt-get install openssl")
    for program, package in [("go", "golang-go"), ("java", "default-jdk-headless"), ("node", "nodejs"), ("npm", "npm"), ("jq", "jq"), ("curl", "curl"), ("wget", "wget")]:
        need(program, f"apt-get install {package}")
    os.environ["COUNTERSIGN_PROGRAM"] = str(options.countersign.resolve())
    os.environ["COUNTERSIGN_ROOT"] = str(HERE.parent.parent)
    os.environ["COUNTERSIGN_NODE_MODULES"] = str(modules(HERE / "node", work))
    commands = {dialect: command_of(script, requirements, work) for dialect, (script, requirements) in CLIENTS.items()}
    keys = work / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    for dialect, command in commands.items():
        step([*command, "prepare", str(keys)], f"make the keys of {dialect}")
    shutil.copy(HERE / "accounts.toml", keys / "accounts.toml")
    for turn in ["first", "second"]:  # applying is idempotent: the second time must go well too
        step([str(options.countersign.resolve()), "apply", "accounts.toml"], f"countersign apply, {turn} time", cwd=keys)
    outcomes = []
    for dialect in options.only:
        outcomes += run_client(dialect, [*commands[dialect], "run", options.public, str(keys)])
    sys.exit(print_table(outcomes))


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--public", required=True, help="public base address of the server: gateway and session API")
    parser.add_argument("--countersign", required=True, type=Path, help="the countersign binary")
    parser.add_argument("--work", required=True, type=Path, help="folder for virtual environments and keys; kept between runs")
    parser.add_argument("--only", default=",".join(CLIENTS), help="dialects (or snippets) to run, with commas between them")
    options = parser.parse_args()
    options.only = [name for name in options.only.split(",") if name]
    options.public = options.public.rstrip("/")
    unknown = [name for name in options.only if name not in CLIENTS]
    if unknown or not options.only:
        parser.error(f"--only: wanted some of {', '.join(CLIENTS)}, found {', '.join(unknown) or 'nothing'}")
    if not options.countersign.is_file():
        parser.error(f"--countersign: wanted the binary, found no file at {options.countersign}")
    return options


def command_of(script, requirements, work):
    """The command that runs a client script, its environment made ready."""
    if requirements is None:
        return [need("php", "apt-get install php-cli"), str(HERE / script)]
    if script.endswith(".mjs"):
        return ["node", str(node_environment(HERE / requirements, work) / script)]
    return [str(environment(HERE / requirements, work)), str(HERE / script)]


def node_environment(package, work):
    """A folder with the packages that a package.json names, and the scripts: Node looks for packages beside them."""
    need("npm", "apt-get install npm")
    folder = work / f"node-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    folder.mkdir(exist_ok=True)
    for file in [package, *HERE.glob("*.mjs")]:
        shutil.copy(file, folder / file.name)
    if not (folder / ".complete").exists():
        print(f"installing {package.name} …", flush=True)
        step(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)], f"install {package.name}")
        (folder / ".complete").touch()
    return folder


def environment(requirements, work):
    """The Python of a virtual environment with these requirements; named by their hash, so that a change makes a new one."""
    seed = f"{sys.version_info[:2]}\n".encode() + requirements.read_bytes()
    folder = work / f"venv-{requirements.stem}-{hashlib.sha256(seed).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if (folder / ".complete").exists():
        return python
    if sys.version_info < (3, 11):
        fail(f"wanted Python 3.11 or newer for {requirements.name}, found {sys.version.split()[0]}; run this with a newer python3")
    print(f"installing {requirements.name} …", flush=True)
    try:
        venv.create(folder, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        fail(f"wanted a virtual environment at {folder}, found: {error}; apt-get install python3-venv")
    step([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)], f"install {requirements.name}")
    step([str(python), "-m", "pip", "check", "--quiet", "--disable-pip-version-check"], f"check {requirements.name}")
    (folder / ".complete").touch()
    return python


def modules(package, work):
    """A folder with the Node packages of a lock file; named by its hash, so that a change makes a new one."""
    lock = package / "package-lock.json"
    folder = work / f"node-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / ".complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ["package.json", "package-lock.json"]:
            shutil.copy(package / name, folder / name)
        print("installing the Node packages …", flush=True)
        step(["npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"], "npm ci", cwd=folder)
        (folder / ".complete").touch()
    return folder


def run_client(dialect, command):
    """Runs one client script; a crash, a hang or an early end is a failed case of its own."""
    print(f"running {dialect} …", flush=True)
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SCRIPT_TIMEOUT, env=quiet_environment())
        text, errors, code = ended.stdout, ended.stderr, ended.returncode
    except subprocess.TimeoutExpired as hung:
        text, errors, code = (hung.stdout or b"").decode(), (hung.stderr or b"").decode(), f"no end after {SCRIPT_TIMEOUT} s"
    outcomes, promised = [], None
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            outcomes.append(trouble(dialect, "a line that is no outcome", line))
            continue
        if "done" in found:
            promised = found["done"]
        else:
            outcomes.append({"dialect": dialect, **found})
    if code != 0:
        outcomes.append(trouble(dialect, "the script comes to its end", f"exit {code}: {errors.strip()[-800:]}"))
    elif not promised or promised != len(outcomes):
        outcomes.append(trouble(dialect, "every case is told", f"{promised} cases run, {len(outcomes)} told"))
    return outcomes


def quiet_environment():
    """Our environment without what would change a client's requests: proxies and netrc."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "NETRC": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}


def trouble(dialect, case, why):
    return {"dialect": dialect, "case": case, "expect": "accept", "got": "error", "status": None, "ok": False, "why": why}


def print_table(outcomes):
    """Prints every case and the count; returns the exit code."""
    width = max((len(outcome["case"]) for outcome in outcomes), default=0)
    for outcome in outcomes:
        mark = "ok  " if outcome["ok"] is True else "FAIL"
        status = outcome["status"] if outcome["status"] is not None else "-"
        print(f"{mark}  {outcome['dialect']:<14}  {outcome['case']:<{width}}  {outcome['expect']:<6}  {status}")
        if outcome.get("why"):
            print(f"        {outcome['why']}")
    passed = sum(outcome["ok"] is True for outcome in outcomes)
    failed = len(outcomes) - passed
    print(f"clients: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def need(program, how):
    """The path of a program that must be there."""
    found = shutil.which(program)
    return found or fail(f"wanted the program {program}, found none on PATH; {how}")


def step(command, what, cwd=None):
    """Runs a command that must go well."""
    ended = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    if ended.returncode != 0:
        fail(f"{what}: exit {ended.returncode} from {' '.join(command)}\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}")


def fail(text):
    print(text, file=sys.stderr)
    print("clients: 0 passed, 1 failed")
    sys.exit(1)


if __name__ == "__main__":
    main()
