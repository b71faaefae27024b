"""A Flask application behind the package's WSGI middleware: tells what it saw."""

import io
import os

import flask
from verifying import verifier

import countersign.wsgi

flask_app = flask.Flask(__name__)


@flask_app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT"])
@flask_app.route("/<path:path>", methods=["GET", "POST", "PUT"])
def tell(path):
    environ = flask.request.environ
    who = environ["countersign.recognised"]
    return {
        "account": who and who.account,
        "covered": who and who.covered,
        "user": flask.request.remote_user,
        "path": flask.request.path,
        "body": flask.request.get_data(as_text=True),
        # What is left of a body that was judged; on a bare line there is no end to read to.
        "again": environ["wsgi.input"].read().decode() if isinstance(environ["wsgi.input"], io.BytesIO) else None,
        "headers": dict(flask.request.headers),
        "process": os.getpid(),
    }


app = countersign.wsgi.Middleware(flask_app, verifier(), optional=os.environ.get("OPTIONAL") == "yes")
