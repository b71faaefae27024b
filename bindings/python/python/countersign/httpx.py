"""Signs what `httpx` sends: ``httpx.Client(auth=countersign.httpx.Auth(signer))``, and the same for `httpx.AsyncClient`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator

import httpx

from ._countersign import NotSigned
from .signer import Signer


class Auth(httpx.Auth):
    """Signs each request as it is sent, and once more when this machine's clock was off.

    httpx follows no redirects unless told to. When told to, it keeps headers but ``Authorization`` on its way to another server, so do not
    tell it to where the dialect's proof stands in other headers.
    """

    def __init__(self, signer: Signer) -> None:
        self.signer = signer

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Signs, sends, and looks whether the clock was why it was refused."""
        if not self.signer.signs(_address(request)):
            yield request
            return
        if self.signer.needs_body:
            request.read()
        sent = self._signed(request)
        answer = yield sent
        # Where a redirect led to does not tell the time.
        if answer.status_code in (401, 403) and answer.request.url == sent.url and _is_replayable(request):
            answer.read()
            if self._learns(answer):
                yield self._signed(request)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """As `sync_auth_flow`."""
        if not self.signer.signs(_address(request)):
            yield request
            return
        if self.signer.needs_body:
            await request.aread()
        sent = self._signed(request)
        answer = yield sent
        if answer.status_code in (401, 403) and answer.request.url == sent.url and _is_replayable(request):
            await answer.aread()
            if self._learns(answer):
                yield self._signed(request)

    def _learns(self, answer: httpx.Response) -> bool:
        return self.signer.learn(answer.status_code, answer.headers.raw, answer.content)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        address = _address(request)
        body = request.content if _is_replayable(request) else b""
        signed = self.signer.sign(request.method, address, request.headers.raw, body)
        headers = httpx.Headers(request.headers)
        for name, value in signed.headers:
            headers[name] = value.decode("latin-1")
        url = request.url if signed.url == address else httpx.URL(signed.url)
        if _spelled(url) != signed.url.encode():
            raise NotSigned("httpx spells the signed address otherwise, so it would not hold")
        if signed.body is not None:
            del headers["Content-Length"]
            headers.pop("Transfer-Encoding", None)
            return httpx.Request(request.method, url, headers=headers, content=signed.body, extensions=request.extensions)
        stream = request.stream
        made = httpx.Request(request.method, url, headers=headers, stream=stream, extensions=request.extensions)
        if _is_replayable(request):
            made._content = request.content
        return made


def _is_replayable(request: httpx.Request) -> bool:
    return hasattr(request, "_content")


def _spelled(url: httpx.URL) -> bytes:
    return url.raw_scheme + b"://" + url.netloc + url.raw_path


def _address(request: httpx.Request) -> str:
    return _spelled(request.url).decode("ascii")
