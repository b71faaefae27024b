"""What WSGI hands over, as it came: the raw path, the headers, the body."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from ._countersign import Fault
from .verifier import Verifier

BELIEVED = (
    "remote-user",
    "remote-",
    "x-remote-",
    "x-authenticated-",
    "x-auth-request-",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "countersign-",
    "x-countersign-",
)
"""Headers that programs are known to take for an identity. A name that ends in a dash stands for all that begin with it."""

READ = 64 * 1024
"""Bytes that are read of a body at a time."""


class BadRequest(Exception):
    """A request that is no good HTTP; `status` answers it."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status


def is_believed(name: str) -> bool:
    """Whether a header's name is one that programs take for an identity, however its dashes are spelled."""
    plain = name.lower().replace("_", "-")
    return any(plain.startswith(known) if known.endswith("-") else plain == known for known in BELIEVED)


def headers(environ: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """Every header. Repeats were joined by the server, and underscores are dashes: so does the program see them."""
    found = []
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            found.append((name[5:].replace("_", "-").lower(), value))
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found.append((name.replace("_", "-").lower(), environ[name]))
    return [(_raw(name), _raw(value)) for name, value in found]


def target(environ: dict[str, Any]) -> bytes | None:
    """Path and query as they came, where the server tells them; None where it tells the decoded path only.

    Raises `Fault` when what the server tells is not what the program sees: something in between changed one of them.
    """
    if "HTTP_SCRIPT_NAME" in environ:
        # gunicorn takes a header of this name, from whom it trusts, for how much of the path the program does not see: a caller's word, where
        # what stands in between lets it through.
        raise Fault("a header SCRIPT_NAME says where the program's paths begin; set it in the server's environment, and remove the header before")
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if not raw:
        return None
    if not raw.startswith("/") and raw != "*":
        # The absolute form (RFC 9112 section 3.2.2).
        parts = urlsplit(raw)
        raw = (parts.path or "/") + ("?" + parts.query if "?" in raw else "")
    path, _, query = raw.partition("?")
    seen = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if unquote_to_bytes(_raw(path)) != _raw(seen) or query != environ.get("QUERY_STRING", ""):
        raise Fault("the server tells one path or query as it came and another one decoded, so it is not known which the program goes by")
    return _raw(raw)


def body(environ: dict[str, Any], verifier: Verifier) -> bytes:
    """Reads the whole body and puts it back, so that the program reads what was judged.

    Raises `BadRequest` when it does not come whole, and `countersign.Refusal` when it is too large.
    """
    length = environ.get("CONTENT_LENGTH") or ""
    chunked = bool(environ.get("HTTP_TRANSFER_ENCODING"))
    if chunked and length:
        raise BadRequest("400 Bad Request", "the request tells the length of its body in two ways")
    if length and not (length.isascii() and length.isdigit()):
        raise BadRequest("400 Bad Request", "the length of the body is no number")
    most = verifier.body_limit
    if length:
        wanted = int(length)
        if wanted > most:
            raise verifier.refuse_too_large()
        whole = _read(environ["wsgi.input"], wanted)
        if len(whole) != wanted:
            raise BadRequest("400 Bad Request", "the body broke off")
    elif chunked:
        if not environ.get("wsgi.input_terminated"):
            raise BadRequest("411 Length Required", "this server does not tell where a chunked body ends")
        whole = _read(environ["wsgi.input"], most + 1)
        if len(whole) > most:
            raise verifier.refuse_too_large()
    else:
        whole = b""
    environ["wsgi.input"] = io.BytesIO(whole)
    environ["CONTENT_LENGTH"] = str(len(whole))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return whole


def _raw(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError as error:
        # WSGI (PEP 3333) has bytes in texts, one a letter.
        raise Fault("the server gives texts that are no bytes") from error


def _read(stream: Any, most: int) -> bytes:
    parts = []
    left = most
    while left > 0:
        try:
            part = stream.read(min(left, READ))
        except OSError as error:
            raise BadRequest("400 Bad Request", "the body broke off") from error
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
