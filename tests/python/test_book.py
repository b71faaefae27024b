"""The quick start of the book, as it is printed: only the port is another one."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from support import HERE, Server, free_port, python

ROOT = HERE.parent.parent
PAGE = ROOT / "docs/book/src/python.md"
README = ROOT / "bindings/python/README.md"


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


class Book(unittest.TestCase):
    def test_the_quick_start(self):
        start = PAGE.read_text().split("\n## Quick start\n")[1].split("\n## ")[0]
        port = free_port()
        start = start.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        with tempfile.TemporaryDirectory() as folder:
            (shell,) = blocks(start, "sh")
            subprocess.run(["sh", "-e", "-c", shell], cwd=folder, check=True, stderr=subprocess.DEVNULL)
            files = blocks(start, "toml") + blocks(start, "python")
            for text in files:
                (Path(folder) / text.splitlines()[0].removeprefix("# ")).write_text(text)
            (command,) = re.findall(r"`(gunicorn [^`]*)`", start)
            server = Server("book", [*python("-m"), *command.split(), "--chdir", folder], port)
            try:
                told = subprocess.run([sys.executable, "caller.py"], cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout
            finally:
                server.stop()
        self.assertEqual(told, "200 hello guido\n\n")

    def test_every_other_program_is_one(self):
        for page in (PAGE, README):
            programs = blocks(page.read_text(), "python")
            self.assertTrue(programs)
            for text in programs:
                compile(text, str(page), "exec")


if __name__ == "__main__":
    unittest.main()
