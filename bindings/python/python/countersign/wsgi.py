"""Recognises callers before a WSGI application: ``app = countersign.wsgi.Middleware(app, verifier)``."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from . import environment
from ._countersign import Fault, Recognised
from .verifier import Refusal, Verifier

RECOGNISED = "countersign.recognised"
"""Where a program finds who sent a request: ``environ["countersign.recognised"]``; None where nobody has to prove anything and nobody did."""

log = logging.getLogger("countersign")


class Middleware:
    """Lets a request through that is recognised, and answers every other one.

    With `optional`, a request without any proof goes through, too, with None for who sent it. What is there and does not hold is always
    refused. ``REMOTE_USER`` becomes the account's name, and headers that could be taken for one are removed.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], verifier: Verifier, *, optional: bool = False) -> None:
        self.app = app
        self.verifier = verifier
        self.optional = optional

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As WSGI wants it."""
        try:
            recognised = self.recognise(environ)
        except Refusal as refusal:
            log.info("refused %s (%s)", refusal, refusal.refused.hint)
            refused = refusal.refused
            return _answer(environ, start_response, refused.status, refused.headers, refused.body)
        except environment.BadRequest as bad:
            log.info("no good request: %s", bad)
            start_response(bad.status, [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return [b""]
        except Fault:
            log.exception("a request cannot be decided")
            return _answer(environ, start_response, *self.verifier.failed())
        for name in [name for name in environ if name.startswith("HTTP_") and environment.is_believed(name[5:])]:
            del environ[name]
        for name in ("REMOTE_USER", "AUTH_TYPE"):
            environ.pop(name, None)
        environ[RECOGNISED] = recognised
        if recognised is not None:
            environ["REMOTE_USER"] = recognised.account
            environ["AUTH_TYPE"] = "countersign"
        return self.app(environ, start_response)

    def recognise(self, environ: dict[str, Any]) -> Recognised | None:
        """Who sent a request; None where none has to be known."""
        verifier = self.verifier
        if verifier.remembers_here and environ.get("wsgi.multiprocess"):
            raise Fault("uses are remembered in each process for itself, and several processes serve; hand in a memory that they share")
        raw = environment.target(environ) if verifier.needs_target else _if_told(environ)
        # Before the body is put back under a length of our own.
        headers = environment.headers(environ)
        # Read even where the body is empty: the program reads what was judged, and nothing after it.
        body = environment.body(environ, verifier) if verifier.needs_body else None
        try:
            return verifier.verify(environ["REQUEST_METHOD"], raw, headers, body)
        except Refusal as refusal:
            if self.optional and refusal.refused.is_absent:
                return None
            raise


def _if_told(environ: dict[str, Any]) -> bytes | None:
    """The raw path for accounts that are confined to some; where it cannot be told, these are refused and others are not."""
    try:
        return environment.target(environ)
    except Fault:
        return None


def _answer(
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
) -> list[bytes]:
    from http import HTTPStatus

    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Refused"
    start_response(f"{status} {phrase}", [*headers, ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]
