"""The package's types: sound by mypy's strictest rules, and those of the native half what it really has."""

import subprocess
import sys
import unittest
from pathlib import Path

import countersign
from support import WORK

FOLDER = Path(countersign.__file__).parent
# Django's own types want a plugin and a site.
MODULES = ["signer", "verifier", "memory", "environment", "wsgi", "asgi", "requests", "httpx", "aiohttp"]


class Types(unittest.TestCase):
    def run_module(self, *arguments):
        ran = subprocess.run([sys.executable, "-m", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=WORK)
        self.assertEqual(ran.returncode, 0, ran.stdout)

    def test_the_python_half_is_sound(self):
        self.assertTrue((FOLDER / "py.typed").exists())
        modules = [part for name in MODULES for part in ("-m", f"countersign.{name}")]
        self.run_module("mypy", "--strict", "--follow-imports=silent", "-m", "countersign", *modules)

    def test_the_native_half_is_as_it_is_described(self):
        self.run_module("mypy.stubtest", "countersign._countersign")


if __name__ == "__main__":
    unittest.main()
