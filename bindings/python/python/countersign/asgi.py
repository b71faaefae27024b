"""Recognises callers before an ASGI application: ``app = countersign.asgi.Middleware(app, verifier)``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from . import environment
from ._countersign import Fault, Recognised
from .verifier import Refusal, Verifier

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

RECOGNISED = "countersign"
"""Where a program finds who sent a request: ``scope["countersign"]``; None where nobody has to prove anything and nobody did."""
POLICY_VIOLATION = 1008
"""How a WebSocket is closed whose handshake is refused, where the server cannot send an answer (RFC 6455 section 7.4.1)."""

log = logging.getLogger("countersign")


class Disconnected(Exception):
    """The caller went away before its body was whole."""


class Middleware:
    """Lets a request or WebSocket through that is recognised, and answers every other one; a WebSocket is recognised by its handshake.

    With `optional`, what comes without any proof goes through, too, with None for who sent it. What is there and does not hold is always
    refused. Headers that could be taken for an identity are removed. It runs on asyncio.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], verifier: Verifier, *, optional: bool = False) -> None:
        self.app = app
        self.verifier = verifier
        self.optional = optional

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            # What is not known cannot be judged, and nothing goes through unjudged.
            raise RuntimeError(f"countersign judges http and websocket, and found {scope['type']!r}")
        try:
            body = None
            if scope["type"] == "websocket":
                body = b""
            elif self.verifier.needs_body:
                body, receive = await self._body(scope, receive)
            recognised = await self._recognise(scope, body)
        except Disconnected:
            return
        except Refusal as refusal:
            log.info("refused %s (%s)", refusal, refusal.refused.hint)
            refused = refusal.refused
            await _answer(scope, receive, send, refused.status, refused.headers, refused.body)
            return
        except Fault:
            log.exception("a request cannot be decided")
            await _answer(scope, receive, send, *self.verifier.failed())
            return
        scope = dict(scope)
        scope["headers"] = _clean(scope["headers"])
        scope[RECOGNISED] = recognised
        await self.app(scope, receive, send)

    async def _recognise(self, scope: Scope, body: bytes | None) -> Recognised | None:
        method = scope.get("method", "GET")
        try:
            return await self.verifier.averify(method, target(scope, self.verifier.needs_target), scope["headers"], body)
        except Refusal as refusal:
            if self.optional and refusal.refused.is_absent:
                return None
            raise

    async def _body(self, scope: Scope, receive: Receive) -> tuple[bytes, Receive]:
        """Reads the whole body, and gives it on in one piece; then what comes comes from the server."""
        most = self.verifier.body_limit
        lengths = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
        if any(value.isdigit() and int(value) > most for value in lengths):
            raise self.verifier.refuse_too_large()
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise self.verifier.refuse_too_large()
            parts.append(part)
            more = message.get("more_body", False)
        whole = b"".join(parts)
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": whole, "more_body": False}

        return whole, again


def target(scope: Scope, wanted: bool) -> bytes | None:
    """Path and query as they came, where the server tells them; None where it tells the decoded path only.

    Raises `Fault`, where they are wanted, when what the server tells is not what the program sees.
    """
    raw: bytes | None = scope.get("raw_path")
    query: bytes = scope.get("query_string", b"")
    if not raw:
        return None
    # Some servers leave the query on.
    path = raw.partition(b"?")[0]
    if unquote_to_bytes(path).decode("utf-8", "replace") != scope["path"]:
        if wanted:
            raise Fault("the server tells one path as it came and another one decoded, so it is not known which the program goes by")
        return None
    return path + b"?" + query if query else path


def _clean(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without headers that could be taken for an identity, and without `x_amount` beside `x-amount`: some programs read both as one name,
    and only the second was judged."""
    listed = list(headers)
    names = {name for name, _ in listed}
    return [
        (name, value)
        for name, value in listed
        if not environment.is_believed(name.decode("latin-1")) and not (b"_" in name and name.replace(b"_", b"-") in names)
    ]


async def _answer(scope: Scope, receive: Receive, send: Send, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    told.append((b"content-length", str(len(body)).encode()))
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return
        kind = "websocket.http.response"
    if scope.get("method") == "HEAD":
        body = b""
    await send({"type": f"{kind}.start", "status": status, "headers": told})
    await send({"type": f"{kind}.body", "body": body})
