"""Moving in from other systems, for real: a Django project's own dump and ssh-keygen's keys, imported, applied, and used by the old clients."""

import json
import os
import subprocess
import sys
from pathlib import Path

import requests

from cases import TIMEOUT, Cases, arguments

PROJECT = """
import os, sys
from pathlib import Path
import django
from django.conf import settings

HERE = Path(__file__).resolve().parent
settings.configure(
    SECRET_KEY="a project of the tests",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "asymmetric_jwt_auth"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(HERE / "db.sqlite3")}},
    USE_TZ=True,
)
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""

FILL = """
from django.contrib.auth import get_user_model
from asymmetric_jwt_auth.models import JWKSEndpointTrust, PublicKey
User = get_user_model()
mover, gone = User.objects.create(username="django-mover"), User.objects.create(username="django-gone", is_active=False)
for user, names in [(mover, ["mover-rsa", "mover-ed"]), (gone, ["gone"])]:
    for name in names:
        PublicKey(user=user, key=open(f"{KEYS}/{name}.pub").read(), comment=name).save()
PublicKey(user=mover, key=open(f"{KEYS}/weak.pub").read(), comment="weak").save()
JWKSEndpointTrust(user=gone, jwks_url="https://idp.example/jwks.json").save()
"""


def prepare(folder):
    """Makes the project with its database, its keys, and what it dumps."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [("mover-rsa", ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]), ("mover-ed", ["ED25519"]), ("gone", ["ED25519"])]
    made.append(("weak", ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"]))
    for name, kind in made:
        subprocess.run(["openssl", "genpkey", "-algorithm", *kind, "-out", folder / f"{name}.pem"], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", folder / f"{name}.pem", "-pubout", "-out", folder / f"{name}.pub"], check=True, capture_output=True)
    for old in ["ssh-mover", "ssh-mover.pub", "db.sqlite3"]:
        (folder / old).unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-C", "ssh-mover", "-f", folder / "ssh-mover"], check=True)
    line = (folder / "ssh-mover.pub").read_text()
    (folder / "authorized_keys").write_text(f'from="127.0.0.0/8,::1",no-pty {line}')
    (folder / "manage.py").write_text(PROJECT)
    manage = [sys.executable, str(folder / "manage.py")]
    subprocess.run([*manage, "migrate", "--verbosity", "0"], check=True, capture_output=True)
    filling = f"KEYS = {str(folder)!r}\n{FILL}"
    subprocess.run([*manage, "shell", "--verbosity", "0", "-c", filling], check=True, capture_output=True)
    for name, more in [("dump.json", []), ("natural.json", ["--natural-foreign"])]:
        dump = [*manage, "dumpdata", "auth.user", "asymmetric_jwt_auth", *more]
        (folder / name).write_bytes(subprocess.run(dump, check=True, capture_output=True).stdout)


def countersign(folder, *words):
    ended = subprocess.run([os.environ["COUNTERSIGN_PROGRAM"], "--json", *words], cwd=folder, capture_output=True, text=True)
    return ended.returncode, ended.stdout, ended.stderr


def run(public, folder):
    """Imports and applies; then the old clients ask with what they had."""
    from django.conf import settings

    settings.configure()
    from asymmetric_jwt_auth import keys, tokens

    cases = Cases("asymmetric-jwt")

    def django():
        files = []
        for dump in ["dump.json", "natural.json"]:
            code, out, errors = countersign(folder, "import", "django", dump)
            told = json.loads(out)
            left = [said["where"] for said in told["left_out"]]
            if code != 3 or len(left) != 1 or "1024" not in told["left_out"][0]["why"]:
                return f"{dump}: {code} {errors} {told['left_out']}"
            files.append(told["installation"])
        if files[0] != files[1]:
            return f"the two ways of dumping differ: {files}"
        (folder / "django.toml").write_text(files[0])
        code, out, errors = countersign(folder, "apply", "django.toml")
        return "" if code == 0 else f"apply: {code} {errors}"

    def ssh():
        (folder / "ssh.toml").unlink(missing_ok=True)
        code, _, errors = countersign(folder, "import", "authorized-keys", "authorized_keys", "-d", "asymmetric-jwt", "-o", "ssh.toml")
        if code != 0:
            return f"import: {code} {errors}"
        code, _, errors = countersign(folder, "apply", "ssh.toml")
        return "" if code == 0 else f"apply: {code} {errors}"

    def asks(user, name):
        private = keys.PrivateKey.load_pem_from_file(str(folder / f"{name}.pem"))
        token = tokens.Token(user).sign(private)
        return requests.get(f"{public}/asymmetric-jwt/moved", headers={"Authorization": f"JWT {token}"}, timeout=TIMEOUT)

    cases.holds("a Django project's dump is imported and applied", django)
    cases.holds("authorized_keys are imported and applied", ssh)
    for name in ["mover-rsa", "mover-ed"]:
        who = {"account": "django-mover", "identifier": "django-mover"}
        cases.accept(f"{name}: Django's user is let in with the key it had", lambda name=name: asks("django-mover", name), **who)
    cases.refuse("a user that Django had switched off stays out", lambda: asks("django-gone", "gone"))
    cases.refuse("a weak key stays out", lambda: asks("django-mover", "weak"))

    def by_ssh():
        code, out, errors = countersign(
            folder, "request", "GET", f"{public}/asymmetric-jwt/moved", "-d", "asymmetric-jwt", "-k", "ssh-mover", "--as", "ssh-mover"
        )
        return "" if code == 0 and json.loads(out)["body"]["target"] == "/asymmetric-jwt/moved" else f"{code} {errors}"

    cases.holds("whoever had an SSH key is let in with it", by_ssh)
    cases.done()


if __name__ == "__main__":
    command, public, folder = arguments()
    folder = Path(folder) / "imports"
    if command == "prepare":
        prepare(folder)
    else:
        run(public, folder)
