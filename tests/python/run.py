#!/usr/bin/env python3
"""Builds the Python package, installs it beside real frameworks, and runs every test.

    run.py --countersign target/debug/countersign --echo target/debug/countersign-echo --target target --work DIR [test_wsgi …]

README.md beside this file says what is tried. Nothing is ever skipped: a missing program or package is a failure.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TESTS_TIMEOUT = 900  # seconds after which tests that hang are ended and count as failed


def main():
    options = read_options()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    python = environment(work)
    wheel = build(python, options.target.resolve(), work / "wheels")
    step([python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", wheel], "install the wheel")
    env = dict(os.environ, PYTHONPATH=str(HERE), COUNTERSIGN_PROGRAM=str(options.countersign.resolve()), COUNTERSIGN_ECHO=str(options.echo.resolve()))
    env["COUNTERSIGN_WORK"] = str(work)
    names = options.only or sorted(path.stem for path in HERE.glob("test_*.py"))
    failed = passed = 0
    for name in names:
        print(f"running {name} …", flush=True)
        ran = subprocess.run([python, str(HERE / "one.py"), name], env=env, cwd=work, text=True, stdout=subprocess.PIPE, timeout=TESTS_TIMEOUT)
        print(ran.stdout, end="")
        counts = [line.split() for line in ran.stdout.splitlines() if line.startswith("counted ")]
        if ran.returncode not in (0, 1) or len(counts) != 1:
            print(f"FAIL  {name} ended with {ran.returncode}")
            failed += 1
            continue
        passed, failed = passed + int(counts[0][1]), failed + int(counts[0][2])
    print(f"python: {passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--countersign", required=True, type=Path, help="the countersign binary")
    parser.add_argument("--echo", required=True, type=Path, help="the server that tells what it gets")
    parser.add_argument("--target", required=True, type=Path, help="cargo's target folder")
    parser.add_argument("--work", required=True, type=Path, help="folder for environments and servers; environments stay between runs")
    parser.add_argument("only", nargs="*", help="tests to run; left out: all")
    return parser.parse_args()


def environment(work):
    """The Python of a virtual environment with the requirements; named by their hash, so that a change makes a new one."""
    seed = f"{sys.version_info[:2]}\n".encode() + (HERE / "requirements.txt").read_bytes()
    folder = work / f"venv-{hashlib.sha256(seed).hexdigest()[:12]}"
    python = str(folder / "bin" / "python")
    if not (folder / ".complete").exists():
        print("installing requirements.txt …", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        step([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(HERE / "requirements.txt")], "install the requirements")
        (folder / ".complete").touch()
    return python


def build(python, target, wheels):
    """Builds the wheel in the dev profile, in cargo's own folder, so that what is built there already is built once."""
    for old in wheels.glob("*.whl"):
        old.unlink()
    manifest = str(ROOT / "bindings/python/Cargo.toml")
    where = ["--manifest-path", manifest, "--target-dir", str(target), "--out", str(wheels)]
    step([python, "-m", "maturin", "build", "--quiet", "--profile", "dev", "--locked", *where], "build the wheel")
    (wheel,) = wheels.glob("*.whl")
    if "-abi3-" not in wheel.name:
        sys.exit(f"wanted a wheel for every Python (abi3), found {wheel.name}")
    return str(wheel)


def step(command, what):
    done = subprocess.run(command, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"{what}: ended with {done.returncode}")


if __name__ == "__main__":
    main()
