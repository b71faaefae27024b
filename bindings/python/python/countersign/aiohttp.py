"""Signs what `aiohttp` (3.12 or later) sends: ``ClientSession(middlewares=[countersign.aiohttp.Auth(signer)])``."""

from __future__ import annotations

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp.payload import Payload

from ._countersign import NotSigned, Unusable
from .signer import Signer


class Auth:
    """Signs each request to the signer's origin, each step of a redirect among them, and once more when this machine's clock was off.

    A session asks many servers, so the signer must have an ``origin``.
    """

    def __init__(self, signer: Signer) -> None:
        if not signer.has_origin:
            raise Unusable("wanted a signer with an origin, such as https://api.example.com: a session's requests go to many servers")
        self.signer = signer

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Signs, sends, and looks whether the clock was why it was refused."""
        address = str(request.url.with_fragment(None))
        if not self.signer.signs(address):
            return await handler(request)
        unsigned = request.headers.copy()
        replayable = await self._sign(request, address)
        answer = await handler(request)
        if answer.status in (401, 403) and replayable:
            if self.signer.learn(answer.status, answer.raw_headers, await answer.read()):
                answer.release()
                for name in set(request.headers).difference(unsigned):
                    del request.headers[name]
                await self._sign(request, address)
                return await handler(request)
        return answer

    async def _sign(self, request: ClientRequest, address: str) -> bool:
        """Signs; False when the body cannot be sent a second time."""
        given = request.body
        body = b""
        replayable = True
        if isinstance(given, Payload):
            if self.signer.needs_body:
                body = await given.as_bytes()
                # A stream was read just now: what was signed is what is sent.
                await request.update_body(body)
            else:
                replayable = not given.consumed and given.size is not None
        elif given:
            body = bytes(given)
        signed = self.signer.sign(request.method, address, request.headers.items(), body)
        for name, value in signed.headers:
            request.headers[name] = value.decode("latin-1")
        if signed.url != address:
            url = type(request.url)(signed.url, encoded=True)
            if str(url) != signed.url:
                raise NotSigned("aiohttp spells the signed address otherwise, so it would not hold")
            request.url = url
        if signed.body is not None:
            await request.update_body(signed.body)
        return replayable
