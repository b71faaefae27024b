#!/usr/bin/env python3
"""Starts every front door of examples/ with its real program, sends it good and bad requests, and counts what came out.

    run.py --countersign target/debug/countersign --work DIR [--only nginx,haproxy]
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

MOST_FAILURES = 12  # of one door, before it is given up: the first ones say what is wrong
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--countersign", required=True, type=Path, help="the countersign binary")
    parser.add_argument("--work", required=True, type=Path, help="folder for the virtual environment, keys and logs")
    parser.add_argument("--only", default="", help="doors to try, with commas between them")
    options = parser.parse_args()
    os.environ["PATH"] += os.pathsep + "/usr/sbin"  # where Debian puts servers, which only root looks for there
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    # The packages live in an environment of their own; this program runs again inside it.
    spec = importlib.util.spec_from_file_location("clients_run", HERE.parent / "clients" / "run.py")
    clients = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(clients)
    python = clients.environment(HERE / "requirements.txt", work)
    if Path(sys.executable) != python:
        os.execv(python, [str(python), *sys.argv])
    sys.exit(drive(options.countersign.resolve(), work, [name for name in options.only.split(",") if name]))


def drive(countersign, work, only):
    """Prepares the installation, runs every door, prints every case and the count; returns the exit code."""
    from callers import Callers
    from door import Place
    from doors import DOORS
    from upstream import Upstream

    unknown = [name for name in only if name not in {door.name for door in DOORS} | {door.label() for door in DOORS} | {"doctor"}]
    if unknown:
        sys.exit(f"--only: wanted some of {', '.join(sorted({door.name for door in DOORS}))}, found {', '.join(unknown)}")
    place, callers = Place(countersign, work, Upstream()), Callers()
    shutil.rmtree(place.data, ignore_errors=True)
    place.data.mkdir(mode=0o700)
    step(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
          "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com", "-keyout", place.key, "-out", place.certificate])
    callers.prepare(work / "keys")
    env = {**os.environ, "COUNTERSIGN_DATA": str(place.data)}
    step([countersign, "init"], env=env)
    counts, registered = {True: 0, False: 0}, False
    for kind in DOORS:
        if only and kind.name not in only and kind.label() not in only:
            continue
        door, began = kind(place), time.monotonic()
        try:
            door.start()
            if not registered:
                env["COUNTERSIGN_MANAGE"] = f"http://127.0.0.1:{door.manage}"
                step([countersign, "apply", "accounts.toml"], env=env, cwd=work / "keys")
                registered = True
            bad = 0
            door.until_judged(lambda: asked(door) == 401)
            told = subprocess.run([countersign, "config", "check", "--config", door.folder / "server.toml"], capture_output=True, text=True)
            linted = "body-unseen" in told.stdout + told.stderr
            counts[linted != door.passes_bodies] += 1
            if linted == door.passes_bodies:
                print(f"FAIL  {kind.label():<12}  config check tells what cannot be judged\n        {told}", flush=True)
            for name, why in judged(door, callers, place.upstream):
                counts[not why] += 1
                bad += bool(why)
                if bad > MOST_FAILURES:
                    raise RuntimeError("too many failures: this door is given up")
                if why:
                    print(f"FAIL  {kind.label():<12}  {name}\n        {why}", flush=True)
        except Exception as error:  # a door that does not open is a failed case, never a skipped one
            counts[False] += 1
            print(f"FAIL  {kind.label():<12}  it starts\n        {type(error).__name__}: {error}", flush=True)
        finally:
            door.stop()
        print(f"{kind.label()} ({kind.version()}): {counts[True]} passed so far, {time.monotonic() - began:.1f} s", flush=True)
    if not only or "doctor" in only:
        examined(place, callers, counts)
    print(f"doors: {counts[True]} passed, {counts[False]} failed")
    return 0 if counts[True] and not counts[False] else 1


def examined(place, callers, counts):
    """Runs `countersign doctor` through chains that are set wrongly on purpose."""
    from doctor import Doctor

    doctor, began = Doctor(place, callers), time.monotonic()
    try:
        doctor.start()
        env = {**os.environ, "COUNTERSIGN_DATA": str(place.data), "COUNTERSIGN_MANAGE": f"http://127.0.0.1:{doctor.manage}"}
        step([place.countersign, "apply", "accounts.toml"], env=env, cwd=place.work / "keys")
        for name, case in doctor.all():
            try:
                case()
                counts[True] += 1
            except Exception as error:  # a case that cannot go on is a failed one
                counts[False] += 1
                print(f"FAIL  doctor        {name}\n        {type(error).__name__}: {error}", flush=True)
    except Exception as error:  # a chain that does not start is a failed case, never a skipped one
        counts[False] += 1
        print(f"FAIL  doctor        it starts\n        {type(error).__name__}: {error}", flush=True)
    finally:
        doctor.stop()
    print(f"doctor: {counts[True]} passed so far, {time.monotonic() - began:.1f} s", flush=True)


def asked(door):
    """The status of a request without a proof; 0 while the door does not speak."""
    import wire

    try:
        return wire.send(door.port, "api.example.com", "GET", "/v1/a").status
    except OSError:
        return 0


def judged(door, callers, upstream):
    """Runs every case of a door: its name, and what is wrong or nothing."""
    from cases import Cases, Failed

    for name, case in Cases(door, callers, upstream).all():
        try:
            case()
            yield name, ""
        except Failed as why:
            yield name, str(why)
        except Exception as error:  # a case that cannot go on is a failed one
            yield name, f"{type(error).__name__}: {error}"


def step(command, env=None, cwd=None):
    """Runs a command that must end well."""
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=env, cwd=cwd, timeout=60)
    if ended.returncode:
        sys.exit(f"{command[0]} {command[1]}: exit {ended.returncode}: {ended.stdout}{ended.stderr}")


if __name__ == "__main__":
    main()
