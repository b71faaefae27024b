"""Signs what `requests` sends: ``requests.get(url, auth=countersign.requests.Auth(signer))``."""

from __future__ import annotations

import functools
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from ._countersign import NotSigned
from .signer import Signer


class Auth(AuthBase):
    """Signs each request as it is sent, once more when this machine's clock was off, and no request that a redirect leads to.

    Where a redirect leads is the server's word: the proof is taken off, so that it is shown to nobody else.
    """

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        url = request.url
        if url is None or request.method is None:
            raise NotSigned("wanted a request with a method and an address, found one without")
        if not self.signer.signs(url):
            return request
        if self.signer.needs_body and not isinstance(request.body, (bytes, str, type(None))):
            _read(request)
        names = self._sign(request, url)
        hook: Any = request.register_hook
        hook("response", functools.partial(self._answered, url=url, sent=request.url, names=names))
        return request

    def _sign(self, request: PreparedRequest, url: str) -> list[str]:
        body = request.body
        if body is None:
            body = b""
        elif isinstance(body, str):
            body = body.encode("utf-8")
        elif not isinstance(body, bytes):
            # A stream; this dialect signs no bodies.
            body = b""
        headers = [(name, value) for name, value in request.headers.items()]
        signed = self.signer.sign(request.method or "", url, headers, body)
        for name, value in signed.headers:
            request.headers[name] = value.decode("latin-1")
        request.url = signed.url
        if signed.body is not None:
            _replace(request, signed.body)
        return [name for name, _ in signed.headers]

    def _answered(self, answer: Response, *, url: str, sent: str | None, names: list[str], **options: Any) -> Response:
        if answer.is_redirect:
            for name in names:
                answer.request.headers.pop(name, None)
            return answer
        request = answer.request
        if request.url != sent:
            # Where a redirect led to does not tell the time.
            return answer
        replayable = isinstance(request.body, (bytes, str, type(None)))
        if answer.status_code not in (401, 403) or not replayable or getattr(request, "_countersign_again", False):
            return answer
        if not self.signer.learn(answer.status_code, answer.headers.items(), answer.content):
            return answer
        answer.close()
        again = request.copy()
        again._countersign_again = True  # type: ignore[attr-defined]
        for name in names:
            again.headers.pop(name, None)
            # Redirects of the second answer are followed with the headers of the first request.
            request.headers.pop(name, None)
        self._sign(again, url)
        # As requests' own digest authentication does it.
        second: Response = answer.connection.send(again, **options)
        second.history.append(answer)
        second.request = again
        return second


def _read(request: PreparedRequest) -> None:
    body: Any = request.body
    whole = body.read() if hasattr(body, "read") else b"".join(body)
    _replace(request, whole.encode("utf-8") if isinstance(whole, str) else whole)


def _replace(request: PreparedRequest, body: bytes) -> None:
    request.body = body
    request.headers.pop("Transfer-Encoding", None)
    request.headers["Content-Length"] = str(len(body))
